//! The browser around an island: address, clock, requests, clipboard, downloads.

use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, Document, Headers, HtmlAnchorElement, Location, RequestCredentials,
    RequestInit, RequestMode, Response, Url, Window,
};
use zeroize::Zeroizing;

use super::failure::{Failure, Problem};
use super::json;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded;charset=UTF-8";

#[expect(clippy::expect_used, reason = "what runs here was started by a page")]
pub(super) fn window() -> Window {
    web_sys::window().expect("a window")
}

#[expect(clippy::expect_used, reason = "what runs here was started by a page")]
pub(super) fn document() -> Document {
    window().document().expect("a document")
}

fn location() -> Location {
    window().location()
}

/// Something that is to happen later, or again and again.
#[derive(Clone, Copy)]
pub(super) struct Timer(i32);

impl Timer {
    /// One call for both kinds (HTML, section 8.7: they share one list).
    pub(super) fn stop(self) {
        window().clear_timeout_with_handle(self.0);
    }
}

pub(super) fn after(pause: Duration, act: impl FnOnce() + 'static) -> Option<Timer> {
    let act: Box<dyn FnOnce()> = Box::new(act);
    let act = Closure::once_into_js(act);
    let timer = window()
        .set_timeout_with_callback_and_timeout_and_arguments_0(act.unchecked_ref(), millis(pause));
    timer.ok().map(Timer)
}

pub(super) fn every(period: Duration, act: impl FnMut() + 'static) -> Option<Timer> {
    let act: Box<dyn FnMut()> = Box::new(act);
    let act = Closure::wrap(act).into_js_value();
    let timer = window().set_interval_with_callback_and_timeout_and_arguments_0(
        act.unchecked_ref(),
        millis(period),
    );
    timer.ok().map(Timer)
}

fn millis(span: Duration) -> i32 {
    i32::try_from(span.as_millis()).unwrap_or(i32::MAX)
}

/// Takes what follows `#` out of the address bar and out of this entry of the history. The
/// fragment never reaches the server, and after this nobody who looks at the window either.
pub(super) fn take_fragment() -> Option<Zeroizing<String>> {
    let location = location();
    let fragment = Zeroizing::new(location.hash().ok()?);
    let path = location.pathname().ok()? + &location.search().ok()?;
    let replaced = window()
        .history()
        .and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&path)));
    let secret = fragment.strip_prefix('#').unwrap_or(&fragment);
    (replaced.is_ok() && !secret.is_empty()).then(|| Zeroizing::new(secret.to_owned()))
}

pub(super) fn origin() -> String {
    location().origin().unwrap_or_default()
}

pub(super) fn path() -> String {
    location().pathname().unwrap_or_default()
}

pub(super) fn user_agent() -> String {
    window().navigator().user_agent().unwrap_or_default()
}

/// Milliseconds since the Unix epoch.
pub(super) fn now() -> f64 {
    js_sys::Date::now()
}

/// The same, of an RFC 3339 time.
pub(super) fn instant(rfc_3339: &str) -> Option<f64> {
    Some(js_sys::Date::parse(rfc_3339)).filter(|at| at.is_finite())
}

/// `14:05`, where the person is.
pub(super) fn clock_time(rfc_3339: &str) -> Option<String> {
    let at = instant(rfc_3339)?;
    let date = js_sys::Date::new(&JsValue::from_f64(at));
    Some(format!("{:02}:{:02}", date.get_hours(), date.get_minutes()))
}

/// Leaves for a path on this origin.
pub(super) fn go(path: &str) -> Result<(), Failure> {
    match is_own_path(path) {
        true => location().assign(path).map_err(|_| Failure::Unreadable),
        false => Err(Failure::Unreadable),
    }
}

/// `/x`, but neither `//host` nor `/\host`, which browsers take for another origin.
pub(super) fn is_own_path(path: &str) -> bool {
    path.strip_prefix('/')
        .is_some_and(|rest| !rest.starts_with(['/', '\\']))
        && !path.contains(|c: char| c.is_ascii_control())
}

/// What a request came back with.
pub(super) struct Answer {
    status: u16,
    body: Zeroizing<String>,
    retry_after: Option<u64>,
    /// The server's clock when it answered, in milliseconds since the Unix epoch.
    pub(super) server_time: Option<f64>,
}

impl Answer {
    pub(super) fn read<R: DeserializeOwned>(&self) -> Result<R, Failure> {
        match self.status {
            200..300 => json::read(&self.body).map_err(|_| Failure::Unreadable),
            status => Err(Failure::Refused(Problem::read(
                status,
                &self.body,
                self.retry_after,
            ))),
        }
    }
}

/// Posts JSON to a path on this origin and reads JSON.
pub(super) async fn post<R: DeserializeOwned>(
    path: &str,
    body: &impl Serialize,
) -> Result<R, Failure> {
    post_for_answer(path, body).await?.read()
}

pub(super) async fn post_for_answer(path: &str, body: &impl Serialize) -> Result<Answer, Failure> {
    let body = serde_json::to_string(body).map_err(|_| Failure::Unreadable)?;
    send(path, JSON, &JsValue::from_str(&Zeroizing::new(body))).await
}

/// Posts a form's fields, as the form itself would.
pub(super) async fn post_form(path: &str, fields: &str) -> Result<Answer, Failure> {
    send(path, FORM, &JsValue::from_str(fields)).await
}

async fn send(path: &str, content_type: &str, body: &JsValue) -> Result<Answer, Failure> {
    if !is_own_path(path) {
        return Err(Failure::Unreadable);
    }
    fetch(path, content_type, body)
        .await
        .map_err(|_| Failure::NoAnswer)
}

async fn fetch(path: &str, content_type: &str, body: &JsValue) -> Result<Answer, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", content_type)?;
    headers.set("accept", "application/json, application/problem+json")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_mode(RequestMode::SameOrigin);
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_headers_headers(&headers);
    init.set_body(body);
    let response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?;
    let response: Response = response.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    let header = |name| response.headers().get(name).ok().flatten();
    Ok(Answer {
        status: response.status(),
        body: Zeroizing::new(text.as_string().unwrap_or_default()),
        retry_after: header("retry-after").and_then(|seconds| seconds.trim().parse().ok()),
        server_time: header("date").and_then(|date| instant(&date)),
    })
}

/// Puts `text` on the clipboard; browsers may refuse.
pub(super) async fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    // Without a secure context there is no clipboard, whatever the type says.
    if clipboard.is_undefined() {
        return false;
    }
    JsFuture::from(clipboard.write_text(text)).await.is_ok()
}

/// Selects what is in `element`, ready to be copied by hand.
pub(super) fn select(element: &web_sys::Node) {
    if let Ok(Some(selection)) = window().get_selection() {
        let _ = selection.select_all_children(element);
    }
}

/// Hands `text` to the browser as a file to save. The bytes are in a blob, not in an address.
pub(super) fn save(name: &str, text: &str) -> bool {
    try_save(name, text).is_ok()
}

fn try_save(name: &str, text: &str) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let kind = BlobPropertyBag::new();
    kind.set_type("text/plain;charset=utf-8");
    let blob = Blob::new_with_str_sequence_and_options(&parts, &kind)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // Not at once: the download reads the blob after this turn.
    after(Duration::from_secs(10), move || {
        let _ = Url::revoke_object_url(&url);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_on_this_origin_is_gone_to() {
        assert!(is_own_path("/"));
        assert!(is_own_path("/requests/1?x=//y"));
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:1",
            "/\t/evil.example",
        ] {
            assert!(!is_own_path(path), "{path}");
        }
    }

    #[test]
    fn a_refusal_is_not_taken_for_an_answer() {
        let answer = Answer {
            status: 409,
            body: Zeroizing::new("{\"code\":\"draft-changed\",\"detail\":\"Changed.\"}".to_owned()),
            retry_after: None,
            server_time: None,
        };
        let refused = answer.read::<serde_json::Value>().unwrap_err();
        assert_eq!(refused.code(), Some("draft-changed"));
    }
}
