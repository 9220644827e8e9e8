//! What everything in the browser rests on: Chromium, its virtual authenticators, and the tools
//! that the other tests judge pages by.

#![cfg(test)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};
use tests::browser::{Authenticator, Browser, Scheme};

/// A loopback server with one page, for as long as the tests run; gives its address.
fn serve(page: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\
                 Content-Security-Policy: default-src 'none'; img-src 'self'\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len(),
            );
        }
    });
    format!("http://localhost:{port}/")
}

const GOOD: &str = "<!doctype html><html lang=en><title>Good</title><main><h1>Good</h1></main>";

/// Makes a credential and uses it, as the portal's pages do: PRF asked for both times.
const CREATE_AND_GET: &str = "
    const done = arguments[arguments.length - 1];
    const prf = { eval: { first: new TextEncoder().encode('latchkey/device/v1') } };
    const secret = (credential) => {
        const results = credential.getClientExtensionResults().prf?.results;
        return results ? [...new Uint8Array(results.first)] : null;
    };
    (async () => {
        const created = await navigator.credentials.create({ publicKey: {
            rp: { id: 'localhost', name: 'Latchkey' },
            user: { id: new Uint8Array(16), name: 'a', displayName: 'A' },
            challenge: new Uint8Array(32),
            pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
            authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
            extensions: { prf },
        } });
        const get = async () => secret(await navigator.credentials.get({ publicKey: {
            challenge: new Uint8Array(32), rpId: 'localhost', allowCredentials: [],
            userVerification: 'required', extensions: { prf },
        } }));
        return {
            enabled: created.getClientExtensionResults().prf?.enabled ?? false,
            atCreate: secret(created), atGet: await get(), again: await get(),
        };
    })().then(done, (error) => done(String(error)));";

async fn ceremony(kind: Authenticator) -> Value {
    let browser = Browser::start().await.unwrap();
    browser.goto(serve(GOOD)).await.unwrap();
    let id = browser.add_authenticator(kind).await.unwrap();
    let outcome = browser
        .execute_async(CREATE_AND_GET, vec![])
        .await
        .unwrap()
        .json()
        .clone();
    assert_eq!(browser.credentials(&id).await.unwrap().len(), 1);
    browser.assert_quiet().await.unwrap();
    browser.quit().await.unwrap();
    outcome
}

fn is_secret(value: &Value) -> bool {
    value.as_array().is_some_and(|bytes| bytes.len() == 32)
}

#[tokio::test]
async fn prf_at_create_gives_one_secret_at_create_and_at_each_get() {
    let outcome = ceremony(Authenticator::PrfAtCreate).await;
    assert_eq!(outcome["enabled"], true);
    assert!(is_secret(&outcome["atCreate"]), "{outcome}");
    assert_eq!(outcome["atCreate"], outcome["atGet"]);
    assert_eq!(outcome["atGet"], outcome["again"]);
}

#[tokio::test]
async fn prf_at_get_is_enabled_at_create_and_gives_one_secret_at_each_get() {
    let outcome = ceremony(Authenticator::PrfAtGet).await;
    assert_eq!(outcome["enabled"], true, "{outcome}");
    assert_eq!(outcome["atCreate"], Value::Null);
    assert!(is_secret(&outcome["atGet"]), "{outcome}");
    assert_eq!(outcome["atGet"], outcome["again"]);
}

#[tokio::test]
async fn without_prf_the_ceremonies_succeed_and_give_no_secret() {
    let outcome = ceremony(Authenticator::NoPrf).await;
    let nothing = json!({ "enabled": false, "atCreate": null, "atGet": null, "again": null });
    assert_eq!(outcome, nothing);
}

#[tokio::test]
async fn a_removed_authenticator_takes_its_credentials_along() {
    let browser = Browser::start().await.unwrap();
    browser.goto(serve(GOOD)).await.unwrap();
    let id = browser
        .add_authenticator(Authenticator::PrfAtCreate)
        .await
        .unwrap();
    let first = browser
        .execute_async(CREATE_AND_GET, vec![])
        .await
        .unwrap()
        .json()
        .clone();
    let credential = browser.credentials(&id).await.unwrap().remove(0);
    browser.remove_authenticator(&id).await.unwrap();

    let other = browser
        .add_authenticator(Authenticator::PrfAtCreate)
        .await
        .unwrap();
    assert!(browser.credentials(&other).await.unwrap().is_empty());
    browser.add_credential(&other, &credential).await.unwrap();
    assert_eq!(browser.credentials(&other).await.unwrap().len(), 1);
    assert!(is_secret(&first["atGet"]));
    browser.quit().await.unwrap();
}

#[tokio::test]
async fn an_error_on_the_console_is_noticed() {
    let browser = Browser::start().await.unwrap();
    browser.goto(serve(GOOD)).await.unwrap();
    browser.assert_quiet().await.unwrap();
    browser
        .execute("console.error('planted')", vec![])
        .await
        .unwrap();
    let why = browser.assert_quiet().await.unwrap_err().to_string();
    assert!(why.contains("planted"), "{why}");
    browser
        .execute("console.error('planted')", vec![])
        .await
        .unwrap();
    browser.assert_quiet_but_for(&["planted"]).await.unwrap();
    browser.quit().await.unwrap();
}

#[tokio::test]
async fn a_breach_of_the_content_security_policy_is_noticed() {
    let browser = Browser::start().await.unwrap();
    browser
        .goto(serve("<!doctype html><title>Bad</title><script>1</script>"))
        .await
        .unwrap();
    let why = browser.assert_quiet().await.unwrap_err().to_string();
    assert!(why.contains("Content Security Policy"), "{why}");
    browser.quit().await.unwrap();
}

#[tokio::test]
async fn axe_passes_a_good_page_and_names_what_is_wrong_with_another_in_one_scheme() {
    const DARK_ON_DARK: &str = "<!doctype html><html lang=en><title>Bad</title><main><h1>Bad</h1>";
    let browser = Browser::start().await.unwrap();
    browser.goto(serve(GOOD)).await.unwrap();
    browser.assert_accessible().await.unwrap();

    browser.goto(serve(DARK_ON_DARK)).await.unwrap();
    let darken = "
        const sheet = new CSSStyleSheet();
        sheet.replaceSync('@media (prefers-color-scheme: dark) { h1 { color: #eee } }');
        document.adoptedStyleSheets = [sheet];";
    browser.execute(darken, vec![]).await.unwrap();
    browser.colour_scheme(Scheme::Light).await.unwrap();
    assert!(browser.axe().await.unwrap().is_empty());
    let why = browser.assert_accessible().await.unwrap_err().to_string();
    assert!(
        why.contains("color-contrast") && why.contains("dark"),
        "{why}"
    );
    browser.quit().await.unwrap();
}

#[tokio::test]
async fn a_screenshot_has_the_width_that_was_asked_for() {
    let browser = Browser::start().await.unwrap();
    browser.goto(serve(GOOD)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = browser
        .screenshot(folder.path(), "harness", 390, 844, Scheme::Dark)
        .await
        .unwrap();
    let png = std::fs::read(&file).unwrap();
    // The PNG header: width and height follow the IHDR tag.
    assert_eq!(
        png[16..24],
        [390_u32.to_be_bytes(), 844_u32.to_be_bytes()].concat()
    );
    browser.quit().await.unwrap();
}
