//! The nodes of an island as the server rendered them: found by `data-part`, shown and hidden by
//! `data-phase`, which lists the phases in which a node is seen.

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use web_sys::{Element, Event, EventTarget, HtmlElement, HtmlInputElement};

/// The island's own element.
#[derive(Clone)]
pub(super) struct Root(HtmlElement);

/// One node. A part that is not on the page, such as a field that only some pages have, is empty
/// and takes everything without effect.
#[derive(Clone)]
pub(super) struct Part(Option<HtmlElement>);

impl Root {
    pub(super) const fn new(island: HtmlElement) -> Self {
        Self(island)
    }

    /// A text that the server gave the island; empty where it gave none.
    pub(super) fn given(&self, name: &str) -> String {
        let all = self.0.get_attribute("data-props").unwrap_or_default();
        JSON::parse(&all)
            .and_then(|all| Reflect::get(&all, &name.into()))
            .ok()
            .and_then(|value| value.as_string())
            .unwrap_or_default()
    }

    pub(super) fn part(&self, name: &str) -> Part {
        self.first(&format!("[data-part=\"{name}\"]"))
    }

    /// Shows what belongs to this phase and hides the rest. A heading that can take the focus
    /// does, so that what has changed is read out.
    pub(super) fn enter(&self, phase: &str) {
        let Ok(nodes) = self.0.query_selector_all("[data-phase]") else {
            return;
        };
        for at in 0..nodes.length() {
            let node = nodes
                .get(at)
                .and_then(|node| node.dyn_into::<Element>().ok());
            let phases = node
                .as_ref()
                .and_then(|node| node.get_attribute("data-phase"));
            if let (Some(node), Some(phases)) = (node, phases) {
                let seen = phases.split_ascii_whitespace().any(|seen| seen == phase);
                set(&node, "hidden", !seen);
            }
        }
        self.first(&format!("[data-phase=\"{phase}\"] h1[tabindex]"))
            .focus();
    }

    fn first(&self, selector: &str) -> Part {
        let found = self.0.query_selector(selector).ok().flatten();
        Part(found.and_then(|found| found.dyn_into().ok()))
    }
}

impl Part {
    /// As one text node.
    pub(super) fn say(&self, text: &str) {
        if let Some(node) = &self.0 {
            node.set_text_content(Some(text));
        }
    }

    pub(super) fn show(&self, seen: bool) {
        self.set("hidden", !seen);
    }

    pub(super) fn is_shown(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|node| !node.has_attribute("hidden"))
    }

    pub(super) fn enable(&self, enabled: bool) {
        self.set("disabled", !enabled);
    }

    pub(super) fn attribute(&self, name: &str, value: &str) {
        if let Some(node) = &self.0 {
            let _ = node.set_attribute(name, value);
        }
    }

    pub(super) fn focus(&self) {
        if let Some(node) = &self.0 {
            let _ = node.focus();
        }
    }

    /// What is typed into a field.
    pub(super) fn typed(&self) -> String {
        self.field().map(|field| field.value()).unwrap_or_default()
    }

    pub(super) fn fill(&self, text: &str) {
        if let Some(field) = self.field() {
            field.set_value(text);
        }
    }

    pub(super) fn on(&self, event: &str, act: impl FnMut(Event) + 'static) {
        if let Some(node) = &self.0 {
            listen(node, event, act);
        }
    }

    pub(super) const fn node(&self) -> Option<&HtmlElement> {
        self.0.as_ref()
    }

    fn field(&self) -> Option<&HtmlInputElement> {
        self.0.as_ref().and_then(|node| node.dyn_ref())
    }

    fn set(&self, name: &str, is_set: bool) {
        if let Some(node) = &self.0 {
            set(node, name, is_set);
        }
    }
}

fn set(node: &Element, name: &str, is_set: bool) {
    let _ = node.toggle_attribute_with_force(name, is_set);
}

/// For as long as the page is there.
pub(super) fn listen(target: &EventTarget, event: &str, act: impl FnMut(Event) + 'static) {
    let act: Box<dyn FnMut(Event)> = Box::new(act);
    let act = Closure::wrap(act).into_js_value();
    let _ = target.add_event_listener_with_callback(event, act.unchecked_ref());
}
