//! The secret by which a gateway identifies itself.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A gateway's credential, `lkg_…`. It shows nothing, and is wiped when the last clone goes.
#[derive(Clone)]
pub struct Credential(HeaderValue);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a gateway's credential is `lkg_` and 43 letters, digits, `-` and `_`")]
pub struct NotACredential;

impl Credential {
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl FromStr for Credential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let is_one = text.strip_prefix("lkg_").is_some_and(|secret| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            secret.len() == 43 && secret.bytes().all(known)
        });
        if !is_one {
            return Err(NotACredential);
        }
        let bytes = Bytes::from_owner(Zeroizing::new(text.as_bytes().to_vec()));
        let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| NotACredential)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl TryFrom<String> for Credential {
    type Error = NotACredential;

    /// Wipes the text.
    fn try_from(text: String) -> Result<Self, NotACredential> {
        Zeroizing::new(text).parse()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_shows_nothing() {
        let text = format!("lkg_{}", "a".repeat(43));
        let credential: Credential = text.parse().unwrap();
        assert_eq!(format!("{credential:?}"), "Credential(…)");
        assert_eq!(format!("{:?}", credential.header()), "Sensitive");
        assert_eq!(credential.header(), text);
    }

    #[test]
    fn what_is_no_credential_is_refused() {
        let short = format!("lkg_{}", "a".repeat(42));
        let line_break = format!("lkg_{}\n", "a".repeat(42));
        for text in ["", "lkg_", "lk_live_x", &short, &line_break] {
            assert!(text.parse::<Credential>().is_err(), "{text:?}");
        }
    }
}
