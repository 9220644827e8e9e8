//! Virtual authenticators. They belong to one tab; a ceremony in another one hangs.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Browser;

/// The three groups into which real authenticators fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticator {
    /// PRF results at create and at get.
    PrfAtCreate,
    /// PRF enabled at create, results only at get.
    PrfAtGet,
    /// No PRF.
    NoPrf,
}

#[derive(Clone, Debug)]
pub struct AuthenticatorId(String);

impl Browser {
    /// Built in, discoverable, and always willing to verify its user. Chromium has one of this
    /// kind at a time: remove the other first.
    pub async fn add_authenticator(&self, kind: Authenticator) -> Result<AuthenticatorId> {
        self.cdp_send("WebAuthn.enable", json!({})).await?;
        let options = json!({
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "automaticPresenceSimulation": true,
            "hasPrf": kind == Authenticator::PrfAtCreate,
            "hasHmacSecret": kind == Authenticator::PrfAtGet,
        });
        self.add(options).await
    }

    /// A device that is plugged in beside the one that is built in.
    pub async fn another_authenticator(&self) -> Result<AuthenticatorId> {
        let usb = json!({
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "usb",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "automaticPresenceSimulation": true,
            "hasPrf": true,
        });
        self.add(usb).await
    }

    async fn add(&self, options: Value) -> Result<AuthenticatorId> {
        let parameters = json!({ "options": options });
        let added = self
            .cdp_send("WebAuthn.addVirtualAuthenticator", parameters)
            .await?;
        let id = added.get("authenticatorId").and_then(Value::as_str);
        Ok(AuthenticatorId(
            id.context("Chromium names no authenticator")?.to_owned(),
        ))
    }

    /// With all its credentials, as a device that is lost.
    pub async fn remove_authenticator(&self, id: &AuthenticatorId) -> Result<()> {
        let parameters = json!({ "authenticatorId": id.0 });
        self.cdp_send("WebAuthn.removeVirtualAuthenticator", parameters)
            .await?;
        Ok(())
    }

    /// As Chromium describes them. Put into another authenticator they have another PRF secret.
    pub async fn credentials(&self, id: &AuthenticatorId) -> Result<Vec<Value>> {
        let parameters = json!({ "authenticatorId": id.0 });
        let found = self.cdp_send("WebAuthn.getCredentials", parameters).await?;
        let list = found.get("credentials").and_then(Value::as_array).cloned();
        list.context("Chromium lists no credentials")
    }

    pub async fn add_credential(&self, id: &AuthenticatorId, credential: &Value) -> Result<()> {
        let parameters = json!({ "authenticatorId": id.0, "credential": credential });
        self.cdp_send("WebAuthn.addCredential", parameters).await?;
        Ok(())
    }
}
