//! What privileged acts promise, once they are signed.

mod calls;
mod keys;
mod partners;
mod people;
mod recovery;
mod stale;

use domain::id::{CeremonyId, PersonId};
use domain::state::Role;
use uuid::Uuid;

use super::InviteStaff;
use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::refusal::Refusal;
use crate::service::reveal;
use crate::testing::Fixture;

/// The code that an act's page shows, once.
async fn code(fixture: &Fixture, actor: &Actor, location: &str) -> Option<String> {
    let id: Uuid = location.strip_prefix("/reveal/").unwrap().parse().unwrap();
    let taken = reveal::take(&fixture.portal, CeremonyId::new(id), actor.person())
        .await
        .unwrap();
    taken.map(|(_, code)| code.as_str().to_owned())
}

fn staff(name: &str, roles: &[Role]) -> InviteStaff {
    InviteStaff {
        person: PersonId::random(&mut system_rng()),
        name: name.parse().unwrap(),
        email: format!("{}@example.com", name.to_lowercase())
            .parse()
            .unwrap(),
        roles: roles.to_vec(),
    }
}

fn reason() -> super::Reason {
    "They told us in person.".parse().unwrap()
}

fn is_missing<T>(outcome: &Result<T, Refusal>) -> bool {
    matches!(outcome, Err(Refusal::NotFound))
}

fn is_forbidden<T>(outcome: &Result<T, Refusal>) -> bool {
    matches!(outcome, Err(Refusal::Forbidden(_)))
}

fn conflict<T>(outcome: &Result<T, Refusal>) -> &'static str {
    match outcome {
        Err(Refusal::Conflict { code, .. }) => code,
        _ => "",
    }
}

/// The field that was refused.
fn field<T>(outcome: &Result<T, Refusal>) -> String {
    match outcome {
        Err(Refusal::Invalid(errors)) => errors[0].field.clone(),
        _ => String::new(),
    }
}
