//! Somebody with a passkey and a browser's manners, without a browser: posts what the pages' islands
//! post. For tests that need many people or many tries; the islands themselves are tested in
//! Chromium.

#![expect(
    clippy::indexing_slicing,
    reason = "reading a JSON value by a name that it lacks gives null, and never panics"
)]

use anyhow::{Context as _, Result, bail};
use domain::act::ActStatement;
use domain::base64url;
use domain::link::LinkSecret;
use domain::seal::{
    DeviceKeys, Envelope, Header, HostPublicKey, OpenedSecret, ReceiptStatement, device, open,
};
use domain::secret::Secret;
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::authenticator::{Credential, SoftwareAuthenticator};

mod pieces;

pub use pieces::{Ready, enrolment};

/// One person at one portal.
pub struct Visitor {
    pub http: Client,
    pub origin: String,
    /// Where to send requests, when it is not the origin itself (another process of one portal).
    pub base: String,
    pub authenticator: SoftwareAuthenticator,
}

/// A claimed delivery, opened.
pub struct Claimed {
    pub key: String,
    pub again: bool,
    pub answer: Value,
    delivery: String,
    credential_id: String,
    opened: Secret<32>,
    statement: ReceiptStatement,
    device: DeviceKeys,
}

/// A refusal as the API words it.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub code: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl std::error::Error for Problem {}

impl Visitor {
    pub fn new(origin: &str) -> Self {
        Self::at(origin, origin)
    }

    /// # Panics
    /// When no HTTP client can be made.
    pub fn at(origin: &str, base: &str) -> Self {
        Self::with(origin, base, HeaderMap::new())
    }

    #[expect(
        clippy::expect_used,
        reason = "a client without TLS has nothing to fail on"
    )]
    fn with(origin: &str, base: &str, headers: HeaderMap) -> Self {
        let http = Client::builder()
            .default_headers(headers)
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        Self {
            http,
            origin: origin.to_owned(),
            base: base.to_owned(),
            authenticator: SoftwareAuthenticator::new(),
        }
    }

    /// Registers a passkey by a one-time link, and is signed in.
    ///
    /// # Errors
    /// [`Problem`] where the portal refuses.
    pub async fn enrol(&mut self, link: &str, code: Option<&str>) -> Result<()> {
        let finish = self.ready_to_enrol(link, code).await?;
        self.post("/auth/enrol/finish", &finish).await?;
        Ok(())
    }

    /// # Errors
    /// [`Problem`] where the portal refuses.
    pub async fn sign_in(&self) -> Result<()> {
        let begun = self.post("/auth/sign-in/begin", &json!({})).await?;
        let assertion = self.authenticator.get(&begun["options"], &self.origin)?;
        let finish =
            json!({ "ceremony": begun["ceremony"], "credential": assertion, "return_to": "/" });
        self.post("/auth/sign-in/finish", &finish).await?;
        Ok(())
    }

    /// Posts a page's form; the answer as it is, redirects not followed.
    ///
    /// # Errors
    /// When the portal does not answer.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("sec-fetch-site", "same-origin")
            .form(fields);
        Ok(request.send().await?)
    }

    /// Posts a privileged form and confirms it with the passkey; where it led.
    ///
    /// # Errors
    /// [`Problem`] where the portal refuses.
    pub async fn act(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let response = self.form(path, fields).await?;
        let status = response.status();
        let Some(location) = location(&response) else {
            bail!(
                "{path} answered {status}: {}",
                errors_in(&response.text().await?)
            );
        };
        if !location.starts_with("/confirm/") {
            bail!("{path} led to {location}");
        }
        self.confirm(&location).await
    }

    /// Confirms what waits under `/confirm/{id}`.
    ///
    /// # Errors
    /// [`Problem`] where the portal refuses.
    pub async fn confirm(&self, path: &str) -> Result<String> {
        let begun = self.post(&format!("{path}/begin"), &json!({})).await?;
        let statement: ActStatement = serde_json::from_value(begun["statement"].clone())?;
        let asked = begun["options"]["publicKey"]["challenge"].as_str();
        if asked != Some(base64url::encode(&statement.challenge()).as_str()) {
            bail!("the challenge is not the statement's");
        }
        let assertion = self.authenticator.get(&begun["options"], &self.origin)?;
        let finish = json!({ "ceremony": begun["ceremony"], "credential": assertion });
        let done = self.post(&format!("{path}/finish"), &finish).await?;
        Ok(done["location"].as_str().unwrap_or_default().to_owned())
    }

    /// Claims a delivery and opens it, as the claim page does.
    ///
    /// # Errors
    /// [`Problem`] where the portal refuses.
    pub async fn claim(&self, link: &str) -> Result<Claimed> {
        let (id, secret) = delivery_parts(link)?;
        let begun = self
            .post(&format!("/d/{id}/begin"), &json!({ "act": "claim" }))
            .await?;
        let assertion = self.authenticator.get(&begun["options"], &self.origin)?;
        let raw_id = assertion["id"]
            .as_str()
            .context("no credential id")?
            .to_owned();
        let keys = device_keys(self.by_id(&raw_id)?);
        let body = json!({
            "ceremony": begun["ceremony"], "credential": assertion,
            "claim_token": *secret.claim_token().expose_text(),
            "sealing_key": keys.sealing_key(),
        });
        let answer = self.post(&format!("/d/{id}/claim"), &body).await?;
        open_answer(answer, id, raw_id, &secret, keys, &self.origin)
    }

    /// Says that the key is stored.
    ///
    /// # Errors
    /// [`Problem`] where the portal refuses.
    pub async fn receipt(&self, claimed: &Claimed) -> Result<Value> {
        let body = json!({
            "credential_id": claimed.credential_id,
            "opened": base64url::encode(claimed.opened.expose()),
            "signature": claimed.statement.sign(&claimed.opened, &claimed.device),
        });
        self.post(&format!("/d/{}/receipt", claimed.delivery), &body)
            .await
    }

    /// "This was not me".
    ///
    /// # Errors
    /// [`Problem`] where the portal refuses.
    pub async fn report(&self, link: &str) -> Result<()> {
        let (id, _) = delivery_parts(link)?;
        let begun = self
            .post(&format!("/d/{id}/begin"), &json!({ "act": "report" }))
            .await?;
        let assertion = self.authenticator.get(&begun["options"], &self.origin)?;
        let body = json!({ "ceremony": begun["ceremony"], "credential": assertion });
        self.post(&format!("/d/{id}/report"), &body).await?;
        Ok(())
    }

    /// "This was not me", without a passkey; the answer as it is.
    ///
    /// # Errors
    /// When the portal does not answer.
    pub async fn alert(&self, link: &str) -> Result<Response> {
        let (id, secret) = delivery_parts(link)?;
        let body = json!({ "claim_token": *secret.claim_token().expose_text() });
        self.send(&format!("/d/{id}/alert"), &body).await
    }

    /// # Errors
    /// When the portal does not answer.
    pub async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.http.get(format!("{}{path}", self.base)).send().await?)
    }

    /// Posts JSON as an island does.
    ///
    /// # Errors
    /// [`Problem`] for every answer that is not a success.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let response = self.send(path, body).await?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        if status == StatusCode::OK {
            return Ok(answer);
        }
        Err(Problem {
            status: status.as_u16(),
            code: answer["code"].as_str().unwrap_or_default().to_owned(),
        }
        .into())
    }

    fn newest(&self) -> Result<&Credential> {
        self.authenticator
            .credentials()
            .last()
            .context("no credential was made")
    }

    fn by_id(&self, raw_id: &str) -> Result<&Credential> {
        self.authenticator
            .credentials()
            .iter()
            .find(|credential| base64url::encode(&credential.id) == raw_id)
            .context("another authenticator's credential")
    }
}

/// Where a redirect leads.
pub fn location(response: &Response) -> Option<String> {
    let to = response.headers().get("location")?;
    Some(to.to_str().ok()?.to_owned())
}

/// What a form's page says is wrong, beside its fields.
pub fn errors_in(page: &str) -> String {
    let sentences = page.split("class=\"error\"").skip(1);
    sentences
        .filter_map(|at| at.split("</span>").nth(1)?.split('<').next())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The refusal behind an error, for asserting on.
pub fn problem(error: &anyhow::Error) -> Option<&Problem> {
    error.downcast_ref()
}

fn device_keys(credential: &Credential) -> DeviceKeys {
    DeviceKeys::derive(&Secret::new(credential.prf(device::PRF_INPUT)))
}

fn delivery_parts(link: &str) -> Result<(String, LinkSecret)> {
    let (path, secret) = link.split_once('#').context("the link has no fragment")?;
    let id = path.rsplit('/').next().context("the link has no id")?;
    let secret = secret.parse().ok().context("the fragment is no secret")?;
    Ok((id.to_owned(), secret))
}

fn open_answer(
    answer: Value,
    delivery: String,
    credential_id: String,
    link: &LinkSecret,
    device: DeviceKeys,
    origin: &str,
) -> Result<Claimed> {
    let bytes = |field: &str| base64url::decode(answer[field].as_str().unwrap_or_default());
    let header = Header::parse(&bytes("header")?)
        .ok()
        .context("the header")?;
    let envelope = Envelope::parse(&bytes("envelope")?)
        .ok()
        .context("the envelope")?;
    let host: HostPublicKey = serde_json::from_value(answer["host_key"].clone())?;
    if !header.is_at(origin, delivery.parse()?) {
        bail!("the header is of another delivery");
    }
    let OpenedSecret { secret, opened } = open(&device, link, &header, &envelope, &host)
        .ok()
        .context("the envelope does not open")?;
    Ok(Claimed {
        key: String::from_utf8(secret.to_vec())?,
        again: answer["again"].as_bool().unwrap_or_default(),
        statement: ReceiptStatement::of(&header, &envelope),
        answer,
        delivery,
        credential_id,
        opened,
        device,
    })
}
