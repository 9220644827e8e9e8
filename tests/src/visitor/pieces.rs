//! The ceremonies in their pieces: for tests that post a piece twice, late, by somebody else, or all
//! at once.

#![expect(
    clippy::indexing_slicing,
    reason = "reading a JSON value by a name that it lacks gives null, and never panics"
)]

use anyhow::{Context as _, Result};
use domain::act::ActStatement;
use domain::base64url;
use domain::id::PersonId;
use domain::link::PersonLinkSecret;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{Claimed, Visitor, delivery_parts, device_keys, open_answer};

/// What only has to be posted.
#[derive(Clone, Debug)]
pub struct Ready {
    pub path: String,
    pub body: Value,
}

impl Visitor {
    /// Somebody whose every request has these headers.
    ///
    /// # Errors
    /// When one cannot be sent.
    pub fn with_headers(origin: &str, base: &str, headers: &[(&str, &str)]) -> Result<Self> {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            Ok((name, HeaderValue::from_str(value)?))
        });
        Ok(Self::with(
            origin,
            base,
            headers.collect::<Result<HeaderMap>>()?,
        ))
    }

    /// Somebody behind a proxy that says so: for portals whose proxies include this machine.
    ///
    /// # Errors
    /// When the address is none.
    pub fn from_address(origin: &str, base: &str, address: &str) -> Result<Self> {
        Self::with_headers(origin, base, &[("x-forwarded-for", address)])
    }

    /// Posts JSON as an island does; the answer as it is.
    ///
    /// # Errors
    /// When the portal does not answer.
    pub async fn send(&self, path: &str, body: &Value) -> Result<Response> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("sec-fetch-site", "same-origin")
            .json(body);
        Ok(request.send().await?)
    }

    /// Everything of an enrolment up to what finishes it.
    ///
    /// # Errors
    /// [`super::Problem`] where the portal refuses.
    pub async fn ready_to_enrol(&mut self, link: &str, code: Option<&str>) -> Result<Value> {
        let begin = enrolment(link, code)?;
        let begun = self.post("/auth/enrol/begin", &begin).await?;
        self.make_passkey(&begun).await
    }

    /// Registers one more passkey.
    ///
    /// # Errors
    /// [`super::Problem`] where the portal refuses.
    pub async fn add_passkey(&mut self, name: &str) -> Result<()> {
        self.act("/profile/passkeys", &[("name", name)]).await?;
        let begin = json!({ "link": null, "secret": null, "code": null });
        let begun = self.post("/auth/enrol/begin", &begin).await?;
        let finish = self.make_passkey(&begun).await?;
        self.post("/auth/enrol/finish", &finish).await?;
        Ok(())
    }

    /// A claim by the passkey with this number, in the order in which they were made.
    ///
    /// # Errors
    /// [`super::Problem`] where the portal refuses to begin.
    pub async fn ready_to_claim(&self, link: &str, passkey: usize) -> Result<Ready> {
        let (id, secret) = delivery_parts(link)?;
        let begin = json!({ "act": "claim" });
        let begun = self.post(&format!("/d/{id}/begin"), &begin).await?;
        let passkey = self.authenticator.credentials().get(passkey);
        let passkey = passkey.context("there are not so many passkeys")?;
        let challenge = begun["options"]["publicKey"]["challenge"].as_str();
        let challenge = challenge.context("no challenge")?;
        Ok(Ready {
            path: format!("/d/{id}/claim"),
            body: json!({
                "ceremony": begun["ceremony"],
                "credential": passkey.get(challenge, &self.origin),
                "claim_token": *secret.claim_token().expose_text(),
                "sealing_key": device_keys(passkey).sealing_key(),
            }),
        })
    }

    /// Opens what a claim was answered with.
    ///
    /// # Errors
    /// When it was not sealed to the passkey that claimed.
    pub fn open(&self, link: &str, claim: &Ready, answer: Value) -> Result<Claimed> {
        let (id, secret) = delivery_parts(link)?;
        let raw_id = claim.body["credential"]["id"].as_str();
        let raw_id = raw_id.context("no credential id")?.to_owned();
        let keys = device_keys(self.by_id(&raw_id)?);
        open_answer(answer, id, raw_id, &secret, keys, &self.origin)
    }

    async fn make_passkey(&mut self, begun: &Value) -> Result<Value> {
        let origin = self.origin.clone();
        let options = begun.get("options").context("no options")?;
        let made = self
            .authenticator
            .create(options, &origin, &mut UnwrapErr(SysRng))?;
        let keys = device_keys(self.newest()?);
        let create = json!({
            "ceremony": begun["ceremony"], "credential": made, "label": "Work laptop",
            "sealing_key": keys.sealing_key(), "signing_key": keys.verifying_key(),
        });
        let person: PersonId = serde_json::from_value(begun["person"].clone())?;
        let created = self.post("/auth/enrol/create", &create).await?;
        let statement: ActStatement = serde_json::from_value(created["statement"].clone())?;
        let credential = self.newest()?;
        let assertion = credential.get(&base64url::encode(&statement.challenge()), &self.origin);
        Ok(json!({
            "ceremony": created["ceremony"], "credential": assertion,
            "enrolment": keys.enrol(person, &credential.id),
        }))
    }
}

/// What begins an enrolment by a mailed link.
///
/// # Errors
/// When the link is not whole.
pub fn enrolment(link: &str, code: Option<&str>) -> Result<Value> {
    let (path, secret) = link.split_once('#').context("the link has no fragment")?;
    let id = path.rsplit('/').next().context("the link has no id")?;
    let whole = secret.parse::<PersonLinkSecret>();
    whole.ok().context("the fragment is no secret")?;
    Ok(json!({ "link": id, "secret": secret, "code": code }))
}
