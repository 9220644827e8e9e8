//! A host with one service, two reviewers and a partner.

use std::collections::BTreeSet;

use domain::audit::{ActorKind, Outcome};
use domain::decision::DecisionVerdict;
use domain::id::{EnvironmentId, PolicyId, RequestId, ServiceId};
use domain::policy::Policy;
use domain::request::{Answers, QuestionKind, Questionnaire};
use domain::service::EnvironmentKind;
use domain::state::Role;
use store::{Address, Entry, Environment, Evidence, PolicyVersion, Service, Work};

use super::super::{Draft, RequestFile, save_draft, start, submit};
use crate::auth::actor::Actor;
use crate::auth::session::Origin;
use crate::chance::system_rng;
use crate::refusal::Refusal;
use crate::service::acts::Decide;
use crate::testing::Fixture;

pub(in crate::service) struct World {
    pub(in crate::service) fixture: Fixture,
    pub(in crate::service) rita: Actor,
    pub(in crate::service) sam: Actor,
    pub(in crate::service) ada: Actor,
    service: ServiceId,
    pub(in crate::service) sandbox: EnvironmentId,
    pub(in crate::service) production: EnvironmentId,
}

impl World {
    pub(in crate::service) async fn new() -> Self {
        let fixture = Fixture::new().await;
        let rita = fixture.staff("Rita", &[Role::Reviewer]).await;
        let sam = fixture.staff("Sam", &[Role::Reviewer]).await;
        let partner = fixture.partner("Parcel Ltd").await;
        let ada = fixture.contact(partner, "Ada", Role::Admin).await;
        let rng = &mut system_rng();
        let world = Self {
            fixture,
            rita,
            sam,
            ada,
            service: ServiceId::random(rng),
            sandbox: EnvironmentId::random(rng),
            production: EnvironmentId::random(rng),
        };
        let mut work = world.work().await;
        world.add_catalogue(&mut work).await;
        world.commit(work).await;
        world
    }

    async fn add_catalogue(&self, work: &mut Work) {
        let now = self.fixture.portal.now();
        work.add_service(&Service {
            id: self.service,
            slug: "parcels".to_owned(),
            name: "Parcels".to_owned(),
            description: String::new(),
            catalogue: r#"{"scopes":[
                    {"name":"parcels:read","allows":"Read parcels","sensitivity":"low"},
                    {"name":"parcels:write","allows":"Write parcels","sensitivity":"personal"}],
                "endpoints":[
                    {"method":"GET","pattern":"/parcels/{id}","scopes":["parcels:read"]},
                    {"method":"POST","pattern":"/parcels","scopes":["parcels:write"]}]}"#
                .to_owned(),
            version: 1,
            created_at: now,
            retired_at: None,
        })
        .await
        .unwrap();
        for (at, (id, name, kind)) in [
            (self.sandbox, "sandbox", EnvironmentKind::Sandbox),
            (self.production, "production", EnvironmentKind::Production),
        ]
        .into_iter()
        .enumerate()
        {
            work.add_environment(&Environment {
                id,
                service_id: self.service,
                name: name.to_owned(),
                kind: kind.to_string(),
                tag: kind.key_tag().unwrap().to_string(),
                base_url: "https://api.example.com".to_owned(),
                created_at: now.plus(std::time::Duration::from_secs(at as u64)),
            })
            .await
            .unwrap();
            self.add_policy(work, id, &Policy::default_for(kind)).await;
        }
    }

    async fn add_policy(&self, work: &mut Work, environment: EnvironmentId, policy: &Policy) {
        work.add_policy(PolicyVersion {
            id: PolicyId::random(&mut system_rng()),
            environment_id: environment,
            version: policy.version.into(),
            document: serde_json::to_string(policy).unwrap(),
            created_at: self.fixture.portal.now(),
            created_by: None,
        })
        .await
        .unwrap();
    }

    /// The next version of production's policy.
    pub(in crate::service) async fn change_policy(&self, change: impl FnOnce(&mut Policy)) {
        let mut policy = Policy::default_for(EnvironmentKind::Production);
        policy.version = 2;
        change(&mut policy);
        let mut work = self.work().await;
        self.add_policy(&mut work, self.production, &policy).await;
        self.commit(work).await;
    }

    /// Corrects the address of somebody.
    pub(in crate::service) async fn move_to(&self, who: &Actor, email: &str) {
        let mut work = self.work().await;
        let address = work.address(who.person()).await.unwrap().unwrap();
        let stamp = address.stamp();
        let moved = Address {
            email: email.to_owned(),
            mailbox: Some(email.to_owned()),
            ..address.into_row()
        };
        work.update_address(moved, stamp).await.unwrap();
        self.commit(work).await;
    }

    pub(in crate::service) async fn work(&self) -> Work {
        self.fixture.portal.store.work().await.unwrap()
    }

    pub(in crate::service) async fn commit(&self, work: Work) {
        let entry = Entry {
            at: self.fixture.portal.now(),
            actor_kind: ActorKind::Console,
            actor: None,
            credential: None,
            act: "fixture".to_owned(),
            subject_kind: "service",
            subject: self.service.uuid(),
            outcome: Outcome::Done,
            evidence: String::new(),
            address: None,
            user_agent: None,
        };
        self.fixture
            .portal
            .commit(work, Evidence::of(entry))
            .await
            .unwrap();
    }

    /// A complete draft for both environments.
    pub(in crate::service) fn draft(&self) -> Draft {
        let mut answers = Answers::default();
        for question in Questionnaire::CURRENT.questions {
            let text = match question.kind {
                QuestionKind::Line | QuestionKind::Paragraph => "We print labels for parcels.",
                QuestionKind::Choice(choices) => choices[0].code,
                QuestionKind::Networks => "192.0.2.0/24",
                QuestionKind::Volume => "5000",
                QuestionKind::Email => "ada@partner.example",
            };
            answers.set(question.id, text).unwrap();
        }
        let scopes = ["parcels:read", "parcels:write"];
        Draft {
            environments: BTreeSet::from([self.sandbox, self.production]),
            scopes: scopes
                .into_iter()
                .map(|name| name.parse().unwrap())
                .collect(),
            answers,
        }
    }

    pub(in crate::service) async fn saved(&self, draft: &Draft) -> RequestId {
        let contact = self.ada.contact().unwrap();
        let portal = &self.fixture.portal;
        let id = start(portal, contact, &self.service.to_string())
            .await
            .unwrap();
        save_draft(portal, contact, id, 0, draft).await.unwrap();
        id
    }

    pub(in crate::service) async fn submit(
        &self,
        id: RequestId,
        version: i64,
    ) -> Result<(), Refusal> {
        submit(
            &self.fixture.portal,
            &self.ada,
            id,
            version,
            &Origin::default(),
        )
        .await
    }

    pub(in crate::service) async fn submitted(&self) -> RequestId {
        let id = self.saved(&self.draft()).await;
        self.submit(id, 1).await.unwrap();
        id
    }

    pub(in crate::service) async fn file(&self, by: &Actor, id: RequestId) -> RequestFile {
        let mut read = self.fixture.portal.store.read().await.unwrap();
        RequestFile::load(&mut read, by, id).await.unwrap()
    }

    /// A decision on the proposal that counts now.
    pub(in crate::service) async fn decide(
        &self,
        by: &Actor,
        id: RequestId,
        environment: EnvironmentId,
        verdict: DecisionVerdict,
    ) -> Result<String, Refusal> {
        let file = self.file(&self.ada, id).await;
        let act = Decide {
            request: id,
            environment,
            grant: file.proposal(environment).unwrap().row.id,
            verdict,
            reason: Some("Production data needs a vault.".parse().unwrap()),
        };
        self.fixture.act(by, act).await
    }

    pub(in crate::service) async fn approve(
        &self,
        by: &Actor,
        id: RequestId,
        environment: EnvironmentId,
    ) -> Result<String, Refusal> {
        self.decide(by, id, environment, DecisionVerdict::Approve)
            .await
    }
}
