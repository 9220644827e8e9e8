//! What the host of the story offers: two services, each with a sandbox and production.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use domain::id::{EnvironmentId, ServiceId};
use domain::service::{Endpoint, EnvironmentKind, Method, Scope, Sensitivity};

use super::persona::Persona;
use super::stage::Stage;
use crate::chance::system_rng;
use crate::service::acts::{AddService, ChangeService};
use crate::service::catalogue::{Change, NewEnvironment, describe};

/// A service as it is written down here.
pub(super) struct Offer {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) host: &'static str,
    pub(super) scopes: &'static [(&'static str, &'static str, Sensitivity)],
    pub(super) endpoints: &'static [(Method, &'static str, &'static str)],
}

pub(super) const SHIPMENTS: Offer = Offer {
    slug: "shipments",
    name: "Shipments API",
    description: "Where a parcel is, its events, and labels for new parcels.",
    host: "shipments.host.example",
    scopes: &[
        (
            "shipments:read",
            "Read shipments and their events.",
            Sensitivity::Personal,
        ),
        ("labels:create", "Make and cancel labels.", Sensitivity::Low),
        (
            "webhooks:manage",
            "Say where events are sent to.",
            Sensitivity::Low,
        ),
    ],
    endpoints: &[
        (Method::Get, "/v2/shipments", "shipments:read"),
        (Method::Get, "/v2/shipments/{id}", "shipments:read"),
        (Method::Get, "/v2/shipments/{id}/events", "shipments:read"),
        (Method::Post, "/v2/labels", "labels:create"),
        (Method::Delete, "/v2/labels/{id}", "labels:create"),
        (Method::Put, "/v2/webhooks/{name}", "webhooks:manage"),
    ],
};

pub(super) const INVOICES: Offer = Offer {
    slug: "invoices",
    name: "Invoices API",
    description: "Invoices and credit notes, as documents and as data.",
    host: "invoices.host.example",
    scopes: &[
        (
            "invoices:read",
            "Read invoices and credit notes.",
            Sensitivity::Confidential,
        ),
        (
            "payments:read",
            "Read when and how an invoice was paid.",
            Sensitivity::Confidential,
        ),
        (
            "documents:read",
            "Download invoices as PDF.",
            Sensitivity::Confidential,
        ),
    ],
    endpoints: &[
        (Method::Get, "/v1/invoices", "invoices:read"),
        (Method::Get, "/v1/invoices/{number}", "invoices:read"),
        (Method::Get, "/v1/payments/{id}", "payments:read"),
        (Method::Get, "/v1/documents/{path...}", "documents:read"),
    ],
};

/// A service that was added.
pub(super) struct Offered {
    pub(super) id: ServiceId,
    pub(super) slug: &'static str,
    environments: Vec<(String, EnvironmentId)>,
}

impl Offered {
    pub(super) fn environment(&self, name: &str) -> Result<EnvironmentId> {
        let found = self.environments.iter().find(|(known, _)| known == name);
        Ok(found.context("no such environment")?.1)
    }
}

/// Adds a service with its environments, scopes and endpoints, act by act.
pub(super) async fn add(stage: &Stage, operator: &Persona, offer: &Offer) -> Result<Offered> {
    let id = ServiceId::random(&mut system_rng());
    let act = AddService {
        id,
        slug: offer.slug.parse()?,
        name: offer.name.parse()?,
        description: offer.description.parse()?,
    };
    operator.act(stage, act).await?;
    for (at, change) in changes(offer)?.into_iter().enumerate() {
        stage.later(1);
        let act = ChangeService {
            service: id,
            version: i64::try_from(at)?.saturating_add(1),
            change,
        };
        operator.act(stage, act).await?;
    }
    let mut read = stage.portal.store.read().await?;
    let described = describe(&mut read, id).await.map_err(super::said)?;
    let environments = described.environments.into_iter();
    Ok(Offered {
        id,
        slug: offer.slug,
        environments: environments.map(|row| (row.name, row.id)).collect(),
    })
}

fn changes(offer: &Offer) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (name, kind, tag, path) in [
        ("sandbox", EnvironmentKind::Sandbox, "test", "/sandbox"),
        ("production", EnvironmentKind::Production, "live", ""),
    ] {
        changes.push(Change::AddEnvironment(NewEnvironment {
            name: name.parse()?,
            kind,
            tag: tag.parse()?,
            base_url: format!("https://{}{path}", offer.host).parse()?,
        }));
    }
    for (name, allows, sensitivity) in offer.scopes {
        changes.push(Change::AddScope(Scope {
            name: name.parse()?,
            allows: allows.parse()?,
            sensitivity: *sensitivity,
        }));
    }
    for (method, pattern, scope) in offer.endpoints {
        changes.push(Change::AddEndpoint(Endpoint {
            method: *method,
            pattern: pattern.parse()?,
            scopes: BTreeSet::from([scope.parse()?]),
        }));
    }
    Ok(changes)
}
