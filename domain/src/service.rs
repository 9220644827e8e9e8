//! The catalogue: services, their environments, scopes and endpoints.

mod catalogue;
mod path;
mod pattern;

use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use catalogue::{Catalogue, CatalogueFault, Endpoint, Scope};
pub use path::{PathRefused, RequestPath};
pub use pattern::{PathPattern, PatternRefused};

use crate::text::{Line, TextRefused, codes, parsed_text};

/// What a service is called, for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

impl FromStr for ServiceName {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Line::<80>::from_str(text).map(|line| Self(line.into()))
    }
}

parsed_text!(ServiceName, TextRefused);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRefused {
    #[error("Use 1 to 40 lower-case letters, digits and single hyphens, a letter first.")]
    Slug,
    #[error(
        "A scope is 1 to 64 lower-case letters, digits and . _ - :, a letter first, such as shipments:read."
    )]
    Scope,
    #[error("A key tag is 1 to 4 lower-case letters or digits.")]
    KeyTag,
    #[error("A base address starts with https:// (or http://localhost) and has no ? or #.")]
    BaseUrl,
}

/// The short name of a service or environment in addresses and in the verify API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl FromStr for Slug {
    type Err = NameRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let sound = text.len() <= 40
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.split('-').all(|word| {
                !word.is_empty()
                    && word
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
        sound
            .then(|| Self(text.to_owned()))
            .ok_or(NameRefused::Slug)
    }
}

parsed_text!(Slug, NameRefused);

/// The name of a scope, such as `shipments:read`: a subset of RFC 6749 section 3.3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeName(String);

impl ScopeName {
    /// Whether a text is the name of a scope as it stands.
    pub fn is_name(text: &str) -> bool {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-:".contains(&b))
    }
}

impl FromStr for ScopeName {
    type Err = NameRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        Self::is_name(text)
            .then(|| Self(text.to_owned()))
            .ok_or(NameRefused::Scope)
    }
}

parsed_text!(ScopeName, NameRefused);

impl AsRef<[u8]> for ScopeName {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

codes! {
    /// What a scope opens, as its owner sees it.
    Sensitivity {
        Low = "low",
        Personal = "personal",
        Confidential = "confidential",
    }
}

codes! {
    /// A call's method. HEAD is not GET: an endpoint allows exactly what it names.
    Method {
        Get = "GET",
        Head = "HEAD",
        Post = "POST",
        Put = "PUT",
        Patch = "PATCH",
        Delete = "DELETE",
        Options = "OPTIONS",
    }
}

impl Method {
    /// Safe by RFC 9110, section 9.2.1: a call that is meant to change nothing.
    pub const fn is_read_only(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}

codes! {
    EnvironmentKind {
        Sandbox = "sandbox",
        Production = "production",
        Other = "other",
    }
}

impl EnvironmentKind {
    /// The key tag that the kind suggests; another kind has to name its own.
    pub fn key_tag(self) -> Option<KeyTag> {
        match self {
            Self::Sandbox => Some(KeyTag("test".to_owned())),
            Self::Production => Some(KeyTag("live".to_owned())),
            Self::Other => None,
        }
    }
}

/// The environment's part of a key, `live` in `lk_live_…`. The key must fit one SHA-256 block, so
/// prefix and tag together have seven characters (DESIGN section 6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyTag(String);

impl FromStr for KeyTag {
    type Err = NameRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let sound = (1..=4).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        sound
            .then(|| Self(text.to_owned()))
            .ok_or(NameRefused::KeyTag)
    }
}

parsed_text!(KeyTag, NameRefused);

/// Where an environment's API is reached; without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

impl FromStr for BaseUrl {
    type Err = NameRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('/');
        let (local, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(NameRefused::BaseUrl),
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.split(':').next().unwrap_or_default();
        let sound = text.len() <= 200
            && !host.is_empty()
            && (!local || host == "localhost")
            && rest
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~/:[]".contains(&b));
        sound
            .then(|| Self(text.to_owned()))
            .ok_or(NameRefused::BaseUrl)
    }
}

parsed_text!(BaseUrl, NameRefused);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_confuse_an_address_are_refused() {
        for text in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "1a",
            "a/b",
            "a b",
            &"a".repeat(41),
        ] {
            assert_eq!(text.parse::<Slug>(), Err(NameRefused::Slug), "{text}");
        }
        assert!("parcel-2".parse::<Slug>().is_ok());
    }

    #[test]
    fn a_scope_is_one_token() {
        for text in [
            "",
            ":read",
            "a b",
            "Shipments:read",
            "a\"b",
            &"a".repeat(65),
        ] {
            assert_eq!(text.parse::<ScopeName>(), Err(NameRefused::Scope), "{text}");
        }
        assert!("shipments:read".parse::<ScopeName>().is_ok());
    }

    #[test]
    fn a_key_tag_is_at_most_four_characters() {
        assert_eq!("stage".parse::<KeyTag>(), Err(NameRefused::KeyTag));
        assert_eq!("".parse::<KeyTag>(), Err(NameRefused::KeyTag));
        assert_eq!("Live".parse::<KeyTag>(), Err(NameRefused::KeyTag));
        assert!("uat1".parse::<KeyTag>().is_ok());
    }

    #[test]
    fn an_unknown_method_is_refused() {
        assert!("get".parse::<Method>().is_err());
        assert!("TRACE".parse::<Method>().is_err());
    }

    #[test]
    fn a_base_address_is_encrypted_unless_it_is_local() {
        for text in [
            "http://api.example.com",
            "ftp://x",
            "https://",
            "https://u@h.example",
            "https://h.example/?q",
            "https://h.example/#f",
            "javascript:alert(1)",
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(NameRefused::BaseUrl), "{text}");
        }
        let url: BaseUrl = "https://api.example.com/v2/".parse().unwrap();
        assert_eq!(url.as_str(), "https://api.example.com/v2");
        assert!("http://localhost:8080".parse::<BaseUrl>().is_ok());
    }
}
