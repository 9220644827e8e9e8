//! What can go wrong, in plain sentences: what happened, what is safe, what to do.

use serde::Deserialize;

use super::json;

/// Why a ceremony or a request ended without what it was for. Shown as it is displayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Passkey(#[from] CeremonyFailure),
    #[error("{}", .0.sentence())]
    Refused(Problem),
    #[error(
        "The portal did not answer. Check your connection and try again; nothing that you typed is lost."
    )]
    NoAnswer,
    #[error(
        "The portal's answer could not be read. Load the page again; if that does not help, tell whoever runs this portal."
    )]
    Unreadable,
    #[error(
        "What the portal asked your passkey to sign is not what this page shows, so nothing was signed. Load the page again; if it stays so, tell whoever runs this portal."
    )]
    OtherAct,
}

/// A WebAuthn call that failed, by the name of its `DOMException` (WebAuthn level 3, sections
/// 5.1.3 and 5.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CeremonyFailure {
    #[error(
        "No passkey was used: the dialog was closed, it took too long, or none on this device fits. Nothing has changed, and you can try again."
    )]
    NotAllowed,
    #[error(
        "This device already holds a passkey for you here. Sign in with it, or use another device or security key."
    )]
    InvalidState,
    #[error(
        "The browser allows no passkeys at this address. Open the portal at its own address, over https, and try again."
    )]
    Security,
    #[error("The passkey dialog was interrupted. Nothing has changed, and you can try again.")]
    Abort,
    #[error(
        "This device cannot make the kind of passkey that is needed here. Use a current phone, computer or security key."
    )]
    NotSupported,
    #[error(
        "This browser has no passkeys. Use a current browser, at the portal's own https address."
    )]
    NoPasskeys,
    #[error(
        "The browser could not use the passkey. Nothing has changed; try again, or use another browser or device."
    )]
    Other,
}

impl CeremonyFailure {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "NotAllowedError" => Self::NotAllowed,
            "InvalidStateError" => Self::InvalidState,
            "SecurityError" => Self::Security,
            "AbortError" => Self::Abort,
            "NotSupportedError" => Self::NotSupported,
            _ => Self::Other,
        }
    }

    /// Some platforms refuse a registration because of the PRF extension in it. When the person
    /// said no, or has a passkey already, asking once more without it would be a nuisance.
    pub(super) const fn is_worth_a_try_without_prf(self) -> bool {
        !matches!(
            self,
            Self::NotAllowed | Self::InvalidState | Self::NoPasskeys
        )
    }
}

/// A refusal by the server, from its `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) detail: String,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    code: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
}

impl Problem {
    /// Reads a refusal's body; proxies in between may answer without one.
    pub(super) fn read(status: u16, body: &str, retry_after: Option<u64>) -> Self {
        let body: Option<Body> = json::read(body).ok();
        let (code, title, detail) = body
            .map(|body| (body.code, body.title, body.detail))
            .unwrap_or_default();
        let detail = [detail, title]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_else(|| by_status(status).to_owned());
        Self {
            code,
            detail,
            retry_after,
        }
    }

    fn sentence(&self) -> String {
        match self.retry_after {
            Some(seconds) => format!("{} Try again in {}.", self.detail, span(seconds)),
            None => self.detail.clone(),
        }
    }
}

impl Failure {
    /// The problem's code, if the server refused.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}

const fn by_status(status: u16) -> &'static str {
    match status {
        401 => "You are signed out. Load the page again and sign in; nothing has changed.",
        403 => "The portal refuses this. Nothing has changed.",
        413 => "That is more than the portal takes at once. Nothing has changed.",
        429 => "That was tried too often. Nothing has changed.",
        _ => {
            "The portal could not do this now. Try again in a moment; if that does not help, tell whoever runs it."
        }
    }
}

/// One number and one unit, rounded up: long enough to wait.
pub(super) fn span(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let (count, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds.div_ceil(MINUTE), "minute"),
        HOUR..DAY => (seconds.div_ceil(HOUR), "hour"),
        _ => (seconds.div_ceil(DAY), "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_named_error_has_a_sentence_of_its_own() {
        let names = [
            "NotAllowedError",
            "InvalidStateError",
            "SecurityError",
            "AbortError",
            "NotSupportedError",
            "TypeError",
        ];
        let mut sentences: Vec<String> = names
            .iter()
            .map(|name| CeremonyFailure::named(name).to_string())
            .collect();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), names.len());
        assert_eq!(
            CeremonyFailure::named("TypeError"),
            CeremonyFailure::Other,
            "an unknown name is not taken for another"
        );
    }

    #[test]
    fn a_cancelled_registration_is_not_tried_again_without_prf() {
        assert!(!CeremonyFailure::named("NotAllowedError").is_worth_a_try_without_prf());
        assert!(!CeremonyFailure::named("InvalidStateError").is_worth_a_try_without_prf());
        assert!(CeremonyFailure::named("NotSupportedError").is_worth_a_try_without_prf());
        assert!(CeremonyFailure::named("TypeError").is_worth_a_try_without_prf());
    }

    #[test]
    fn a_problem_shows_its_detail() {
        let body = r#"{"type":"about:blank","title":"No","status":404,"code":"link-not-usable","detail":"This link cannot be used."}"#;
        let problem = Problem::read(404, body, None);
        assert_eq!(problem.code, "link-not-usable");
        let failure = Failure::Refused(problem);
        assert_eq!(failure.to_string(), "This link cannot be used.");
        assert_eq!(failure.code(), Some("link-not-usable"));
    }

    #[test]
    fn a_problem_with_a_wait_names_it() {
        let body = r#"{"code":"too-many-tries","detail":"Too many tries."}"#;
        let failure = Failure::Refused(Problem::read(429, body, Some(61)));
        assert_eq!(
            failure.to_string(),
            "Too many tries. Try again in 2 minutes."
        );
    }

    #[test]
    fn an_answer_without_a_problem_body_is_still_explained() {
        for body in ["", "<html>502</html>", "[]", "null"] {
            let problem = Problem::read(502, body, None);
            assert_eq!(problem.code, "", "{body}");
            assert!(!problem.detail.is_empty(), "{body}");
        }
    }

    #[test]
    fn spans_are_rounded_up() {
        assert_eq!(span(1), "1 second");
        assert_eq!(span(60), "1 minute");
        assert_eq!(span(541), "10 minutes");
        assert_eq!(span(3_601), "2 hours");
        assert_eq!(span(90 * 86_400), "90 days");
    }
}
