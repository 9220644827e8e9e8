//! Named points at which a test of crashes ends the process. Without the `faults` feature, which no
//! release has, a point is nothing.

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
