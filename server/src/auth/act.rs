//! The proof of a privileged act: a user-verified assertion over that very act (never 4).

use domain::act::{Act, ActStatement, Nonce};
use domain::audit::{ActorKind, Outcome};
use domain::id::{CredentialId, PersonId};
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::Entry;
use uuid::Uuid;

use crate::auth::actor::Actor;
use crate::auth::ceremony::{self, Begun};
use crate::auth::session::Origin;
use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// Somebody's verified assertion over one act. It has no public constructor: a verb that asks for
/// one cannot be called without.
#[derive(Debug)]
pub struct Proof {
    person: PersonId,
    kind: ActorKind,
    credential: CredentialId,
    statement: ActStatement,
    raw: Value,
    pub at: Timestamp,
    from: Origin,
}

impl Proof {
    pub const fn person(&self) -> PersonId {
        self.person
    }

    pub const fn credential(&self) -> CredentialId {
        self.credential
    }

    pub const fn statement(&self) -> &ActStatement {
        &self.statement
    }

    /// What an archive needs to check the assertion again: the statement and the raw response.
    pub fn evidence(&self) -> Value {
        json!({ "statement": self.statement, "assertion": self.raw })
    }

    /// The act's entry in the audit log. `details` are facts beside the proof; never a secret.
    pub fn entry(&self, subject_kind: &'static str, subject: Uuid, details: Value) -> Entry {
        let mut evidence = self.evidence();
        if let (Value::Object(evidence), false) = (&mut evidence, details.is_null()) {
            evidence.insert("details".to_owned(), details);
        }
        Entry {
            at: self.at,
            actor_kind: self.kind,
            actor: Some(self.person),
            credential: Some(self.credential),
            act: self.statement.act.to_string(),
            subject_kind,
            subject,
            outcome: Outcome::Done,
            evidence: evidence.to_string(),
            address: self.from.address,
            user_agent: Some(domain::audit::UserAgent::of(&self.from.agent)),
        }
    }
}

#[cfg(test)]
impl Proof {
    /// A proof without a passkey behind it: for tests of what follows from one.
    pub(crate) fn unsigned(actor: &Actor, statement: ActStatement, at: Timestamp) -> Self {
        Self {
            person: actor.person(),
            kind: actor.kind(),
            credential: actor.credential(),
            statement,
            raw: json!(null),
            at,
            from: Origin::default(),
        }
    }
}

/// What a person is asked to sign.
#[derive(Clone, Debug)]
pub struct Asked {
    pub act: Act,
    pub subject: Uuid,
    /// The subject's stamp when it was shown: if it has changed, the act is refused.
    pub stamp: i64,
    /// Every line that is shown, and signed.
    pub lines: Vec<(&'static str, String)>,
}

impl Asked {
    /// The statement over these lines.
    pub fn statement(&self, portal: &Portal, actor: PersonId, nonce: Nonce) -> ActStatement {
        let bare = ActStatement {
            nonce,
            act: self.act,
            origin: portal.config.origin_text(),
            actor,
            subject: self.subject,
            stamp: self.stamp.cast_unsigned(),
            parameters: Vec::new(),
        };
        self.lines.iter().fold(bare, |statement, (label, value)| {
            statement.with(label, value.clone())
        })
    }
}

/// Starts the ceremony over a fresh statement of what is asked.
///
/// # Errors
/// [`Refusal::Internal`].
pub async fn begin(
    portal: &Portal,
    kind: &str,
    actor: Option<PersonId>,
    asked: &Asked,
    only: &[&[u8]],
) -> Result<(ActStatement, Begun), Refusal> {
    let nobody = PersonId::new(Uuid::nil());
    let nonce = Nonce::random(&mut system_rng());
    let statement = asked.statement(portal, actor.unwrap_or(nobody), nonce);
    let begun = ceremony::begin_assertion(
        portal,
        kind,
        actor,
        &statement.challenge(),
        only,
        &statement,
    )
    .await?;
    Ok((statement, begun))
}

/// Spends the ceremony and checks the assertion. Who signed is who the passkey belongs to; with an
/// actor it must be theirs.
///
/// # Errors
/// [`Refusal::Unproven`] when the ceremony is spent, the assertion is wrong, or is not theirs.
pub async fn finish(
    portal: &Portal,
    kind: &str,
    ceremony: domain::id::CeremonyId,
    response: Value,
    actor: Option<&Actor>,
    from: Origin,
) -> Result<Proof, Refusal> {
    let (state, statement): (Value, ActStatement) = ceremony::take(portal, ceremony, kind).await?;
    let mut read = portal.store.read().await?;
    let assertion = ceremony::check_assertion(portal, &mut read, state, response).await?;
    let person = assertion.credential.person_id;
    let signer = Actor::load(
        &mut read,
        person,
        domain::id::SessionId::new(Uuid::nil()),
        domain::id::CredentialId::new(assertion.credential.id.uuid()),
    )
    .await?;
    drop(read);
    let theirs = actor.is_none_or(|actor| actor.person() == person && statement.actor == person);
    let Some(signer) = signer.filter(|_| theirs) else {
        return Err(Refusal::unproven(
            "passkey-refused",
            "This passkey was not accepted. Nothing was done: try again, or use another passkey.",
        ));
    };
    let now = portal.now();
    let mut work = portal.store.passing_work().await?;
    assertion.record(&mut work, now).await?;
    work.commit_unaudited(store::Unaudited::Ceremony).await?;
    Ok(Proof {
        person,
        kind: signer.kind(),
        credential: assertion.credential.id,
        statement,
        raw: assertion.raw,
        at: now,
        from,
    })
}
