//! The queue's page as staff see it, over ten thousand requests against a hundred: one binary on
//! two databases, by turns. Both show the same newest hundred, which came by the way that every
//! request goes; the others are older copies of them, put into the database at once.

use anyhow::{Context as _, Result, ensure};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tests::visitor::Visitor;

use crate::clock::{median, now};
use crate::portal::{Place, Program, Running};

/// Keys that are asked for: one request is made for four of them.
const FEW: &str = "400";
/// Of each of the few.
const COPIES: u32 = 99;
const WARM_UP: usize = 20;
const PAGES: usize = 201;

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let mut figures = Vec::new();
    for engine in ["sqlite", "postgresql"] {
        let few = House::with(program, engine, false).await?;
        let many = House::with(program, engine, true).await?;
        let (mut fews, mut manys) = (Vec::new(), Vec::new());
        for page in 0..WARM_UP + PAGES {
            let times = (few.page("100").await?, many.page("1,000+").await?);
            if page >= WARM_UP {
                fews.push(times.0);
                manys.push(times.1);
            }
        }
        let (few, many) = (median(fews), median(manys));
        figures.push(format!("queue_100_{engine} {few:.2} ms"));
        figures.push(format!("queue_10000_{engine} {many:.2} ms"));
        figures.push(format!("queue_ratio_{engine} {:.2} ratio", many / few));
    }
    Ok(figures)
}

struct House<'a> {
    /// Before the folder that it serves from.
    _running: Running,
    _place: Place<'a>,
    owner: Visitor,
}

impl<'a> House<'a> {
    async fn with(program: &'a Program, engine: &str, many: bool) -> Result<Self> {
        let database = match engine {
            "postgresql" => Some(tests::postgres::create_database().await?),
            _ => None,
        };
        let place = Place::new(program, database)?;
        let out = place.folder().join("load.jsonl");
        let out = out.to_str().context("the folder is no text")?;
        place.console(&["dev", "load", "--keys", FEW, "--out", out])?;
        fill(&place, many).await?;
        let running = place.serve().await?;
        let owner = place.owner().await?;
        Ok(Self {
            _running: running,
            _place: place,
            owner,
        })
    }

    /// Milliseconds until the page is here, whose summary counts so many requests.
    async fn page(&self, count: &str) -> Result<f64> {
        let start = now();
        let answer = self.owner.get("/requests").await?;
        let (status, text) = (answer.status(), answer.text().await?);
        let took = start.elapsed().as_secs_f64() * 1e3;
        ensure!(status.is_success(), "the queue answers {status}");
        ensure!(
            text.contains(&format!("{count} wait for review")) && text.contains("Load Partner"),
            "the queue does not list {count} requests:\n{text}"
        );
        Ok(took)
    }
}

/// Opens every request for review, so that the queue lists it, and copies it where many are asked
/// for. Nothing that a decision rests on is in these rows.
async fn fill(place: &Place<'_>, many: bool) -> Result<()> {
    const REVIEW: &str = "UPDATE access_request SET state = 'in_review'";
    match place.database_url() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await?;
            connection.execute(REVIEW).await?;
            if many {
                let copy = copy("gen_random_uuid()", "generate_series(1, {}) AS copy (n)");
                connection.execute(AssertSqlSafe(copy)).await?;
            }
            connection.execute("ANALYZE").await?;
            connection.close().await?;
        }
        None => {
            let options = SqliteConnectOptions::new().filename(place.sqlite());
            let mut connection = options.connect().await?;
            connection.execute(REVIEW).await?;
            if many {
                let series = "(WITH RECURSIVE series (n) AS (VALUES (1) UNION ALL \
                    SELECT n + 1 FROM series WHERE n < {}) SELECT n FROM series) AS copy";
                let copy = copy("randomblob(16)", series);
                connection.execute(AssertSqlSafe(copy)).await?;
            }
            connection.close().await?;
        }
    }
    Ok(())
}

/// Each copy is so many days older than what it copies.
fn copy(id: &str, series: &str) -> String {
    let series = series.replace("{}", &COPIES.to_string());
    format!(
        "INSERT INTO access_request (id, partner_id, service_id, requester_id, state, draft, \
         draft_version, revisions, created_at, updated_at, submitted_at) \
         SELECT {id}, partner_id, service_id, requester_id, state, draft, draft_version, \
         revisions, created_at - n * 86400000000, updated_at - n * 86400000000, \
         submitted_at - 365 * 86400000000 - n * 86400000000 \
         FROM access_request, {series}"
    )
}
