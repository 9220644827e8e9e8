//! The headers of every kind of answer, read off the wire: over plain HTTP on localhost, and from a
//! portal with an https origin, asked as a TLS proxy in front of it would ask.

#![cfg(test)]

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response};
use serde_json::json;
use tests::server::{Config, Latchkey};
use tests::visitor::Visitor;

const HTTPS: &str = "https://keys.example.com";

/// What every answer says, whatever it is.
const ALWAYS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "publickey-credentials-get=(self), publickey-credentials-create=(self), \
         clipboard-write=(self), camera=(), microphone=(), geolocation=()",
    ),
];
/// Of what is no page.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// A portal with one owner, and the owner's session as the browser got it.
struct Host {
    portal: Latchkey,
    https: bool,
    http: Client,
    /// The whole `Set-Cookie`.
    session: String,
}

/// One kind of answer.
struct Kind {
    name: &'static str,
    method: Method,
    path: String,
    body: Body,
    signed_in: bool,
    status: u16,
    /// Its `Content-Security-Policy` is a page's, with a nonce.
    page: bool,
    cache: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    None,
    Form(&'static [(&'static str, &'static str)]),
    /// With an unknown field.
    Json,
}

impl Kind {
    fn get(name: &'static str, path: &str, status: u16) -> Self {
        Self {
            name,
            method: Method::GET,
            path: path.to_owned(),
            body: Body::None,
            signed_in: false,
            status,
            page: false,
            cache: "no-store",
        }
    }

    fn page(name: &'static str, path: &str, status: u16) -> Self {
        Self {
            page: true,
            ..Self::get(name, path, status)
        }
    }

    fn signed_in(self) -> Self {
        Self {
            signed_in: true,
            ..self
        }
    }

    fn post(self, body: Body) -> Self {
        Self {
            method: Method::POST,
            body,
            ..self
        }
    }
}

impl Host {
    async fn open(https: bool) -> Result<Self> {
        let mut config = Config {
            smtp_url: Some("smtp://localhost:1".to_owned()),
            ..Config::default()
        };
        if https {
            let origin = ("LATCHKEY_ORIGIN".to_owned(), HTTPS.to_owned());
            config.environment.push(origin);
        }
        let portal = Latchkey::start(config).await?;
        let base = portal.origin().to_owned();
        let origin = if https { HTTPS } else { &base };
        let printed = portal.console(&["owner-link"])?;
        let link = printed
            .split_whitespace()
            .find(|word| word.starts_with(origin))
            .context("no link")?;
        let mut owner = Visitor::at(origin, &base);
        let finish = owner.ready_to_enrol(link, None).await?;
        let done = owner.send("/auth/enrol/finish", &finish).await?;
        let session = cookies(&done).pop().context("no session began")?;
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            portal,
            https,
            http,
            session,
        })
    }

    async fn ask(&self, kind: &Kind) -> Result<Response> {
        let url = format!("{}{}", self.portal.origin(), kind.path);
        let mut request = self.http.request(kind.method.clone(), url);
        if kind.method == Method::POST {
            request = request.header("sec-fetch-site", "same-origin");
        }
        if kind.signed_in {
            request = request.header("cookie", value(&self.session));
        }
        request = match kind.body {
            Body::None => request,
            Body::Form(fields) => request.form(fields),
            Body::Json => request.json(&json!({ "unknown": true })),
        };
        Ok(request.send().await?)
    }

    /// One of each kind of answer there is.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        let page = self.ask(&Kind::get("", "/sign-in", 200)).await?;
        let page = page.text().await?;
        let (_, after) = page.split_once("href=\"/assets/").context("no asset")?;
        let asset = format!("/assets/{}", after.split('"').next().unwrap_or_default());
        let nothing = "00000000-0000-4000-8000-000000000000";
        Ok(vec![
            Kind::page("a page before sign-in", "/sign-in", 200),
            Kind::page("a link's page", &format!("/l/{nothing}"), 200),
            Kind::page("a delivery's page", &format!("/d/{nothing}"), 200),
            Kind::page("a page", "/", 200).signed_in(),
            Kind::page("a page with fields", "/services/new", 200).signed_in(),
            Kind::page("a form refused", "/services/new", 422)
                .signed_in()
                .post(Body::Form(&[("slug", "")])),
            Kind::page("a form that is no page's", "/services/new", 400)
                .signed_in()
                .post(Body::Form(&[("unknown", "field")])),
            Kind::page("a page that is not there", "/nothing", 404),
            Kind::page(
                "a page that one may not see",
                &format!("/keys/{nothing}"),
                404,
            )
            .signed_in(),
            Kind::page("no mailbox in production", "/dev/mailbox", 404),
            Kind::get("a redirect to the door", "/people", 303),
            Kind::get("a redirect after a form", "/mail/test", 303)
                .signed_in()
                .post(Body::Form(&[])),
            Kind::page("a wrong method", "/mail/test", 405).signed_in(),
            Kind::get("a wrong method of the API", "/v1/verify", 405),
            Kind::get("JSON", "/.well-known/latchkey.json", 200),
            Kind::get("health", "/healthz", 200),
            Kind::get("a problem", "/auth/enrol/begin", 400).post(Body::Json),
            Kind::get(
                "a problem of a delivery",
                &format!("/d/{nothing}/claim"),
                400,
            )
            .post(Body::Json),
            Kind::get("an API that is not there", "/v1/nothing", 404),
            Kind::get("a refused gateway", "/v1/verify", 401).post(Body::Json),
            Kind {
                cache: "public, max-age=31536000, immutable",
                ..Kind::get("an asset", &asset, 200)
            },
            Kind::get("an asset that is not there", "/assets/none.js", 404),
        ])
    }

    fn check(&self, kind: &Kind, headers: &HeaderMap) -> Result<()> {
        for (name, wanted) in ALWAYS {
            said(headers, name, Some(wanted))?;
        }
        let transport = self.https.then_some(HSTS);
        said(headers, "strict-transport-security", transport)?;
        said(headers, "cache-control", Some(kind.cache))?;
        ensure!(
            !headers.contains_key("access-control-allow-origin"),
            "other origins may read it"
        );
        let policy = one(headers, "content-security-policy")?;
        if kind.page {
            nonce(policy).map(drop)
        } else {
            ensure!(policy == NOTHING, "its policy is {policy}");
            Ok(())
        }
    }
}

/// The nonce in a page's policy, which is otherwise this to the letter.
fn nonce(policy: &str) -> Result<&str> {
    let (_, after) = policy.split_once("'nonce-").context("no nonce")?;
    let nonce = after.split('\'').next().unwrap_or_default();
    ensure!(nonce.len() == 22, "sixteen random bytes: {nonce}");
    let wanted = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    ensure!(policy == wanted, "the policy is {policy}");
    Ok(nonce)
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next().with_context(|| format!("no {name}"))?;
    ensure!(all.next().is_none(), "{name} is said twice");
    Ok(value.to_str()?)
}

fn said(headers: &HeaderMap, name: &str, wanted: Option<&str>) -> Result<()> {
    match wanted {
        Some(wanted) => {
            let value = one(headers, name)?;
            ensure!(value == wanted, "{name} is {value}");
        }
        None => ensure!(!headers.contains_key(name), "{name} is said"),
    }
    Ok(())
}

fn cookies(response: &Response) -> Vec<String> {
    let all = response.headers().get_all("set-cookie").iter();
    all.filter_map(|cookie| cookie.to_str().ok())
        .map(str::to_owned)
        .collect()
}

/// Name and value of a `Set-Cookie`.
fn value(cookie: &str) -> &str {
    cookie.split(';').next().unwrap_or_default()
}

fn flags(cookie: &str) -> Vec<&str> {
    cookie.split(';').skip(1).map(str::trim).collect()
}

#[tokio::test]
async fn every_kind_of_answer_carries_the_headers_on_localhost() -> Result<()> {
    every_kind(false).await
}

#[tokio::test]
async fn every_kind_of_answer_carries_the_headers_on_an_https_origin() -> Result<()> {
    every_kind(true).await
}

async fn every_kind(https: bool) -> Result<()> {
    let host = Host::open(https).await?;
    for kind in host.kinds().await? {
        let answer = host.ask(&kind).await?;
        let status = answer.status().as_u16();
        ensure!(status == kind.status, "{}: {status}", kind.name);
        host.check(&kind, answer.headers())
            .with_context(|| kind.name)?;
        if kind.body == Body::Json {
            let kind_of = one(answer.headers(), "content-type")?;
            ensure!(kind_of == "application/problem+json", "{kind_of}");
        }
        if kind.method == Method::GET && kind.status != 405 {
            let head = Kind {
                method: Method::HEAD,
                ..kind
            };
            let answer = host.ask(&head).await?;
            host.check(&head, answer.headers())
                .with_context(|| format!("HEAD of {}", head.name))?;
        }
    }
    Ok(())
}

/// Which encodings a gateway's question names is often its client's word.
#[tokio::test]
async fn pages_are_compressed_and_answers_to_gateways_are_not() -> Result<()> {
    let host = Host::open(false).await?;
    let (get, post) = (Method::GET, Method::POST);
    for (method, path, encodings, status, encoding) in [
        (&get, "/sign-in", "gzip", 200, Some("gzip")),
        (&get, "/sign-in", "identity", 200, None),
        (&post, "/v1/verify", "gzip", 401, None),
        (&post, "/v1/verify/batch", "gzip", 401, None),
        (&get, "/v1/forward-auth", "gzip", 503, None),
        (&get, "/v1/forward-auth", "identity;q=0", 503, None),
    ] {
        let url = host.portal.url(path);
        let asked = host.http.request(method.clone(), url);
        let answer = asked.header("accept-encoding", encodings).send().await?;
        let about = format!("{path}, {encodings}");
        ensure!(answer.status() == status, "{about}: {}", answer.status());
        said(answer.headers(), "content-encoding", encoding).context(about)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_nonce_is_fresh_for_each_answer_and_every_script_has_it() -> Result<()> {
    const TRIES: usize = 50;
    let host = Host::open(false).await?;
    let mut seen = HashSet::new();
    for kind in [
        Kind::page("the door", "/sign-in", 200),
        Kind::page("a page", "/services/new", 200).signed_in(),
        Kind::page("nothing", "/nothing", 404),
    ] {
        for _ in 0..TRIES {
            let answer = host.ask(&kind).await?;
            let policy = one(answer.headers(), "content-security-policy")?;
            let nonce = nonce(policy)?.to_owned();
            let page = answer.text().await?;
            let scripts = page.matches("<script").count();
            let with_it = page.matches(&format!("nonce=\"{nonce}\"")).count();
            ensure!(with_it >= scripts, "{}: a script without it", kind.name);
            for inline in [
                " style=\"",
                "<style",
                " onclick=",
                " onload=",
                "javascript:",
            ] {
                ensure!(!page.contains(inline), "{} has {inline}", kind.name);
            }
            ensure!(seen.insert(nonce), "{}: a nonce came twice", kind.name);
        }
    }
    ensure!(seen.len() == 3 * TRIES);
    Ok(())
}

#[tokio::test]
async fn cookies_are_for_this_host_alone_and_over_https_for_https_alone() -> Result<()> {
    for https in [false, true] {
        let host = Host::open(https).await?;
        let prefix = if https {
            "__Host-latchkey="
        } else {
            "latchkey="
        };
        ensure!(host.session.starts_with(prefix), "{}", host.session);
        is_guarded(&host.session, https)?;
        ensure!(flags(&host.session).contains(&"Max-Age=43200"));

        // What an act did is told by a cookie too, and one taken away has the flags of one given.
        let mut taken_away = 0;
        for path in ["/mail/test", "/sign-out"] {
            let kind = Kind::get("", path, 303).signed_in();
            let answer = host.ask(&kind.post(Body::Form(&[]))).await?;
            let given = cookies(&answer);
            ensure!(!given.is_empty(), "{path}: no cookie");
            for cookie in given {
                is_guarded(&cookie, https)?;
                taken_away += usize::from(flags(&cookie).contains(&"Max-Age=0"));
            }
        }
        ensure!(taken_away == 1, "signing out takes the session away");
        let after = Kind::get("", "/people", 303).signed_in();
        ensure!(host.ask(&after).await?.status() == 303, "still signed in");
    }
    Ok(())
}

fn is_guarded(cookie: &str, https: bool) -> Result<()> {
    let flags = flags(cookie);
    for wanted in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        ensure!(flags.contains(&wanted), "{cookie} lacks {wanted}");
    }
    ensure!(flags.contains(&"Secure") == https, "Secure: {cookie}");
    ensure!(!cookie.to_ascii_lowercase().contains("domain="), "{cookie}");
    Ok(())
}

#[tokio::test]
async fn a_session_cookie_without_its_prefix_is_nobodys_on_an_https_origin() -> Result<()> {
    let host = Host::open(true).await?;
    let (_, token) = value(&host.session).split_once('=').context("a value")?;
    for (name, status) in [("__Host-latchkey", 200), ("latchkey", 303)] {
        let url = format!("{}/people", host.portal.origin());
        let asked = host
            .http
            .get(url)
            .header("cookie", format!("{name}={token}"));
        let answer = asked.send().await?;
        ensure!(answer.status() == status, "{name}: {}", answer.status());
    }
    Ok(())
}
