//! A million keys beside a thousand: how long the portal takes to start with them, what each costs in
//! memory, and how fast it answers about them. Once under 240 grants, and once with a grant of its own
//! for every three keys, which limits each of them too.

use anyhow::Result;

use crate::clock::now;
use crate::portal::Program;
use crate::verify::{Filled, House, by_turns};

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const PER_GRANT: u32 = 3;
const ROUNDS: usize = 5;
/// Questions that are asked, of keys that lie all over the table.
const ASKED: usize = 20_000;

/// How keys and grants go together.
#[derive(Clone, Copy)]
enum Shape {
    /// All keys under 240 grants.
    Shared,
    /// [`PER_GRANT`] keys under each grant, which limits each of them.
    Own,
}

impl Shape {
    /// What its figures are called by.
    const fn name(self) -> &'static str {
        match self {
            Self::Shared => "1m",
            Self::Own => "1m_own",
        }
    }

    fn filled(self, program: &Program, keys: u32, database: Option<String>) -> Result<Filled<'_>> {
        let (keys, per_grant) = (keys.to_string(), PER_GRANT.to_string());
        let all = [
            "--keys",
            &keys,
            "--limit-keys",
            "--keys-per-grant",
            &per_grant,
        ];
        let options = match self {
            Self::Shared => all.get(..2),
            Self::Own => all.get(..),
        };
        House::filled(program, options.unwrap_or_default(), database)
    }
}

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let mut figures = Vec::new();
    for engine in ["sqlite", "postgresql"] {
        for shape in [Shape::Shared, Shape::Own] {
            let many = started(program, engine, shape, &mut figures).await?;
            // What is in memory is the same whichever database it came from.
            if engine == "sqlite" {
                figures.extend(beside_few(program, shape, &many).await?);
            }
        }
    }
    Ok(figures)
}

async fn started<'a>(
    program: &'a Program,
    engine: &str,
    shape: Shape,
    figures: &mut Vec<String>,
) -> Result<House<'a>> {
    let database = match engine {
        "postgresql" => Some(tests::postgres::create_database().await?),
        _ => None,
    };
    let name = shape.name();
    let filling = now();
    let many = shape.filled(program, MANY, database)?;
    let seconds = filling.elapsed().as_secs_f64();
    figures.push(format!("fill_{name}_{engine} {seconds:.0} s"));
    let starting = now();
    let many = many.serve().await?;
    let seconds = starting.elapsed().as_secs_f64();
    figures.push(format!("start_{name}_{engine} {seconds:.1} s"));
    Ok(many)
}

async fn beside_few(program: &Program, shape: Shape, many: &House<'_>) -> Result<Vec<String>> {
    let few = shape.filled(program, FEW, None)?.serve().await?;
    let bytes = (many.resident()? - few.resident()?) * 1e6 / f64::from(MANY - FEW);
    if matches!(shape, Shape::Own) {
        return Ok(vec![format!("memory_per_key_1m_own {bytes:.0} bytes")]);
    }
    let asked = |house: &House<'_>| {
        let all = house.requests("/v1/verify");
        let step = (all.len() / ASKED).max(1);
        (house.address(), all.into_iter().step_by(step).collect())
    };
    let (ours, theirs) = by_turns(asked(&few), asked(many), ROUNDS).await?;
    Ok(vec![
        format!("memory_per_key {bytes:.0} bytes"),
        format!("verify_1m_rate {theirs:.0} requests/s"),
        format!("verify_1m_ratio {:.3} ratio", theirs / ours),
    ])
}
