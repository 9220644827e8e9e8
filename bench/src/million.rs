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

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let mut figures = Vec::new();
    for engine in ["sqlite", "postgresql"] {
        let shared = started(program, engine, "1m", false, &mut figures).await?;
        if engine == "sqlite" {
            figures.extend(beside_few(program, &shared).await?);
        }
        drop(shared);
        let own = started(program, engine, "1m_own", true, &mut figures).await?;
        if engine == "sqlite" {
            figures.extend(of_grants(program, &own).await?);
        }
    }
    Ok(figures)
}

/// The options of `dev load`.
fn options(keys: u32, own: bool) -> Vec<String> {
    let mut options = vec!["--keys".to_owned(), keys.to_string()];
    if own {
        let per_grant = PER_GRANT.to_string();
        options.extend([
            "--limit-keys".to_owned(),
            "--keys-per-grant".to_owned(),
            per_grant,
        ]);
    }
    options
}

async fn started<'a>(
    program: &'a Program,
    engine: &str,
    shape: &str,
    own: bool,
    figures: &mut Vec<String>,
) -> Result<House<'a>> {
    let database = match engine {
        "postgresql" => Some(tests::postgres::create_database().await?),
        _ => None,
    };
    let filling = now();
    let many = filled(program, MANY, own, database)?;
    let seconds = filling.elapsed().as_secs_f64();
    figures.push(format!("fill_{shape}_{engine} {seconds:.0} s"));
    let starting = now();
    let many = many.serve().await?;
    let seconds = starting.elapsed().as_secs_f64();
    figures.push(format!("start_{shape}_{engine} {seconds:.1} s"));
    Ok(many)
}

fn filled<'a>(
    program: &'a Program,
    keys: u32,
    own: bool,
    database: Option<String>,
) -> Result<Filled<'a>> {
    let options = options(keys, own);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    House::filled(program, &options, database)
}

/// What a key costs with its part of a grant.
async fn of_grants(program: &Program, many: &House<'_>) -> Result<Vec<String>> {
    let few = filled(program, FEW, true, None)?.serve().await?;
    let bytes = (many.resident()? - few.resident()?) * 1e6;
    let each = bytes / f64::from(MANY - FEW);
    Ok(vec![format!("memory_per_key_1m_own {each:.0} bytes")])
}

/// What is in memory is the same whichever database it came from.
async fn beside_few(program: &Program, many: &House<'_>) -> Result<Vec<String>> {
    let few = filled(program, FEW, false, None)?.serve().await?;
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
