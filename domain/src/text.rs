//! Text that people type, parsed once: past the edge it is never empty, never too long, and holds
//! no character that hides or reorders what a reviewer reads.

use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// An enum with one stable code for each variant: what the databases, JSON and signatures hold.
/// Codes are never reused for another meaning.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $code)] $variant,)+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.code())
            }
        }

        impl core::str::FromStr for $name {
            type Err = crate::text::UnknownCode;

            fn from_str(code: &str) -> Result<Self, Self::Err> {
                match code {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(crate::text::UnknownCode { kind: stringify!($name) }),
                }
            }
        }
    };
}
pub(crate) use codes;

/// A newtype over text, with one parser for forms, JSON and the databases.
macro_rules! parsed_text {
    ($name:ident$(<const $max:ident: usize>)?, $error:ty) => {
        impl$(<const $max: usize>)? $name$(<$max>)? {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl$(<const $max: usize>)? core::fmt::Display for $name$(<$max>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl$(<const $max: usize>)? TryFrom<String> for $name$(<$max>)? {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl$(<const $max: usize>)? From<$name$(<$max>)?> for String {
            fn from(text: $name$(<$max>)?) -> Self {
                text.0
            }
        }
    };
}
pub(crate) use parsed_text;

/// A stored or posted code that no variant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not a known {kind}.")]
pub struct UnknownCode {
    pub kind: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextRefused {
    #[error("Fill this in.")]
    Empty,
    #[error("This is too long: use at most {max} characters.")]
    TooLong { max: usize },
    #[error("Write this on a single line.")]
    NotOneLine,
    #[error("This contains a control character. Type it again instead of pasting it.")]
    Control,
    #[error("This contains an invisible character that changes how text is read. Remove it.")]
    Invisible,
    #[error("Answer in words that a reviewer can judge.")]
    NotMeaningful,
}

/// A single line of 1 to `MAX` characters, without white space around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> FromStr for Line<MAX> {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.contains(['\n', '\r', '\u{2028}', '\u{2029}']) {
            return Err(TextRefused::NotOneLine);
        }
        refuse_hidden(text)?;
        refuse_size(text, MAX)?;
        Ok(Self(text.to_owned()))
    }
}

parsed_text!(Line<const MAX: usize>, TextRefused);

/// One or more lines of 1 to `MAX` characters that say something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Paragraph<const MAX: usize>(String);

impl<const MAX: usize> FromStr for Paragraph<MAX> {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Browsers post line ends as CR LF.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim();
        refuse_hidden(text)?;
        refuse_size(text, MAX)?;
        if is_trivial(text) {
            return Err(TextRefused::NotMeaningful);
        }
        Ok(Self(text.to_owned()))
    }
}

parsed_text!(Paragraph<const MAX: usize>, TextRefused);

impl<const MAX: usize> AsRef<str> for Line<MAX> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> AsRef<str> for Paragraph<MAX> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

fn refuse_size(text: &str, max: usize) -> Result<(), TextRefused> {
    if text.is_empty() {
        Err(TextRefused::Empty)
    } else if text.chars().count() > max {
        Err(TextRefused::TooLong { max })
    } else {
        Ok(())
    }
}

fn refuse_hidden(text: &str) -> Result<(), TextRefused> {
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            return Err(TextRefused::Control);
        }
        if is_invisible(c) {
            return Err(TextRefused::Invisible);
        }
    }
    Ok(())
}

/// Characters that reorder or hide text (Unicode TR 36, "Trojan Source"). The zero-width joiners
/// stay: several scripts are misspelt without them.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
            | '\u{061C}'
            | '\u{200B}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2060}'..='\u{2064}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

/// A mandatory reason satisfied by "." is no reason (Teleport issue 20164).
fn is_trivial(text: &str) -> bool {
    const FILLERS: [&str; 24] = [
        "abc", "abcd", "any", "asdf", "asd", "foo", "foobar", "idk", "later", "lorem", "na", "nil",
        "no", "none", "nothing", "null", "ok", "qwerty", "same", "tba", "tbd", "test", "todo",
        "yes",
    ];
    let letters: String = text
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let mut distinct: Vec<char> = letters.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() < 3 || FILLERS.contains(&letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line<10>, TextRefused> {
        text.parse()
    }

    fn paragraph(text: &str) -> Result<Paragraph<100>, TextRefused> {
        text.parse()
    }

    #[test]
    fn a_line_is_trimmed() {
        assert_eq!(line("  Acme ").unwrap().as_str(), "Acme");
    }

    #[test]
    fn an_empty_line_is_refused() {
        assert_eq!(line(" \t "), Err(TextRefused::Empty));
    }

    #[test]
    fn a_long_line_is_refused_by_characters_not_bytes() {
        assert!(line("éééééééééé").is_ok());
        assert_eq!(line("ééééééééééé"), Err(TextRefused::TooLong { max: 10 }));
    }

    #[test]
    fn two_lines_are_not_one() {
        assert_eq!(line("a\nb"), Err(TextRefused::NotOneLine));
        assert_eq!(line("a\u{2028}b"), Err(TextRefused::NotOneLine));
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(line("a\0b"), Err(TextRefused::Control));
        assert_eq!(paragraph("escape \u{1b}[31m"), Err(TextRefused::Control));
    }

    #[test]
    fn text_that_reorders_or_hides_itself_is_refused() {
        for hidden in ["a\u{202E}b", "a\u{2066}b", "a\u{200B}b", "a\u{FEFF}b"] {
            assert_eq!(line(hidden), Err(TextRefused::Invisible), "{hidden:?}");
        }
    }

    #[test]
    fn a_full_stop_is_no_reason() {
        for trivial in [
            ".",
            "...",
            "n/a",
            "N.A.",
            "-",
            "xxx",
            "none",
            "TODO",
            "test.",
            "aaaa aaaa",
        ] {
            assert_eq!(
                paragraph(trivial),
                Err(TextRefused::NotMeaningful),
                "{trivial}"
            );
        }
    }

    #[test]
    fn a_short_honest_answer_stands() {
        for honest in [
            "To print labels.",
            "Nothing is stored.",
            "付款通知",
            "Nobody can.",
        ] {
            assert!(paragraph(honest).is_ok(), "{honest}");
        }
    }

    #[test]
    fn line_ends_of_a_form_become_plain() {
        assert_eq!(
            paragraph("first\r\nsecond").unwrap().as_str(),
            "first\nsecond"
        );
    }

    #[test]
    fn stored_text_is_parsed_again() {
        assert!(serde_json::from_str::<Line<10>>("\"a\\nb\"").is_err());
        assert_eq!(
            serde_json::to_string(&line("Acme").unwrap()).unwrap(),
            "\"Acme\""
        );
    }
}
