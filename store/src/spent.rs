//! Calls that quotas have counted, by grant and by key: what a restart goes on from.

use domain::limit::{Counted, Period};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::row;
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    @plain
    /// The calls of one day or month. Counted, not proven: it has no MAC, and an edit of it refills
    /// or empties a quota and opens nothing.
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
    /// Adds calls; what is spent altogether then, by every process.
    pub async fn spend(&mut self, spent: &Spent) -> Result<i64, Error> {
        let total = run!(
            &mut self.read.conn,
            SPEND,
            [
                spent.counted,
                spent.id,
                spent.period,
                spent.starts_at,
                spent.calls
            ],
            fetch_one as Total
        )?;
        Ok(total.calls)
    }

    /// Forgets days and months that began before the present month.
    pub async fn sweep_spent(&mut self, month: Timestamp) -> Result<(), Error> {
        run!(&mut self.read.conn, SWEEP, [month], execute)?;
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct Total {
    calls: i64,
}

statements! {
    SPENT(2) = "SELECT * FROM spent WHERE (period = 'day' AND starts_at = $1) OR (period = 'month' AND starts_at = $2)";
    SPEND(5) = "INSERT INTO spent (counted, id, period, starts_at, calls) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (counted, id, period, starts_at) DO UPDATE SET calls = spent.calls + excluded.calls
        RETURNING calls";
    SWEEP(1) = "DELETE FROM spent WHERE starts_at < $1";
}
