//! The path of a call. Gateway, portal and upstream must read it alike, so what two parsers could
//! read differently is refused, never guessed.

use std::borrow::Cow;

/// A request target's path, split and decoded (RFC 3986 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath<'a> {
    segments: Vec<Cow<'a, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathRefused {
    #[error("The path does not start with a slash.")]
    NotAbsolute,
    #[error("The path is longer than 8192 bytes.")]
    TooLong,
    #[error("The path contains a fragment.")]
    Fragment,
    #[error("The path contains an empty segment (//).")]
    EmptySegment,
    #[error("The path contains . or .. as a segment.")]
    DotSegment,
    #[error("The path contains a character that must be percent-encoded.")]
    Character,
    #[error("The path contains a percent sign without two hexadecimal digits.")]
    Encoding,
    #[error("The path hides a character of its syntax behind percent-encoding.")]
    EncodedSyntax,
    #[error("The path is not UTF-8 once decoded.")]
    NotUtf8,
}

const MAX_BYTES: usize = 8192;

impl<'a> RequestPath<'a> {
    /// Parses a request target in origin form; a query string is cut off first.
    pub fn parse(target: &'a str) -> Result<Self, PathRefused> {
        if target.len() > MAX_BYTES {
            return Err(PathRefused::TooLong);
        }
        if target.contains('#') {
            return Err(PathRefused::Fragment);
        }
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let path = path.strip_prefix('/').ok_or(PathRefused::NotAbsolute)?;
        let mut raw = path.split('/').peekable();
        let mut segments = Vec::with_capacity(8);
        while let Some(segment) = raw.next() {
            // Only the last may be empty: that is a slash at the end.
            if segment.is_empty() && raw.peek().is_some() {
                return Err(PathRefused::EmptySegment);
            }
            segments.push(decode(segment)?);
        }
        Ok(Self { segments })
    }

    /// The decoded segments; a path that ends in a slash has an empty last one.
    pub fn segments(&self) -> &[Cow<'a, str>] {
        &self.segments
    }
}

fn decode(segment: &str) -> Result<Cow<'_, str>, PathRefused> {
    if segment == "." || segment == ".." {
        return Err(PathRefused::DotSegment);
    }
    if segment.bytes().all(is_plain) {
        return Ok(Cow::Borrowed(segment));
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => decode_octet(bytes.next(), bytes.next())?,
            byte if is_plain(byte) => byte,
            _ => return Err(PathRefused::Character),
        });
    }
    // `String::from_utf8` refuses over-long forms and surrogates (RFC 3629 section 3).
    let text = String::from_utf8(decoded).map_err(|_| PathRefused::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(PathRefused::EncodedSyntax);
    }
    Ok(Cow::Owned(text))
}

/// An encoded slash, dot, backslash, percent sign, semicolon, question mark or number sign means
/// one thing to a parser that decodes once and another to one that decodes never, early or twice.
fn decode_octet(high: Option<u8>, low: Option<u8>) -> Result<u8, PathRefused> {
    let digit = |byte: Option<u8>| {
        byte.and_then(|byte| char::from(byte).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or(PathRefused::Encoding)
    };
    let octet = digit(high)? << 4 | digit(low)?;
    if octet < 0x20 || octet == 0x7f || b"/.\\%;?#".contains(&octet) {
        return Err(PathRefused::EncodedSyntax);
    }
    Ok(octet)
}

/// `pchar` of RFC 3986 without `%` and without `;`, whose parameters some servers cut off.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'
            | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_compared_decoded() {
        let path = RequestPath::parse("/v2/caf%C3%A9/a%20b?x=/../y").unwrap();
        assert_eq!(path.segments(), ["v2", "café", "a b"]);
    }

    #[test]
    fn a_slash_at_the_end_is_kept() {
        assert_eq!(RequestPath::parse("/").unwrap().segments(), [""]);
        assert_eq!(RequestPath::parse("/a/").unwrap().segments(), ["a", ""]);
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        use PathRefused::*;
        let long = format!("/{}", "a".repeat(MAX_BYTES));
        for (target, refusal) in [
            ("", NotAbsolute),
            ("v2", NotAbsolute),
            ("*", NotAbsolute),
            ("https://api.example/v2", NotAbsolute),
            ("?/v2", NotAbsolute),
            (long.as_str(), TooLong),
            ("/a#b", Fragment),
            ("/a?b#c", Fragment),
            ("//a", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a//", EmptySegment),
            ("/./a", DotSegment),
            ("/a/../b", DotSegment),
            ("/a/..", DotSegment),
            ("/a/.", DotSegment),
            ("/a\\b", Character),
            ("/a;v=1/b", Character),
            ("/a/..;/b", Character),
            ("/a b", Character),
            ("/a\0b", Character),
            ("/a\nb", Character),
            ("/café", Character),
            ("/a{b}", Character),
            ("/a%", Encoding),
            ("/a%2", Encoding),
            ("/a%zz", Encoding),
            ("/a%+1", Encoding),
            ("/a%2fb", EncodedSyntax),
            ("/a%2Fb", EncodedSyntax),
            ("/%2e%2e/b", EncodedSyntax),
            ("/.%2e/b", EncodedSyntax),
            ("/a%5cb", EncodedSyntax),
            ("/a%252fb", EncodedSyntax),
            ("/a%3bb", EncodedSyntax),
            ("/a%3fb", EncodedSyntax),
            ("/a%23b", EncodedSyntax),
            ("/a%00b", EncodedSyntax),
            ("/a%0ab", EncodedSyntax),
            ("/a%7fb", EncodedSyntax),
            ("/a%c2%85b", EncodedSyntax),
            ("/a%ffb", NotUtf8),
            ("/%c0%af", NotUtf8),
            ("/%e0%80%af", NotUtf8),
            ("/%ed%a0%80", NotUtf8),
        ] {
            assert_eq!(RequestPath::parse(target), Err(refusal), "{target:?}");
        }
    }
}
