//! The gate before a service, with something in Latchkey's place that answers as it is told.

#![cfg(test)]

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use latchkey_gate::{Caller, Credential, Gate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::sleep;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

const ALLOWED: &str = r#"{"allowed":true,"code":"ok","key_id":"1","kid":"2","partner_id":"3","scopes":["a:read"],"rate_per_second":50,"limits":[{"of":"grant","period":"second","limit":50,"remaining":49,"resets_in":1}],"expires_at":"2027-01-15T07:00:00Z"}"#;
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn credential() -> Credential {
    format!("lkg_{}", "a".repeat(43)).parse().unwrap()
}

fn gate(at: &str) -> Gate {
    Gate::new(at, credential())
        .unwrap()
        .peer_from(|noted| noted.get::<IpAddr>().copied())
        .over_tls()
}

/// Answers each question with what `answer` makes.
async fn latchkey<F, A>(answer: F) -> SocketAddr
where
    F: Fn(Request) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn call() -> Request {
    let mut call = axum::http::Request::get("/v2/shipments/1?page=2")
        .header("authorization", "Bearer lk_live_x")
        .body(Body::empty())
        .unwrap();
    call.extensions_mut().insert(IpAddr::from([192, 0, 2, 7]));
    call
}

/// One call through the gate to a service that says who called.
async fn send(gate: &Gate, call: Request) -> Response {
    let served = |call: Request| async move {
        let caller = call.extensions().get::<Caller>().unwrap();
        let key = call.headers().get("authorization").is_some();
        let said = format!("{} {key}", caller.partner_id);
        Ok::<_, std::convert::Infallible>(Response::new(Body::from(said)))
    };
    let mut service = gate.layer(service_fn(served));
    service.ready().await.unwrap().call(call).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn is_closed(response: Response, about: &str) {
    assert_eq!(response.status(), 503, "{about}");
    assert_eq!(response.headers()["retry-after"], "1", "{about}");
    let body = text(response).await;
    assert!(body.contains(r#""code":"not-ready""#), "{about}: {body}");
}

#[tokio::test]
async fn a_question_says_all_of_the_call() {
    let asked = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&asked);
    let at = latchkey(move |question: Request| {
        let seen = Arc::clone(&seen);
        async move {
            let line = format!("{} {}", question.method(), question.uri());
            let credential = question.headers()["latchkey-gateway"]
                .to_str()
                .unwrap()
                .to_owned();
            let body = text(question.into_body().into_response()).await;
            *seen.lock().unwrap() = format!("{line} {credential} {body}");
            (JSON, ALLOWED).into_response()
        }
    })
    .await;
    let gate = gate(&format!("http://{at}"))
        .scope("a:read")
        .service("s")
        .environment("e");
    let response = send(&gate, call()).await;
    assert_eq!(response.headers()["ratelimit"], "\"grant-second\";r=49;t=1");
    assert_eq!(text(response).await, "3 false", "the partner, and no key");
    let expected = format!(
        "POST /v1/verify lkg_{} {}",
        "a".repeat(43),
        r#"{"key":"lk_live_x","method":"GET","path":"/v2/shipments/1?page=2","source_ip":"192.0.2.7","scheme":"https","service":"s","environment":"e","scope":"a:read"}"#
    );
    assert_eq!(*asked.lock().unwrap(), expected);
    let kept = send(&gate.clone().keep_key(), call()).await;
    assert_eq!(text(kept).await, "3 true");
}

#[tokio::test]
async fn a_gate_that_was_told_nothing_trusts_nothing() {
    let at = latchkey(|question: Request| async move {
        let body = text(question.into_body().into_response()).await;
        assert!(body.contains(r#""scheme":"http""#), "{body}");
        let no = r#"{"allowed":false,"code":"plaintext_transport","sentence":"No."}"#;
        (JSON, no).into_response()
    })
    .await;
    let at = format!("http://{at}");
    let told_peer = Gate::new(&at, credential())
        .unwrap()
        .peer_from(|noted| noted.get::<IpAddr>().copied());
    assert_eq!(send(&told_peer, call()).await.status(), 403);
    let told_nothing = Gate::new(&at, credential()).unwrap().over_tls();
    is_closed(send(&told_nothing, call()).await, "no peer").await;
}

#[tokio::test]
async fn what_needs_no_question_is_refused_without_one() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let at = latchkey(move |_: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        async { (JSON, ALLOWED).into_response() }
    })
    .await;
    let gate = gate(&format!("http://{at}"));
    let with = |name: &'static str| {
        let mut call = call();
        call.headers_mut()
            .append(name, "lk_live_y".parse().unwrap());
        call
    };
    for name in [
        "x-api-key",
        "authorization",
        "x-http-method-override",
        "x_original_url",
    ] {
        let refused = send(&gate, with(name)).await;
        assert_eq!(refused.status(), 400, "{name}");
        assert!(
            text(refused).await.contains(r#""code":"malformed""#),
            "{name}"
        );
    }
    let mut none = call();
    none.headers_mut().remove("authorization");
    let refused = send(&gate, none).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn every_other_answer_closes_the_gate() {
    for (about, status, body) in [
        ("204", 204, ""),
        ("201", 201, ALLOWED),
        ("301", 301, ALLOWED),
        ("401", 401, ALLOWED),
        ("500", 500, ALLOWED),
        ("503", 503, ALLOWED),
        ("no JSON", 200, "allowed"),
        ("cut off", 200, &ALLOWED[..80]),
        (
            "without end",
            200,
            &format!("{ALLOWED}{}", " ".repeat(70_000)),
        ),
    ] {
        let (status, body) = (StatusCode::from_u16(status).unwrap(), body.to_owned());
        let answer = move |_: Request| {
            let body = body.clone();
            async move { (status, JSON, body).into_response() }
        };
        let at = latchkey(answer).await;
        is_closed(send(&gate(&format!("http://{at}")), call()).await, about).await;
    }
    is_closed(
        send(&gate("http://127.0.0.1:1"), call()).await,
        "nobody there",
    )
    .await;
    is_closed(
        send(&gate("unix:/nowhere/latchkey.sock"), call()).await,
        "no socket",
    )
    .await;
}

#[tokio::test]
async fn a_slow_answer_closes_the_gate_at_its_deadline() {
    let at = latchkey(|_: Request| async {
        sleep(Duration::from_secs(5)).await;
        (JSON, ALLOWED).into_response()
    })
    .await;
    let gate = gate(&format!("http://{at}")).deadline(Duration::from_millis(100));
    let within = tokio::time::timeout(Duration::from_secs(2), send(&gate, call())).await;
    is_closed(within.unwrap(), "slow").await;
}

#[tokio::test]
async fn no_more_questions_than_allowed_are_open_at_once() {
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&open), Arc::clone(&most));
    let at = latchkey(move |_: Request| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            (JSON, ALLOWED).into_response()
        }
    })
    .await;
    let gate = gate(&format!("http://{at}"))
        .at_once(3)
        .deadline(Duration::from_secs(5));
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let gate = gate.clone();
            tokio::spawn(async move { send(&gate, call()).await.status() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

/// Read from a connection that was used before, and closed without a word: it may have been counted.
#[tokio::test]
async fn a_question_that_may_have_been_counted_is_not_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let questions = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&questions);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = Arc::clone(&asked);
            tokio::spawn(async move {
                let mut buffer = vec![0; 10_000];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    if asked.fetch_add(1, Ordering::SeqCst) > 0 {
                        return;
                    }
                    let length = ALLOWED.len();
                    let answer =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{ALLOWED}");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let gate = gate(&format!("http://{at}"));
    assert_eq!(send(&gate, call()).await.status(), 200);
    is_closed(send(&gate, call()).await, "closed without an answer").await;
    assert_eq!(questions.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_unix_socket_does_as_well() {
    let folder = std::env::temp_dir().join(format!("latchkey-gate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let router = Router::new().fallback(|| async { (JSON, ALLOWED) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let response = send(&gate(&format!("unix:{}", path.display())), call()).await;
    assert_eq!(text(response).await, "3 false");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_guide_has_the_example_as_it_is_built() {
    let guide = include_str!("../../docs/embedded.md");
    let example = include_str!("../examples/shipments.rs");
    let code = example.split_once("\n\n").unwrap().1;
    assert!(guide.contains(&format!("```rust\n{code}```\n")), "{code}");
}
