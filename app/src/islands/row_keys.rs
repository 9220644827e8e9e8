use core::iter::successors;

use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::browser::{document, window};
use super::part::{Root, listen};

/// `j`, `k` and Enter in the table with the id `table_id`.
#[cfg(feature = "ssr")]
#[leptos::component]
pub fn RowKeys(table_id: String) -> impl leptos::prelude::IntoView {
    use leptos::prelude::*;

    let body = view! { <span class="sr" role="status" data-part="place"></span> };
    super::body::island("RowKeys", &serde_json::json!({"table_id": table_id}), body)
}

pub(super) fn start(root: &Root) {
    let (table_id, place) = (root.given("table_id"), root.part("place"));
    listen(&window(), "keydown", move |event| {
        let key = event.dyn_ref().and_then(Key::of);
        if let Some(said) = key.and_then(|key| press(&table_id, key)) {
            event.prevent_default();
            place.say(&said);
        }
    });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Down,
    Up,
    Open,
}

impl Key {
    /// Nothing while somebody types or means another shortcut.
    fn of(event: &KeyboardEvent) -> Option<Self> {
        let modified = event.ctrl_key() || event.alt_key() || event.meta_key();
        let target: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
        let busy = |element: &Element| {
            let typing = "input, textarea, select, [contenteditable], dialog";
            matches!(element.closest(typing), Ok(Some(_)))
        };
        if modified || target.as_ref().is_some_and(busy) {
            return None;
        }
        match event.key().as_str() {
            "j" => Some(Self::Down),
            "k" => Some(Self::Up),
            // A link or button that has the focus takes Enter itself.
            "Enter"
                if !target
                    .is_some_and(|t| matches!(t.closest("a, button, summary"), Ok(Some(_)))) =>
            {
                Some(Self::Open)
            }
            _ => None,
        }
    }
}

/// Moves the selection or opens what is selected, and says where that is.
fn press(table_id: &str, key: Key) -> Option<String> {
    let rows = rows(table_id)?;
    let here = rows.iter().position(is_selected);
    let (at, row) = match key {
        Key::Open => {
            link(rows.get(here?)?)?.click();
            return None;
        }
        Key::Down | Key::Up => {
            let at = moved(here, key == Key::Down, rows.len())?;
            (at, rows.get(at)?)
        }
    };
    for row in &rows {
        let _ = row.remove_attribute("aria-selected");
    }
    let _ = row.set_attribute("aria-selected", "true");
    // The link takes the focus, so Enter opens it and a screen reader reads it.
    if let Some(link) = link(row) {
        let _ = link.focus();
    }
    Some(format!("Row {} of {}", at + 1, rows.len()))
}

/// Stays at both ends.
fn moved(here: Option<usize>, down: bool, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(match (here, down) {
        (None, _) => 0,
        (Some(here), true) => here.saturating_add(1).min(last),
        (Some(here), false) => here.saturating_sub(1).min(last),
    })
}

fn rows(table_id: &str) -> Option<Vec<Element>> {
    let table = document().get_element_by_id(table_id)?;
    let body = table.query_selector("tbody").ok()??;
    let rows = successors(body.first_element_child(), Element::next_element_sibling);
    Some(rows.collect())
}

/// Where the focus is, or else what was selected last.
fn is_selected(row: &Element) -> bool {
    row.get_attribute("aria-selected").is_some()
        || document()
            .active_element()
            .is_some_and(|active| row.contains(Some(&active)))
}

fn link(row: &Element) -> Option<HtmlElement> {
    row.query_selector("a[href]").ok()??.dyn_into().ok()
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn the_first_key_selects_the_first_row() {
        assert_eq!(moved(None, true, 3), Some(0));
        assert_eq!(moved(None, false, 3), Some(0));
    }

    #[test]
    fn the_selection_stays_within_the_table() {
        assert_eq!(moved(Some(1), true, 3), Some(2));
        assert_eq!(moved(Some(2), true, 3), Some(2));
        assert_eq!(moved(Some(0), false, 3), Some(0));
        assert_eq!(moved(Some(0), true, 0), None);
    }
}
