//! What holds of every answer, whatever was asked.

use std::future::pending;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use domain::state::Role;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::testing::Fixture;

async fn ask(app: Router, method: Method, path: &str) -> Response {
    ask_with(app, method, path, ("accept", "*/*")).await
}

async fn ask_with(app: Router, method: Method, path: &str, header: (&str, &str)) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("sec-fetch-site", "same-origin")
        .header("x-request-id", "chosen")
        .header(header.0, header.1)
        .body(Body::from("{}"))
        .unwrap();
    app.oneshot(request).await.unwrap()
}

/// What an island sends.
const JSON: (&str, &str) = ("content-type", "application/json");
const BEGIN: &str = "/auth/sign-in/begin";

fn id(response: &Response) -> String {
    let id = response.headers()["x-request-id"].to_str().unwrap();
    assert!(id.len() == 16 && id != "chosen", "{id}");
    id.to_owned()
}

async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(body.unwrap().to_vec()).unwrap()
}

async fn problem(response: Response) -> Value {
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    serde_json::from_str(&text(response).await).unwrap()
}

#[tokio::test]
async fn every_request_has_an_id_that_its_client_did_not_choose() {
    let host = Fixture::new().await;
    let mut ids = Vec::new();
    for path in ["/sign-in", "/", "/nothing/here", "/healthz"] {
        ids.push(id(&ask(app(host.portal.clone()), Method::GET, path).await));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn who_is_told_of_a_fault_is_told_the_id_that_the_log_has() {
    let host = Fixture::new().await;
    let owner = host.staff("Olga", &[Role::Owner]).await;
    let cookie = host.cookie(&owner).await;
    let app = app(host.portal.clone());
    host.portal.store.database().close().await;
    let page = ask_with(app.clone(), Method::GET, "/", ("cookie", &cookie)).await;
    assert_eq!(page.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let reference = id(&page);
    assert!(text(page).await.contains(&reference));
    let answer = ask_with(app, Method::POST, BEGIN, JSON).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let reference = id(&answer);
    let problem = problem(answer).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&reference), "{detail}");
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_named_with_those_that_it_does() {
    let host = Fixture::new().await;
    let page = ask(app(host.portal.clone()), Method::DELETE, "/sign-in").await;
    assert_eq!(page.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(page.headers()[ALLOW], "GET,HEAD");
    assert!(
        page.headers()[CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let machine = ask(app(host.portal.clone()), Method::GET, "/v1/verify").await;
    assert_eq!(machine.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(machine.headers()[ALLOW], "POST");
    assert_eq!(problem(machine).await["code"], "method-not-allowed");
}

#[tokio::test]
async fn programs_are_told_in_json_that_nothing_is_there() {
    let host = Fixture::new().await;
    for path in ["/v1/nothing", "/.well-known/nothing"] {
        let response = ask(app(host.portal.clone()), Method::POST, path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(problem(response).await["code"], "not-found");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_in_words() {
    let host = Fixture::new().await;
    let never = Router::new().fallback(pending::<()>);
    let at_once = within(never, host.portal.clone(), Duration::ZERO);
    let page = ask(at_once.clone(), Method::GET, "/never").await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(page.headers()[RETRY_AFTER], "5");
    assert!(text(page).await.contains("Not ready at the moment"));
    let answer = ask_with(at_once, Method::POST, "/never", JSON).await;
    assert_eq!(answer.headers()[RETRY_AFTER], "5");
    assert_eq!(problem(answer).await["code"], "unavailable");
}
