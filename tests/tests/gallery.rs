//! Every page in each of its states, with the browser part running in it: axe in light and in dark,
//! 320 pixels, twice the size, and nothing on the console.

#![cfg(test)]

#[path = "../../app/examples/samples/mod.rs"]
mod samples;

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, Result};
use app::render::{Assets, Document, render};
use tests::browser::Browser;
use tests::tally;

const NONCE: &str = "Z2FsbGVyeQ";

#[tokio::test]
async fn every_page_is_usable_while_it_is_empty() -> Result<()> {
    walk_through("empty").await
}

#[tokio::test]
async fn every_page_is_usable_when_it_is_full() -> Result<()> {
    walk_through("full").await
}

#[tokio::test]
async fn every_page_is_usable_after_a_refusal() -> Result<()> {
    walk_through("failing").await
}

#[tokio::test]
async fn every_page_is_usable_with_endless_words_and_markup_in_it() -> Result<()> {
    walk_through("hostile").await
}

async fn walk_through(state: &str) -> Result<()> {
    let (pages, origin) = exhibit(state)?;
    let browser = Browser::start().await?;
    browser.usual_window().await?;
    let mut wrong = Vec::new();
    for page in &pages {
        browser.goto(format!("{origin}/{page}")).await?;
        for outcome in [
            browser.assert_accessible().await,
            browser.assert_it_fits().await,
            browser.assert_quiet().await,
        ] {
            wrong.extend(outcome.err().map(|why| format!("{page}: {why}")));
        }
        tally::count("pages", 1);
    }
    browser.quit().await?;
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    anyhow::ensure!(pages.len() > 40, "only {} pages were seen", pages.len());
    Ok(())
}

/// Serves the samples of one state as the portal would, for as long as the test runs. Gives their
/// names, and the address.
fn exhibit(state: &str) -> Result<(Vec<String>, String)> {
    let document = Document {
        nonce: NONCE.to_owned(),
        lang: "en".to_owned(),
        brand: "Alder Works".to_owned(),
        assets: Assets {
            css: "/app.css".to_owned(),
            js: "/app.js".to_owned(),
            wasm: "/app_bg.wasm".to_owned(),
            icon: "/icon.svg".to_owned(),
        },
    };
    let mut files = HashMap::from([
        css(app::style::sheet().into_bytes()),
        (
            "/icon.svg".to_owned(),
            ("image/svg+xml", app::style::ICON.as_bytes().to_vec()),
        ),
    ]);
    for (name, kind) in [
        ("app.js", "text/javascript"),
        ("app_bg.wasm", "application/wasm"),
    ] {
        let site = std::env::var_os("LATCHKEY_SITE").context("LATCHKEY_SITE is not set")?;
        let file = PathBuf::from(site).join("pkg").join(name);
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        files.insert(format!("/{name}"), (kind, bytes));
    }
    let ending = format!("-{state}");
    let mut pages = Vec::new();
    for (name, make) in samples::all() {
        if name.ends_with(&ending) {
            let html = render(make, &document).into_bytes();
            files.insert(format!("/{name}"), ("text/html; charset=utf-8", html));
            pages.push(name);
        }
    }
    Ok((pages, serve(files)?))
}

type Files = HashMap<String, (&'static str, Vec<u8>)>;

fn css(sheet: Vec<u8>) -> (String, (&'static str, Vec<u8>)) {
    ("/app.css".to_owned(), ("text/css; charset=utf-8", sheet))
}

/// Under the policy that the portal's pages have.
fn serve(files: Files) -> Result<String> {
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{NONCE}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let files = Arc::new(files);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (files, policy) = (Arc::clone(&files), policy.clone());
            thread::spawn(move || {
                let mut request = [0; 8192];
                let read = stream.read(&mut request).unwrap_or_default();
                let line = String::from_utf8_lossy(&request[..read]).into_owned();
                let path = line.split(' ').nth(1).unwrap_or_default();
                let nothing = ("text/plain", Vec::new());
                let found = files.get(path);
                let (kind, body) = found.unwrap_or(&nothing);
                let status = if found.is_some() {
                    "200 OK"
                } else {
                    "404 Not Found"
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                     Content-Security-Policy: {policy}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body);
            });
        }
    });
    Ok(format!("http://localhost:{port}"))
}
