//! Time and randomness, as arguments: the one place that reads the machine's own.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use domain::time::Timestamp;
use getrandom::SysRng;
use rand_core::UnwrapErr;

/// What time it is.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's own.
    #[default]
    System,
    /// Stands until it is set: for tests, and for a host of examples, whose past is told in a moment.
    #[cfg(any(test, feature = "demo"))]
    Told(std::sync::Arc<std::sync::atomic::AtomicI64>),
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_time(),
            #[cfg(any(test, feature = "demo"))]
            Self::Told(micros) => {
                Timestamp::from_micros(micros.load(std::sync::atomic::Ordering::Relaxed))
            }
        }
    }

    /// How long this process has been asking: time that only goes on, whatever the machine's clock
    /// is set to.
    pub fn ticks(&self) -> Duration {
        match self {
            Self::System => since_first_asked(),
            #[cfg(any(test, feature = "demo"))]
            Self::Told(micros) => {
                let micros = micros.load(std::sync::atomic::Ordering::Relaxed);
                Duration::from_micros(micros.unsigned_abs())
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that is passed around"
)]
fn system_time() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        + crate::fault::clock_ahead();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that is passed around"
)]
fn since_first_asked() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

/// The operating system's generator. It panics where the system has no randomness to give, which
/// is better than a key that can be guessed.
pub fn system_rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
