//! A portal over a database of its own, with people in it, for tests of verbs. What is signed with
//! a passkey is tested in a browser; here a proof is simply given.

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Request, StatusCode};
use domain::audit::{ActorKind, Outcome};
use domain::id::{CredentialId, PartnerId, PersonId, ServiceId, SessionId};
use domain::service::EnvironmentKind;
use domain::state::{PartnerState, PersonState, Role};
use domain::time::Timestamp;
use serde_json::json;
use store::{
    AuditFilter, AuditRow, Code, Credential, Entry, Evidence, Mail, Partner, Person, Session, Work,
};

use tower::ServiceExt as _;

use crate::auth::actor::Actor;
use crate::auth::session::{self, Origin};
use crate::boot;
use crate::chance::system_rng;
use crate::config::{Profile, Settings};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::{AddService, AnyAct, ChangeService, perform_unsigned};
use crate::service::catalogue::{Change, Description, NewEnvironment};
use crate::service::people::{self, NewPerson};

pub(crate) struct Fixture {
    pub(crate) portal: Portal,
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        let names = json!({ "app.js": "app.js", "app_bg.wasm": "app_bg.wasm" });
        std::fs::write(site.join("manifest.json"), names.to_string()).unwrap();
        for file in ["app.js", "app_bg.wasm"] {
            std::fs::write(site.join("pkg").join(file), "").unwrap();
        }
        let settings = Settings {
            profile: Profile::Development,
            data_dir: folder.path().join("data"),
            site,
            ..Settings::default()
        };
        let portal = boot::open(settings.check().unwrap()).await.unwrap();
        crate::service::snapshot::load(&portal).await.unwrap();
        Self {
            portal,
            _folder: folder,
        }
    }

    /// An active member of staff with a passkey, a session and these roles.
    pub(crate) async fn staff(&self, name: &str, roles: &[Role]) -> Actor {
        self.person(name, None, roles).await
    }

    /// An active contact of a partner.
    pub(crate) async fn contact(&self, partner: PartnerId, name: &str, role: Role) -> Actor {
        self.person(name, Some(partner), &[role]).await
    }

    pub(crate) async fn partner(&self, name: &str) -> PartnerId {
        let id = PartnerId::random(&mut system_rng());
        let mut work = self.portal.store.work().await.unwrap();
        work.add_partner(Partner {
            id,
            name: name.to_owned(),
            state: Code(PartnerState::Active),
            created_at: self.portal.now(),
        })
        .await
        .unwrap();
        self.commit(work).await;
        id
    }

    /// A service without environments: `shipments`, under this name.
    pub(crate) async fn service(&self, operator: &Actor, name: &str) -> ServiceId {
        let id = ServiceId::random(&mut system_rng());
        let add = AddService {
            id,
            slug: "shipments".parse().unwrap(),
            name: name.parse().unwrap(),
            description: "Where a parcel is.".parse::<Description>().unwrap(),
        };
        self.act(operator, add).await.unwrap();
        id
    }

    /// One more environment of a service, called as its kind is.
    pub(crate) async fn environment(
        &self,
        operator: &Actor,
        service: ServiceId,
        kind: EnvironmentKind,
    ) {
        let mut read = self.portal.store.read().await.unwrap();
        let version = read.service(service).await.unwrap().unwrap().version;
        drop(read);
        let change = Change::AddEnvironment(NewEnvironment {
            name: kind.code().parse().unwrap(),
            kind,
            tag: kind.key_tag().unwrap(),
            base_url: "https://api.example.com".parse().unwrap(),
        });
        let add = ChangeService {
            service,
            version,
            change,
        };
        self.act(operator, add).await.unwrap();
    }

    async fn person(&self, name: &str, partner: Option<PartnerId>, roles: &[Role]) -> Actor {
        let now = self.portal.now();
        let id = PersonId::random(&mut system_rng());
        let mut work = self.portal.store.work().await.unwrap();
        let email = format!("{}@example.com", name.to_lowercase())
            .parse()
            .unwrap();
        let new = NewPerson {
            id,
            partner,
            name: &name.parse().unwrap(),
            email: &email,
        };
        let row = people::add(&mut work, new, now).await.unwrap();
        let stamp = row.stamp();
        let active = Person {
            state: Code(PersonState::Active),
            ..row.into_row()
        };
        work.update_person(active, stamp).await.unwrap();
        people::set_roles(&mut work, id, roles, id, now)
            .await
            .unwrap();
        let credential = passkey(id, now);
        let session = signed_in(id, credential.id, now);
        let (credential_id, session_id) = (credential.id, session.id);
        work.add_credential(credential).await.unwrap();
        work.add_session(&session).await.unwrap();
        self.commit(work).await;
        self.actor(id, session_id, credential_id).await.unwrap()
    }

    /// The same session, with an act signed by another passkey of theirs.
    pub(crate) async fn other_passkey(&self, actor: &Actor) -> Actor {
        let credential = passkey(actor.person(), self.portal.now());
        let id = credential.id;
        let mut work = self.portal.store.work().await.unwrap();
        work.add_credential(credential).await.unwrap();
        self.commit(work).await;
        self.actor(actor.person(), actor.session(), id)
            .await
            .unwrap()
    }

    /// The actor as the next request would load them.
    pub(crate) async fn again(&self, actor: &Actor) -> Option<Actor> {
        self.actor(actor.person(), actor.session(), actor.credential())
            .await
    }

    async fn actor(
        &self,
        id: PersonId,
        session: SessionId,
        credential: CredentialId,
    ) -> Option<Actor> {
        let mut read = self.portal.store.read().await.unwrap();
        Actor::load(&mut read, id, session, credential)
            .await
            .unwrap()
    }

    /// Does an act as its form, its confirm page and a right passkey would. The answer is where it
    /// leads to.
    pub(crate) async fn act(
        &self,
        actor: &Actor,
        act: impl Into<AnyAct>,
    ) -> Result<String, Refusal> {
        perform_unsigned(&self.portal, actor, act.into()).await
    }

    /// The portal's answer to a page that the actor asks for, from a session of its own.
    pub(crate) async fn get(&self, actor: &Actor, path: &str) -> (StatusCode, String) {
        self.ask(actor, Request::get(path), "").await
    }

    /// The portal's answer to a form of its own page.
    pub(crate) async fn post(&self, actor: &Actor, path: &str, form: &str) -> (StatusCode, String) {
        self.ask(actor, Request::post(path), form).await
    }

    /// The cookie of a new session.
    pub(crate) async fn cookie(&self, actor: &Actor) -> String {
        let (portal, from) = (&self.portal, Origin::default());
        let mut work = portal.store.minor_work().await.unwrap();
        let cookie = session::start(portal, &mut work, actor.person(), actor.credential(), &from)
            .await
            .unwrap();
        work.commit_unaudited(store::Unaudited::Session)
            .await
            .unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn ask(&self, actor: &Actor, request: Builder, body: &str) -> (StatusCode, String) {
        let portal = &self.portal;
        let request = request
            .header("cookie", self.cookie(actor).await)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let answer = crate::http::app(portal.clone())
            .oneshot(request)
            .await
            .unwrap();
        let status = answer.status();
        let to = answer.headers().get("location").cloned();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        let text = match to {
            Some(to) => to.to_str().unwrap().to_owned(),
            None => String::from_utf8(body.to_vec()).unwrap(),
        };
        (status, text)
    }

    pub(crate) async fn mails(&self) -> Vec<Mail> {
        self.portal
            .store
            .read()
            .await
            .unwrap()
            .mails("", 100, 0)
            .await
            .unwrap()
    }

    /// Addresses that got a letter of this kind, sorted.
    pub(crate) async fn got(&self, kind: &str) -> Vec<String> {
        let mails = self.mails().await;
        let got = mails
            .into_iter()
            .filter(|mail| mail.template == kind)
            .map(|mail| mail.address);
        let mut got: Vec<String> = got.collect();
        got.sort();
        got
    }

    pub(crate) async fn log(&self) -> Vec<AuditRow> {
        let filter = AuditFilter {
            limit: 100,
            ..AuditFilter::default()
        };
        self.portal
            .store
            .read()
            .await
            .unwrap()
            .audit(&filter)
            .await
            .unwrap()
    }

    /// Commits what a test sets up, with an entry that says so.
    pub(crate) async fn commit(&self, work: Work) {
        let entry = Entry {
            at: self.portal.now(),
            actor_kind: ActorKind::Console,
            actor: None,
            credential: None,
            act: "fixture".to_owned(),
            subject_kind: "person",
            subject: uuid::Uuid::nil(),
            outcome: Outcome::Done,
            evidence: String::new(),
            address: None,
            user_agent: None,
        };
        self.portal.commit(work, Evidence::of(entry)).await.unwrap();
    }
}

fn passkey(person: PersonId, now: Timestamp) -> Credential {
    let id = CredentialId::random(&mut system_rng());
    Credential {
        id,
        person_id: person,
        raw_id: id.uuid().as_bytes().to_vec(),
        label: "work laptop".to_owned(),
        passkey: "{}".to_owned(),
        device_bound: false,
        sealing_key: None,
        signing_key: None,
        enrolment: None,
        created_at: now,
        used_at: None,
        removed_at: None,
    }
}

fn signed_in(person: PersonId, credential: CredentialId, now: Timestamp) -> Session {
    let id = SessionId::random(&mut system_rng());
    Session {
        id,
        token_mac: domain::enc::sha256(id.uuid().as_bytes()),
        person_id: person,
        credential_id: credential,
        created_at: now,
        seen_at: now,
        ends_at: now.plus(std::time::Duration::from_secs(3600)),
        address: String::new(),
        agent: String::new(),
    }
}
