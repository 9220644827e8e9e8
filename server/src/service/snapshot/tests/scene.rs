//! What the promises are held against: a small database, and an engine that follows it.

use domain::audit::{ActorKind, Outcome};
use domain::decision::DecisionVerdict;
use domain::id::{CredentialId, DecisionId, GatewayId, PersonId, PolicyId, RequestId, RevisionId};
use domain::key::KeyState;
use domain::keyring::{Keyring, RowKey};
use domain::policy::Policy;
use domain::request::RequestState;
use domain::secret::Secret;
use domain::service::EnvironmentKind;
use domain::state::{GatewayKind, GrantState, PersonKind, PersonState};
use domain::verification::Reason;
use store::{
    AccessRequest, Added, Address, Code, Committed, Credential, Database, DecisionRow, Entry,
    Environment, Evidence, Gateway, GrantRow, Partner, Person, PolicyVersion, Revision, Service,
    Work,
};

use crate::chance::system_rng;
use crate::service::snapshot::*;
use crate::verify::tests::{HERE, NOW, QUESTION, grant, standing};
use crate::verify::{GatewayCredential, Subject, reach_json};

pub(super) const ID: Uuid = Uuid::from_u128(7);
pub(super) const KEY: KeyId = KeyId::new(ID);
pub(super) const GRANT: GrantId = GrantId::new(ID);
pub(super) const PARTNER: PartnerId = PartnerId::new(ID);
pub(super) const GATEWAY: GatewayId = GatewayId::new(ID);
pub(super) const KID: &str = "aaaaaaaa";

/// A database with one active key under an approved grant, and one gateway.
pub(super) struct Scene {
    pub(super) engine: Engine,
    pub(super) store: Store,
    pub(super) keyring: Keyring,
    _folder: tempfile::TempDir,
}

pub(super) async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("db").display());
    let database = Database::connect(&url).await.unwrap();
    database.migrate().await.unwrap();
    let keyring = Keyring::generate(&mut system_rng());
    let scene = Scene {
        engine: Engine::new(&keyring, standing()),
        store: Store::new(database, keyring.row_key.clone()),
        keyring,
        _folder: folder,
    };
    scene
        .write(async |work| {
            add_partner_and_catalogue(work).await;
            add_request(work).await;
            add_approvers(work).await;
            work.add_grant(grant_row()).await.unwrap();
            for at in 0..2 {
                work.add_decision(approval(GRANT, at)).await.unwrap();
            }
            work.add_key(key_row(KEY, KID)).await.unwrap();
        })
        .await;
    scene
}

impl Scene {
    pub(super) async fn write(&self, act: impl AsyncFnOnce(&mut Work)) -> Committed {
        write(&self.store, act).await
    }

    /// The same database, seen by somebody who can write to it and does not have the row key.
    pub(super) fn intruder(&self) -> Store {
        let key = RowKey::new(Secret::new([9; 32]));
        Store::new(self.store.database().clone(), key)
    }

    pub(super) async fn refresh(&self) -> Result<(), NotFollowed> {
        refresh(&self.engine, &self.store, NOW, &[]).await
    }

    /// Registers the gateway and reads all that is new.
    pub(super) async fn loaded(self) -> Self {
        let credential = GatewayCredential::mint(&mut system_rng());
        let row = gateway_row(credential.mac(&self.keyring.pepper));
        self.write(async |work| drop(work.add_gateway(row).await.unwrap()))
            .await;
        self.refresh().await.unwrap();
        self
    }

    pub(super) fn reason(&self, kid: &str) -> Option<Reason> {
        let subject = Subject::Kid(kid.parse().unwrap());
        let tried = self.engine.try_call(GATEWAY, subject, &QUESTION, NOW);
        tried.unwrap().reason()
    }

    pub(super) async fn end_key(&self) -> Committed {
        self.write(async |work| {
            let row = work.key(KEY).await.unwrap().unwrap();
            let stamp = row.stamp();
            let mut row = row.into_row();
            row.state = Code(KeyState::Deactivated);
            work.update_key(row, stamp).await.unwrap();
        })
        .await
    }

    /// Changes the grant and touches its key, as the verbs do.
    pub(super) async fn change_grant(&self, change: impl FnOnce(&mut GrantRow)) {
        self.write(async |work| {
            let row = work.grant(GRANT).await.unwrap().unwrap();
            let stamp = row.stamp();
            let mut row = row.into_row();
            change(&mut row);
            work.update_grant(row, stamp).await.unwrap();
            touch(work).await;
        })
        .await;
        self.refresh().await.unwrap();
    }

    pub(super) async fn set_partner(&self, state: PartnerState) {
        self.write(async |work| {
            let row = work.partner(PARTNER).await.unwrap().unwrap();
            let stamp = row.stamp();
            let mut row = row.into_row();
            row.state = Code(state);
            work.update_partner(row, stamp).await.unwrap();
            touch(work).await;
        })
        .await;
        self.refresh().await.unwrap();
    }
}

async fn touch(work: &mut Work) {
    let key = work.key(KEY).await.unwrap().unwrap();
    let stamp = key.stamp();
    work.update_key(key.into_row(), stamp).await.unwrap();
}

pub(super) async fn write(store: &Store, act: impl AsyncFnOnce(&mut Work)) -> Committed {
    let mut work = store.work().await.unwrap();
    act(&mut work).await;
    work.commit(Evidence::of(entry())).await.unwrap()
}

fn entry() -> Entry {
    Entry {
        at: NOW,
        actor_kind: ActorKind::Console,
        actor: None,
        credential: None,
        act: "test".to_owned(),
        subject_kind: "key",
        subject: ID,
        outcome: Outcome::Done,
        evidence: String::new(),
        address: None,
        user_agent: None,
    }
}

async fn add_partner_and_catalogue(work: &mut Work) {
    let partner = Partner {
        id: PARTNER,
        name: "Nordfracht".to_owned(),
        state: Code(PartnerState::Active),
        created_at: NOW,
    };
    work.add_partner(partner).await.unwrap();
    let person = Person {
        id: PersonId::new(ID),
        kind: Code(PersonKind::Contact),
        partner_id: Some(PARTNER),
        name: "Ada".to_owned(),
        state: Code(PersonState::Active),
        created_at: NOW,
    };
    let address = Address {
        id: PersonId::new(ID),
        email: "ada@partner.example".to_owned(),
        mailbox: None,
        changed_at: NOW,
    };
    work.add_person(person, address).await.unwrap();
    let service = Service {
        id: HERE.service,
        slug: "shipments".to_owned(),
        name: "Shipments".to_owned(),
        description: String::new(),
        catalogue: "{}".to_owned(),
        version: 1,
        created_at: NOW,
        retired_at: None,
    };
    work.add_service(&service).await.unwrap();
    let environment = Environment {
        id: HERE.environment,
        service_id: HERE.service,
        name: "Live".to_owned(),
        kind: "production".to_owned(),
        tag: "live".to_owned(),
        base_url: "https://api.example".to_owned(),
        created_at: NOW,
    };
    work.add_environment(&environment).await.unwrap();
    let policy = PolicyVersion {
        id: PolicyId::new(ID),
        environment_id: HERE.environment,
        version: 1,
        document: serde_json::to_string(&policy_in_force()).unwrap(),
        created_at: NOW,
        created_by: None,
    };
    work.add_policy(policy).await.unwrap();
}

async fn add_request(work: &mut Work) {
    let request = AccessRequest {
        id: RequestId::new(ID),
        partner_id: PARTNER,
        service_id: HERE.service,
        requester_id: PersonId::new(ID),
        state: Code(RequestState::InReview),
        draft: "{}".to_owned(),
        draft_version: 1,
        revisions: 1,
        created_at: NOW,
        updated_at: NOW,
        submitted_at: Some(NOW),
    };
    work.add_request(&request).await.unwrap();
    let revision = Revision {
        id: RevisionId::new(ID),
        request_id: RequestId::new(ID),
        number: 1,
        document: "{}".to_owned(),
        digest: [0; 32],
        submitted_by: PersonId::new(ID),
        submitted_at: NOW,
    };
    work.add_revision(revision).await.unwrap();
}

/// Two approvals are needed.
fn policy_in_force() -> Policy {
    Policy::default_for(EnvironmentKind::Production)
}

const APPROVERS: [PersonId; 2] = [
    PersonId::new(Uuid::from_u128(20)),
    PersonId::new(Uuid::from_u128(21)),
];

/// What one of two approvers signed.
pub(super) fn approval(grant_id: GrantId, at: usize) -> DecisionRow {
    DecisionRow {
        id: DecisionId::random(&mut system_rng()),
        grant_id,
        person_id: APPROVERS[at],
        credential_id: CredentialId::new(APPROVERS[at].uuid()),
        verdict: Code(DecisionVerdict::Approve),
        reason: String::new(),
        revision_digest: [0; 32],
        grant_digest: grant().digest(),
        policy_digest: policy_in_force().digest(),
        recipient_digest: [0; 32],
        evidence: "{}".to_owned(),
        at: NOW,
        voided_at: None,
        voided_why: None,
    }
}

/// Who approves, each with a passkey.
async fn add_approvers(work: &mut Work) {
    for id in APPROVERS {
        let person = Person {
            id,
            kind: Code(PersonKind::Staff),
            partner_id: None,
            name: "Rita".to_owned(),
            state: Code(PersonState::Active),
            created_at: NOW,
        };
        let address = Address {
            id,
            email: format!("{id}@host.example"),
            mailbox: None,
            changed_at: NOW,
        };
        work.add_person(person, address).await.unwrap();
        let credential = Credential {
            id: CredentialId::new(id.uuid()),
            person_id: id,
            raw_id: id.uuid().as_bytes().to_vec(),
            label: String::new(),
            passkey: "{}".to_owned(),
            device_bound: false,
            sealing_key: None,
            signing_key: None,
            enrolment: None,
            created_at: NOW,
            used_at: None,
            removed_at: None,
        };
        work.add_credential(credential).await.unwrap();
    }
}

pub(super) fn grant_row() -> GrantRow {
    GrantRow {
        id: GRANT,
        request_id: RequestId::new(ID),
        revision_id: RevisionId::new(ID),
        partner_id: PARTNER,
        service_id: HERE.service,
        environment_id: HERE.environment,
        policy_id: PolicyId::new(ID),
        recipient_id: PersonId::new(ID),
        number: 1,
        document: serde_json::to_string(&grant()).unwrap(),
        digest: grant().digest(),
        state: Code(GrantState::Approved),
        proposed_by: None,
        proposed_at: NOW,
        settled_at: Some(NOW),
        valid_until: Some(NOW.plus(Duration::from_hours(1))),
        ended_at: None,
        end_reason: None,
        narrowed: Added(None),
    }
}

pub(super) fn key_row(id: KeyId, kid: &str) -> KeyRow {
    KeyRow {
        id,
        kid: kid.to_owned(),
        grant_id: GRANT,
        replaces_id: None,
        key_mac: [7; 32],
        prefix: "lk_live_".to_owned(),
        state: Code(KeyState::Active),
        created_at: NOW,
        activated_at: Some(NOW),
        expires_at: NOW.plus(Duration::from_hours(1)),
        ended_at: None,
        end_reason: None,
        noticed_days: None,
        change: 0,
    }
}

pub(super) fn gateway_row(mac: domain::enc::Digest) -> Gateway {
    Gateway {
        id: GATEWAY,
        name: "edge".to_owned(),
        kind: Code(GatewayKind::Api),
        reach: reach_json(&[HERE]).unwrap(),
        proxies: String::new(),
        credential_mac: mac,
        old_credential_mac: None,
        old_credential_until: None,
        state: Code(GatewayState::Active),
        created_at: NOW,
        signs: Added(false),
    }
}
