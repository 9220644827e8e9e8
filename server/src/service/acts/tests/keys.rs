use std::time::Duration;

use domain::id::{GrantId, KeyId, RequestId};
use domain::key::KeyState;
use domain::request::RequestState;
use domain::state::{GrantState, PartnerState, Role};
use domain::time::Timestamp;
use domain::token::{ApiKey, KeyPrefix};
use store::{Code, GrantRow, KeyRow};

use super::{conflict, is_forbidden, is_missing, reason};
use crate::chance::system_rng;
use crate::service::acts::{
    ReceiveReplacement, RemakeDelivery, ResumeKey, RevokeGrant, RevokeKey, RevokePartner,
    SuspendKey,
};
use crate::service::notices;
use crate::service::requests::tests::World;

/// An active key under the sandbox's approved grant.
pub(super) struct Keyed {
    pub(super) world: World,
    request: RequestId,
    grant: GrantId,
    pub(super) key: KeyId,
    /// The key itself, as its holder sends it.
    pub(super) text: String,
}

impl Keyed {
    pub(super) async fn new() -> Self {
        let world = World::new().await;
        let request = world.submitted().await;
        world
            .approve(&world.rita, request, world.sandbox)
            .await
            .unwrap();
        let file = world.file(&world.ada, request).await;
        let grant = file.proposal(world.sandbox).unwrap().row.id;
        let key = KeyId::random(&mut system_rng());
        let now = world.fixture.portal.now();
        let mut work = world.work().await;
        let row = work.grant(grant).await.unwrap().unwrap();
        let (stamp, until) = (row.stamp(), row.valid_until.unwrap());
        let approved = GrantRow {
            state: Code(GrantState::Approved),
            ..row.into_row()
        };
        work.update_grant(approved, stamp).await.unwrap();
        let secret = ApiKey::mint(&KeyPrefix::new("lk", "test").unwrap(), &mut system_rng());
        let row = KeyRow {
            kid: secret.kid().to_string(),
            key_mac: secret.mac(&world.fixture.portal.keyring.pepper),
            ..active(key, grant, now, until)
        };
        work.add_key(row).await.unwrap();
        world.commit(work).await;
        Self {
            world,
            request,
            grant,
            key,
            text: String::from_utf8(secret.expose().to_vec()).unwrap(),
        }
    }

    async fn key(&self) -> KeyRow {
        let mut read = self.world.fixture.portal.store.read().await.unwrap();
        read.key(self.key).await.unwrap().unwrap().into_row()
    }

    async fn grant_state(&self) -> GrantState {
        let mut read = self.world.fixture.portal.store.read().await.unwrap();
        read.grant(self.grant).await.unwrap().unwrap().state.0
    }

    /// Makes the key end at this time.
    async fn ends(&self, at: Timestamp) {
        let mut work = self.world.work().await;
        let row = work.key(self.key).await.unwrap().unwrap();
        let stamp = row.stamp();
        let changed = KeyRow {
            expires_at: at,
            ..row.into_row()
        };
        work.update_key(changed, stamp).await.unwrap();
        self.world.commit(work).await;
    }
}

fn active(id: KeyId, grant_id: GrantId, now: Timestamp, expires_at: Timestamp) -> KeyRow {
    let since = now.minus(Duration::from_hours(24 * 60));
    KeyRow {
        id,
        kid: "0aZ3kQ9x".to_owned(),
        grant_id,
        replaces_id: None,
        key_mac: [7; 32],
        prefix: "lk_test".to_owned(),
        state: Code(KeyState::Active),
        created_at: since,
        activated_at: Some(since),
        expires_at,
        ended_at: None,
        end_reason: None,
        noticed_days: None,
        change: 0,
    }
}

#[tokio::test]
async fn a_revoked_key_is_over_and_its_partner_is_told_why() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let act = || RevokeKey {
        key: keyed.key,
        reason: reason(),
    };
    fixture.act(&keyed.world.rita, act()).await.unwrap();
    let key = keyed.key().await;
    assert_eq!(key.state.0, KeyState::Deactivated);
    assert_eq!(key.end_reason.as_deref(), Some("They told us in person."));
    assert_eq!(fixture.got("key-revoked").await, ["ada@example.com"]);
    assert_eq!(
        fixture
            .log()
            .await
            .iter()
            .filter(|row| row.act == "revoke-key")
            .count(),
        1
    );
    assert_eq!(
        conflict(&fixture.act(&keyed.world.rita, act()).await),
        "key-ended"
    );
}

#[tokio::test]
async fn only_who_may_revoke_revokes() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let act = || RevokeKey {
        key: keyed.key,
        reason: reason(),
    };
    let others = fixture.staff("Omar", &[Role::Owner, Role::Auditor]).await;
    assert!(is_forbidden(&fixture.act(&others, act()).await));
    assert!(is_missing(&fixture.act(&keyed.world.ada, act()).await));
    assert_eq!(keyed.key().await.state.0, KeyState::Active);
}

#[tokio::test]
async fn a_revoked_grant_ends_every_key_under_it() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let act = RevokeGrant {
        grant: keyed.grant,
        reason: reason(),
    };
    fixture.act(&keyed.world.rita, act).await.unwrap();
    assert_eq!(keyed.key().await.state.0, KeyState::Deactivated);
    assert_eq!(keyed.grant_state().await, GrantState::Revoked);
    assert_eq!(fixture.got("grant-revoked").await, ["ada@example.com"]);
}

#[tokio::test]
async fn a_revoked_partner_has_nothing_left() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let partner = keyed.world.ada.contact().unwrap().partner();
    let act = RevokePartner {
        partner,
        reason: reason(),
    };
    fixture.act(&keyed.world.rita, act).await.unwrap();
    assert_eq!(keyed.key().await.state.0, KeyState::Deactivated);
    assert!(fixture.again(&keyed.world.ada).await.is_none());
    assert_eq!(fixture.got("partner-ended").await, ["ada@example.com"]);
    assert!(
        fixture.got("grant-revoked").await.is_empty(),
        "one mail says it all"
    );
    let mut read = fixture.portal.store.read().await.unwrap();
    assert_eq!(
        read.partner(partner).await.unwrap().unwrap().state.0,
        PartnerState::Ended
    );
    let request = read.request(keyed.request).await.unwrap().unwrap();
    assert_eq!(request.state.0, RequestState::Withdrawn);
    let open = |state| {
        matches!(
            state,
            GrantState::Proposed | GrantState::Approved | GrantState::WaitingForPasskey
        )
    };
    let grants = read.grants_of_partner(partner).await.unwrap();
    assert!(!grants.is_empty() && grants.iter().all(|grant| !open(grant.state.0)));
}

#[tokio::test]
async fn a_suspended_key_comes_back_when_it_is_resumed() {
    let keyed = Keyed::new().await;
    let (fixture, rita) = (&keyed.world.fixture, &keyed.world.rita);
    fixture
        .act(rita, SuspendKey { key: keyed.key })
        .await
        .unwrap();
    assert_eq!(keyed.key().await.state.0, KeyState::Suspended);
    assert_eq!(
        conflict(&fixture.act(rita, SuspendKey { key: keyed.key }).await),
        "key-state"
    );
    fixture
        .act(rita, ResumeKey { key: keyed.key })
        .await
        .unwrap();
    assert_eq!(keyed.key().await.state.0, KeyState::Active);
    for letter in ["key-suspended", "key-resumed"] {
        assert_eq!(fixture.got(letter).await, ["ada@example.com"], "{letter}");
    }
}

#[tokio::test]
async fn only_its_recipient_has_a_key_replaced() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let act = || ReceiveReplacement { key: keyed.key };
    let partner = keyed.world.ada.contact().unwrap().partner();
    let colleague = fixture.contact(partner, "Emil", Role::Admin).await;
    assert!(is_forbidden(&fixture.act(&colleague, act()).await));
    let other = fixture.partner("Mill").await;
    let stranger = fixture.contact(other, "Fay", Role::Admin).await;
    assert!(is_missing(&fixture.act(&stranger, act()).await));
    assert!(is_missing(&fixture.act(&keyed.world.rita, act()).await));
}

#[tokio::test]
async fn a_replacement_that_nobody_could_open_is_not_minted() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let asked = fixture
        .act(&keyed.world.ada, ReceiveReplacement { key: keyed.key })
        .await;
    assert_eq!(conflict(&asked), "no-passkey");
    let mut read = fixture.portal.store.read().await.unwrap();
    assert_eq!(read.keys_of_grant(keyed.grant).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_ended_has_no_replacement() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let act = RevokeKey {
        key: keyed.key,
        reason: reason(),
    };
    fixture.act(&keyed.world.rita, act).await.unwrap();
    let asked = fixture
        .act(&keyed.world.ada, ReceiveReplacement { key: keyed.key })
        .await;
    assert_eq!(conflict(&asked), "no-replacement");
    let again = fixture
        .act(&keyed.world.ada, RemakeDelivery { key: keyed.key })
        .await;
    assert_eq!(conflict(&again), "not-the-last");
}

#[tokio::test]
async fn a_key_past_its_end_is_ended_once() {
    let keyed = Keyed::new().await;
    let portal = &keyed.world.fixture.portal;
    keyed.ends(portal.now().minus(Duration::from_secs(1))).await;
    assert_eq!(notices::expire(portal).await.unwrap(), 1);
    assert_eq!(keyed.key().await.state.0, KeyState::Deactivated);
    assert_eq!(notices::expire(portal).await.unwrap(), 0);
}

#[tokio::test]
async fn a_notice_before_the_end_is_mailed_once() {
    let keyed = Keyed::new().await;
    let portal = &keyed.world.fixture.portal;
    keyed
        .ends(portal.now().plus(Duration::from_hours(24 * 6)))
        .await;
    assert_eq!(notices::send_due(portal).await.unwrap(), 1);
    assert_eq!(notices::send_due(portal).await.unwrap(), 0);
    assert_eq!(
        keyed.world.fixture.got("key-expiring").await,
        ["ada@example.com"]
    );
    assert_eq!(keyed.key().await.noticed_days, Some(7));
}

/// More than one page of them, each way.
#[tokio::test]
async fn all_keys_that_end_are_told_of_and_ended() {
    let keyed = Keyed::new().await;
    let portal = &keyed.world.fixture.portal;
    let now = portal.now();
    let in_six_days = now.plus(Duration::from_hours(24 * 6));
    let mut work = keyed.world.work().await;
    for number in 0..4 {
        let id = KeyId::random(&mut system_rng());
        let another = KeyRow {
            kid: format!("0aZ3kQ9{number}"),
            ..active(id, keyed.grant, now, in_six_days)
        };
        work.add_key(another).await.unwrap();
    }
    keyed.world.commit(work).await;
    keyed.ends(in_six_days).await;
    assert_eq!(notices::send_due(portal).await.unwrap(), 5);
    assert_eq!(notices::send_due(portal).await.unwrap(), 0);
    let mut work = keyed.world.work().await;
    for row in work.keys_of_grant(keyed.grant).await.unwrap() {
        let stamp = row.stamp();
        let over = KeyRow {
            expires_at: now,
            ..row.into_row()
        };
        work.update_key(over, stamp).await.unwrap();
    }
    keyed.world.commit(work).await;
    assert_eq!(notices::expire(portal).await.unwrap(), 5);
    assert_eq!(notices::expire(portal).await.unwrap(), 0);
}

#[tokio::test]
async fn another_partner_s_key_is_not_there() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let other = fixture.partner("Mill").await;
    let stranger = fixture.contact(other, "Fay", Role::Admin).await;
    let path = format!("/keys/{}", keyed.key);
    assert_eq!(fixture.get(&stranger, &path).await.0, 404);
    let (status, page) = fixture.get(&keyed.world.ada, &path).await;
    assert_eq!(status, 200);
    assert!(page.contains(&keyed.text[..16]));
    let (_, list) = fixture.get(&stranger, "/keys").await;
    assert!(!list.contains(&keyed.text[8..16]));
    let (_, list) = fixture
        .get(&keyed.world.rita, "/keys?q=parcel&state=active")
        .await;
    assert!(list.contains(&keyed.text[8..16]));
}

#[tokio::test]
async fn a_reason_that_says_nothing_revokes_nothing_and_is_kept() {
    let keyed = Keyed::new().await;
    let fixture = &keyed.world.fixture;
    let path = format!("/keys/{}/revoke", keyed.key);
    let (status, _) = fixture.post(&keyed.world.rita, &path, "reason=.").await;
    assert_eq!(status, 422);
    let (status, _) = fixture
        .post(&keyed.world.rita, &path, "reason=It+leaked&more=1")
        .await;
    assert_eq!(status, 400);
    assert_eq!(keyed.key().await.state.0, KeyState::Active);
}
