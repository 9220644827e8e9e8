//! A million keys beside a thousand: how long the portal takes to start with them, what each costs in
//! memory, and how fast it answers about them.

use anyhow::Result;

use crate::clock::now;
use crate::portal::Program;
use crate::verify::{House, by_turns};

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const ROUNDS: usize = 5;
/// Questions that are asked, of keys that lie all over the table.
const ASKED: usize = 20_000;

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let mut figures = Vec::new();
    for engine in ["sqlite", "postgresql"] {
        let database = match engine {
            "postgresql" => Some(tests::postgres::create_database().await?),
            _ => None,
        };
        let filling = now();
        let many = House::filled(program, &MANY.to_string(), database)?;
        figures.push(format!(
            "fill_1m_{engine} {:.0} s",
            filling.elapsed().as_secs_f64()
        ));
        let starting = now();
        let many = many.serve().await?;
        figures.push(format!(
            "start_1m_{engine} {:.1} s",
            starting.elapsed().as_secs_f64()
        ));
        if engine == "sqlite" {
            figures.extend(beside_few(program, &many).await?);
        }
    }
    Ok(figures)
}

/// What is in memory is the same whichever database it came from.
async fn beside_few(program: &Program, many: &House<'_>) -> Result<Vec<String>> {
    let few = House::filled(program, &FEW.to_string(), None)?
        .serve()
        .await?;
    let bytes = (many.resident()? - few.resident()?) * 1e6;
    let asked = |house: &House<'_>| {
        let all = house.requests("/v1/verify");
        let step = (all.len() / ASKED).max(1);
        (house.address(), all.into_iter().step_by(step).collect())
    };
    let (ours, theirs) = by_turns(asked(&few), asked(many), ROUNDS).await?;
    Ok(vec![
        format!("memory_per_key {:.0} bytes", bytes / f64::from(MANY - FEW)),
        format!("verify_1m_rate {theirs:.0} requests/s"),
        format!("verify_1m_ratio {:.3} ratio", theirs / ours),
    ])
}
