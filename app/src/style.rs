//! The one style sheet, in the order of its layers.

const SOURCE: &str = concat!(
    include_str!("../../style/tokens.css"),
    include_str!("../../style/base.css"),
    include_str!("../../style/layout.css"),
    include_str!("../../style/components.css"),
    include_str!("../../style/pages.css"),
);

/// The icon, for `<link rel="icon">`.
pub const ICON: &str = include_str!("../../style/icon.svg");

/// The style sheet as it is served: without comments, indentation and line ends.
///
/// Lines are joined by nothing where the first ends in `{`, `}`, `;` or `,`, else by a blank, so
/// no token can grow into its neighbour.
pub fn sheet() -> String {
    let mut out = String::with_capacity(SOURCE.len());
    for line in without_comments(SOURCE).lines() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if !out.is_empty() && !out.ends_with(['{', '}', ';', ',']) {
            out.push(' ');
        }
        out.push_str(line);
    }
    tighten(&out)
}

/// Drops the blanks that no reading of CSS needs: around braces and `>`, and after a colon, a
/// comma or a semicolon. (A descendant before `:is` keeps its blank: it precedes the colon.)
fn tighten(css: &str) -> String {
    css.replace(" { ", "{")
        .replace(" {", "{")
        .replace("; }", "}")
        .replace(";}", "}")
        .replace("} ", "}")
        .replace("; ", ";")
        .replace(": ", ":")
        .replace(" > ", ">")
        .replace(", ", ",")
        .replace(" !important", "!important")
}

fn without_comments(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_begins_with_its_layers_and_has_no_comments() {
        let css = sheet();
        assert!(css.starts_with("@layer tokens,base,layout,components,pages;"));
        assert!(!css.contains("/*"));
        assert_eq!(css.matches('{').count(), css.matches('}').count());
    }

    #[test]
    fn the_sheet_leaves_half_of_a_page_to_the_html() {
        assert!(sheet().len() < 17_500, "{} bytes", sheet().len());
    }
}
