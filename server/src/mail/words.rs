//! The words of a mail, and the two ways to show them. Text and HTML come from one list of blocks,
//! so that they cannot differ. No images, no remote content, nothing that tells who read it.

use std::fmt::Write as _;

use zeroize::Zeroizing;

/// Longest subject, in characters.
const SUBJECT: usize = 120;

/// A mail ready to be shown. It may hold a one-time link: it has no `Debug` and is never stored.
pub(super) struct Words {
    subject: String,
    blocks: Vec<Block>,
}

enum Block {
    Paragraph(Vec<String>),
    /// A web address that stands alone, after what it is for.
    Link(String, Zeroizing<String>),
    Facts(Vec<(&'static str, String)>),
}

impl Words {
    /// The first two lines: from whom and for what, and until when or since when.
    pub(super) fn new(subject: String, first: String, second: String) -> Self {
        Self {
            subject: line(&subject).chars().take(SUBJECT).collect(),
            blocks: vec![Block::Paragraph(vec![line(&first), line(&second)])],
        }
    }

    pub(super) fn paragraph(mut self, text: impl AsRef<str>) -> Self {
        self.blocks
            .push(Block::Paragraph(vec![line(text.as_ref())]));
        self
    }

    pub(super) fn facts<const N: usize>(mut self, facts: [(&'static str, &str); N]) -> Self {
        let facts = facts.map(|(label, value)| (label, line(value)));
        self.blocks.push(Block::Facts(facts.into()));
        self
    }

    pub(super) fn link(mut self, label: &str, address: impl Into<Zeroizing<String>>) -> Self {
        self.blocks.push(Block::Link(line(label), address.into()));
        self
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for block in &self.blocks {
            if !text.is_empty() {
                text.push('\n');
            }
            // Writing to a string does not fail.
            let _ = match block {
                Block::Paragraph(lines) => writeln!(text, "{}", lines.join("\n")),
                Block::Link(label, address) => writeln!(text, "{label}:\n{}", **address),
                Block::Facts(facts) => facts
                    .iter()
                    .try_for_each(|(label, value)| writeln!(text, "{label}: {value}")),
            };
        }
        text
    }

    pub(super) fn html(&self) -> String {
        let mut body = String::new();
        for block in &self.blocks {
            let inner = match block {
                Block::Paragraph(lines) => joined(lines.iter().map(|line| escape(line))),
                Block::Link(label, address) => {
                    let address = escape(address);
                    format!(
                        "{}:<br>\n<a href=\"{address}\">{address}</a>",
                        escape(label)
                    )
                }
                Block::Facts(facts) => joined(
                    facts
                        .iter()
                        .map(|(label, value)| format!("<b>{label}:</b> {}", escape(value))),
                ),
            };
            let _ = writeln!(body, "<p>{inner}</p>");
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n</head>\n\
             <body style=\"font: 16px/1.5 system-ui, sans-serif; max-width: 36em; margin: 1.5em; \
             overflow-wrap: anywhere\">\n{body}</body>\n</html>\n",
            escape(&self.subject)
        )
    }
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("<br>\n")
}

/// One line: no line ends, which would fake headers or lines of ours; no control characters; none
/// that hide or reorder what is read (Unicode Technical Report 36, section 2.8).
fn line(text: &str) -> String {
    let visible = text.chars().filter(|c| {
        !matches!(
            *c,
            '\u{AD}'
                | '\u{61C}'
                | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{E0000}'..='\u{E007F}'
        )
    });
    let spaced: String = visible
        .map(|c| {
            let breaks = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            if breaks { ' ' } else { c }
        })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_in_a_value_starts_no_line() {
        let words = Words::new("a\r\nBcc: x@example.com".into(), "b\nc".into(), "d".into())
            .paragraph("e\u{2028}f\u{85}g\0h")
            .facts([("Name", "i\r\n\r\nj")]);
        assert_eq!(words.subject(), "a Bcc: x@example.com");
        assert_eq!(words.text(), "b c\nd\n\ne f g h\n\nName: i j\n");
    }

    #[test]
    fn what_hides_or_reorders_is_left_out() {
        assert_eq!(line("pay\u{202E}lap\u{200B}\u{2066}\u{FEFF}!"), "paylap!");
    }

    #[test]
    fn markup_in_a_value_stays_text() {
        let hostile = "</p><script>alert('1')</script><img src=\"x\"> &amp;";
        let html = Words::new(hostile.into(), hostile.into(), hostile.into())
            .facts([("Name", hostile)])
            .link(hostile, hostile.to_owned())
            .html();
        for markup in ["<script", "<img", "</p><", "('1')", "src=\"x"] {
            assert!(!html.replace("</p>\n<", "").contains(markup), "{markup}");
        }
        assert_eq!(html.matches("&lt;script&gt;alert(&#39;1&#39;)").count(), 7);
    }

    #[test]
    fn a_long_subject_is_cut() {
        let words = Words::new("é".repeat(500), String::new(), String::new());
        assert_eq!(words.subject().chars().count(), SUBJECT);
    }
}
