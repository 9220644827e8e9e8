//! Enrolment: a passkey by a one-time link, or one more under a permission. It ends with an
//! assertion over the act *enrol*, which names both device keys; the link is consumed in the
//! transaction that stores the credential.

use domain::act::{Act, ActStatement, Nonce};
use domain::audit::{ActorKind, Outcome};
use domain::id::{CeremonyId, CredentialId, PersonId, PersonLinkId};
use domain::link::{InvitationCode, PersonLinkKind, PersonLinkSecret};
use domain::mac::same_digest;
use domain::seal::device::verify_enrolment;
use domain::seal::{DeviceVerifyingKey, SealingKey, Signature};
use domain::state::{PersonKind, PersonState};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Code, Credential, Entry, Evidence, Person, PersonLink, Read, Stamped, Work};
use uuid::Uuid;
use webauthn_rs::prelude::Passkey;

use crate::auth::actor::Actor;
use crate::auth::ceremony::{self, Begun};
use crate::auth::session::{self, Origin};
use crate::chance::system_rng;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::{delivery, recovery};

/// The kind of ceremony that permits one more passkey.
pub const PERMISSION: &str = "passkey-permission";
const CREATE: &str = "enrol-create";
const FINISH: &str = "enrol-finish";

/// Wrong codes that void a link.
const WRONG_CODES: i64 = 5;

/// What a person calls a passkey.
pub type Label = domain::text::Line<60>;

/// The permission to enrol one more passkey is the session's: it needs no name in an address.
pub const fn permission_of(actor: &Actor) -> CeremonyId {
    CeremonyId::new(actor.session().uuid())
}

/// By what right a passkey is enrolled.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Right {
    Link(PersonLinkId),
    /// A link that ends every passkey that was there before.
    Recovery(PersonLinkId),
    Permission(CeremonyId),
}

#[derive(Serialize, Deserialize)]
struct Creating {
    person: PersonId,
    right: Right,
}

#[derive(Serialize, Deserialize)]
struct Finishing {
    person: PersonId,
    right: Right,
    credential: CredentialId,
    passkey: Passkey,
    label: String,
    keys: Option<(SealingKey, DeviceVerifyingKey)>,
    statement: ActStatement,
}

/// What `begin` answers.
#[derive(Debug, Serialize)]
pub struct Begin {
    #[serde(flatten)]
    pub begun: Begun,
    pub person: PersonId,
    pub name: String,
}

/// What `create` answers.
#[derive(Debug, Serialize)]
pub struct Created {
    #[serde(flatten)]
    pub begun: Begun,
    pub statement: ActStatement,
}

/// Begins with a link's secret (and code), or with a permission of the person who is signed in.
///
/// # Errors
/// [`Refusal::Unproven`]: `link-not-usable` in the same words for every reason, `code-needed`,
/// `code-wrong`.
pub async fn begin(
    portal: &Portal,
    id: Option<Uuid>,
    secret: Option<&PersonLinkSecret>,
    code: Option<&str>,
    actor: Option<&Actor>,
    from: &Origin,
) -> Result<Begin, Refusal> {
    let mut read = portal.store.read().await?;
    let (person, right) = match secret.zip(id) {
        Some((secret, id)) => {
            let link = open_link(portal, &mut read, PersonLinkId::new(id), secret).await?;
            if link.kind.0.needs_code() {
                drop(read);
                check_code(portal, &link, code, from).await?;
                read = portal.store.read().await?;
            }
            let right = match link.kind.0 {
                // An owner who had passkeys and gets a link from the console has lost them.
                PersonLinkKind::Recovery | PersonLinkKind::Owner => Right::Recovery(link.id),
                PersonLinkKind::Invitation => Right::Link(link.id),
            };
            (link.person_id, right)
        }
        None => {
            let actor = actor.ok_or_else(not_usable)?;
            let permission = permission_of(actor);
            if !read
                .has_ceremony(permission, PERMISSION, actor.person(), portal.now())
                .await?
            {
                return Err(not_usable());
            }
            (actor.person(), Right::Permission(permission))
        }
    };
    let row = read.person(person).await?.ok_or_else(not_usable)?;
    let address = read.address(person).await?.ok_or_else(not_usable)?;
    let existing = read.credentials(person).await?;
    drop(read);
    let purpose = Creating { person, right };
    let begun = ceremony::begin_registration(
        portal,
        CREATE,
        person,
        (&address.email, &row.name),
        &existing,
        &purpose,
    )
    .await?;
    Ok(Begin {
        begun,
        person,
        name: row.name.clone(),
    })
}

/// Takes the new credential and asks for an assertion by it over the act *enrol*.
///
/// # Errors
/// [`Refusal::Unproven`] when the response is not accepted.
pub async fn create(
    portal: &Portal,
    ceremony: CeremonyId,
    response: Value,
    label: &str,
    keys: Option<(SealingKey, DeviceVerifyingKey)>,
) -> Result<Created, Refusal> {
    let (state, creating): (Value, Creating) = ceremony::take(portal, ceremony, CREATE).await?;
    let passkey = ceremony::finish_registration(portal, state, response)?;
    let rng = &mut system_rng();
    let credential = CredentialId::random(rng);
    let bare = ActStatement {
        nonce: Nonce::random(rng),
        act: Act::Enrol,
        origin: portal.config.origin_text(),
        actor: creating.person,
        subject: credential.uuid(),
        stamp: 0,
        parameters: Vec::new(),
    };
    let statement = match &keys {
        Some((sealing, verifying)) => bare.with_device(sealing, verifying),
        None => bare,
    };
    let raw_id = passkey.cred_id().to_vec();
    let challenge = statement.challenge();
    let finishing = Finishing {
        person: creating.person,
        right: creating.right,
        credential,
        passkey,
        label: label_of(label),
        keys,
        statement: statement.clone(),
    };
    let begun = ceremony::begin_assertion(
        portal,
        FINISH,
        Some(creating.person),
        &challenge,
        &[&raw_id],
        &finishing,
    )
    .await?;
    Ok(Created { begun, statement })
}

/// Stores the credential, consumes the link, and signs the person in. The returned text is the
/// `Set-Cookie` header.
///
/// # Errors
/// [`Refusal::Unproven`] when the assertion, the enrolment statement or the link does not hold.
pub async fn finish(
    portal: &Portal,
    ceremony: CeremonyId,
    response: Value,
    enrolment: Option<&Signature>,
    from: &Origin,
) -> Result<String, Refusal> {
    let (state, finishing): (Value, Finishing) = ceremony::take(portal, ceremony, FINISH).await?;
    let raw = response.clone();
    let mut passkey = finishing.passkey.clone();
    ceremony::check_first_assertion(portal, state, response, &mut passkey)?;
    let credential = credential(portal, &finishing, &passkey, enrolment)?;
    let mut work = portal.store.work().await?;
    let credential = Credential {
        label: use_right(portal, &mut work, &finishing).await?,
        ..credential
    };
    let person = activate(&mut work, finishing.person).await?;
    let entry = Entry {
        at: portal.now(),
        actor_kind: match person.kind.0 {
            PersonKind::Staff => ActorKind::Staff,
            PersonKind::Contact => ActorKind::Contact,
        },
        actor: Some(person.id),
        credential: Some(credential.id),
        act: Act::Enrol.to_string(),
        subject_kind: "credential",
        subject: credential.id.uuid(),
        outcome: Outcome::Done,
        evidence: json!({
            "statement": finishing.statement,
            "assertion": raw,
            "enrolment": enrolment,
            "right": finishing.right,
        })
        .to_string(),
        address: from.address,
        user_agent: Some(domain::audit::UserAgent::of(&from.agent)),
    };
    let id = credential.id;
    let added = Letter::PasskeyAdded {
        label: credential.label.clone(),
        when: portal.now(),
    };
    work.add_credential(credential).await?;
    let to = To::person(&mut work, person.id).await?;
    mail::queue(portal, &mut work, added, &to).await?;
    let mut evidence = Evidence::of(entry);
    if let Right::Recovery(_) = finishing.right {
        for remade in recovery::remake_deliveries(portal, &mut work, person.id).await? {
            evidence = evidence.and(remade);
        }
    }
    for minted in delivery::mint_waiting(portal, &mut work, person.id).await? {
        evidence = evidence.and(minted);
    }
    let cookie = session::start(portal, &mut work, person.id, id, from).await?;
    portal.commit(work, evidence).await?;
    Ok(cookie)
}

/// The link, if its secret is right and it is open.
async fn open_link(
    portal: &Portal,
    read: &mut Read,
    id: PersonLinkId,
    secret: &PersonLinkSecret,
) -> Result<Stamped<PersonLink>, Refusal> {
    let link = read.person_link(id).await?.ok_or_else(not_usable)?;
    let confirmed = link.kind.0 != PersonLinkKind::Recovery || link.confirmed_by.is_some();
    let right = same_digest(&secret.digest(), &link.secret_digest);
    if right && confirmed && link.is_open(portal.now()) {
        Ok(link)
    } else {
        Err(not_usable())
    }
}

/// Checks the code that came by another way; counts a wrong one, and voids the link at the fifth.
async fn check_code(
    portal: &Portal,
    link: &Stamped<PersonLink>,
    code: Option<&str>,
    from: &Origin,
) -> Result<(), Refusal> {
    let Some(code) = code else {
        return Err(Refusal::unproven(
            "code-needed",
            "Type the code of eight characters that you were given by another way than the mail.",
        ));
    };
    let expected = link.code_mac.ok_or_else(not_usable)?;
    let given = code
        .parse::<InvitationCode>()
        .map(|code| code.mac(&portal.keyring.row_key, link.id));
    if given.is_ok_and(|given| same_digest(&given, &expected)) {
        return Ok(());
    }
    let mut work = portal.store.work().await?;
    let now = portal.now();
    let stamp = link.stamp();
    let mut counted = link.clone().into_row();
    counted.wrong_codes += 1;
    let left = WRONG_CODES.saturating_sub(counted.wrong_codes).max(0);
    if left == 0 {
        counted.voided_at = Some(now);
    }
    work.update_person_link(counted, stamp).await?;
    let entry = Entry {
        at: now,
        actor_kind: ActorKind::Anonymous,
        actor: None,
        credential: None,
        act: "wrong-code".to_owned(),
        subject_kind: "person-link",
        subject: link.id.uuid(),
        outcome: Outcome::Refused,
        evidence: json!({ "left": left }).to_string(),
        address: from.address,
        user_agent: Some(domain::audit::UserAgent::of(&from.agent)),
    };
    portal.commit(work, Evidence::of(entry)).await?;
    Err(match left {
        0 => Refusal::unproven(
            "link-not-usable",
            "That was the fifth wrong code, and the link is void. Ask who invited you for another.",
        ),
        _ => Refusal::unproven(
            "code-wrong",
            format!("This is not the code. Tries left before the link is void: {left}."),
        ),
    })
}

/// Consumes the link or the permission, in the transaction that stores the credential. The answer
/// is what the passkey is called: a permission names it already.
async fn use_right(
    portal: &Portal,
    work: &mut Work,
    finishing: &Finishing,
) -> Result<String, Refusal> {
    let now = portal.now();
    match finishing.right {
        Right::Permission(id) => {
            let taken = work
                .take_ceremony(id, PERMISSION, now)
                .await?
                .ok_or_else(not_usable)?;
            Ok(label_of(&taken.state))
        }
        Right::Link(id) => {
            consume(work, id, finishing.person, now).await?;
            Ok(finishing.label.clone())
        }
        Right::Recovery(id) => {
            consume(work, id, finishing.person, now).await?;
            recovery::end_lost(work, finishing.person, now).await?;
            Ok(finishing.label.clone())
        }
    }
}

async fn consume(
    work: &mut Work,
    id: PersonLinkId,
    person: PersonId,
    now: Timestamp,
) -> Result<(), Refusal> {
    let link = work.person_link(id).await?.ok_or_else(not_usable)?;
    if !link.is_open(now) || link.person_id != person {
        return Err(not_usable());
    }
    let stamp = link.stamp();
    let consumed = PersonLink {
        consumed_at: Some(now),
        ..link.into_row()
    };
    work.update_person_link(consumed, stamp).await?;
    Ok(())
}

async fn activate(work: &mut Work, person: PersonId) -> Result<Stamped<Person>, Refusal> {
    let row = work.person(person).await?.ok_or_else(not_usable)?;
    match row.state.0 {
        PersonState::Active => Ok(row),
        PersonState::Removed => Err(not_usable()),
        PersonState::Invited => {
            let stamp = row.stamp();
            let active = Person {
                state: Code(PersonState::Active),
                ..row.into_row()
            };
            Ok(work.update_person(active, stamp).await?)
        }
    }
}

/// The row, fit to receive only if the browser signed the enrolment statement with keys that two
/// evaluations agreed on.
fn credential(
    portal: &Portal,
    finishing: &Finishing,
    passkey: &Passkey,
    enrolment: Option<&Signature>,
) -> Result<Credential, Refusal> {
    let raw_id = passkey.cred_id().to_vec();
    let device = match (&finishing.keys, enrolment) {
        (Some((sealing, verifying)), Some(signature)) => {
            verify_enrolment(finishing.person, &raw_id, sealing, verifying, signature).map_err(|_| {
                Refusal::unproven(
                    "enrolment-refused",
                    "The browser's signature over the new device keys does not hold. Try again.",
                )
            })?;
            Some((
                *sealing.as_bytes(),
                *verifying.as_bytes(),
                *signature.as_bytes(),
            ))
        }
        _ => None,
    };
    Ok(Credential {
        id: finishing.credential,
        person_id: finishing.person,
        raw_id,
        label: finishing.label.clone(),
        passkey: serde_json::to_string(passkey).map_err(Refusal::internal)?,
        device_bound: ceremony::is_device_bound(passkey),
        sealing_key: device.map(|(sealing, _, _)| sealing),
        signing_key: device.map(|(_, verifying, _)| verifying),
        enrolment: device.map(|(_, _, signature)| signature),
        created_at: portal.now(),
        used_at: None,
        removed_at: None,
    })
}

fn label_of(typed: &str) -> String {
    typed
        .parse::<Label>()
        .map_or_else(|_| "Passkey".to_owned(), |label| label.to_string())
}

fn not_usable() -> Refusal {
    Refusal::unproven(
        "link-not-usable",
        "This link cannot be used: it was used already, has run out, or is not whole. Nothing was \
         changed. Ask who sent it for another.",
    )
}
