//! Where the story is told: a portal whose clock stands where it is put, and mail that is read as
//! soon as it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::id::KeyId;
use domain::time::Timestamp;
use domain::verification::Reason;

use super::said;
use crate::boot;
use crate::chance::Clock;
use crate::config::Config;
use crate::mail::mailbox::Folder;
use crate::mail::{Courier, outbox};
use crate::portal::Portal;
use crate::service::{delivery, notices, snapshot, usage};
use crate::verify::Seen;

const DAY: Duration = Duration::from_hours(24);
/// So long after a day of use began come its calls where they are not spread.
const MORNING: Duration = Duration::from_hours(9);

pub(super) struct Stage {
    pub(super) portal: Portal,
    clock: Arc<AtomicI64>,
    /// When the story is told; all of it lies before.
    told: Timestamp,
    courier: Courier,
    mailbox: Folder,
}

/// How a key was used, from so many days ago until so many.
pub(super) struct Use {
    pub(super) since: u32,
    pub(super) until: u32,
    pub(super) calls_a_day: u32,
    pub(super) from: [u8; 4],
    /// Refusals in all, and why.
    pub(super) refused: Option<(u32, Reason)>,
}

impl Stage {
    pub(super) async fn set(config: Config) -> Result<Self> {
        let told = Clock::System.now();
        // The portal was there before the story.
        let clock = Arc::new(AtomicI64::new(told.minus(DAY * 100).micros()));
        let (courier, mailbox) = (Courier::of(&config)?, Folder::of(&config));
        let portal = boot::open_at(config, Clock::Told(Arc::clone(&clock))).await?;
        clock.store(told.micros(), Ordering::Relaxed);
        snapshot::load(&portal).await?;
        Ok(Self {
            portal,
            clock,
            told,
            courier,
            mailbox,
        })
    }

    /// Whether nobody and nothing is in the database yet.
    pub(super) async fn is_empty(&self) -> Result<bool> {
        let mut read = self.portal.store.read().await?;
        Ok(read.staff().await?.is_empty() && read.services().await?.is_empty())
    }

    /// Puts the clock to a time of a day in the past. What fell due until then is done first, and
    /// mail that waits goes out before.
    pub(super) async fn day(&self, days_ago: u32, hour: u32, minute: u32) -> Result<()> {
        self.post().await?;
        let midnight = self.told.micros().div_euclid(MICROS_A_DAY) * MICROS_A_DAY;
        let time = Duration::from_secs(u64::from(hour * 3600 + minute * 60));
        let day = Timestamp::from_micros(midnight).minus(DAY * days_ago);
        self.put(day.plus(time));
        delivery::lapse_overdue(&self.portal).await?;
        notices::expire(&self.portal).await?;
        notices::send_due(&self.portal).await?;
        self.post().await?;
        Ok(())
    }

    /// Lets some minutes pass.
    pub(super) fn later(&self, minutes: u32) {
        let minutes = Duration::from_secs(u64::from(minutes) * 60);
        self.put(self.portal.now().plus(minutes));
    }

    /// The story is over: the clock says when it was told.
    pub(super) fn today(&self) {
        self.put(self.told);
    }

    fn put(&self, time: Timestamp) {
        self.clock.store(time.micros(), Ordering::Relaxed);
    }

    /// Sends what waits, and finds in it the newest link to somebody that begins with `door`.
    pub(super) async fn link_to(&self, address: &str, door: &str) -> Result<String> {
        let prefix = format!("{}{door}", self.portal.config.origin_text());
        for (id, to) in self.post().await?.into_iter().rev() {
            if to != address {
                continue;
            }
            let mail = self.mailbox.one(id).await?.context("a mail went astray")?;
            if let Some((_, after)) = mail.text.split_once(&prefix) {
                let rest = after.split_whitespace().next().unwrap_or_default();
                return Ok(format!("{prefix}{rest}"));
            }
        }
        anyhow::bail!("no link was mailed to {address}")
    }

    /// Sends what waits: which, and to whom.
    pub(super) async fn post(&self) -> Result<Vec<(domain::id::MailId, String)>> {
        outbox::hand_over_all(&self.portal, &self.courier)
            .await
            .map_err(said)
    }

    /// Counts calls with a key on each of the past days, as its gateways would have been asked.
    pub(super) async fn used(&self, key: KeyId, how: Use) -> Result<()> {
        let mut read = self.portal.store.read().await?;
        let row = read.key(key).await?.context("the key is gone")?;
        drop(read);
        let kid = row.kid.parse()?;
        let count = |seen, times| self.portal.engine.count_calls(&kid, &seen, times);
        let seen = |at, why, rule| Seen {
            at,
            from: how.from.into(),
            why,
            rule,
            scope: None,
        };
        for day in (how.until..=how.since).rev() {
            let start = self.told.minus(DAY * day);
            // Weekends are quieter.
            let accepted = how.calls_a_day * (if day % 7 < 2 { 2 } else { 5 }) / 5 + day % 13;
            let (mut parts, mut before) = (0, 0);
            for (at, hundredths) in hours(start, day) {
                parts += hundredths;
                let made = accepted * parts / 100;
                let others = made / 8 - before / 8;
                for (rule, calls) in [(0, made - before - others), (1, others)] {
                    if calls > 0 {
                        count(seen(at, None, Some(rule)), calls);
                    }
                }
                before = made;
            }
            if let Some((many, why)) = how
                .refused
                .filter(|_| day == u32::midpoint(how.since, how.until))
            {
                count(seen(start.plus(MORNING), Some(why), None), many);
            }
            usage::flush(&self.portal.engine, &self.portal.store).await;
        }
        Ok(())
    }
}

/// When the calls of a day are made, and how many of a hundred: hour by hour for the last days, at
/// once for those that pages show as a whole.
fn hours(start: Timestamp, day: u32) -> Vec<(Timestamp, u32)> {
    /// By the hour of the day in UTC.
    const BUSY: [u32; 24] = [
        1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 6, 7, 8, 8, 7, 5, 4, 3, 2, 2, 1, 2,
    ];
    if day > 2 {
        return vec![(start.plus(MORNING), 100)];
    }
    let at = |hour| start.plus(Duration::from_hours(hour));
    (0..24)
        .map(|hour| {
            let hour_of_day = usize::from(at(hour).weekday_and_minute().1 / 60);
            (at(hour), BUSY.get(hour_of_day).copied().unwrap_or_default())
        })
        .collect()
}

const MICROS_A_DAY: i64 = 86_400_000_000;
