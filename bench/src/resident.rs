//! What the portal takes of memory with the demo's host loaded, after people have looked around.

use anyhow::{Result, ensure};

use crate::portal::{Place, Program};

const PAGES: [&str; 9] = [
    "/",
    "/requests",
    "/partners",
    "/keys",
    "/services",
    "/gateways",
    "/people",
    "/mail",
    "/audit",
];
const ROUNDS: usize = 20;

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let place = Place::new(program, None)?;
    place.console(&["dev", "host"])?;
    let running = place.serve().await?;
    let owner = place.owner().await?;
    for _ in 0..ROUNDS {
        for path in PAGES {
            let status = owner.get(path).await?.status();
            ensure!(status.is_success(), "{path} answers {status}");
        }
    }
    Ok(vec![format!("resident_demo {:.1} MB", running.resident()?)])
}
