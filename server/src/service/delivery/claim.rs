//! The claim: a link and an assertion by the right passkey, once.

use domain::act::{Act, ActStatement};
use domain::audit::Outcome;
use domain::base64url;
use domain::delivery::{ClaimOutcome, DeliveryState, LEASE};
use domain::id::{CeremonyId, CredentialId, DeliveryId};
use domain::link::ClaimToken;
use domain::mac::same_digest;
use domain::policy::RatePerSecond;
use domain::seal::{Header, SealingKey};
use domain::service::Method;
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use store::{Delivery, Evidence, Read, Work};
use url::Url;

use super::context::{Context, by_contact};
use super::notice::{notify, opened};
use crate::auth::act::{self, Asked, Proof};
use crate::auth::ceremony::Begun;
use crate::auth::session::Origin;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::hours;

const CEREMONY: &str = "delivery";

/// What the claiming browser gets.
#[derive(Debug, Serialize)]
pub struct Claimed {
    pub header: String,
    pub envelope: String,
    pub host_key: String,
    pub details: Details,
    /// RFC 3339.
    pub lease_until: String,
    /// The same credential asked before: a lost response lost nothing.
    pub again: bool,
}

/// What the page says of the key beside what the header binds.
#[derive(Debug, Serialize)]
pub struct Details {
    pub partner: String,
    pub service: String,
    pub environment: String,
    pub base_url: String,
    pub scopes: Vec<String>,
    pub rate_per_second: RatePerSecond,
    pub networks: Vec<String>,
    /// Further limits and hours, where there are any, in words.
    pub further: Vec<String>,
    /// The name of the environment variable: `SHIPMENTS_KEY`.
    pub variable: String,
    pub example_method: &'static str,
    pub example_path: String,
}

/// Starts a claim or a report. The answer is the same for every id, also for those that do not
/// exist.
///
/// # Errors
/// [`Refusal::BadRequest`] for another act.
pub async fn begin(
    portal: &Portal,
    id: DeliveryId,
    act: Act,
) -> Result<(ActStatement, Begun), Refusal> {
    if !matches!(act, Act::Claim | Act::Report) {
        return Err(Refusal::BadRequest("A delivery is claimed or reported."));
    }
    let asked = Asked {
        act,
        subject: id.uuid(),
        stamp: 0,
        lines: Vec::new(),
    };
    act::begin(portal, CEREMONY, None, &asked, &[]).await
}

/// Spends the ceremony: who signed this act at this delivery.
///
/// # Errors
/// [`Refusal::Unproven`].
pub(super) async fn proof(
    portal: &Portal,
    id: DeliveryId,
    wanted: Act,
    ceremony: CeremonyId,
    response: Value,
    from: Origin,
) -> Result<Proof, Refusal> {
    let proof = act::finish(portal, CEREMONY, ceremony, response, None, from).await?;
    let statement = proof.statement();
    if statement.act == wanted && statement.subject == id.uuid() {
        Ok(proof)
    } else {
        Err(not_usable())
    }
}

/// Opens the lease for this credential, or says why not. `sealing_key` is what the browser derived
/// just now: if it is not the enrolled one, the envelope could not be opened, and nothing is used
/// up.
///
/// # Errors
/// [`Refusal::Unproven`]: `link-not-usable` in the same words for every reason that is not the
/// recipient's to know; `opened-elsewhere`, `other-device-key`.
pub async fn claim(
    portal: &Portal,
    id: DeliveryId,
    ceremony: CeremonyId,
    response: Value,
    token: &ClaimToken,
    sealing_key: &SealingKey,
    from: Origin,
) -> Result<Claimed, Refusal> {
    let proof = proof(portal, id, Act::Claim, ceremony, response, from.clone()).await?;
    let mut work = portal.store.work().await?;
    let delivery = work.delivery(id).await?;
    let token_fits = delivery
        .as_ref()
        .is_some_and(|delivery| same_digest(&token.digest(), &delivery.claim_digest));
    let Some(delivery) = delivery.filter(|_| token_fits) else {
        return refuse(portal, work, id, &proof, &from, "wrong-link", not_usable()).await;
    };
    if delivery.recipient_id != proof.person() {
        notify(portal, &mut work, &delivery, None).await?;
        return refuse(
            portal,
            work,
            id,
            &proof,
            &from,
            "wrong-person",
            not_usable(),
        )
        .await;
    }
    let credential = work
        .credential(proof.credential())
        .await?
        .ok_or_else(not_usable)?;
    if credential.sealing_key.as_ref() != Some(sealing_key.as_bytes()) {
        notify(portal, &mut work, &delivery, None).await?;
        return refuse(
            portal,
            work,
            id,
            &proof,
            &from,
            "other-device-key",
            other_key(),
        )
        .await;
    }
    let at = proof.at;
    let lease_until = at.plus(LEASE);
    if work.claim(id, proof.credential(), at, lease_until).await? {
        let claimed = answer(portal, &mut work, &delivery, &proof, lease_until, false).await?;
        let evidence = Evidence::of(proof.entry("delivery", id.uuid(), json!({ "again": false })));
        crate::fault::point("claim");
        portal.commit(work, evidence).await?;
        return Ok(claimed);
    }
    match outcome(&delivery, at, proof.credential())? {
        ClaimOutcome::Again { lease_until } => {
            let claimed = answer(portal, &mut work, &delivery, &proof, lease_until, true).await?;
            let entry = proof.entry("delivery", id.uuid(), json!({ "again": true }));
            portal.commit(work, Evidence::of(entry)).await?;
            Ok(claimed)
        }
        ClaimOutcome::OpenedByOther { credential } => {
            let opened = opened(&mut work, &delivery, credential).await?;
            let refusal = Refusal::unproven(
                "opened-elsewhere",
                format!(
                    "This was opened with the passkey “{}” at {}.",
                    opened.passkey,
                    opened.at.minute()
                ),
            );
            notify(portal, &mut work, &delivery, Some(opened)).await?;
            refuse(portal, work, id, &proof, &from, "opened-elsewhere", refusal).await
        }
        ClaimOutcome::Fresh { .. } | ClaimOutcome::Gone => {
            // Coming late with a passkey that could have opened it is no alarm.
            if work.envelope(id, proof.credential()).await?.is_none() {
                notify(portal, &mut work, &delivery, None).await?;
            }
            refuse(portal, work, id, &proof, &from, "not-open", not_usable()).await
        }
    }
}

fn outcome(
    delivery: &Delivery,
    at: Timestamp,
    claimer: CredentialId,
) -> Result<ClaimOutcome, Refusal> {
    let state =
        DeliveryState::from_stored(delivery.state.0, delivery.claimed_by, delivery.lease_until)
            .ok_or_else(|| Refusal::internal("a delivery's row contradicts itself"))?;
    Ok(domain::delivery::claim(
        &state,
        at,
        delivery.expires_at,
        claimer,
    ))
}

async fn answer(
    portal: &Portal,
    work: &mut Work,
    delivery: &Delivery,
    proof: &Proof,
    lease_until: Timestamp,
    again: bool,
) -> Result<Claimed, Refusal> {
    let envelope = work
        .envelope(delivery.id, proof.credential())
        .await?
        .and_then(|row| row.sealed)
        .ok_or_else(not_usable)?;
    let context = Context::load(work, delivery.grant_id).await?;
    let header = Header::parse(&delivery.header).map_err(|_| not_usable())?;
    // The row carries no MAC; the header is signed with the envelope, and the browser checks it.
    let says_so = header.grant_digest == context.grant.digest
        && delivery.expires_at == header.delivery_expiry;
    if !says_so {
        return Err(not_usable());
    }
    Ok(Claimed {
        header: base64url::encode(&delivery.header),
        envelope: base64url::encode(&envelope),
        host_key: portal.keyring.host_signing_key.public().to_string(),
        details: details(work, &context).await?,
        lease_until: lease_until.to_string(),
        again,
    })
}

async fn details(read: &mut Read, context: &Context) -> Result<Details, Refusal> {
    let granted = context.in_force(read).await?;
    let networks = match granted.sources() {
        domain::network::Sources::Anywhere => Vec::new(),
        domain::network::Sources::Only(networks) => {
            networks.iter().map(ToString::to_string).collect()
        }
    };
    let limits = granted.limits();
    let further = [
        (!limits.are_empty()).then(|| limits.to_string()),
        (!granted.hours().are_all()).then(|| hours(&granted)),
    ];
    let rules = granted.rules();
    let first = rules
        .iter()
        .find(|rule| rule.method == Method::Get)
        .or_else(|| rules.first());
    Ok(Details {
        partner: context.partner.name.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        base_url: context.environment.base_url.clone(),
        scopes: granted.scopes().iter().map(ToString::to_string).collect(),
        rate_per_second: granted.rate(),
        networks,
        further: further.into_iter().flatten().collect(),
        variable: variable(&context.service.slug),
        example_method: first.map_or(Method::Get, |rule| rule.method).code(),
        example_path: first.map_or_else(
            || "/".to_owned(),
            |rule| example(&context.environment.base_url, &rule.pattern.to_string()),
        ),
    })
}

/// What follows the base URL to a path that fits the pattern: `/shipments/{id}` becomes
/// `/shipments/1`. Patterns are of the whole path, which the base URL may begin already. Names in
/// braces mean something else to curl.
fn example(base_url: &str, pattern: &str) -> String {
    let base = Url::parse(base_url).ok();
    let begun = base
        .as_ref()
        .map_or("", |url| url.path().trim_end_matches('/'));
    let rest = pattern
        .strip_prefix(begun)
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(pattern);
    let filled = rest.split('/').map(|segment| match segment {
        named if named.starts_with('{') => "1",
        fixed => fixed,
    });
    filled.collect::<Vec<_>>().join("/")
}

/// `shipments-api` becomes `SHIPMENTS_API_KEY`.
fn variable(slug: &str) -> String {
    let name: String = slug
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("{name}_KEY")
}

/// Commits that it was refused, and what mails that caused; changes nothing else.
async fn refuse<T>(
    portal: &Portal,
    work: Work,
    id: DeliveryId,
    proof: &Proof,
    from: &Origin,
    why: &str,
    refusal: Refusal,
) -> Result<T, Refusal> {
    let entry = by_contact(
        proof.at,
        Act::Claim.as_str(),
        ("delivery", id.uuid()),
        (Some(proof.person()), Some(proof.credential())),
        Outcome::Refused,
        &json!({ "why": why }),
        from,
    );
    portal.commit(work, Evidence::of(entry)).await?;
    Err(refusal)
}

pub(super) fn not_usable() -> Refusal {
    Refusal::unproven(
        "link-not-usable",
        "This link cannot be opened with this passkey: it may have run out, been used, or be meant \
         for somebody else. Nothing was used up.",
    )
}

fn other_key() -> Refusal {
    Refusal::unproven(
        "other-device-key",
        "Here this passkey gives another secret than when you set it up, so the key could not be \
         opened. Nothing was used up: try the device on which you made the passkey.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_names_its_environment_variable() {
        assert_eq!(variable("shipments"), "SHIPMENTS_KEY");
        assert_eq!(variable("reports-v2"), "REPORTS_V2_KEY");
    }

    #[test]
    fn an_example_path_fits_its_pattern_and_has_no_braces() {
        let example = |pattern| example("https://api.example", pattern);
        assert_eq!(
            example("/v2/shipments/{id}/events"),
            "/v2/shipments/1/events"
        );
        assert_eq!(example("/v2/files/{rest...}"), "/v2/files/1");
        assert_eq!(example("/v2/shipments"), "/v2/shipments");
    }

    #[test]
    fn an_example_repeats_no_path_of_the_base_url() {
        for base in ["https://api.example/v2", "https://api.example/v2/"] {
            assert_eq!(example(base, "/v2/shipments/{id}"), "/shipments/1");
            assert_eq!(example(base, "/v20/shipments"), "/v20/shipments");
            assert_eq!(example(base, "/files"), "/files");
        }
        assert_eq!(example("https://api.example/", "/v2/x"), "/v2/x");
    }
}
