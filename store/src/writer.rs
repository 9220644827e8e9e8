//! `SQLite`'s one writer. Units of work take turns on it, and those that wait for their turn at the
//! same time share a transaction: each has a savepoint, so that one that is given up undoes nothing
//! of the others, and one commit keeps them all. Nobody is told of it before it is done. Where the
//! engine itself ends the transaction, as for a full disk, all of them are told that they failed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::conn::{BUSY, Kept};

/// Cheap to clone.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<Line>>);

/// A unit of work's time with the connection. What it did is undone when it is dropped.
pub struct Turn {
    line: OwnedMutexGuard<Line>,
    ended: bool,
}

/// The connection, and the transaction that is open on it.
pub(crate) struct Line {
    options: SqliteConnectOptions,
    /// Absent when it is closed, or failed in a way that leaves its state unknown.
    conn: Option<SqliteConnection>,
    open: Option<Open>,
    /// How many transactions there were before the open one.
    closed: u64,
    /// Somebody is on the way who empties the write-ahead log.
    emptying: bool,
    /// The database is closed.
    over: bool,
}

/// A transaction that is shared.
struct Open {
    kept: Kept,
    since: Instant,
    /// The last turn did not end well.
    undo: bool,
    /// Somebody is on the way who closes it.
    closing: bool,
    /// Turns that ended, and wait for the commit.
    waiting: Vec<oneshot::Sender<Outcome>>,
}

pub(crate) type Outcome = Result<(), Arc<sqlx::Error>>;

/// How long others may join a transaction: whoever was first waits for them.
pub(crate) const SHARED_FOR: Duration = Duration::from_millis(20);

/// How long what was erased may stay in the write-ahead log, so that many erasures empty it once.
const EMPTIED_AFTER: Duration = Duration::from_millis(100);

impl Writer {
    pub(crate) async fn connect(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let line = Line {
            conn: Some(options.connect().await?),
            options,
            open: None,
            closed: 0,
            emptying: false,
            over: false,
        };
        Ok(Self(Arc::new(Mutex::new(line))))
    }

    /// Waits for a turn and begins it.
    pub(crate) async fn begin(&self, kept: Kept) -> Result<Turn, sqlx::Error> {
        let mut line = self.line().await?;
        to_the_end(async move {
            line.begin(kept).await?;
            Ok(Turn { line, ended: false })
        })
        .await
    }

    /// The connection between two transactions.
    pub(crate) async fn alone(&self) -> Result<OwnedMutexGuard<Line>, sqlx::Error> {
        let mut line = self.line().await?;
        to_the_end(async move {
            line.between().await?;
            Ok(line)
        })
        .await
    }

    /// See [`Line::forget_erased`].
    pub(crate) async fn forget_erased(&self) -> Result<bool, sqlx::Error> {
        let mut line = self.line().await?;
        to_the_end(async move { line.forget_erased().await }).await
    }

    /// Nothing, when it is too late for the transaction that it was sent for: if it closed the next
    /// one early, whoever is on the way for that one would be late too, and so on.
    async fn close_transaction(self, number: u64) {
        let mut line = self.0.lock().await;
        if line.closed == number {
            line.close().await;
        }
    }

    async fn empty_log(self) {
        sleep(EMPTIED_AFTER).await;
        let mut line = self.0.lock().await;
        // Whoever erases from here on waits for the next time.
        line.emptying = false;
        if line.over {
            return;
        }
        match line.forget_erased().await {
            Ok(true) => {}
            Ok(false) => tracing::debug!("somebody still reads from the write-ahead log"),
            Err(error) => tracing::warn!(%error, "the write-ahead log was not emptied"),
        }
    }

    /// Commits what waits, and ends the connection.
    pub(crate) async fn close(&self) {
        let mut line = Arc::clone(&self.0).lock_owned().await;
        let closed = to_the_end(async move {
            line.close().await;
            line.over = true;
            match line.conn.take() {
                Some(conn) => conn.close().await,
                None => Ok(()),
            }
        });
        if let Err(error) = closed.await {
            tracing::warn!(%error, "the database was not closed in order");
        }
    }

    async fn line(&self) -> Result<OwnedMutexGuard<Line>, sqlx::Error> {
        let line = timeout(BUSY, Arc::clone(&self.0).lock_owned()).await;
        match line {
            Ok(line) if line.over => Err(sqlx::Error::PoolClosed),
            line => line.map_err(|_| sqlx::Error::PoolTimedOut),
        }
    }
}

impl Turn {
    /// Ends well, and returns when it is committed. What was `erased` is in no file soon after.
    pub(crate) async fn commit(mut self, erased: bool) -> Outcome {
        self.ended = true;
        if erased && !self.line.emptying {
            self.line.emptying = true;
            tokio::spawn(self.writer().empty_log());
        }
        self.leave().await
    }

    /// Ends, and returns when what it saw is committed.
    pub(crate) async fn leave(mut self) -> Outcome {
        let (told, outcome) = oneshot::channel();
        if let Some(open) = &mut self.line.open {
            open.waiting.push(told);
        }
        drop(self);
        outcome
            .await
            .unwrap_or_else(|_| Err(Arc::new(sqlx::Error::WorkerCrashed)))
    }

    fn writer(&self) -> Writer {
        Writer(Arc::clone(OwnedMutexGuard::mutex(&self.line)))
    }
}

impl Drop for Turn {
    /// Those who wait go first; then the transaction is closed, even if nobody stays to wait for it.
    fn drop(&mut self) {
        let (writer, number) = (self.writer(), self.line.closed);
        let Some(open) = &mut self.line.open else {
            return;
        };
        open.undo = !self.ended;
        if open.closing {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            open.closing = true;
            runtime.spawn(writer.close_transaction(number));
        }
    }
}

impl Line {
    async fn begin(&mut self, kept: Kept) -> Result<(), sqlx::Error> {
        let waits_in_vain = |open: &Open| kept == Kept::OnCommit && open.kept == Kept::Later;
        let is_old = |open: &Open| open.since.elapsed() > SHARED_FOR;
        let is_over = |open: &Open| waits_in_vain(open) || is_old(open);
        if self.open.as_ref().is_some_and(is_over) {
            self.close().await;
        }
        if let Some(open) = &mut self.open {
            let next = if std::mem::take(&mut open.undo) {
                "ROLLBACK TO turn"
            } else {
                "RELEASE turn; SAVEPOINT turn"
            };
            // It fails where an error ended the whole transaction: then nothing of it is kept.
            match self.run(next).await {
                Ok(()) => return Ok(()),
                Err(error) => self.tell(Err(error)),
            }
        }
        self.connect().await?;
        self.run(match kept {
            // An acknowledged revocation must survive a power cut.
            Kept::OnCommit => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE; SAVEPOINT turn",
            Kept::Later => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE; SAVEPOINT turn",
        })
        .await?;
        self.open = Some(Open {
            kept,
            since: Instant::now(),
            waiting: Vec::new(),
            undo: false,
            closing: false,
        });
        Ok(())
    }

    /// Commits what ended well, and tells those who wait.
    async fn close(&mut self) {
        let Some(open) = &self.open else { return };
        let end = match (open.undo, open.waiting.is_empty()) {
            (true, true) => "ROLLBACK",
            (true, false) => "ROLLBACK TO turn; COMMIT",
            (false, _) => "RELEASE turn; COMMIT",
        };
        let outcome = self.run(end).await;
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Result<(), sqlx::Error>) {
        self.closed += 1;
        let outcome = outcome.map_err(Arc::new);
        for waiting in self.open.take().into_iter().flat_map(|open| open.waiting) {
            waiting.send(outcome.clone()).ok();
        }
    }

    /// Commits what waits, so that no transaction is open.
    async fn between(&mut self) -> Result<(), sqlx::Error> {
        self.close().await;
        self.connect().await
    }

    /// Empties the write-ahead log. False while somebody still reads from it; it waits for them only
    /// briefly, since nobody can write in the meantime.
    async fn forget_erased(&mut self) -> Result<bool, sqlx::Error> {
        self.between().await?;
        // `BUSY` again at the end, as the connection was opened.
        let emptying = sqlx::raw_sql(
            "PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 10000",
        );
        let outcome = emptying.fetch_all(&mut **self).await;
        let rows = outcome.inspect_err(|_| self.conn = None)?;
        let checkpoint = rows.get(1).ok_or(sqlx::Error::RowNotFound)?;
        Ok(checkpoint.try_get::<i64, _>("busy")? == 0)
    }

    /// Runs what opens and closes transactions. Where that fails nobody knows what is open: the
    /// connection is given up, and what was not committed goes with it.
    async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let results = sqlx::raw_sql(sql).execute_many(&mut **self);
        let outcome = match results.try_collect::<Vec<_>>().await {
            Ok(results) if results.len() == sql.split(';').count() => Ok(()),
            // A thread that dies says nothing of what it leaves undone.
            Ok(_) => Err(sqlx::Error::WorkerCrashed),
            Err(error) => Err(error),
        };
        outcome.inspect_err(|_| self.conn = None)
    }

    async fn connect(&mut self) -> Result<(), sqlx::Error> {
        if self.conn.is_none() {
            self.conn = Some(self.options.connect().await?);
        }
        Ok(())
    }
}

/// The connection of a line that [`Line::connect`] has just been called on, or of a turn.
impl Deref for Line {
    type Target = SqliteConnection;

    #[expect(clippy::expect_used, reason = "it is connected before it is used")]
    fn deref(&self) -> &SqliteConnection {
        self.conn.as_ref().expect("a connection")
    }
}

impl DerefMut for Line {
    #[expect(clippy::expect_used, reason = "it is connected before it is used")]
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.conn.as_mut().expect("a connection")
    }
}

impl Deref for Turn {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.line
    }
}

impl DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.line
    }
}

/// In a task of its own: whoever goes away in the middle must not leave a transaction of which
/// nobody knows whether it is open.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, sqlx::Error> {
    tokio::spawn(work)
        .await
        .unwrap_or(Err(sqlx::Error::WorkerCrashed))
}
