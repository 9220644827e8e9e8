//! The clients of `docs/clients/`, as they stand there.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::Embedded;

/// Each with what runs it, and with the program that holds the connection.
const CLIENTS: [(&str, &str, &str); 3] = [
    ("sh", "call.sh", "curl"),
    ("python3", "call.py", "call.py"),
    ("node", "call.mjs", "call.mjs"),
];

fn client(program: &str, file: &str, port: u16, key: &str, path: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients");
    let mut command = Command::new(program);
    command
        .arg(folder.join(file))
        .arg(path)
        .env("SHIPMENTS_KEY", key)
        .env("SHIPMENTS_BASE_URL", format!("http://127.0.0.1:{port}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn said(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// An API that makes trouble; how often `/busy` was called.
async fn trouble() -> Result<(u16, Arc<AtomicUsize>)> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let busy = move || async move {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => (
                StatusCode::TOO_MANY_REQUESTS,
                [("retry-after", "2")],
                "later",
            ),
            _ => (StatusCode::OK, [("retry-after", "0")], "served"),
        }
    };
    let router = Router::new()
        .route("/busy", get(busy))
        .route(
            "/full",
            get(|| async { (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "86400")]) }),
        )
        .route(
            "/away",
            get(|| async { (StatusCode::FOUND, [("location", "/served")]) }),
        )
        .route(
            "/hangs",
            get(|| async { sleep(Duration::from_secs(60)).await }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((port, calls))
}

#[tokio::test]
async fn each_client_calls_and_says_why_it_was_refused() -> Result<()> {
    let embedded = Embedded::set("127.0.0.0/8").await?;
    let key = &embedded.held.key;
    for (program, file, _) in CLIENTS {
        let run = |path| client(program, file, embedded.port, key, path).output();
        let passed = run("/v2/shipments/1").await.context(program)?;
        assert_eq!(
            said(&passed),
            (true, "served".to_owned(), String::new()),
            "{file}"
        );
        assert_eq!(embedded.served().len(), 1, "{file}");
        let refused = said(&run("/v2/invoices").await?);
        let told = "403: This key may not call this endpoint.";
        assert_eq!(refused, (false, String::new(), told.to_owned()), "{file}");
    }
    Ok(())
}

#[tokio::test]
async fn each_client_waits_as_long_as_it_is_told() -> Result<()> {
    for (program, file, _) in CLIENTS {
        let (port, calls) = trouble().await?;
        let start = Instant::now();
        let output = client(program, file, port, "lk_test_x", "/busy")
            .output()
            .await?;
        assert_eq!(said(&output).1, "served", "{file}: {output:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 2, "{file}");
        assert!(start.elapsed() >= Duration::from_secs(2), "{file}");
        for (path, status) in [("/full", "429"), ("/away", "302")] {
            let (ended_well, _, why) =
                said(&client(program, file, port, "x", path).output().await?);
            assert!(
                !ended_well && why.starts_with(status),
                "{file} {path}: {why}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn no_client_shows_the_key_to_the_machine_or_waits_for_ever() -> Result<()> {
    const KEY: &str = "lk_test_NobodyMaySeeThisOnACommandLine";
    let (port, _) = trouble().await?;
    let start = Instant::now();
    let mut running = Vec::new();
    for (program, file, _) in CLIENTS {
        running.push((file, client(program, file, port, KEY, "/hangs").spawn()?));
    }
    // Until all three wait for the answer.
    let target = format!("127.0.0.1:{port}/hangs");
    let mut seen = [false; CLIENTS.len()];
    while seen != [true; CLIENTS.len()] {
        ensure!(
            start.elapsed() < Duration::from_secs(9),
            "not all were seen: {seen:?}"
        );
        for line in command_lines()? {
            ensure!(!line.contains(KEY), "the key is on a command line: {line}");
            for (seen, (_, _, holder)) in seen.iter_mut().zip(CLIENTS) {
                let asks = line.contains(&target) || line.contains("/hangs");
                *seen |= asks && line.contains(holder);
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    for (file, child) in running {
        let output = child.wait_with_output().await?;
        let (ended_well, _, why) = said(&output);
        assert!(!ended_well && !why.is_empty(), "{file}: {why}");
        assert!(!why.contains(KEY), "{file}: {why}");
        let took = start.elapsed();
        assert!((9..30).contains(&took.as_secs()), "{file}: {took:?}");
    }
    Ok(())
}

fn command_lines() -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // A process may end while it is looked at.
        if let Ok(line) = fs::read(entry?.path().join("cmdline")) {
            lines.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    Ok(lines)
}
