mod world;

use axum::http::StatusCode;
use domain::id::RequestId;
use domain::request::{QuestionId, RequestState};
use domain::review::{Section, Verdict};
use domain::state::{GrantState, Role};

pub(in crate::service) use world::World;

use super::*;
use crate::service::reviews;

#[tokio::test]
async fn handing_in_freezes_a_revision_proposes_grants_and_tells_the_reviewers() {
    let world = World::new().await;
    let id = world.submitted().await;
    let file = world.file(&world.rita, id).await;
    let revision = file.current().unwrap();
    assert_eq!(revision.row.digest, revision.document.digest());
    assert_eq!(file.request.state.0, RequestState::InReview);
    let proposed: Vec<_> = file
        .standing()
        .map(|(environment, proposed)| (environment.name.as_str(), proposed.row.number))
        .collect();
    assert_eq!(proposed, [("sandbox", 1), ("production", 1)]);
    assert!(
        file.proposals
            .iter()
            .all(|proposed| proposed.row.recipient_id == world.ada.person())
    );
    let told = world.fixture.got("request-submitted").await;
    assert_eq!(told, ["rita@example.com", "sam@example.com"]);
}

#[tokio::test]
async fn what_is_incomplete_is_not_handed_in_and_is_kept_as_it_was_typed() {
    let world = World::new().await;
    let mut draft = world.draft();
    draft.answers.set(QuestionId::Purpose, ".").unwrap();
    let id = world.saved(&draft).await;
    let refused = world.submit(id, 1).await.unwrap_err();
    let Refusal::Invalid(faults) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].field, "purpose");
    let file = world.file(&world.ada, id).await;
    assert_eq!(Draft::from_json(&file.request.draft).unwrap(), draft);
    assert_eq!(file.request.state.0, RequestState::Draft);
    assert!(file.revisions.is_empty() && file.proposals.is_empty());
    assert!(world.fixture.got("request-submitted").await.is_empty());
}

#[tokio::test]
async fn an_older_window_does_not_overwrite_the_draft_or_hand_it_in() {
    let world = World::new().await;
    let id = world.saved(&world.draft()).await;
    let contact = world.ada.contact().unwrap();
    let stale = save_draft(&world.fixture.portal, contact, id, 0, &Draft::default()).await;
    assert!(matches!(
        stale,
        Err(Refusal::Conflict {
            code: "draft-changed",
            ..
        })
    ));
    let stale = world.submit(id, 0).await;
    assert!(matches!(
        stale,
        Err(Refusal::Conflict {
            code: "draft-changed",
            ..
        })
    ));
    let file = world.file(&world.ada, id).await;
    assert_eq!(
        Draft::from_json(&file.request.draft).unwrap(),
        world.draft()
    );
}

#[tokio::test]
async fn a_request_in_review_is_not_edited() {
    let world = World::new().await;
    let id = world.submitted().await;
    let contact = world.ada.contact().unwrap();
    let refused = save_draft(&world.fixture.portal, contact, id, 1, &Draft::default()).await;
    assert!(matches!(
        refused,
        Err(Refusal::Conflict {
            code: "draft-changed",
            ..
        })
    ));
}

#[tokio::test]
async fn another_partners_requests_are_not_there() {
    let world = World::new().await;
    let id = world.submitted().await;
    let other = world.fixture.partner("Other").await;
    let eve = world.fixture.contact(other, "Eve", Role::Admin).await;
    let portal = &world.fixture.portal;
    let contact = eve.contact().unwrap();
    let seen = RequestFile::load(&mut portal.store.read().await.unwrap(), &eve, id).await;
    assert!(matches!(seen.err(), Some(Refusal::NotFound)));
    let saved = save_draft(portal, contact, id, 1, &Draft::default()).await;
    assert!(matches!(saved, Err(Refusal::NotFound)));
    let submitted = submit(portal, &eve, id, 1, &Origin::default()).await;
    assert!(matches!(submitted, Err(Refusal::NotFound)));
    let withdrawn = withdraw(portal, &eve, id, &Origin::default()).await;
    assert!(matches!(withdrawn, Err(Refusal::NotFound)));
    let said = reviews::reply(
        portal,
        &eve,
        id,
        Section::Workflow,
        "Hello there.",
        &Origin::default(),
    )
    .await;
    assert!(matches!(said, Err(Refusal::NotFound)));
    let filter = store::QueueFilter {
        limit: 20,
        ..store::QueueFilter::default()
    };
    let mut read = portal.store.read().await.unwrap();
    let own = crate::service::queue::for_contact(&mut read, contact, &filter).await;
    assert!(own.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_else_sees_a_draft() {
    let world = World::new().await;
    let id = world.saved(&world.draft()).await;
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let seen = RequestFile::load(&mut read, &world.rita, id).await;
    assert!(matches!(seen.err(), Some(Refusal::NotFound)));
}

#[tokio::test]
async fn withdrawing_ends_the_proposals_and_tells_the_reviewers() {
    let world = World::new().await;
    let id = world.submitted().await;
    withdraw(&world.fixture.portal, &world.ada, id, &Origin::default())
        .await
        .unwrap();
    let file = world.file(&world.ada, id).await;
    assert_eq!(file.request.state.0, RequestState::Withdrawn);
    assert!(
        file.proposals
            .iter()
            .all(|proposed| proposed.row.state.0 == GrantState::Withdrawn)
    );
    assert_eq!(world.fixture.got("request-withdrawn").await.len(), 2);
    let again = withdraw(&world.fixture.portal, &world.ada, id, &Origin::default()).await;
    assert!(matches!(again, Err(Refusal::Conflict { .. })));
}

#[tokio::test]
async fn a_withdrawn_draft_leaves_its_list_and_nobody_is_told() {
    let world = World::new().await;
    let fixture = &world.fixture;
    let id = world.saved(&world.draft()).await;
    let (_, editor) = fixture
        .get(&world.ada, &format!("/requests/{id}/edit"))
        .await;
    assert!(editor.contains("Withdraw the draft"), "{editor}");
    let form = format!("/requests/{id}/withdraw");
    let (status, to) = fixture.post(&world.ada, &form, "").await;
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/requests"));
    for page in [format!("/requests/{id}"), format!("/requests/{id}/edit")] {
        let (status, to) = fixture.get(&world.ada, &page).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        assert!(to == "/requests" || to == format!("/requests/{id}"), "{to}");
    }
    let (_, list) = fixture.get(&world.ada, "/requests").await;
    assert!(!list.contains(&id.to_string()), "{list}");
    assert!(fixture.got("request-withdrawn").await.is_empty());
    let (status, _) = fixture.post(&world.ada, &form, "").await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_contact_takes_a_request_in_review_back_from_its_page() {
    let world = World::new().await;
    let (fixture, id) = (&world.fixture, world.submitted().await);
    let page = format!("/requests/{id}");
    let (_, shown) = fixture.get(&world.ada, &page).await;
    assert!(shown.contains("Withdraw the request"), "{shown}");
    let (status, to) = fixture
        .post(&world.ada, &format!("{page}/withdraw"), "")
        .await;
    assert_eq!((status, to), (StatusCode::SEE_OTHER, page.clone()));
    let (_, shown) = fixture.get(&world.ada, &page).await;
    assert!(!shown.contains("Withdraw the request"), "{shown}");
}

#[tokio::test]
async fn a_service_without_an_environment_or_of_another_id_is_not_offered() {
    let world = World::new().await;
    let contact = world.ada.contact().unwrap();
    for service in ["", "x", &uuid::Uuid::from_u128(9).to_string()] {
        let refused = start(&world.fixture.portal, contact, service).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{service}");
    }
}

async fn judged(
    world: &World,
    by: &Actor,
    id: RequestId,
    verdict: Option<Verdict>,
    text: &str,
) -> Result<(), Refusal> {
    let portal = &world.fixture.portal;
    reviews::judge(
        portal,
        by,
        id,
        Section::Safeguards,
        verdict,
        text,
        &Origin::default(),
    )
    .await
}

#[tokio::test]
async fn a_verdict_that_asks_for_something_says_what() {
    let world = World::new().await;
    let id = world.submitted().await;
    let refused = judged(&world, &world.rita, id, Some(Verdict::ChangesAsked), "  ").await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))));
    judged(
        &world,
        &world.rita,
        id,
        Some(Verdict::ChangesAsked),
        "Name the vault.",
    )
    .await
    .unwrap();
    let file = world.file(&world.ada, id).await;
    assert_eq!(file.reviews[0].comment, "Name the vault.");
    assert_eq!(file.reviews[0].revision_id, file.current().unwrap().row.id);
}

#[tokio::test]
async fn only_reviewers_give_verdicts() {
    let world = World::new().await;
    let id = world.submitted().await;
    let olga = world
        .fixture
        .staff("Olga", &[Role::Owner, Role::Operator])
        .await;
    let refused = judged(&world, &olga, id, Some(Verdict::Accepted), "").await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))));
    let refused = judged(&world, &world.ada, id, Some(Verdict::Accepted), "").await;
    assert!(matches!(refused, Err(Refusal::NotFound)));
    let late = world.fixture.staff("Late", &[Role::Reviewer]).await;
    let refused = judged(&world, &late, id, Some(Verdict::Accepted), "").await;
    assert!(matches!(
        refused,
        Err(Refusal::Conflict {
            code: "may-not-judge",
            ..
        })
    ));
}

#[tokio::test]
async fn every_step_is_in_the_log() {
    let world = World::new().await;
    let id = world.submitted().await;
    judged(&world, &world.rita, id, Some(Verdict::Accepted), "")
        .await
        .unwrap();
    withdraw(&world.fixture.portal, &world.ada, id, &Origin::default())
        .await
        .unwrap();
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let acts: Vec<String> = read
        .history(id.uuid(), 10)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.act)
        .collect();
    assert_eq!(acts, ["submit-request", "review", "withdraw-request"]);
}
