//! Promises that every page keeps, in each of its states.
#![cfg(feature = "ssr")]

#[path = "../examples/samples/mod.rs"]
mod samples;

use app::render::{Assets, Document, render};
use samples::HOSTILE;

const NONCE: &str = "dGhlIG5vbmNl";

fn document() -> Document {
    Document {
        nonce: NONCE.to_owned(),
        lang: "en".to_owned(),
        brand: "Alder Works".to_owned(),
        assets: Assets {
            css: "/assets/app.css".to_owned(),
            js: "/assets/app.js".to_owned(),
            wasm: "/assets/app.wasm".to_owned(),
            icon: "/assets/icon.svg".to_owned(),
        },
    }
}

fn rendered() -> Vec<(String, String)> {
    samples::all()
        .into_iter()
        .map(|(name, make)| (name, render(make, &document())))
        .collect()
}

/// The start tags of a document, each from `<` to `>`, outside of the one script.
fn start_tags(html: &str) -> Vec<&str> {
    html.split('<')
        .filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()))
        .filter_map(|part| part.split_once('>').map(|(tag, _)| tag))
        .collect()
}

/// The names of a tag's attributes; values are quoted with `"` and hold none.
fn attribute_names(tag: &str) -> Vec<String> {
    tag.split('"')
        .step_by(2)
        .flat_map(|outside| {
            outside
                .split_whitespace()
                .map(|word| word.trim_end_matches('=').to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The document without the elements that are `hidden`: what a browser shows before a script ran.
fn without_hidden(html: &str) -> String {
    let mut shown = String::new();
    let mut rest = html;
    while let Some((before, tag, after)) = next_hidden(rest) {
        shown.push_str(before);
        let name = tag.split([' ', '>']).next().unwrap_or_default();
        rest = after_end(after, name);
    }
    shown + rest
}

fn next_hidden(html: &str) -> Option<(&str, &str, &str)> {
    html.match_indices('<').find_map(|(at, _)| {
        let (before, tag) = html.split_at(at);
        let (tag, after) = tag.strip_prefix('<')?.split_once('>')?;
        let hidden = attribute_names(tag).iter().any(|name| name == "hidden");
        hidden.then_some((before, tag, after))
    })
}

/// What follows the end tag of the element `name` that is open where `html` begins.
fn after_end<'a>(html: &'a str, name: &str) -> &'a str {
    let (start, end) = (format!("<{name}"), format!("</{name}>"));
    html.match_indices(&end)
        .map(|(at, _)| html.split_at(at))
        .find(|(inside, _)| inside.matches(&start).count() == inside.matches(&end).count())
        .map_or("", |(_, after)| after.strip_prefix(&end).unwrap_or(after))
}

#[test]
fn every_page_renders_in_every_state_without_a_server() {
    let pages = rendered();
    println!("{} page states", pages.len());
    assert!(pages.len() >= 160, "only {} page states", pages.len());
    for (name, html) in pages {
        assert!(
            html.starts_with("<!doctype html>") && html.ends_with("</html>"),
            "{name}"
        );
        assert_eq!(
            without_hidden(&html).matches("<h1").count(),
            1,
            "{name} shows one heading of its own"
        );
        assert_eq!(html.matches("<main").count(), 1, "{name} has one main");
    }
}

#[test]
fn markup_submitted_into_every_field_of_every_view_model_stays_text() {
    let mut seen = 0;
    for (name, html) in rendered()
        .into_iter()
        .filter(|(name, _)| name.ends_with("-hostile"))
    {
        seen += html.matches("&lt;/textarea&gt;").count();
        for sink in [
            "<img",
            "<script>",
            "</textarea></title>",
            "onerror=alert(1)>",
        ] {
            assert!(!html.contains(sink), "{name} lets {sink} through");
        }
        let scripts = html.matches("<script").count();
        assert!(scripts <= 1, "{name} has {scripts} scripts");
        // What opens as a textarea or title is closed exactly once: nothing broke out of it.
        for element in ["textarea", "title", "script"] {
            assert_eq!(
                html.matches(&format!("<{element}")).count(),
                html.matches(&format!("</{element}>")).count(),
                "{name}: {element}"
            );
        }
    }
    assert!(seen > 500, "the payload reached only {seen} places");
}

#[test]
fn a_textarea_gives_back_exactly_what_was_typed() {
    let html = rendered()
        .into_iter()
        .find_map(|(name, html)| (name == "request-edit-hostile").then_some(html))
        .unwrap_or_default();
    let area = html
        .split("<textarea")
        .nth(1)
        .and_then(|rest| rest.split_once('>'))
        .and_then(|(_, rest)| rest.split_once("</textarea>"))
        .map(|(text, _)| text)
        .unwrap_or_default();
    let typed = area
        .strip_prefix('\n')
        .unwrap_or(area)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    assert!(typed.ends_with(HOSTILE), "{typed}");
}

#[test]
fn no_page_needs_an_inline_script_without_a_nonce_an_inline_style_or_an_inline_handler() {
    for (name, html) in rendered() {
        for tag in start_tags(&html) {
            if tag.starts_with("script") {
                assert!(tag.contains(&format!("nonce=\"{NONCE}\"")), "{name}: {tag}");
            }
            for attribute in attribute_names(tag) {
                assert_ne!(attribute, "style", "{name}: {tag}");
                assert!(!attribute.starts_with("on"), "{name}: {tag}");
            }
        }
        assert!(!html.contains("javascript:"), "{name} links to a script");
    }
}

#[test]
fn only_pages_with_an_island_load_a_script() {
    for (name, html) in rendered() {
        assert_eq!(
            html.contains("<leptos-island"),
            html.contains("<script"),
            "{name}"
        );
    }
}

#[test]
fn every_page_is_below_30_kilobytes_with_its_style() {
    let css = app::style::sheet().len();
    for (name, html) in rendered()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("-hostile"))
    {
        assert!(
            html.len() + css < 30_000,
            "{name}: {} bytes of HTML and {css} of CSS",
            html.len()
        );
    }
}

#[test]
fn ids_are_unique_and_every_label_and_description_points_at_one() {
    for (name, html) in rendered() {
        let mut ids: Vec<String> = values(&html, " id=");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name} has an id twice");
        let pointers = [" for=", " aria-describedby="];
        for target in pointers
            .iter()
            .flat_map(|attribute| values(&html, attribute))
        {
            for id in target.split(' ') {
                assert!(
                    ids.iter().any(|known| known == id),
                    "{name}: nothing has the id {id}"
                );
            }
        }
    }
}

#[test]
fn every_unsafe_form_is_a_post_and_every_error_has_its_field() {
    for (name, html) in rendered() {
        for tag in start_tags(&html)
            .into_iter()
            .filter(|tag| tag.starts_with("form"))
        {
            assert!(
                tag.contains("method=\"post\"") || tag.contains("role=\"search\""),
                "{name}: {tag}"
            );
        }
        for target in values(&html, " href=")
            .iter()
            .filter_map(|href| href.strip_prefix("#f-"))
        {
            assert!(
                html.contains(&format!("id=\"f-{target}\"")),
                "{name}: an error links to {target}, which is not there"
            );
        }
    }
}

/// The values of an attribute, which are quoted.
fn values(html: &str, attribute: &str) -> Vec<String> {
    start_tags(html)
        .into_iter()
        .flat_map(|tag| {
            tag.split(&format!("{attribute}\""))
                .skip(1)
                .filter_map(|rest| rest.split_once('"').map(|(value, _)| value.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}
