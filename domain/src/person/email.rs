//! Mail addresses.

use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::parsed_text;

/// A mail address. The domain is in lower case; the part before the @ is kept as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailRefused {
    #[error("Fill in an e-mail address.")]
    Empty,
    #[error("This address is too long: at most 254 characters, 64 of them before the @.")]
    TooLong,
    #[error("An e-mail address has exactly one @, with something on both sides.")]
    NotOneAt,
    #[error("The part before the @ contains a character that mail servers do not agree on.")]
    Local,
    #[error("The part after the @ is not a domain such as example.com.")]
    Domain,
}

impl Email {
    /// One mailbox, however its case was typed: this decides who counts as the same person.
    pub fn same_mailbox(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Email {
    type Err = EmailRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmailRefused::Empty);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailRefused::NotOneAt)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(EmailRefused::NotOneAt);
        }
        // RFC 5321 section 4.5.3.1.
        if text.len() > 254 || local.len() > 64 {
            return Err(EmailRefused::TooLong);
        }
        if !is_dot_atom(local) {
            return Err(EmailRefused::Local);
        }
        if !is_domain(domain) {
            return Err(EmailRefused::Domain);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

parsed_text!(Email, EmailRefused);

/// RFC 5322 section 3.2.3; quoted local parts are not worth their ambiguity.
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    })
}

/// RFC 1035 section 2.3.1, with at least one dot; an international domain is written as `xn--…`.
fn is_domain(domain: &str) -> bool {
    domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_its_domain_lowered() {
        let email: Email = " Ada.L@Example.COM ".parse().unwrap();
        assert_eq!(email.to_string(), "Ada.L@example.com");
    }

    #[test]
    fn one_mailbox_in_two_cases_is_one_mailbox() {
        let [a, b]: [Email; 2] = ["ada@example.com", "ADA@example.com"].map(|e| e.parse().unwrap());
        assert!(a.same_mailbox(&b));
    }

    #[test]
    fn hostile_addresses_are_refused() {
        use EmailRefused::*;
        let long = format!("{}@example.com", "a".repeat(65));
        for (text, refusal) in [
            ("", Empty),
            ("ada", NotOneAt),
            ("@example.com", NotOneAt),
            ("ada@", NotOneAt),
            ("a@b@example.com", NotOneAt),
            (long.as_str(), TooLong),
            ("ada\n@example.com", Local),
            ("ada\0@example.com", Local),
            ("ada..l@example.com", Local),
            ("\"ada\"@example.com", Local),
            ("аda@example.com", Local),
            ("ada@gmail", Domain),
            ("ada@-x.com", Domain),
            ("ada@example..com", Domain),
            ("ada@example.com\r\nBcc:x", Domain),
        ] {
            assert_eq!(text.parse::<Email>(), Err(refusal), "{text:?}");
        }
    }
}
