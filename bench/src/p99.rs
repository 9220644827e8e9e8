//! How long an answer takes at half of what the portal can do, for the slowest of a hundred calls:
//! of `POST /v1/verify`, and of the constant answer at the same rate. Requests come at their times,
//! whether or not the ones before them are answered.

use std::time::Duration;

use anyhow::Result;

use crate::clock::{median, part};
use crate::load;
use crate::portal::Program;
use crate::verify::House;

const KEYS: &str = "10000";
const ROUNDS: usize = 7;
const FULL_SPEED: Duration = Duration::from_secs(2);
const ROUND: Duration = Duration::from_secs(3);

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let house = House::with(program, KEYS).await?;
    let (constant, verify) = (house.requests("/v1/constant"), house.requests("/v1/verify"));
    let to = house.address();
    let measured = tokio::task::spawn_blocking(move || -> Result<_> {
        let mut most = Vec::new();
        for _ in 0..3 {
            most.push(load::run(to, &verify, FULL_SPEED)?);
        }
        let rate = median(most) / 2.0;
        let mut figures = vec![format!("p99_at {rate:.0} requests/s")];
        let (mut constants, mut verifies) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            constants.push(load::at_rate(to, &constant, rate, ROUND)?);
            verifies.push(load::at_rate(to, &verify, rate, ROUND)?);
        }
        for (name, rounds) in [("constant", constants), ("verify", verifies)] {
            for (part_name, of) in [("p50", 0.5), ("p99", 0.99)] {
                let each = rounds.iter().map(|took| part(took, of)).collect();
                figures.push(format!("{name}_{part_name} {:.0} us", median(each)));
            }
        }
        Ok(figures)
    });
    measured.await?
}
