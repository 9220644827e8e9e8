use domain::decision::DecisionVerdict;
use domain::grant::Narrowing;
use domain::id::{EnvironmentId, RequestId};
use domain::request::RequestState;
use domain::state::{GrantState, Role};

use super::*;
use crate::auth::session::Origin;
use crate::service::acts::{Decide, ProposeGrant};
use crate::service::requests::tests::World;
use crate::service::{people, reviews};

fn code(refused: Result<String, Refusal>) -> &'static str {
    match refused {
        Err(Refusal::Conflict { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

async fn grant_state(world: &World, id: RequestId, environment: EnvironmentId) -> GrantState {
    let file = world.file(&world.ada, id).await;
    file.proposal(environment).unwrap().row.state.0
}

/// Approvals given and needed for production.
async fn quorum(world: &World, id: RequestId) -> (usize, u32) {
    let file = world.file(&world.rita, id).await;
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let proposed = file.proposal(world.production).unwrap();
    let tally = LineCase::load(&mut read, &file, proposed)
        .await
        .unwrap()
        .tally();
    (tally.given.len(), tally.needed)
}

fn narrower(world: &World, id: RequestId, grant: domain::id::GrantId) -> ProposeGrant {
    ProposeGrant {
        request: id,
        environment: world.production,
        grant,
        narrowing: Narrowing {
            scopes: Some(["parcels:read".parse().unwrap()].into()),
            ..Narrowing::default()
        },
        why: "The answers need no writing.".parse().unwrap(),
    }
}

#[tokio::test]
async fn production_takes_two_and_a_sandbox_one() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    assert_eq!(
        grant_state(&world, id, world.production).await,
        GrantState::Proposed
    );
    assert_eq!(quorum(&world, id).await, (1, 2));
    world
        .approve(&world.sam, id, world.production)
        .await
        .unwrap();
    // Ada's passkey cannot receive a key.
    assert_eq!(
        grant_state(&world, id, world.production).await,
        GrantState::WaitingForPasskey
    );
    assert_eq!(
        world.fixture.got("waiting-for-passkey").await,
        ["ada@example.com"]
    );
    assert_eq!(
        world.file(&world.ada, id).await.request.state.0,
        RequestState::InReview
    );
    world.approve(&world.rita, id, world.sandbox).await.unwrap();
    let file = world.file(&world.ada, id).await;
    assert_eq!(file.request.state.0, RequestState::WaitingForPasskey);
    let grant = file.proposal(world.sandbox).unwrap();
    assert_eq!(
        grant.row.valid_until,
        grant.row.settled_at.map(|at| grant.grant.valid_until(at))
    );
}

#[tokio::test]
async fn nobody_approves_twice() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    let again = world.approve(&world.rita, id, world.production).await;
    assert_eq!(code(again), "approved-already");
    assert_eq!(quorum(&world, id).await, (1, 2));
}

#[tokio::test]
async fn nobody_approves_what_came_from_their_own_mailbox() {
    let world = World::new().await;
    let id = world.submitted().await;
    world.move_to(&world.rita, "ADA@example.com").await;
    let own = world.approve(&world.rita, id, world.production).await;
    assert_eq!(code(own), "may-not-judge");
    assert_eq!(quorum(&world, id).await, (0, 2));
}

#[tokio::test]
async fn who_became_a_reviewer_after_the_submission_does_not_decide() {
    let world = World::new().await;
    let id = world.submitted().await;
    let late = world.fixture.staff("Late", &[Role::Reviewer]).await;
    assert_eq!(
        code(world.approve(&late, id, world.production).await),
        "may-not-judge"
    );
}

#[tokio::test]
async fn no_other_role_decides() {
    let world = World::new().await;
    let others = [Role::Owner, Role::Operator, Role::Auditor];
    let olga = world.fixture.staff("Olga", &others).await;
    let id = world.submitted().await;
    let refused = world.approve(&olga, id, world.sandbox).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))));
    let refused = world.approve(&world.ada, id, world.sandbox).await;
    assert!(matches!(refused, Err(Refusal::NotFound)));
}

#[tokio::test]
async fn a_rejection_says_why_and_leaves_the_other_environment() {
    let world = World::new().await;
    let id = world.submitted().await;
    let file = world.file(&world.rita, id).await;
    let silent = Decide {
        request: id,
        environment: world.production,
        grant: file.proposal(world.production).unwrap().row.id,
        verdict: DecisionVerdict::Reject,
        reason: None,
    };
    assert!(matches!(
        world.fixture.act(&world.rita, silent).await,
        Err(Refusal::Invalid(_))
    ));
    world
        .decide(&world.rita, id, world.production, DecisionVerdict::Reject)
        .await
        .unwrap();
    assert_eq!(
        grant_state(&world, id, world.production).await,
        GrantState::Rejected
    );
    assert_eq!(
        grant_state(&world, id, world.sandbox).await,
        GrantState::Proposed
    );
    assert_eq!(
        world.fixture.got("request-rejected").await,
        ["ada@example.com"]
    );
    assert_eq!(
        code(world.approve(&world.sam, id, world.production).await),
        "decided-already"
    );
    world
        .decide(&world.rita, id, world.sandbox, DecisionVerdict::Reject)
        .await
        .unwrap();
    assert_eq!(
        world.file(&world.ada, id).await.request.state.0,
        RequestState::Rejected
    );
}

#[tokio::test]
async fn a_new_revision_supersedes_the_proposals_and_voids_their_approvals() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    world
        .decide(
            &world.sam,
            id,
            world.sandbox,
            DecisionVerdict::AskForChanges,
        )
        .await
        .unwrap();
    assert_eq!(
        world.fixture.got("changes-asked").await,
        ["ada@example.com"]
    );
    assert_eq!(
        code(world.approve(&world.sam, id, world.production).await),
        "not-in-review"
    );
    world.submit(id, 1).await.unwrap();
    let file = world.file(&world.ada, id).await;
    assert_eq!(
        (file.request.state.0, file.revisions.len()),
        (RequestState::InReview, 2)
    );
    assert_eq!(file.proposal(world.production).unwrap().row.number, 2);
    assert_eq!(quorum(&world, id).await, (0, 2));
    // Nothing that was decided is deleted.
    let kept: usize = file
        .proposals
        .iter()
        .map(|proposed| proposed.decisions.len())
        .sum();
    assert_eq!(kept, 2);
    let told = world.fixture.got("approval-voided").await;
    assert_eq!(told, ["rita@example.com"]);
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    assert_eq!(quorum(&world, id).await, (1, 2));
}

#[tokio::test]
async fn a_narrower_grant_is_a_new_proposal_that_voids_approvals_and_tells() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    let before = world.file(&world.rita, id).await;
    let old = before.proposal(world.production).unwrap().row.id;
    world
        .fixture
        .act(&world.sam, narrower(&world, id, old))
        .await
        .unwrap();
    let file = world.file(&world.rita, id).await;
    let new = file.proposal(world.production).unwrap();
    assert_eq!(
        (new.row.number, new.row.proposed_by),
        (2, Some(world.sam.person()))
    );
    assert!(
        new.grant
            .is_within(&before.proposal(world.production).unwrap().grant)
    );
    assert_eq!(quorum(&world, id).await, (0, 2));
    assert_eq!(
        world.fixture.got("approval-voided").await,
        ["rita@example.com"]
    );
    let on_the_old = Decide {
        request: id,
        environment: world.production,
        grant: old,
        verdict: DecisionVerdict::Approve,
        reason: None,
    };
    assert_eq!(
        code(world.fixture.act(&world.rita, on_the_old).await),
        "changed"
    );
    assert_eq!(
        code(
            world
                .fixture
                .act(&world.rita, narrower(&world, id, old))
                .await
        ),
        "changed"
    );
}

#[tokio::test]
async fn a_changed_policy_voids_the_approvals_under_the_old_one() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    world
        .change_policy(|policy| policy.device_bound = true)
        .await;
    assert_eq!(quorum(&world, id).await, (0, 2));
    world
        .approve(&world.sam, id, world.production)
        .await
        .unwrap();
    assert_eq!(quorum(&world, id).await, (1, 2));
    assert_eq!(
        world.fixture.got("approval-voided").await,
        ["rita@example.com"]
    );
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    assert_eq!(
        grant_state(&world, id, world.production).await,
        GrantState::WaitingForPasskey
    );
}

#[tokio::test]
async fn a_grant_beyond_a_stricter_policy_is_not_approved() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .change_policy(|policy| policy.longest_life = 30.try_into().unwrap())
        .await;
    assert_eq!(
        code(world.approve(&world.rita, id, world.production).await),
        "beyond-policy"
    );
    world
        .decide(&world.rita, id, world.production, DecisionVerdict::Reject)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_approval_by_who_is_no_reviewer_any_more_does_not_count() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    let mut work = world.work().await;
    let (rita, now) = (world.rita.person(), world.fixture.portal.now());
    people::set_roles(&mut work, rita, &[Role::Auditor], rita, now)
        .await
        .unwrap();
    world.commit(work).await;
    let file = world.file(&world.sam, id).await;
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let proposed = file.proposal(world.production).unwrap();
    let case = LineCase::load(&mut read, &file, proposed).await.unwrap();
    assert!(case.tally().given.is_empty());
    drop(read);
    world
        .approve(&world.sam, id, world.production)
        .await
        .unwrap();
    assert_eq!(
        grant_state(&world, id, world.production).await,
        GrantState::Proposed
    );
}

#[tokio::test]
async fn who_steps_aside_takes_their_approval_along_and_decides_nothing_more() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    let portal = &world.fixture.portal;
    let reason = "My sister works there.";
    reviews::recuse(portal, &world.rita, id, reason, &Origin::default())
        .await
        .unwrap();
    assert_eq!(quorum(&world, id).await, (0, 2));
    assert_eq!(
        code(world.approve(&world.rita, id, world.production).await),
        "may-not-judge"
    );
    let again = reviews::recuse(portal, &world.rita, id, reason, &Origin::default()).await;
    assert!(matches!(
        again,
        Err(Refusal::Conflict {
            code: "recused",
            ..
        })
    ));
}

#[tokio::test]
async fn another_address_of_the_recipient_voids_the_approvals() {
    let world = World::new().await;
    let id = world.submitted().await;
    world
        .approve(&world.rita, id, world.production)
        .await
        .unwrap();
    world.move_to(&world.ada, "ada@elsewhere.example").await;
    assert_eq!(quorum(&world, id).await, (0, 2));
}

#[tokio::test]
async fn what_was_signed_must_be_what_is_done() {
    let world = World::new().await;
    let id = world.submitted().await;
    let file = world.file(&world.rita, id).await;
    let proposed = file.proposal(world.production).unwrap();
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let before = LineCase::load(&mut read, &file, proposed)
        .await
        .unwrap()
        .subject;
    drop(read);
    world
        .change_policy(|policy| policy.device_bound = true)
        .await;
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let after = LineCase::load(&mut read, &file, proposed)
        .await
        .unwrap()
        .subject;
    assert_ne!(before.policy, after.policy);
    assert_eq!(
        (before.revision, before.grant, before.recipient),
        (after.revision, after.grant, after.recipient)
    );
}
