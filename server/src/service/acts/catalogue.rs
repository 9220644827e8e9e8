//! Changes of the catalogue. No grant is ever wider for them.

use domain::act::Act;
use domain::id::ServiceId;
use domain::service::{ServiceName, Slug};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Evidence, Read, Work};

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::catalogue::{self, Change, Described, Description};

/// Adds a service, under an id that was chosen when the form was sent: what is signed names it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddService {
    pub id: ServiceId,
    pub slug: Slug,
    pub name: ServiceName,
    pub description: Description,
}

/// Changes the version of a service that the form was made from, and no later one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeService {
    pub service: ServiceId,
    pub version: i64,
    pub change: Change,
}

impl Privileged for AddService {
    const ACT: Act = Act::ChangeCatalogue;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        actor.operator()?;
        catalogue::slug_is_free(read, &self.slug).await?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.id.uuid(),
                stamp: 0,
                lines: vec![
                    ("New service", self.name.to_string()),
                    ("Short name", self.slug.to_string()),
                    ("Description", self.description.to_string()),
                ],
            },
            title: "Add a service".to_owned(),
            does: "Partners see it at once. They can ask for it once it has an environment and a scope.".to_owned(),
            breaks: String::new(),
            button: "Add the service".to_owned(),
            back: "/services".to_owned(),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        _: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        catalogue::add(
            portal,
            work,
            self.id,
            &self.slug,
            &self.name,
            &self.description,
        )
        .await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry("service", self.id.uuid(), json!({ "version": 1 }))),
            location: format!("/services/{}", self.id),
            told: Some(Told::Done),
        })
    }
}

impl ChangeService {
    async fn load(&self, read: &mut Read, actor: &Actor) -> Result<Described, Refusal> {
        actor.operator()?;
        let described = catalogue::describe(read, self.service).await?;
        if described.service.version != self.version {
            return Err(Refusal::conflict(
                "changed",
                "Somebody changed this service meanwhile. Nothing was done: look at it again.",
            ));
        }
        Ok(described)
    }
}

impl Privileged for ChangeService {
    const ACT: Act = Act::ChangeCatalogue;

    async fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> Result<Asking, Refusal> {
        let described = self.load(read, actor).await?;
        catalogue::check(&portal.config, &described, &self.change)?;
        let mut lines = vec![("Service", described.service.name.clone())];
        lines.extend(self.change.lines());
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.service.uuid(),
                stamp: self.version,
                lines,
            },
            title: self.change.title().to_owned(),
            does: self.change.does().to_owned(),
            breaks: self.change.breaks().to_owned(),
            button: "Change the catalogue".to_owned(),
            back: format!("/services/{}", self.service),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let described = self.load(work, actor).await?;
        let details = json!({ "from": self.version, "change": self.change });
        catalogue::apply(portal, work, described, self.change, actor.person()).await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry("service", self.service.uuid(), details)),
            location: format!("/services/{}", self.service),
            told: Some(Told::Done),
        })
    }
}
