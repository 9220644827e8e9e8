//! The receipt: who opened the envelope says that the key is stored, and the key begins to work.

use domain::audit::Outcome;
use domain::base64url;
use domain::delivery::{DeliveryState, LEASE, ReceiptOutcome};
use domain::id::{DeliveryId, GrantId};
use domain::key::{KeyState, KeyStep, replaced_expires};
use domain::seal::{DeviceVerifyingKey, Envelope, Header, ReceiptStatement, SealingKey, Signature};
use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::json;
use store::{Code, Credential, Delivery, EnvelopeRow, Evidence, KeyRow, Stamped, Work};

use super::claim::not_usable;
use super::context::by_contact;
use crate::auth::session::Origin;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// What the browser posts. It needs no session and no ceremony: only who opened the envelope knows
/// `opened`, and only the device that it was sealed to makes the signature.
pub struct Receipt {
    pub credential_id: Vec<u8>,
    pub opened: Secret<32>,
    pub signature: Signature,
}

/// Activates the key and erases the ciphertexts, once; the same receipt again changes nothing and is
/// answered alike.
///
/// # Errors
/// [`Refusal::Unproven`] for a receipt that does not hold or comes after the lease.
pub async fn receipt(
    portal: &Portal,
    id: DeliveryId,
    receipt: &Receipt,
    from: &Origin,
) -> Result<domain::id::KeyId, Refusal> {
    let mut work = portal.store.work().await?;
    let at = portal.now();
    let delivery = work.delivery(id).await?.ok_or_else(not_usable)?;
    let credential = work
        .credential_by_raw_id(&receipt.credential_id)
        .await?
        .ok_or_else(not_usable)?;
    let envelope = work
        .envelope(id, credential.id)
        .await?
        .ok_or_else(not_usable)?;
    check(&delivery, &credential, &envelope, receipt)?;
    let state =
        DeliveryState::from_stored(delivery.state.0, delivery.claimed_by, delivery.lease_until)
            .ok_or_else(|| Refusal::internal("a delivery's row contradicts itself"))?;
    match domain::delivery::receipt(&state, at, credential.id) {
        ReceiptOutcome::Already => {
            portal.leave(work).await?;
            return Ok(delivery.key_id);
        }
        ReceiptOutcome::Refused => return Err(too_late()),
        ReceiptOutcome::Accept => {}
    }
    let kept = json!({
        "credential": credential.id,
        "opened": base64url::encode(receipt.opened.expose()),
        "signature": receipt.signature,
    });
    if !work
        .receipt(id, credential.id, at, &kept.to_string())
        .await?
    {
        return Err(too_late());
    }
    let key = work.key(delivery.key_id).await?.ok_or_else(not_usable)?;
    is_ours(portal, &delivery, &credential, &envelope, &key)?;
    activate(&mut work, key, at).await?;
    let entry = by_contact(
        at,
        "receipt",
        ("delivery", id.uuid()),
        (Some(delivery.recipient_id), Some(credential.id)),
        Outcome::Done,
        &json!({ "key": delivery.key_id, "receipt": kept }),
        from,
    );
    crate::fault::point("receipt");
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(delivery.key_id)
}

fn check(
    delivery: &Delivery,
    credential: &Credential,
    envelope: &EnvelopeRow,
    receipt: &Receipt,
) -> Result<(), Refusal> {
    let header = Header::parse(&delivery.header).map_err(|_| not_usable())?;
    let statement = ReceiptStatement {
        delivery: delivery.id,
        kid: header.kid,
        credential_id: credential.raw_id.clone(),
        header: header.digest(),
        ciphertext: envelope.ciphertext_digest,
    };
    let device = credential.signing_key.ok_or_else(not_usable)?;
    let device = DeviceVerifyingKey::try_from(device.as_slice()).map_err(|_| not_usable())?;
    statement
        .verify(
            &receipt.opened,
            &envelope.opened_digest,
            &device,
            &receipt.signature,
        )
        .map_err(|error| {
            tracing::info!(%error, "a receipt was refused");
            not_usable()
        })
}

/// The rows of a delivery carry no MAC, and a key begins to work by them. That it was this key that
/// was sealed to this passkey, in this delivery and until then, is what the host signed.
fn is_ours(
    portal: &Portal,
    delivery: &Delivery,
    credential: &Credential,
    envelope: &EnvelopeRow,
    key: &KeyRow,
) -> Result<(), Refusal> {
    let header = Header::parse(&delivery.header).map_err(|_| not_usable())?;
    let sealed = envelope
        .sealed
        .as_deref()
        .and_then(|bytes| Envelope::parse(bytes).ok())
        .ok_or_else(not_usable)?;
    let sealing_key = credential
        .sealing_key
        .and_then(|key| SealingKey::try_from(key.as_slice()).ok())
        .ok_or_else(not_usable)?;
    sealed
        .verify(
            &header,
            &sealing_key,
            &portal.keyring.host_signing_key.public(),
        )
        .map_err(|_| not_usable())?;
    let lease_at_most = header.delivery_expiry.plus(LEASE);
    let fits = header.delivery == delivery.id
        && header.recipient == credential.person_id
        && header.kid.to_string() == key.kid
        && sealed.credential_id == credential.raw_id
        && portal.now() < lease_at_most;
    if fits { Ok(()) } else { Err(not_usable()) }
}

/// Makes the key work, and lets the one that it replaces run out after the overlap.
async fn activate(work: &mut Work, key: Stamped<KeyRow>, at: Timestamp) -> Result<(), Refusal> {
    let (replaces, grant) = (key.replaces_id, key.grant_id);
    let stamp = key.stamp();
    let state = key
        .state
        .0
        .step(KeyStep::Activate)
        .map_err(|_| too_late())?;
    let active = KeyRow {
        state: Code(state),
        activated_at: Some(at),
        ..key.into_row()
    };
    work.update_key(active, stamp).await?;
    let Some(replaces) = replaces else {
        return Ok(());
    };
    let Some(old) = work.key(replaces).await? else {
        return Ok(());
    };
    if old.state.0 == KeyState::Active {
        shorten(work, old, grant, at).await?;
    }
    Ok(())
}

async fn shorten(
    work: &mut Work,
    old: Stamped<KeyRow>,
    grant: GrantId,
    at: Timestamp,
) -> Result<(), Refusal> {
    let grant = work.grant(grant).await?.ok_or(Refusal::NotFound)?;
    let until = grant.valid_until.unwrap_or(old.expires_at);
    let stamp = old.stamp();
    let shortened = KeyRow {
        expires_at: replaced_expires(at, old.expires_at, until),
        ..old.into_row()
    };
    work.update_key(shortened, stamp).await?;
    Ok(())
}

fn too_late() -> Refusal {
    Refusal::unproven(
        "lease-over",
        "The ten minutes are over, and the key was destroyed unused. Sign in and ask for a new one.",
    )
}
