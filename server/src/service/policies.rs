//! Policies of environments: read, worded, changed. A policy is never edited: a change adds the
//! next version.

use domain::id::{EnvironmentId, PersonId, PolicyId, ServiceId};
use domain::policy::{Policy, Weakening, weakens};
use domain::time::Timestamp;
use store::{Environment, PolicyVersion, Proposal, Read, Service, Stamped, Work};

use crate::chance::system_rng;
use crate::refusal::Refusal;
use crate::service::{people, proposals};

/// The policy in force, and whose it is.
#[derive(Clone, Debug)]
pub struct InForce {
    pub service: Service,
    pub environment: Environment,
    pub row: Stamped<PolicyVersion>,
    pub policy: Policy,
}

/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Internal`] for a document that this program did not write.
pub async fn in_force(read: &mut Read, environment: EnvironmentId) -> Result<InForce, Refusal> {
    let environment = read
        .environment(environment)
        .await?
        .ok_or(Refusal::NotFound)?;
    let service = read
        .service(environment.service_id)
        .await?
        .ok_or(Refusal::NotFound)?;
    let row = read
        .policy(environment.id)
        .await?
        .ok_or(Refusal::NotFound)?;
    let policy = parse(&row)?;
    Ok(InForce {
        service,
        environment,
        row,
        policy,
    })
}

/// By the names that stand in the page's address.
///
/// # Errors
/// As [`in_force`].
pub async fn named(read: &mut Read, service: ServiceId, name: &str) -> Result<InForce, Refusal> {
    let environments = read.environments(service).await?;
    let found = environments
        .iter()
        .find(|row| row.name == name)
        .ok_or(Refusal::NotFound)?;
    in_force(read, found.id).await
}

/// # Errors
/// [`Refusal::Internal`] for a document that this program did not write.
pub fn parse(row: &PolicyVersion) -> Result<Policy, Refusal> {
    serde_json::from_str(&row.document).map_err(Refusal::internal)
}

/// Adds a version. That its number is unique decides between two who change a policy at once.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn add(
    work: &mut Work,
    environment: EnvironmentId,
    policy: &Policy,
    by: Option<PersonId>,
    now: Timestamp,
) -> Result<(), Refusal> {
    work.add_policy(PolicyVersion {
        id: PolicyId::random(&mut system_rng()),
        environment_id: environment,
        version: policy.version.into(),
        document: serde_json::to_string(policy).map_err(Refusal::internal)?,
        created_at: now,
        created_by: by,
    })
    .await?;
    Ok(())
}

/// Every way in which the new policy is weaker, and whether that takes a second person: once two
/// owners can confirm.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn weakening(
    read: &mut Read,
    old: &Policy,
    new: &Policy,
) -> Result<(Vec<Weakening>, bool), Refusal> {
    let weaker = weakens(old, new);
    let owners = people::owners(read).await?.len();
    let second_person = takes_second_person(&weaker, owners);
    Ok((weaker, second_person))
}

const fn takes_second_person(weaker: &[Weakening], owners: usize) -> bool {
    !weaker.is_empty() && owners >= 2
}

/// The open proposal to change this environment's policy, if there is one that can still be
/// confirmed.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn proposed(
    read: &mut Read,
    environment: EnvironmentId,
    now: Timestamp,
) -> Result<Option<Stamped<Proposal>>, Refusal> {
    let waits = |row: &Stamped<Proposal>| {
        row.act == domain::act::Act::ChangePolicy.as_str()
            && row.subject_id == environment.uuid()
            && now < row.proposed_at.plus(proposals::OPEN_FOR)
    };
    Ok(read.open_proposals().await?.into_iter().find(waits))
}

/// Changes of settings that wait for a second person and can still be confirmed.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn open(read: &mut Read, now: Timestamp) -> Result<Vec<Stamped<Proposal>>, Refusal> {
    let mut open = read.open_proposals().await?;
    open.retain(|row| now < row.proposed_at.plus(proposals::OPEN_FOR));
    Ok(open)
}

/// `2 approvals, at most 180 days, 100 calls a second, networks named`.
pub fn words(policy: &Policy) -> String {
    let approvals = match u32::from(policy.approvals) {
        1 => "1 approval".to_owned(),
        many => format!("{many} approvals"),
    };
    let mut words = vec![
        approvals,
        format!("at most {} days", policy.longest_life),
        format!("{} calls a second", policy.rate_limit),
        format!("links open for {} hours", policy.link_open_for),
    ];
    if !policy.limits.are_empty() {
        words.push(policy.limits.to_string());
    }
    if policy.networks_required {
        words.push("networks named".to_owned());
    }
    if policy.device_bound {
        words.push("device-bound passkeys".to_owned());
    }
    words.join(", ")
}

/// Every setting as it is signed: what it becomes, and what it was where it changes.
pub fn lines(old: &Policy, new: &Policy) -> Vec<(&'static str, String)> {
    let settings = |policy: &Policy| {
        let yes = |set: bool| if set { "required" } else { "not required" }.to_owned();
        [
            ("Policy version", policy.version.to_string()),
            ("Approvals needed", policy.approvals.to_string()),
            ("Longest life in days", policy.longest_life.to_string()),
            ("Calls a second", policy.rate_limit.to_string()),
            ("Further limits", policy.limits.to_string()),
            (
                "Hours that a link stays open",
                policy.link_open_for.to_string(),
            ),
            ("Source networks", yes(policy.networks_required)),
            ("Device-bound passkey", yes(policy.device_bound)),
        ]
    };
    settings(old)
        .into_iter()
        .zip(settings(new))
        .map(|((label, was), (_, becomes))| {
            if was == becomes {
                (label, becomes)
            } else {
                (label, format!("{becomes} (was {was})"))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::policy::Approvals;
    use domain::service::EnvironmentKind;

    use super::*;

    fn production() -> Policy {
        Policy::default_for(EnvironmentKind::Production)
    }

    fn weaker() -> Policy {
        Policy {
            version: 2,
            approvals: Approvals::ONE,
            ..production()
        }
    }

    #[test]
    fn a_weakening_takes_a_second_person_once_two_owners_can_confirm() {
        let weakening = weakens(&production(), &weaker());
        assert!(!takes_second_person(&weakening, 1));
        assert!(takes_second_person(&weakening, 2));
    }

    #[test]
    fn a_strengthening_takes_one_person() {
        let strengthening = weakens(&weaker(), &production());
        assert!(!takes_second_person(&strengthening, 9));
    }

    #[test]
    fn what_is_signed_names_every_setting_and_what_it_was() {
        let lines = lines(&production(), &weaker());
        assert_eq!(lines.len(), 8);
        assert!(lines.contains(&("Approvals needed", "1 (was 2)".to_owned())));
        assert!(lines.contains(&("Longest life in days", "365".to_owned())));
    }

    #[test]
    fn a_policy_is_worded_in_a_line() {
        assert_eq!(
            words(&production()),
            "2 approvals, at most 365 days, 100 calls a second, links open for 72 hours, networks named"
        );
    }
}
