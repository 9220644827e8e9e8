//! `POST /v1/verify` against a constant answer on the same server, behind the same middleware and
//! with the same reading of the same bodies. Both are measured by turns, and the load generator
//! shares the machine's cores with the server.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::clock::median;
use crate::load;
use crate::portal::{Place, Program};

const KEYS: &str = "10000";
const ROUNDS: usize = 7;
const WARM_UP: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(2);

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let place = Place::new(program, None)?;
    let out = place.folder().join("load.jsonl");
    let out = out.to_str().context("the folder is no text")?;
    place.console(&["dev", "load", "--keys", KEYS, "--out", out])?;
    let (credential, bodies) = read(&fs::read_to_string(out)?)?;
    let _running = place.serve().await?;
    let to = place.address();
    let both = ["/v1/constant", "/v1/verify"];
    let [constant, verify] = both.map(|path| {
        let headers = [
            ("content-type", "application/json"),
            ("latchkey-gateway", credential.as_str()),
        ];
        let requests = bodies.iter().map(|body| load::post(path, &headers, body));
        requests.collect::<Vec<_>>()
    });
    let rates = tokio::task::spawn_blocking(move || -> Result<_> {
        for requests in [&constant, &verify] {
            load::run(to, requests, WARM_UP)?;
        }
        let (mut constants, mut verifies) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            constants.push(load::run(to, &constant, ROUND)?);
            verifies.push(load::run(to, &verify, ROUND)?);
        }
        Ok((median(constants), median(verifies)))
    });
    let (constant, verify) = rates.await??;
    Ok(vec![
        format!("constant_rate {constant:.0} requests/s"),
        format!("verify_rate {verify:.0} requests/s"),
        format!("verify_ratio {:.3} ratio", verify / constant),
    ])
}

/// The gateway's credential, and a body for each key.
fn read(lines: &str) -> Result<(String, Vec<String>)> {
    let mut lines = lines.lines();
    let gateway: Value = serde_json::from_str(lines.next().context("nothing was loaded")?)?;
    let credential = gateway
        .pointer("/gateway/credential")
        .and_then(Value::as_str)
        .context("no credential")?;
    Ok((credential.to_owned(), lines.map(str::to_owned).collect()))
}
