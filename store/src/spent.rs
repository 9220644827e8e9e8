//! Calls that quotas have counted, by grant and by key: what a restart goes on from.

use domain::limit::{Counted, Period};
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::row;
use crate::sql::{json, run, statements};
use crate::work::Work;

row! {
    @plain
    /// The calls of one day or month. Counted, not proven: it has no MAC, and an edit of it refills
    /// or empties a quota and opens nothing.
    #[derive(Serialize)]
    struct Spent {
        counted: Code<Counted>,
        /// Of the grant or the key.
        id: Uuid,
        period: Code<Period>,
        starts_at: Timestamp,
        calls: i64,
    }
}

impl Read {
    /// What is spent of the day and of the month that begin at these times.
    pub async fn spent(&mut self, day: Timestamp, month: Timestamp) -> Result<Vec<Spent>, Error> {
        Ok(run!(
            &mut self.conn,
            SPENT,
            [day, month],
            fetch_all as Spent
        )?)
    }
}

impl Work {
    /// Adds a batch of calls, in one statement; what is spent altogether then, by every process. A
    /// quota's day or month is in it once.
    pub async fn spend(&mut self, batch: &[Spent]) -> Result<Vec<Spent>, Error> {
        let rows = json(batch)?;
        Ok(run!(
            &mut self.read.conn,
            SPEND,
            [rows],
            fetch_all as Spent
        )?)
    }

    /// Forgets days and months that began before the present month.
    pub async fn sweep_spent(&mut self, month: Timestamp) -> Result<(), Error> {
        run!(&mut self.read.conn, SWEEP, [month], execute)?;
        Ok(())
    }
}

statements! {
    SPENT(2) = "SELECT * FROM spent WHERE (period = 'day' AND starts_at = $1) OR (period = 'month' AND starts_at = $2)";
    SPEND(1) = sqlite "INSERT INTO spent (counted, id, period, starts_at, calls)
            SELECT value ->> 'counted', unhex(value ->> 'id', '-'), value ->> 'period', value ->> 'starts_at', value ->> 'calls'
            FROM jsonb_each($1) WHERE TRUE
            ON CONFLICT (counted, id, period, starts_at) DO UPDATE SET calls = spent.calls + excluded.calls
            RETURNING *",
        postgres "INSERT INTO spent (counted, id, period, starts_at, calls)
            SELECT counted, id, period, starts_at, calls FROM jsonb_to_recordset($1::text::jsonb)
                AS batch (counted TEXT, id UUID, period TEXT, starts_at BIGINT, calls BIGINT)
            ORDER BY counted, id, period
            ON CONFLICT (counted, id, period, starts_at) DO UPDATE SET calls = spent.calls + excluded.calls
            RETURNING *";
    SWEEP(1) = "DELETE FROM spent WHERE starts_at < $1";
}
