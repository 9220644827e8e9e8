use domain::policy::Approvals;
use domain::service::EnvironmentKind;

use super::*;
use crate::service::acts::ChangeRoles;
use crate::testing::Fixture;

fn policy(version: u32, approvals: Approvals) -> Policy {
    Policy {
        version,
        approvals,
        ..Policy::default_for(EnvironmentKind::Production)
    }
}

async fn production(host: &Fixture) -> EnvironmentId {
    let operator = host.staff("Olga", &[Role::Operator]).await;
    let service = host.service(&operator, "Shipments API").await;
    host.environment(&operator, service, EnvironmentKind::Production)
        .await;
    let mut read = host.portal.store.read().await.unwrap();
    read.environments(service).await.unwrap()[0].id
}

async fn version(host: &Fixture, environment: EnvironmentId) -> u32 {
    let mut read = host.portal.store.read().await.unwrap();
    policies::in_force(&mut read, environment)
        .await
        .unwrap()
        .policy
        .version
}

async fn waiting(host: &Fixture) -> Vec<ProposalId> {
    let mut read = host.portal.store.read().await.unwrap();
    let open = policies::open(&mut read, host.portal.now()).await.unwrap();
    open.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn a_weakening_waits_for_a_second_owner_and_who_proposed_it_is_not_one() {
    let host = Fixture::new().await;
    let environment = production(&host).await;
    let (first, second) = (
        host.staff("Otto", &[Role::Owner]).await,
        host.staff("Oda", &[Role::Owner]).await,
    );
    let weaker = ChangePolicy {
        environment,
        policy: policy(2, Approvals::ONE),
    };
    host.act(&first, weaker).await.unwrap();
    assert_eq!(version(&host, environment).await, 1);
    let proposal = waiting(&host).await[0];
    let own = host.act(&first, ConfirmPolicy { proposal }).await;
    assert!(matches!(own, Err(Refusal::Forbidden(_))));
    host.act(&second, ConfirmPolicy { proposal }).await.unwrap();
    assert_eq!(version(&host, environment).await, 2);
    assert!(waiting(&host).await.is_empty());
    assert!(host.act(&second, ConfirmPolicy { proposal }).await.is_err());
}

#[tokio::test]
async fn a_single_owner_weakens_a_policy_alone() {
    let host = Fixture::new().await;
    let environment = production(&host).await;
    let owner = host.staff("Otto", &[Role::Owner]).await;
    let weaker = ChangePolicy {
        environment,
        policy: policy(2, Approvals::ONE),
    };
    host.act(&owner, weaker).await.unwrap();
    assert_eq!(version(&host, environment).await, 2);
}

#[tokio::test]
async fn strengthening_counts_at_once_and_voids_a_weakening_that_waits() {
    let host = Fixture::new().await;
    let environment = production(&host).await;
    let (first, second) = (
        host.staff("Otto", &[Role::Owner]).await,
        host.staff("Oda", &[Role::Owner]).await,
    );
    let weaker = ChangePolicy {
        environment,
        policy: policy(2, Approvals::ONE),
    };
    host.act(&first, weaker).await.unwrap();
    let again = ChangePolicy {
        environment,
        policy: policy(2, Approvals::ONE),
    };
    let refused = host.act(&second, again).await;
    assert!(matches!(
        refused,
        Err(Refusal::Conflict {
            code: "proposed",
            ..
        })
    ));
    let stronger = ChangePolicy {
        environment,
        policy: policy(2, 3.try_into().unwrap()),
    };
    host.act(&second, stronger).await.unwrap();
    assert_eq!(version(&host, environment).await, 2);
    let proposal = waiting(&host).await[0];
    let late = host.act(&second, ConfirmPolicy { proposal }).await;
    assert!(matches!(
        late,
        Err(Refusal::Conflict {
            code: "changed",
            ..
        })
    ));
}

#[tokio::test]
async fn a_proposal_of_who_is_no_owner_any_more_is_not_confirmed() {
    let host = Fixture::new().await;
    let environment = production(&host).await;
    let (first, second) = (
        host.staff("Otto", &[Role::Owner, Role::Auditor]).await,
        host.staff("Oda", &[Role::Owner]).await,
    );
    let weaker = ChangePolicy {
        environment,
        policy: policy(2, Approvals::ONE),
    };
    host.act(&first, weaker).await.unwrap();
    let dismissed = ChangeRoles {
        person: first.person(),
        roles: vec![Role::Auditor],
    };
    host.act(&second, dismissed).await.unwrap();
    let proposal = waiting(&host).await[0];
    let refused = host.act(&second, ConfirmPolicy { proposal }).await;
    assert!(matches!(
        refused,
        Err(Refusal::Conflict {
            code: "changed",
            ..
        })
    ));
}

#[tokio::test]
async fn only_owners_change_a_policy() {
    let host = Fixture::new().await;
    let environment = production(&host).await;
    let operator = host
        .staff("Omar", &[Role::Operator, Role::Reviewer, Role::Auditor])
        .await;
    let stronger = ChangePolicy {
        environment,
        policy: policy(2, 3.try_into().unwrap()),
    };
    assert!(matches!(
        host.act(&operator, stronger).await,
        Err(Refusal::Forbidden(_))
    ));
}

#[test]
fn a_change_made_from_another_version_than_the_one_in_force_is_refused() {
    let old = policy(4, Approvals::TWO);
    assert!(is_next(&old, &policy(5, Approvals::ONE)).is_ok());
    for version in [1, 3, 4, 6] {
        let refused = is_next(&old, &policy(version, Approvals::ONE));
        assert!(
            matches!(
                refused,
                Err(Refusal::Conflict {
                    code: "changed",
                    ..
                })
            ),
            "{version}"
        );
    }
}

#[test]
fn a_change_that_changes_nothing_is_refused() {
    let refused = is_next(&policy(4, Approvals::TWO), &policy(5, Approvals::TWO));
    assert!(matches!(refused, Err(Refusal::Invalid(_))));
}
