//! From a page to a whole HTML document, synchronously and without a web framework.

use std::sync::Arc;

use hydration_context::SsrSharedContext;
use leptos::prelude::*;

/// What a page function returns.
pub struct Page {
    /// Shown in the window's title, before the host's name.
    pub title: String,
    pub body: AnyView,
}

/// What the response knows and the page does not.
#[derive(Clone, Debug)]
pub struct Document {
    /// Fresh for each response; the same value stands in the `Content-Security-Policy` header.
    pub nonce: String,
    pub lang: String,
    /// The host's name, as the title's end.
    pub brand: String,
    pub assets: Assets,
}

/// Where the static files are served.
#[derive(Clone, Debug)]
pub struct Assets {
    pub css: String,
    pub js: String,
    pub wasm: String,
    pub icon: String,
}

/// Renders the document. Pages without an island carry no script at all.
pub fn render(page: impl FnOnce() -> Page, document: &Document) -> String {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let (title, body) = owner.with(|| {
        let page = page();
        (page.title, page.body.to_html())
    });
    owner.unset_with_forced_cleanup();
    whole(&title, &body, document)
}

fn whole(title: &str, body: &str, document: &Document) -> String {
    let Document {
        nonce,
        lang,
        brand,
        assets,
    } = document;
    let script = if body.contains("<leptos-island") {
        starter(nonce, assets)
    } else {
        String::new()
    };
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title} · {brand}</title>\
         <link rel=\"stylesheet\" href=\"{css}\"><link rel=\"icon\" href=\"{icon}\">{script}\
         </head><body>{body}</body></html>",
        lang = escape(lang),
        title = escape(title),
        brand = escape(brand),
        css = escape(&assets.css),
        icon = escape(&assets.icon),
    )
}

/// Loads the wasm module and hands it each island in document order. When that fails, the
/// sentence that each island keeps for the purpose is shown.
fn starter(nonce: &str, assets: &Assets) -> String {
    let Assets { js, wasm, .. } = assets;
    format!(
        "<link rel=\"modulepreload\" href=\"{js_attr}\" nonce=\"{nonce}\">\
         <link rel=\"preload\" href=\"{wasm_attr}\" as=\"fetch\" type=\"application/wasm\" crossorigin>\
         <script type=\"module\" nonce=\"{nonce}\">\
         try{{const m=await import({js});await m.default({{module_or_path:{wasm}}});\
         for(const e of document.querySelectorAll(\"leptos-island\"))m.start(e)}}\
         catch(e){{for(const n of document.querySelectorAll(\"[data-no-wasm]\"))n.hidden=false;throw e}}\
         </script>",
        js_attr = escape(js),
        wasm_attr = escape(wasm),
        nonce = escape(nonce),
        js = script_string(js),
        wasm = script_string(wasm),
    )
}

/// Text made safe for element content and for quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A JavaScript string literal that cannot end its `<script>`.
fn script_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            ' '..='~' if !matches!(c, '"' | '\\' | '<' | '>' | '&') => out.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::islands::SignIn;

    fn document() -> Document {
        Document {
            nonce: "bm9uY2U".to_owned(),
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

    #[test]
    fn a_page_without_an_island_has_no_script() {
        let html = render(
            || Page {
                title: "Plain".to_owned(),
                body: view! { <p>"Text"</p> }.into_any(),
            },
            &document(),
        );
        assert!(html.starts_with("<!doctype html>"));
        assert!(!html.contains("<script"));
    }

    #[test]
    fn a_page_with_an_island_has_one_script_and_it_has_the_nonce() {
        let html = render(
            || Page {
                title: "Sign in".to_owned(),
                body: view! { <SignIn return_to="/".to_owned()/> }.into_any(),
            },
            &document(),
        );
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("<script type=\"module\" nonce=\"bm9uY2U\">"));
        assert!(html.contains("data-component=\"SignIn\""));
    }

    #[test]
    fn a_title_cannot_leave_its_element() {
        let html = render(
            || Page {
                title: "</title><script>".to_owned(),
                body: ().into_any(),
            },
            &document(),
        );
        assert!(!html.contains("<script"));
    }

    #[test]
    fn a_script_string_cannot_leave_its_script() {
        assert_eq!(
            script_string("a</script>\"𝄞"),
            "\"a\\u003c/script\\u003e\\u0022\\ud834\\udd1e\""
        );
    }
}
