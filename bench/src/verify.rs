//! `POST /v1/verify` against a constant answer on the same server, behind the same middleware and
//! with the same reading of the same bodies. Both are measured by turns, and the load generator
//! shares the machine's cores with the server.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::clock::median;
use crate::load;
use crate::portal::{Place, Program, Running};

const KEYS: &str = "10000";
const ROUNDS: usize = 7;
const WARM_UP: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(2);

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let house = House::with(program, KEYS).await?;
    let (constant, verify) = (house.requests("/v1/constant"), house.requests("/v1/verify"));
    let to = house.address();
    let (constant, verify) = by_turns((to, constant), (to, verify), ROUNDS).await?;
    Ok(vec![
        format!("constant_rate {constant:.0} requests/s"),
        format!("verify_rate {verify:.0} requests/s"),
        format!("verify_ratio {:.3} ratio", verify / constant),
    ])
}

/// The rates of two servers, or of two things at one, measured by turns.
pub(crate) async fn by_turns(
    one: (SocketAddr, Vec<Vec<u8>>),
    other: (SocketAddr, Vec<Vec<u8>>),
    rounds: usize,
) -> Result<(f64, f64)> {
    let measured = tokio::task::spawn_blocking(move || -> Result<_> {
        for (to, requests) in [&one, &other] {
            load::run(*to, requests, WARM_UP)?;
        }
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ones.push(load::run(one.0, &one.1, ROUND)?);
            others.push(load::run(other.0, &other.1, ROUND)?);
        }
        Ok((median(ones), median(others)))
    });
    measured.await?
}

/// A database with so many keys, each with a call that it may make.
pub(crate) struct Filled<'a> {
    place: Place<'a>,
    credential: String,
    bodies: Vec<String>,
}

/// A portal that serves one.
pub(crate) struct House<'a> {
    /// Before the folder that it serves from.
    running: Running,
    filled: Filled<'a>,
}

impl<'a> Filled<'a> {
    pub(crate) async fn serve(self) -> Result<House<'a>> {
        Ok(House {
            running: self.place.serve().await?,
            filled: self,
        })
    }
}

impl<'a> House<'a> {
    pub(crate) async fn with(program: &'a Program, keys: &str) -> Result<Self> {
        Self::filled(program, &["--keys", keys], None)?
            .serve()
            .await
    }

    /// By `latchkey dev load` with these options.
    pub(crate) fn filled(
        program: &'a Program,
        options: &[&str],
        database_url: Option<String>,
    ) -> Result<Filled<'a>> {
        let place = Place::new(program, database_url)?;
        let out = place.folder().join("load.jsonl");
        let out = out.to_str().context("the folder is no text")?;
        place.console(&[&["dev", "load", "--out", out], options].concat())?;
        let (credential, bodies) = read(&fs::read_to_string(out)?)?;
        Ok(Filled {
            place,
            credential,
            bodies,
        })
    }

    /// Megabytes (10^6 bytes) of memory that are resident.
    pub(crate) fn resident(&self) -> Result<f64> {
        self.running.resident()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.filled.place.address()
    }

    /// One for each key.
    pub(crate) fn requests(&self, path: &str) -> Vec<Vec<u8>> {
        let headers = [
            ("content-type", "application/json"),
            ("latchkey-gateway", self.filled.credential.as_str()),
        ];
        let requests = self
            .filled
            .bodies
            .iter()
            .map(|body| load::post(path, &headers, body));
        requests.collect()
    }
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
