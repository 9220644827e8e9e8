//! Path patterns: `/v2/shipments/{id}`, `/v2/files/{rest...}`.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::RequestPath;
use super::path::is_plain;

/// Literal segments, `{name}` for one segment, and at the end `{name...}` for one or more. Nothing
/// in braces matches an empty segment, so `/v2/shipments/{id}` does not open `/v2/shipments/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Segment {
    /// Decoded; empty only at the end.
    Literal(String),
    Parameter(String),
    Rest(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternRefused {
    #[error("A path starts with a slash.")]
    NotAbsolute,
    #[error("A path has at most 32 segments and 512 characters.")]
    TooLong,
    #[error("A path has no empty, . or .. segment.")]
    Segment,
    #[error("Write the path decoded and without \\ % ; ? # * or control characters.")]
    Character,
    #[error(
        "A parameter is a whole segment, {{name}}, with a name of letters, digits and _ used once."
    )]
    Parameter,
    #[error("{{name...}} can only be the last segment.")]
    RestNotLast,
}

impl PathPattern {
    pub fn matches(&self, path: &RequestPath<'_>) -> bool {
        let (mut patterns, mut segments) = (self.0.iter(), path.segments().iter());
        loop {
            match (patterns.next(), segments.next()) {
                (None, None) => return true,
                (Some(Segment::Rest(_)), Some(segment)) => return !segment.is_empty(),
                (Some(Segment::Parameter(_)), Some(segment)) if !segment.is_empty() => {}
                (Some(Segment::Literal(literal)), Some(segment)) if literal == segment => {}
                _ => return false,
            }
        }
    }

    /// A path that this pattern matches, as a client would send it.
    pub fn example(&self) -> String {
        let mut path = String::new();
        for segment in &self.0 {
            path.push('/');
            match segment {
                Segment::Literal(literal) => encode(literal, &mut path),
                // No literal that somebody would choose: it stands for all the others.
                Segment::Parameter(_) | Segment::Rest(_) => path.push_str("~example~"),
            }
        }
        path
    }

    /// Does this pattern match every path that the other matches?
    pub fn covers(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.0.iter(), other.0.iter());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(Segment::Rest(_)), Some(segment)) => return !segment.is_empty(),
                (Some(Segment::Parameter(_)), Some(Segment::Parameter(_))) => {}
                (Some(Segment::Parameter(_)), Some(Segment::Literal(b))) if !b.is_empty() => {}
                (Some(Segment::Literal(a)), Some(Segment::Literal(b))) if a == b => {}
                _ => return false,
            }
        }
    }

    /// Is there a path that both match?
    pub fn intersects(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.0.iter(), other.0.iter());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(Segment::Rest(_)), Some(segment))
                | (Some(segment), Some(Segment::Rest(_))) => return !segment.is_empty(),
                (Some(Segment::Literal(a)), Some(Segment::Literal(b))) if a != b => return false,
                (Some(a), Some(b)) if a.is_empty() != b.is_empty() => return false,
                (Some(_), Some(_)) => {}
                _ => return false,
            }
        }
    }
}

impl Segment {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Literal(literal) if literal.is_empty())
    }

    fn parse(text: &str) -> Result<Self, PatternRefused> {
        if let Some(inner) = text.strip_prefix('{') {
            let name = inner.strip_suffix('}').ok_or(PatternRefused::Parameter)?;
            return match name.strip_suffix("...") {
                Some(name) => Ok(Self::Rest(parameter(name)?)),
                None => Ok(Self::Parameter(parameter(name)?)),
            };
        }
        if text == "." || text == ".." {
            return Err(PatternRefused::Segment);
        }
        if text.contains(['{', '}']) {
            return Err(PatternRefused::Parameter);
        }
        let unsound = |c: char| c.is_control() || c.is_whitespace() || "\\%;?#*".contains(c);
        if text.chars().any(unsound) {
            return Err(PatternRefused::Character);
        }
        Ok(Self::Literal(text.to_owned()))
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Rest(name) => Some(name),
        }
    }
}

/// Percent-encodes what a path does not hold as it is (RFC 3986 section 3.3).
fn encode(literal: &str, path: &mut String) {
    for byte in literal.bytes() {
        if is_plain(byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn parameter(name: &str) -> Result<String, PatternRefused> {
    let sound = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    sound
        .then(|| name.to_owned())
        .ok_or(PatternRefused::Parameter)
}

impl FromStr for PathPattern {
    type Err = PatternRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let path = text.strip_prefix('/').ok_or(PatternRefused::NotAbsolute)?;
        let segments: Vec<Segment> = path
            .split('/')
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        if text.len() > 512 || segments.len() > 32 {
            return Err(PatternRefused::TooLong);
        }
        if let Some((_, before)) = segments.split_last() {
            if before.iter().any(Segment::is_empty) {
                return Err(PatternRefused::Segment);
            }
            if before.iter().any(|s| matches!(s, Segment::Rest(_))) {
                return Err(PatternRefused::RestNotLast);
            }
        }
        let mut names: Vec<&str> = segments.iter().filter_map(Segment::name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() != all {
            return Err(PatternRefused::Parameter);
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Literal(literal) => write!(f, "/{literal}"),
            Segment::Parameter(name) => write!(f, "/{{{name}}}"),
            Segment::Rest(name) => write!(f, "/{{{name}...}}"),
        })
    }
}

impl TryFrom<String> for PathPattern {
    type Error = PatternRefused;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> PathPattern {
        text.parse().unwrap()
    }

    fn matches(text: &str, path: &str) -> bool {
        pattern(text).matches(&RequestPath::parse(path).unwrap())
    }

    #[test]
    fn a_parameter_is_one_segment() {
        assert!(matches("/v2/shipments/{id}", "/v2/shipments/7"));
        assert!(!matches("/v2/shipments/{id}", "/v2/shipments/7/labels"));
        assert!(!matches("/v2/shipments/{id}", "/v2/shipments"));
    }

    #[test]
    fn a_parameter_is_not_an_empty_segment() {
        assert!(!matches("/v2/shipments/{id}", "/v2/shipments/"));
        assert!(!matches("/v2/files/{rest...}", "/v2/files/"));
    }

    #[test]
    fn the_rest_is_one_segment_or_more() {
        assert!(matches("/v2/files/{rest...}", "/v2/files/a"));
        assert!(matches("/v2/files/{rest...}", "/v2/files/a/b/"));
        assert!(!matches("/v2/files/{rest...}", "/v2/files"));
    }

    #[test]
    fn case_and_final_slash_count() {
        assert!(!matches("/v2/shipments", "/V2/shipments"));
        assert!(!matches("/v2/shipments", "/v2/shipments/"));
        assert!(matches("/v2/shipments/", "/v2/shipments/"));
    }

    #[test]
    fn a_pattern_reads_back_as_it_was_written() {
        for text in ["/", "/v2/shipments/{id}", "/a/", "/a/{rest...}"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn a_pattern_matches_its_example() {
        for text in [
            "/",
            "/a/",
            "/v2/{id}/{rest...}",
            "/café/€@x:y/{id}",
            "/a[b]^\"<>|`/",
        ] {
            let path = pattern(text).example();
            assert!(matches(text, &path), "{text}: {path}");
        }
        proptest!(|(a in any_pattern())| {
            let path = a.example();
            prop_assert!(a.matches(&RequestPath::parse(&path).unwrap()));
        });
    }

    #[test]
    fn unsound_patterns_are_refused() {
        use PatternRefused::*;
        for (text, refusal) in [
            ("", NotAbsolute),
            ("v2", NotAbsolute),
            ("//a", Segment),
            ("/a//b", Segment),
            ("/a/../b", Segment),
            ("/a%2fb", Character),
            ("/a/*", Character),
            ("/a?b", Character),
            ("/a;b", Character),
            ("/a b", Character),
            ("/a/{id", Parameter),
            ("/a/x{id}", Parameter),
            ("/a/{}", Parameter),
            ("/a/{i-d}", Parameter),
            ("/{id}/{id}", Parameter),
            ("/{rest...}/a", RestNotLast),
        ] {
            assert_eq!(text.parse::<PathPattern>(), Err(refusal), "{text}");
        }
        let long = "/a".repeat(33);
        assert_eq!(long.parse::<PathPattern>(), Err(TooLong));
    }

    fn any_pattern() -> impl Strategy<Value = PathPattern> {
        let segment = prop_oneof![Just("a"), Just("b"), Just("{}")];
        let tail = prop_oneof![Just(""), Just("/"), Just("/{rest...}"), Just("/a")];
        (prop::collection::vec(segment, 1..4), tail).prop_map(|(segments, tail)| {
            let mut text = String::new();
            for (i, segment) in segments.iter().enumerate() {
                text.push('/');
                text.push_str(&segment.replace("{}", &format!("{{p{i}}}")));
            }
            text.push_str(tail);
            text.parse().unwrap()
        })
    }

    /// Every path of up to five segments over an alphabet with one letter no literal uses.
    fn paths() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut longest = all.clone();
        for _ in 0..5 {
            longest = longest
                .iter()
                .flat_map(|path| ["a", "b", "c"].map(|s| format!("{path}/{s}")))
                .collect();
            all.extend(longest.iter().cloned());
        }
        let slashed: Vec<String> = all.iter().map(|path| format!("{path}/")).collect();
        all.retain(|path| !path.is_empty());
        all.extend(slashed);
        all
    }

    #[test]
    fn covering_and_intersecting_agree_with_matching() {
        let paths = paths();
        let paths: Vec<RequestPath<'_>> = paths
            .iter()
            .map(|p| RequestPath::parse(p).unwrap())
            .collect();
        proptest!(ProptestConfig::with_cases(300), |(a in any_pattern(), b in any_pattern())| {
            let both = paths.iter().any(|p| a.matches(p) && b.matches(p));
            prop_assert_eq!(a.intersects(&b), both);
            prop_assert_eq!(b.intersects(&a), both);
            let beyond = paths.iter().any(|p| b.matches(p) && !a.matches(p));
            prop_assert_eq!(a.covers(&b), !beyond);
        });
    }
}
