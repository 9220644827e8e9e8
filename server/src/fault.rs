//! Named points at which a test of crashes ends the process, and a clock that runs ahead. Without
//! the `faults` feature, which no release has, a point is nothing and the clock is right.

/// What they are called in the environment, without the program's prefix. Without the feature they
/// are settings that nobody knows, and refused like any other.
#[cfg(feature = "faults")]
pub const SETTINGS: &[&str] = &["fault", "fault_clock"];
#[cfg(not(feature = "faults"))]
pub const SETTINGS: &[&str] = &[];

/// Ends the process at once, as `kill -9` would, where `LATCHKEY_FAULT` names this point.
#[cfg(feature = "faults")]
pub fn point(name: &str) {
    if std::env::var("LATCHKEY_FAULT").is_ok_and(|wanted| wanted == name) {
        tracing::error!(name, "fault point");
        std::process::abort();
    }
}

#[cfg(not(feature = "faults"))]
pub const fn point(_: &str) {}

/// The point `ACT-committed`: an act is in the database, and neither the snapshot nor the client
/// knows of it yet.
#[cfg(feature = "faults")]
pub fn committed(act: &str) {
    point(&format!("{act}-committed"));
}

#[cfg(not(feature = "faults"))]
pub const fn committed(_: &str) {}

/// How far the clock runs ahead, in seconds, where `LATCHKEY_FAULT_CLOCK` says so: for tests of
/// what ends with time.
#[cfg(feature = "faults")]
pub fn clock_ahead() -> std::time::Duration {
    static AHEAD: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let ahead = AHEAD.get_or_init(|| {
        let text = std::env::var("LATCHKEY_FAULT_CLOCK").ok();
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    });
    std::time::Duration::from_secs(*ahead)
}

#[cfg(not(feature = "faults"))]
pub const fn clock_ahead() -> std::time::Duration {
    std::time::Duration::ZERO
}
