//! Minting a key and sealing it. The server holds the plaintext here and nowhere else: from the
//! generator to the envelopes, within one function.

use domain::delivery::DeliveryCode;
use domain::grant::Grant;
use domain::id::{DeliveryId, KeyId, PersonId};
use domain::key::KeyState;
use domain::link::LinkSecret;
use domain::policy::Policy;
use domain::request::RequestState;
use domain::seal::{self, Addressee, Header, SealingKey, SecretKind, Suite};
use domain::state::GrantState;
use domain::time::Timestamp;
use domain::token::{ApiKey, KeyPrefix};
use serde_json::json;
use store::{
    AccessRequest, Code, Credential, Delivery, Entry, EnvelopeRow, GrantRow, KeyRow, Stamped, Work,
};

use super::context::{Context, by_system};
use crate::chance::system_rng;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;

/// What minting came to: what to record, and what the grant is now.
pub struct Minted {
    pub entries: Vec<Entry>,
    /// Approved, or waiting for a passkey of the recipient.
    pub state: GrantState,
}

/// Mints a key under an approved grant, seals it to the recipient's passkeys and queues the link. A
/// recipient without a passkey that the policy allows gets a mail that says so, and nothing is
/// minted.
///
/// # Errors
/// [`Refusal::Store`], or [`Refusal::Internal`] for a row that does not parse.
pub async fn mint_for_grant(
    portal: &Portal,
    work: &mut Work,
    grant: &Stamped<GrantRow>,
    replaces: Option<KeyId>,
    at: Timestamp,
) -> Result<Minted, Refusal> {
    let context = Context::around(work, grant.clone()).await?;
    let policy = policy(work, grant).await?;
    let to = fit(work, grant.recipient_id, &policy).await?;
    if to.is_empty() {
        let letter = Letter::WaitingForPasskey {
            request: grant.request_id,
            service: context.service.name.clone(),
            environment: context.environment.name.clone(),
        };
        let recipient = To::person(work, grant.recipient_id).await?;
        mail::queue(portal, work, letter, &recipient).await?;
        return Ok(Minted {
            entries: Vec::new(),
            state: GrantState::WaitingForPasskey,
        });
    }
    let valid_until = grant
        .valid_until
        .ok_or_else(|| Refusal::internal("an approved grant has no end"))?;
    let granted: Grant = context.granted()?;
    if granted.digest() != grant.digest {
        return Err(Refusal::internal(
            "the grant is not the one that was approved",
        ));
    }
    let entries = seal_new_key(
        portal,
        work,
        &context,
        &policy,
        &to,
        replaces,
        valid_until,
        at,
    )
    .await?;
    Ok(Minted {
        entries,
        state: GrantState::Approved,
    })
}

/// Mints for grants that waited until this person had a passkey that can receive.
///
/// # Errors
/// As [`mint_for_grant`].
pub async fn mint_waiting(
    portal: &Portal,
    work: &mut Work,
    person: PersonId,
) -> Result<Vec<Entry>, Refusal> {
    let at = portal.now();
    let mut entries = Vec::new();
    for grant in work.grants_in(GrantState::WaitingForPasskey).await? {
        let live = grant.valid_until.is_some_and(|until| at < until);
        if grant.recipient_id != person || !live {
            continue;
        }
        // Another passkey that this policy does not take changes nothing, and mails nothing.
        let policy = policy(work, &grant).await?;
        if fit(work, person, &policy).await?.is_empty() {
            continue;
        }
        let minted = mint_for_grant(portal, work, &grant, None, at).await?;
        entries.extend(minted.entries);
        keep_state(work, grant, minted.state, at).await?;
    }
    Ok(entries)
}

/// Cancels a person's open deliveries that are sealed to a lost credential and makes them again for
/// the passkeys that they have now.
///
/// # Errors
/// As [`mint_for_grant`].
pub async fn remake_for(
    portal: &Portal,
    work: &mut Work,
    person: PersonId,
) -> Result<Vec<Entry>, Refusal> {
    let at = portal.now();
    let mut entries = Vec::new();
    for delivery in work.open_deliveries(person).await? {
        let grant = work
            .grant(delivery.grant_id)
            .await?
            .ok_or(Refusal::NotFound)?;
        let replaces = work
            .key(delivery.key_id)
            .await?
            .and_then(|key| key.replaces_id);
        entries.extend(
            super::lapse::cancel(work, &delivery, at, "the recipient's passkey was replaced")
                .await?,
        );
        if grant.state.0 == GrantState::Approved {
            let minted = mint_for_grant(portal, work, &grant, replaces, at).await?;
            entries.extend(minted.entries);
            keep_state(work, grant, minted.state, at).await?;
        }
    }
    Ok(entries)
}

/// Writes what minting came to, into the grant and into the request that it is shown with.
async fn keep_state(
    work: &mut Work,
    grant: Stamped<GrantRow>,
    state: GrantState,
    at: Timestamp,
) -> Result<(), Refusal> {
    if grant.state.0 == state {
        return Ok(());
    }
    let (request, stamp) = (grant.request_id, grant.stamp());
    let changed = GrantRow {
        state: Code(state),
        ..grant.into_row()
    };
    work.update_grant(changed, stamp).await?;
    let request = work.request(request).await?.ok_or(Refusal::NotFound)?;
    let waits = work
        .grants_of_request(request.id)
        .await?
        .iter()
        .any(|grant| grant.state.0 == GrantState::WaitingForPasskey);
    let follows = match request.state.0 {
        RequestState::WaitingForPasskey if !waits => RequestState::Approved,
        RequestState::Approved if waits => RequestState::WaitingForPasskey,
        stays => stays,
    };
    work.update_request(&AccessRequest {
        state: Code(follows),
        updated_at: at,
        ..request
    })
    .await?;
    Ok(())
}

async fn policy(work: &mut Work, grant: &GrantRow) -> Result<Policy, Refusal> {
    let row = work
        .policy_version(grant.policy_id)
        .await?
        .ok_or(Refusal::NotFound)?;
    serde_json::from_str(&row.document).map_err(Refusal::internal)
}

/// The recipient's passkeys that may open a key under this policy.
async fn fit(
    work: &mut Work,
    recipient: PersonId,
    policy: &Policy,
) -> Result<Vec<Stamped<Credential>>, Refusal> {
    let mut credentials = work.credentials(recipient).await?;
    credentials.retain(|row| row.can_receive() && (row.device_bound || !policy.device_bound));
    Ok(credentials)
}

#[expect(
    clippy::too_many_arguments,
    reason = "everything that the header binds"
)]
async fn seal_new_key(
    portal: &Portal,
    work: &mut Work,
    context: &Context,
    policy: &Policy,
    to: &[Stamped<Credential>],
    replaces: Option<KeyId>,
    key_expiry: Timestamp,
    at: Timestamp,
) -> Result<Vec<Entry>, Refusal> {
    let rng = &mut system_rng();
    let grant = &context.grant;
    let prefix = KeyPrefix::new(&portal.config.key_prefix, &context.environment.tag)
        .map_err(Refusal::internal)?;
    let (key, link) = (ApiKey::mint(&prefix, rng), LinkSecret::random(rng));
    let (key_id, delivery_id) = (KeyId::random(rng), DeliveryId::random(rng));
    let delivery_expiry = at.plus(policy.link_open_for()).min(key_expiry);
    let header = Header {
        suite: Suite::X25519HkdfSha256Aes256Gcm,
        origin: portal.config.origin_text(),
        delivery: delivery_id,
        recipient: grant.recipient_id,
        kind: SecretKind::ApiKey,
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        kid: key.kid(),
        grant_digest: grant.digest,
        delivery_expiry,
        key_expiry,
    };
    let mut envelopes = Vec::with_capacity(to.len());
    for credential in to {
        envelopes.push(seal_to(portal, &key, &link, &header, credential)?);
    }
    let row = KeyRow {
        id: key_id,
        kid: key.kid().to_string(),
        grant_id: grant.id,
        replaces_id: replaces,
        key_mac: key.mac(&portal.keyring.pepper),
        prefix: format!("{}_{}", portal.config.key_prefix, context.environment.tag),
        state: Code(KeyState::PreActivation),
        created_at: at,
        activated_at: None,
        expires_at: key_expiry,
        ended_at: None,
        end_reason: None,
        noticed_days: None,
        change: 0,
    };
    drop(key);
    work.add_key(row).await?;
    let delivery = Delivery {
        id: delivery_id,
        key_id,
        grant_id: grant.id,
        recipient_id: grant.recipient_id,
        state: Code(DeliveryCode::Sealed),
        header: header.encode(),
        claim_digest: link.claim_token().digest(),
        created_at: at,
        expires_at: delivery_expiry,
        claimed_by: None,
        claimed_at: None,
        lease_until: None,
        ended_at: None,
        end_reason: None,
        receipt: None,
    };
    work.add_delivery(&delivery, &envelopes).await?;
    let letter = Letter::Delivery {
        delivery: delivery_id,
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        expires: delivery_expiry,
    };
    let recipient = To::person(work, grant.recipient_id).await?;
    mail::queue_link(portal, work, letter, &recipient, &link.expose_text()).await?;
    crate::fault::point("mint");
    let sealed_to: Vec<_> = to.iter().map(|credential| credential.id).collect();
    Ok(vec![
        by_system(
            at,
            "mint",
            ("key", key_id.uuid()),
            &json!({
                "kid": header.kid, "grant": grant.id, "replaces": replaces, "expires": key_expiry,
            }),
        ),
        by_system(
            at,
            "seal",
            ("delivery", delivery_id.uuid()),
            &json!({
                "key": key_id, "recipient": grant.recipient_id, "sealed_to": sealed_to,
                "header": domain::base64url::encode(&header.digest()),
            }),
        ),
    ])
}

fn seal_to(
    portal: &Portal,
    key: &ApiKey,
    link: &LinkSecret,
    header: &Header,
    credential: &Credential,
) -> Result<EnvelopeRow, Refusal> {
    let sealing_key = credential
        .sealing_key
        .ok_or_else(|| Refusal::internal("a credential without device keys was chosen"))?;
    let sealing_key = SealingKey::try_from(sealing_key.as_slice()).map_err(Refusal::internal)?;
    let sealed = seal::seal(
        key.expose(),
        Addressee {
            credential_id: &credential.raw_id,
            sealing_key: &sealing_key,
        },
        link,
        header,
        &portal.keyring.host_signing_key,
        &mut system_rng(),
    )
    .map_err(Refusal::internal)?;
    Ok(EnvelopeRow {
        delivery_id: header.delivery,
        credential_id: credential.id,
        ciphertext_digest: sealed.envelope.ciphertext_digest(),
        sealed: Some(sealed.envelope.to_bytes()),
        opened_digest: sealed.opened_digest,
    })
}
