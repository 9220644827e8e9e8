use std::collections::BTreeSet;

use domain::decision::DecisionVerdict;
use domain::grant::Narrowing;
use domain::id::{EnvironmentId, GrantId, OverlayId, RequestId};
use domain::overlay::Wish;
use domain::policy::Approvals;
use domain::service::Method;
use domain::state::{GrantState, OverlayState, PartnerState, Role};

use super::*;
use crate::service::acts::{DecideOverlay, EndOverlay, NarrowGrant, RevokeGrant};
use crate::service::requests::tests::World;

fn code<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> &'static str {
    match refused {
        Err(Refusal::Conflict { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

fn wish(endpoint: (Method, &str), writes: bool) -> Wish {
    let (method, pattern) = endpoint;
    Wish {
        endpoints: BTreeSet::from([(method, pattern.parse().unwrap())]),
        writes,
        minutes: 120.try_into().unwrap(),
    }
}

fn posts() -> Wish {
    wish((Method::Post, "/parcels"), true)
}

fn why() -> Why {
    "We have to announce a parcel that was lost."
        .parse()
        .unwrap()
}

/// A live grant that reads, and no more.
struct Live {
    world: World,
    request: RequestId,
    grant: GrantId,
}

impl Live {
    async fn new() -> Self {
        Self::at(|world| world.production).await
    }

    async fn at(environment: fn(&World) -> EnvironmentId) -> Self {
        let world = World::new().await;
        let mut draft = world.draft();
        draft.scopes = ["parcels:read".parse().unwrap()].into();
        let request = world.saved(&draft).await;
        world.submit(request, 1).await.unwrap();
        let environment = environment(&world);
        world
            .approve(&world.rita, request, environment)
            .await
            .unwrap();
        if environment == world.production {
            world
                .approve(&world.sam, request, environment)
                .await
                .unwrap();
        }
        let file = world.file(&world.ada, request).await;
        let grant = file.proposal(environment).unwrap().row.id;
        Self {
            world,
            request,
            grant,
        }
    }

    async fn ask(&self, by: &Actor, wish: Wish) -> Result<OverlayId, Refusal> {
        let portal = &self.world.fixture.portal;
        ask(portal, by, self.grant, wish, &why(), &Origin::default()).await
    }

    async fn asked(&self) -> OverlayId {
        self.ask(&self.world.ada, posts()).await.unwrap()
    }

    async fn decide(
        &self,
        by: &Actor,
        overlay: OverlayId,
        verdict: DecisionVerdict,
    ) -> Result<String, Refusal> {
        let act = DecideOverlay {
            overlay,
            verdict,
            reason: Some("The front desk can do that.".parse().unwrap()),
        };
        self.world.fixture.act(by, act).await
    }

    async fn approve(&self, by: &Actor, overlay: OverlayId) -> Result<String, Refusal> {
        self.decide(by, overlay, DecisionVerdict::Approve).await
    }

    async fn row(&self, id: OverlayId) -> OverlayRow {
        let mut read = self.world.fixture.portal.store.read().await.unwrap();
        read.overlay(id).await.unwrap().unwrap().into_row()
    }

    async fn state(&self, id: OverlayId) -> OverlayState {
        self.row(id).await.state.0
    }

    fn narrowing(&self, narrowing: Narrowing) -> NarrowGrant {
        NarrowGrant {
            grant: self.grant,
            narrowing,
            why: "It was never used so often.".parse().unwrap(),
        }
    }

    async fn narrow_rate(&self, by: &Actor, rate: u32) -> Result<String, Refusal> {
        let act = self.narrowing(Narrowing {
            rate: Some(rate.try_into().unwrap()),
            ..Narrowing::default()
        });
        self.world.fixture.act(by, act).await
    }
}

#[tokio::test]
async fn it_takes_the_quorum_of_the_environment_and_its_time_counts_from_the_last_approval() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    assert_eq!(world.fixture.got("overlay-asked").await.len(), 2);
    live.approve(&world.rita, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Asked);
    live.approve(&world.sam, id).await.unwrap();
    let row = live.row(id).await;
    assert_eq!(row.state.0, OverlayState::Approved);
    let two_hours = std::time::Duration::from_hours(2);
    assert_eq!(row.ends_at, row.settled_at.map(|at| at.plus(two_hours)));
    assert_eq!(
        world.fixture.got("overlay-approved").await,
        ["ada@example.com"]
    );
    let acts: Vec<String> = world
        .fixture
        .log()
        .await
        .into_iter()
        .filter(|row| row.act.contains("overlay"))
        .map(|row| row.act)
        .collect();
    assert_eq!(acts, ["decide-overlay", "decide-overlay", "ask-overlay"]);
}

#[tokio::test]
async fn a_sandbox_takes_one() {
    let live = Live::at(|world| world.sandbox).await;
    let id = live.asked().await;
    live.approve(&live.world.rita, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Approved);
}

#[tokio::test]
async fn nobody_approves_twice() {
    let live = Live::new().await;
    let id = live.asked().await;
    live.approve(&live.world.rita, id).await.unwrap();
    let again = live.approve(&live.world.rita, id).await;
    assert_eq!(code(again), "approved-already");
    assert_eq!(live.state(id).await, OverlayState::Asked);
}

#[tokio::test]
async fn nobody_approves_what_came_from_their_own_mailbox() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    world.move_to(&world.rita, "ADA@example.com").await;
    assert_eq!(code(live.approve(&world.rita, id).await), "may-not-judge");
    live.approve(&world.sam, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Asked);
}

#[tokio::test]
async fn only_reviewers_of_before_it_was_asked_decide() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    let late = world.fixture.staff("Late", &[Role::Reviewer]).await;
    assert_eq!(code(live.approve(&late, id).await), "may-not-judge");
    let others = [Role::Owner, Role::Operator, Role::Auditor];
    let olga = world.fixture.staff("Olga", &others).await;
    assert!(matches!(
        live.approve(&olga, id).await,
        Err(Refusal::Forbidden(_))
    ));
    assert!(matches!(
        live.approve(&world.ada, id).await,
        Err(Refusal::NotFound)
    ));
}

#[tokio::test]
async fn one_says_no_with_a_reason_and_nothing_is_deleted() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    live.approve(&world.rita, id).await.unwrap();
    live.decide(&world.sam, id, DecisionVerdict::Reject)
        .await
        .unwrap();
    assert_eq!(live.state(id).await, OverlayState::Rejected);
    assert_eq!(
        world.fixture.got("overlay-rejected").await,
        ["ada@example.com"]
    );
    assert_eq!(code(live.approve(&world.rita, id).await), "decided-already");
    let mut read = world.fixture.portal.store.read().await.unwrap();
    assert_eq!(read.overlay_decisions(id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_change_of_the_policy_voids_what_was_approved() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    live.approve(&world.rita, id).await.unwrap();
    world.change_policy(|_| {}).await;
    live.approve(&world.sam, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Asked, "one of two");
    assert_eq!(
        world.fixture.got("approval-voided").await,
        ["rita@example.com"]
    );
    live.approve(&world.rita, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Approved);
}

#[tokio::test]
async fn a_grant_beyond_a_stricter_policy_is_narrowed_first() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    world
        .change_policy(|policy| {
            policy.rate_limit = 1.try_into().unwrap();
            policy.approvals = Approvals::ONE;
        })
        .await;
    assert_eq!(code(live.approve(&world.rita, id).await), "beyond-policy");
    live.narrow_rate(&world.rita, 1).await.unwrap();
    live.approve(&world.rita, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Approved);
}

#[tokio::test]
async fn narrowing_the_grant_meanwhile_voids_what_was_approved() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    live.approve(&world.rita, id).await.unwrap();
    live.narrow_rate(&world.sam, 1).await.unwrap();
    live.approve(&world.sam, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Asked);
    live.approve(&world.rita, id).await.unwrap();
    assert_eq!(live.state(id).await, OverlayState::Approved);
}

#[tokio::test]
async fn an_edit_of_the_catalogue_meanwhile_never_widens_it() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let file = OverlayFile::load(&mut read, &world.rita, id).await.unwrap();
    let was = file.overlay.digest();
    let mut service = file.around.file.service.clone();
    drop(read);
    service.catalogue = service.catalogue.replace(
        r#"{"method":"POST","pattern":"/parcels","scopes":["parcels:write"]}"#,
        r#"{"method":"POST","pattern":"/parcels","scopes":["parcels:read"]}"#,
    );
    service.version += 1;
    let mut work = world.work().await;
    work.update_service(&service).await.unwrap();
    world.commit(work).await;
    assert_eq!(live.row(id).await.digest, was);
    assert_eq!(code(live.approve(&world.rita, id).await), "not-offered");
}

#[tokio::test]
async fn another_partners_grant_and_wish_are_not_there() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    let other = world.fixture.partner("Other Ltd").await;
    let eve = world.fixture.contact(other, "Eve", Role::Admin).await;
    assert!(matches!(
        live.ask(&eve, posts()).await,
        Err(Refusal::NotFound)
    ));
    let portal = &world.fixture.portal;
    let withdrawn = withdraw(portal, &eve, id, &Origin::default()).await;
    assert!(matches!(withdrawn, Err(Refusal::NotFound)));
    let mut read = portal.store.read().await.unwrap();
    let seen = OverlayFile::load(&mut read, &eve, id).await;
    assert!(matches!(seen, Err(Refusal::NotFound)));
    // Staff ask for nothing.
    drop(read);
    assert!(matches!(
        live.ask(&world.rita, posts()).await,
        Err(Refusal::NotFound)
    ));
}

#[tokio::test]
async fn what_is_open_or_not_offered_cannot_be_asked_for() {
    let live = Live::new().await;
    for wish in [
        wish((Method::Get, "/parcels/{id}"), false),
        wish((Method::Get, "/elsewhere"), false),
        wish((Method::Post, "/parcels"), false),
    ] {
        let refused = live.ask(&live.world.ada, wish).await;
        assert!(
            matches!(&refused, Err(Refusal::Invalid(faults)) if faults[0].field == "endpoint"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn only_so_many_are_open_at_a_time_and_a_withdrawn_one_is_not() {
    let live = Live::new().await;
    let mut ids = Vec::new();
    for _ in 0..MOST_OPEN {
        ids.push(live.asked().await);
    }
    let (world, first) = (&live.world, ids[0]);
    assert_eq!(code(live.ask(&world.ada, posts()).await), "too-many");
    let portal = &world.fixture.portal;
    withdraw(portal, &world.ada, first, &Origin::default())
        .await
        .unwrap();
    assert_eq!(live.state(first).await, OverlayState::Withdrawn);
    assert_eq!(
        code(live.approve(&world.rita, first).await),
        "decided-already"
    );
    let again = withdraw(portal, &world.ada, first, &Origin::default()).await;
    assert_eq!(code(again), "decided-already");
    live.asked().await;
}

#[tokio::test]
async fn staff_end_it_before_its_time_and_the_contact_is_told() {
    let live = Live::at(|world| world.sandbox).await;
    let (world, id) = (&live.world, live.asked().await);
    let end = |overlay| EndOverlay {
        overlay,
        reason: "The parcel was found.".parse().unwrap(),
    };
    assert_eq!(
        code(world.fixture.act(&world.rita, end(id)).await),
        "not-open"
    );
    live.approve(&world.rita, id).await.unwrap();
    let refused = world.fixture.act(&world.ada, end(id)).await;
    assert!(matches!(refused, Err(Refusal::NotFound)));
    world.fixture.act(&world.sam, end(id)).await.unwrap();
    let row = live.row(id).await;
    assert_eq!(row.state.0, OverlayState::Ended);
    assert_eq!(row.end_reason.as_deref(), Some("The parcel was found."));
    assert_eq!(
        world.fixture.got("overlay-ended").await,
        ["ada@example.com"]
    );
    assert_eq!(
        code(world.fixture.act(&world.sam, end(id)).await),
        "not-open"
    );
}

#[tokio::test]
async fn it_ends_with_its_grant() {
    let live = Live::at(|world| world.sandbox).await;
    let (world, open) = (&live.world, live.asked().await);
    live.approve(&world.rita, open).await.unwrap();
    let waiting = live.asked().await;
    let revoke = RevokeGrant {
        grant: live.grant,
        reason: "The contract has ended.".parse().unwrap(),
    };
    world.fixture.act(&world.rita, revoke).await.unwrap();
    assert_eq!(live.state(open).await, OverlayState::Ended);
    assert_eq!(live.state(waiting).await, OverlayState::Ended);
    assert_eq!(code(live.ask(&world.ada, posts()).await), "grant-ended");
    let file = world.file(&world.ada, live.request).await;
    let state = file.proposal(world.sandbox).unwrap().row.state.0;
    assert_eq!(state, GrantState::Revoked);
    assert_eq!(code(live.narrow_rate(&world.rita, 1).await), "grant-ended");
}

#[tokio::test]
async fn a_suspended_partner_has_nothing_approved() {
    let live = Live::new().await;
    let (world, id) = (&live.world, live.asked().await);
    let mut work = world.work().await;
    let partner = world.ada.contact().unwrap().partner();
    let row = work.partner(partner).await.unwrap().unwrap();
    let stamp = row.stamp();
    let mut row = row.into_row();
    row.state = Code(PartnerState::Suspended);
    work.update_partner(row, stamp).await.unwrap();
    world.commit(work).await;
    assert_eq!(
        code(live.approve(&world.rita, id).await),
        "partner-suspended"
    );
}

#[tokio::test]
async fn a_live_grant_is_narrowed_by_one_and_what_was_approved_stays() {
    let live = Live::new().await;
    let world = &live.world;
    let before = world.file(&world.ada, live.request).await;
    let before = before.proposal(world.production).unwrap();
    live.narrow_rate(&world.rita, 5).await.unwrap();
    live.narrow_rate(&world.sam, 3).await.unwrap();
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let row = read.grant(live.grant).await.unwrap().unwrap();
    assert_eq!(
        (&row.document, row.digest),
        (&before.row.document, before.row.digest)
    );
    assert_eq!(row.narrowed.0, Some(2));
    let in_force = live::in_force(&mut read, &row).await.unwrap();
    assert_eq!(u32::from(in_force.rate()), 3);
    assert!(in_force.is_within(&before.grant));
    assert!(read.narrowing(live.grant, 1).await.unwrap().is_some());
    drop(read);
    assert_eq!(world.fixture.got("grant-narrowed").await.len(), 2);
}

#[tokio::test]
async fn a_live_grant_is_never_widened() {
    let live = Live::new().await;
    let world = &live.world;
    live.narrow_rate(&world.rita, 5).await.unwrap();
    for (narrowing, field) in [
        (
            Narrowing {
                rate: Some(6.try_into().unwrap()),
                ..Narrowing::default()
            },
            "rate",
        ),
        (
            Narrowing {
                scopes: Some(["parcels:write".parse().unwrap()].into()),
                ..Narrowing::default()
            },
            "scope",
        ),
        (
            Narrowing {
                sources: Some(domain::network::Sources::Anywhere),
                ..Narrowing::default()
            },
            "networks",
        ),
        (Narrowing::default(), "scope"),
    ] {
        let refused = world
            .fixture
            .act(&world.rita, live.narrowing(narrowing))
            .await;
        assert!(
            matches!(&refused, Err(Refusal::Invalid(faults)) if faults[0].field == field),
            "{refused:?}"
        );
    }
    let owner = world.fixture.staff("Owner", &[Role::Owner]).await;
    let refused = live.narrow_rate(&owner, 1).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))));
    let refused = live.narrow_rate(&world.ada, 1).await;
    assert!(matches!(refused, Err(Refusal::NotFound)));
}

#[tokio::test]
async fn a_shorter_life_is_the_grants_new_end() {
    let live = Live::new().await;
    let world = &live.world;
    let act = live.narrowing(Narrowing {
        life: Some(1.try_into().unwrap()),
        ..Narrowing::default()
    });
    world.fixture.act(&world.rita, act).await.unwrap();
    let mut read = world.fixture.portal.store.read().await.unwrap();
    let row = read.grant(live.grant).await.unwrap().unwrap();
    let day = std::time::Duration::from_hours(24);
    assert_eq!(row.valid_until, row.settled_at.map(|at| at.plus(day)));
}
