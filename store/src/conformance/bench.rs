//! A fresh database on each engine, seen by two processes and by somebody who edits it by hand.

use std::env;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use domain::audit::{ActorKind, Outcome};
use domain::keyring::RowKey;
use domain::secret::Secret;
use domain::time::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tempfile::TempDir;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{Committed, Database, Entry, Evidence, Store, Unaudited, Work};

const POSTGRES: &str = "LATCHKEY_TEST_POSTGRES";
const QUICK: &str = "LATCHKEY_TEST_QUICK";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// One database for one test.
pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) store: Store,
    /// The same database, as another process sees it.
    other: Store,
    pub(super) hand: Hand,
    pub(super) url: String,
    folder: TempDir,
}

/// Somebody with a shell on the database: no row key, no foreign keys in the way.
pub(super) enum Hand {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Holds a promise against each engine, in a migrated database of its own.
pub(super) async fn on_each_engine(promise: impl AsyncFn(&Bench)) {
    on_each_empty_engine(async |bench: &Bench| {
        bench.store.database().migrate().await.unwrap();
        promise(bench).await;
    })
    .await;
}

/// The same before any migration.
pub(super) async fn on_each_empty_engine(promise: impl AsyncFn(&Bench)) {
    for engine in engines() {
        let bench = Bench::new(engine).await;
        promise(&bench).await;
        bench.remove().await;
    }
}

fn engines() -> Vec<Engine> {
    if env::var_os(POSTGRES).is_some() {
        vec![Engine::Sqlite, Engine::Postgres]
    } else if env::var_os(QUICK).is_some() {
        vec![Engine::Sqlite]
    } else {
        panic!(
            "the store is held against both engines: set {POSTGRES} to the URL of a PostgreSQL \
             server in which databases may be created (`cargo xtask test` starts one), or \
             {QUICK}=1 to run on SQLite alone"
        )
    }
}

pub(super) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

pub(super) fn row_key() -> RowKey {
    RowKey::new(Secret::new([7; 32]))
}

pub(super) fn entry(act: &str) -> Entry {
    Entry {
        at: at(1),
        actor_kind: ActorKind::System,
        actor: None,
        credential: None,
        act: act.to_owned(),
        subject_kind: "test",
        subject: Uuid::from_u128(1),
        outcome: Outcome::Done,
        evidence: String::new(),
        address: None,
        user_agent: None,
    }
}

impl Bench {
    async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.path().join("latchkey.db").display()),
            Engine::Postgres => create_postgres(folder.path()).await,
        };
        let store = Store::new(Database::connect(&url).await.unwrap(), row_key());
        let other = Store::new(Database::connect(&url).await.unwrap(), row_key());
        Self {
            engine,
            store,
            other,
            hand: Hand::open(engine, &url).await,
            url,
            folder,
        }
    }

    /// One of two processes.
    pub(super) fn process(&self, number: usize) -> Store {
        if number.is_multiple_of(2) {
            self.store.clone()
        } else {
            self.other.clone()
        }
    }

    /// Does audited work and commits it.
    pub(super) async fn write(&self, act: impl AsyncFnOnce(&mut Work)) -> Committed {
        let mut work = self.store.work().await.unwrap();
        act(&mut work).await;
        work.commit(Evidence::of(entry("write"))).await.unwrap()
    }

    /// Does work that needs no audit entry and commits it.
    pub(super) async fn write_minor(&self, act: impl AsyncFnOnce(&mut Work)) {
        let mut work = self.store.minor_work().await.unwrap();
        act(&mut work).await;
        work.commit_unaudited(Unaudited::Usage).await.unwrap();
    }

    /// Runs so many at the same moment, on two processes by turns; the outcomes in no order.
    pub(super) async fn race<T, F>(&self, racers: usize, run: impl Fn(Store, usize) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let start = Arc::new(Barrier::new(racers));
        let mut tasks = JoinSet::new();
        for racer in 0..racers {
            let start = Arc::clone(&start);
            let run = run(self.process(racer), racer);
            tasks.spawn(async move {
                start.wait().await;
                run.await
            });
        }
        tasks.join_all().await
    }

    /// All bytes of the database's files.
    pub(super) fn files(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
        }
        bytes
    }

    /// Waits until the files' bytes are as they are to be soon.
    pub(super) async fn settle(&self, is_so: impl Fn(&[u8]) -> bool) {
        for _ in 0..1_000 {
            if is_so(&self.files()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the files are not as they are to be");
    }

    /// An id as a literal of this engine's SQL.
    pub(super) fn literal(&self, id: Uuid) -> String {
        match self.engine {
            Engine::Sqlite => format!("X'{}'", id.simple()),
            Engine::Postgres => format!("'{id}'::uuid"),
        }
    }

    async fn remove(self) {
        self.store.database().close().await;
        self.other.database().close().await;
        match &self.hand {
            Hand::Sqlite(pool) => pool.close().await,
            Hand::Postgres(pool) => pool.close().await,
        }
        if self.engine == Engine::Postgres {
            let name = self.url.split('/').nth(3).unwrap().split('?').next();
            let admin = PgPool::connect(&admin_url()).await.unwrap();
            let drop = format!("DROP DATABASE \"{}\" WITH (FORCE)", name.unwrap());
            sqlx::query(AssertSqlSafe(drop))
                .execute(&admin)
                .await
                .unwrap();
            admin.close().await;
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was on {:?}", self.engine);
        }
    }
}

impl Hand {
    async fn open(engine: Engine, url: &str) -> Self {
        match engine {
            Engine::Sqlite => {
                let options = SqliteConnectOptions::from_str(url)
                    .unwrap()
                    .foreign_keys(false)
                    .busy_timeout(Duration::from_secs(10))
                    .synchronous(SqliteSynchronous::Off);
                let pool = SqlitePoolOptions::new().max_connections(1);
                Self::Sqlite(pool.connect_lazy_with(options))
            }
            Engine::Postgres => {
                let options = PgConnectOptions::from_str(url)
                    .unwrap()
                    .options([("session_replication_role", "replica")]);
                let pool = PgPoolOptions::new().max_connections(1);
                Self::Postgres(pool.connect_lazy_with(options))
            }
        }
    }

    pub(super) async fn try_run(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(pool) => Ok(sqlx::query(sql).execute(pool).await?.rows_affected()),
            Self::Postgres(pool) => Ok(sqlx::query(sql).execute(pool).await?.rows_affected()),
        }
    }

    pub(super) async fn run(&self, sql: &str) -> u64 {
        self.try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The first column, as text.
    pub(super) async fn texts(&self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        let texts = match self {
            Self::Sqlite(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
            Self::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
        };
        texts.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(super) async fn count(&self, table: &str) -> i64 {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }
}

fn admin_url() -> String {
    env::var(POSTGRES).unwrap()
}

/// Creates a database, named after the test's own folder so that no two share one.
async fn create_postgres(folder: &std::path::Path) -> String {
    let folder = folder.file_name().unwrap().to_str().unwrap();
    let name: String = folder.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = format!("latchkey_{name}_{}", std::process::id());
    let admin = PgPool::connect(&admin_url()).await.unwrap();
    let create = format!("CREATE DATABASE \"{name}\" TEMPLATE template0");
    sqlx::query(AssertSqlSafe(create))
        .execute(&admin)
        .await
        .unwrap();
    admin.close().await;
    with_database(&admin_url(), &name)
}

/// `postgres://user@host/other?options` with another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    let server = address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    format!("{server}/{name}?{options}")
}

#[test]
fn a_test_database_is_named_in_the_servers_url() {
    let url = "postgres://postgres@localhost/postgres?host=/tmp/x";
    assert_eq!(
        with_database(url, "one"),
        "postgres://postgres@localhost/one?host=/tmp/x"
    );
    assert_eq!(
        with_database("postgres://h:1", "one"),
        "postgres://h:1/one?"
    );
}
