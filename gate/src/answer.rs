//! What Latchkey answers.

use serde::Deserialize;

/// Who makes a call that passed: in the extensions of the request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Caller {
    /// The key's id in Latchkey.
    pub key_id: String,
    /// The eight characters of the key that may be shown.
    pub kid: String,
    /// The organisation whose key it is.
    pub partner_id: String,
    pub scopes: Vec<String>,
    /// What is left of each limit after this call.
    pub limits: Vec<Limit>,
    /// When the key ends: RFC 3339, in UTC.
    pub expires_at: String,
}

impl Caller {
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Limit {
    /// `grant`: of all keys of the grant together; `key`: of this one.
    pub of: String,
    /// `second`, `minute`, `hour`, `day` or `month`.
    pub period: String,
    pub limit: u32,
    pub remaining: u32,
    /// Whole seconds until all of it is there again.
    pub resets_in: u64,
}

/// A call that may not pass.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Denied {
    pub(crate) code: String,
    pub(crate) sentence: String,
    #[serde(default)]
    pub(crate) retry_after: Option<u64>,
}

/// What every decision has. The rest of an answer may grow.
#[derive(Deserialize)]
struct Verdict {
    allowed: bool,
    code: String,
}

pub(crate) type Decision = Result<Caller, Denied>;

/// None: that is no decision, or one that contradicts itself.
pub(crate) fn read(body: &[u8]) -> Option<Decision> {
    // serde would take a list as well, by position.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let verdict: Verdict = serde_json::from_slice(body).ok()?;
    match (verdict.allowed, verdict.code.as_str()) {
        (true, "ok") => Some(Ok(serde_json::from_slice(body).ok()?)),
        (false, code) if code != "ok" => Some(Err(serde_json::from_slice(body).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &str = r#"{"allowed":true,"code":"ok","key_id":"1","kid":"2","partner_id":"3","scopes":["a:read"],"rate_per_second":50,"limits":[{"of":"grant","period":"second","limit":50,"remaining":49,"resets_in":1}],"expires_at":"2027-01-15T07:00:00Z"}"#;

    #[test]
    fn an_allowed_answer_says_who_calls() {
        let caller = read(ALLOWED.as_bytes()).unwrap().unwrap();
        assert!(caller.has_scope("a:read") && !caller.has_scope("a:write"));
        assert_eq!(caller.limits[0].remaining, 49);
    }

    #[test]
    fn a_refusal_says_why() {
        let refused = r#"{"allowed":false,"code":"quota","sentence":"No.","retry_after":7}"#;
        let denied = read(refused.as_bytes()).unwrap().unwrap_err();
        assert_eq!(
            (denied.code.as_str(), denied.retry_after),
            ("quota", Some(7))
        );
    }

    #[test]
    fn what_is_no_clear_decision_is_none() {
        for body in [
            "",
            "ok",
            "[true,\"ok\"]",
            "{}",
            &ALLOWED[..ALLOWED.len() - 1],
            &format!("{ALLOWED}}}"),
            &ALLOWED.replace("true", "\"true\""),
            &ALLOWED.replace("true", "false"),
            &ALLOWED.replace("\"ok\"", "\"revoked\""),
            &ALLOWED.replace("\"kid\":\"2\",", ""),
            &ALLOWED.replace("{\"allowed\":true,", "{\"allowed\":false,\"allowed\":true,"),
            r#"{"allowed":false,"code":"revoked"}"#,
            r#"{"allowed":false,"code":"ok","sentence":"?"}"#,
        ] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }
}
