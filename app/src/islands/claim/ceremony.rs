//! Claim, receipt and report of one delivery. What is secret stays in [`Opened`].

use domain::act::Act;
use domain::base64url;
use domain::id::DeliveryId;
use domain::link::LinkSecret;
use domain::seal::{
    CannotOpen, DeviceKeys, Envelope, Header, HostPublicKey, ReceiptStatement, SealingKey,
    Signature, open,
};
use domain::secret::Secret;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use super::words::{CannotShow, Details, Refusal};
use crate::islands::browser;
use crate::islands::failure::Failure;
use crate::islands::statement::{self, Begun};
use crate::islands::webauthn::{self, Asserted, Assertion, Credential, Prf};

/// A key in the clear, and what its receipt needs. The device's private keys are gone by now: the
/// receipt was signed when the envelope was opened, and is posted when the person says so.
pub(super) struct Opened {
    pub(super) key: Zeroizing<String>,
    pub(super) header: Header,
    pub(super) details: Details,
    /// Opened before, within the same ten minutes.
    pub(super) again: bool,
    /// Milliseconds from now until the lease ends.
    pub(super) lease: f64,
    receipt: Receipt,
}

struct Receipt {
    credential_id: Vec<u8>,
    opened: Secret<32>,
    signature: Signature,
}

#[derive(Serialize)]
struct BeginBody {
    act: Act,
}

#[derive(Serialize)]
struct ClaimBody<'a> {
    ceremony: &'a str,
    credential: &'a Credential<Assertion>,
    claim_token: &'a str,
    sealing_key: SealingKey,
}

#[derive(Deserialize)]
struct Claimed {
    header: String,
    envelope: Envelope,
    host_key: HostPublicKey,
    details: Details,
    lease_until: String,
    again: bool,
}

/// What is posted to say that the key is stored.
#[derive(Serialize)]
pub(super) struct ReceiptBody {
    credential_id: String,
    #[serde(serialize_with = "as_text")]
    opened: Zeroizing<String>,
    signature: Signature,
}

#[derive(Deserialize)]
struct Activated {
    activated: bool,
    portal: String,
}

#[derive(Serialize)]
struct ReportBody<'a> {
    ceremony: &'a str,
    credential: &'a Credential<Assertion>,
}

#[derive(Deserialize)]
struct Reported {}

#[derive(Serialize)]
struct AlertBody<'a> {
    claim_token: &'a str,
}

/// Proves who is here, takes the envelope and opens it. `meanwhile` is told what goes on.
pub(super) async fn claim(
    delivery: DeliveryId,
    link: &LinkSecret,
    meanwhile: impl Fn(&'static str),
) -> Result<Opened, Refusal> {
    let refused = |failure: Failure| Refusal::of_claim(&failure);
    let (begun, asserted) = prove(delivery, Act::Claim, Prf::Wanted)
        .await
        .map_err(refused)?;
    let device = asserted
        .prf
        .as_ref()
        .map(DeviceKeys::derive)
        .ok_or(Refusal::of_contents(CannotShow::NoPrf))?;
    meanwhile("Opening…");
    let token = link.claim_token();
    let body = ClaimBody {
        ceremony: &begun.ceremony,
        credential: &asserted.credential,
        claim_token: &token.expose_text(),
        sealing_key: device.sealing_key(),
    };
    let answer = browser::post_for_answer(&format!("/d/{delivery}/claim"), &body)
        .await
        .map_err(refused)?;
    let claimed: Claimed = answer.read().map_err(refused)?;
    let now = answer.server_time.unwrap_or_else(browser::now);
    // By the server's clock on both sides: this one may be wrong.
    let lease = browser::instant(&claimed.lease_until).map_or(0.0, |until| until - now);
    let place = Place {
        origin: browser::origin(),
        delivery,
    };
    unseal(claimed, &place, link, &device, &asserted.raw_id)
        .map(|opened| Opened { lease, ..opened })
        .map_err(Refusal::of_contents)
}

impl Opened {
    pub(super) fn receipt(&self) -> ReceiptBody {
        ReceiptBody {
            credential_id: base64url::encode(&self.receipt.credential_id),
            opened: Zeroizing::new(base64url::encode(self.receipt.opened.expose())),
            signature: self.receipt.signature,
        }
    }
}

/// Says that the key is stored; the answer is where its use can be watched.
pub(super) async fn post_receipt(
    delivery: DeliveryId,
    body: &ReceiptBody,
) -> Result<String, Failure> {
    let answer: Activated = browser::post(&format!("/d/{delivery}/receipt"), body).await?;
    match answer.activated && browser::is_own_path(&answer.portal) {
        true => Ok(answer.portal),
        false => Err(Failure::Unreadable),
    }
}

fn as_text<S: Serializer>(text: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// "This was not me": kills the key.
pub(super) async fn report(delivery: DeliveryId) -> Result<(), Failure> {
    let (begun, asserted) = prove(delivery, Act::Report, Prf::Unneeded).await?;
    let body = ReportBody {
        ceremony: &begun.ceremony,
        credential: &asserted.credential,
    };
    let Reported {} = browser::post(&format!("/d/{delivery}/report"), &body).await?;
    Ok(())
}

/// The same without a passkey: tells the staff, and changes nothing.
pub(super) async fn alert(delivery: DeliveryId, link: &LinkSecret) -> Result<(), Failure> {
    let token = link.claim_token();
    let body = AlertBody {
        claim_token: &token.expose_text(),
    };
    let Reported {} = browser::post(&format!("/d/{delivery}/alert"), &body).await?;
    Ok(())
}

async fn prove(delivery: DeliveryId, act: Act, prf: Prf) -> Result<(Begun, Asserted), Failure> {
    let begun: Begun = browser::post(&format!("/d/{delivery}/begin"), &BeginBody { act }).await?;
    statement::check_delivery(&begun, act, &browser::origin(), delivery)?;
    let asserted = webauthn::get(&begun.options, prf).await?;
    Ok((begun, asserted))
}

/// The page that is open: what a header must be about.
struct Place {
    origin: String,
    delivery: DeliveryId,
}

/// The host's signature over header and envelope is checked before anything is opened, and that
/// both are meant for this page and this passkey.
fn unseal(
    claimed: Claimed,
    place: &Place,
    link: &LinkSecret,
    device: &DeviceKeys,
    raw_id: &[u8],
) -> Result<Opened, CannotShow> {
    let header = base64url::decode(&claimed.header)
        .ok()
        .and_then(|bytes| Header::parse(&bytes).ok())
        .filter(|header| header.is_at(&place.origin, place.delivery))
        .ok_or(CannotShow::NotGenuine)?;
    if claimed.envelope.credential_id != raw_id {
        return Err(CannotShow::NotGenuine);
    }
    let opened =
        open(device, link, &header, &claimed.envelope, &claimed.host_key).map_err(|failure| {
            match failure {
                CannotOpen::NotGenuine => CannotShow::NotGenuine,
                CannotOpen::WrongLink => CannotShow::WrongLink,
                CannotOpen::Contents => CannotShow::Contents,
            }
        })?;
    let key = core::str::from_utf8(&opened.secret).map_err(|_| CannotShow::Contents)?;
    let receipt = Receipt {
        signature: ReceiptStatement::of(&header, &claimed.envelope).sign(&opened.opened, device),
        credential_id: claimed.envelope.credential_id,
        opened: opened.opened.clone(),
    };
    Ok(Opened {
        key: Zeroizing::new(key.to_owned()),
        header,
        details: claimed.details,
        again: claimed.again,
        lease: 0.0,
        receipt,
    })
}

#[cfg(test)]
mod tests;
