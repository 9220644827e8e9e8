//! Privileged acts: what a form asks for, shown in full, signed with a passkey over exactly that,
//! then done. An act is prepared twice: when it is shown and when it is done. If what it is about
//! has changed in between, the two statements differ and nothing is done.

mod catalogue;
mod decide;
mod export;
mod gateway;
mod keys;
mod narrow;
mod overlays;
mod partners;
mod passkeys;
mod people;
mod policy;
mod propose;
mod recovery;
mod revoke;
mod roles;

pub use catalogue::{AddService, ChangeService};
pub use decide::{Decide, digest_lines, hours, signed_lines};
pub use export::ExportAudit;
pub use gateway::{ChangeGateway, RegisterGateway, RevokeGateway, RotateGateway};
pub use keys::{ReceiveReplacement, RemakeDelivery, ResumeKey, SuspendKey};
pub use narrow::NarrowGrant;
pub use overlays::{DecideOverlay, EndOverlay, overlay_lines};
pub use partners::{InviteMember, InvitePartner, Organisation, ResumePartner, SuspendPartner};
pub use passkeys::{AddPasskey, RemovePasskey};
pub use people::{ChangeAddress, InviteAgain, InviteStaff, Reason, RemovePerson};
pub use policy::{ChangePolicy, ConfirmPolicy};
pub use propose::ProposeGrant;
pub use recovery::{ConfirmRecovery, StartRecovery};
pub use revoke::{RevokeGrant, RevokeKey, RevokePartner};
pub use roles::{ChangeRoles, ConfirmRoles};

use domain::act::{Act, Nonce};
use domain::id::CeremonyId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Evidence, PendingAct, Read, Unaudited, Work};

use crate::auth::act::{self, Asked, Proof};
use crate::auth::actor::Actor;
use crate::auth::ceremony::{Begun, LIFETIME};
use crate::auth::session::{self, Origin};
use crate::chance::system_rng;
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// How the confirm page words an act, and what is signed.
#[derive(Clone, Debug)]
pub struct Asking {
    pub asked: Asked,
    /// The act as a short sentence: `Revoke a key`.
    pub title: String,
    /// What follows from it, in a sentence.
    pub does: String,
    /// What stops working, for whom; empty when nothing does.
    pub breaks: String,
    /// The button: `Revoke the key`.
    pub button: String,
    /// Where to go instead.
    pub back: String,
}

/// An act that was done, before it is committed.
pub struct Done {
    pub evidence: Evidence,
    pub location: String,
    pub told: Option<Told>,
}

/// One kind of privileged act: the input of its form.
pub trait Privileged: Serialize + DeserializeOwned + Send + Sync {
    const ACT: Act;

    /// Authorises, loads and checks, and says what will be signed. Changes nothing.
    fn prepare(
        &self,
        portal: &Portal,
        read: &mut Read,
        actor: &Actor,
    ) -> impl Future<Output = Result<Asking, Refusal>> + Send;

    /// Does it. Called only with the proof over what `prepare` says at this moment, in the same
    /// transaction.
    fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> impl Future<Output = Result<Done, Refusal>> + Send;
}

macro_rules! acts {
    ($($name:ident),+ $(,)?) => {
        /// Any act that waits for its passkey, as the database keeps it.
        #[derive(Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum AnyAct {
            $($name($name),)+
        }

        $(impl From<$name> for AnyAct {
            fn from(act: $name) -> Self {
                Self::$name(act)
            }
        })+

        impl AnyAct {
            pub const fn act(&self) -> Act {
                match self {
                    $(Self::$name(_) => $name::ACT,)+
                }
            }

            async fn prepare(&self, portal: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
                match self {
                    $(Self::$name(act) => act.prepare(portal, read, actor).await,)+
                }
            }

            async fn perform(self, portal: &Portal, work: &mut Work, actor: &Actor, proof: &Proof) -> Result<Done, Refusal> {
                match self {
                    $(Self::$name(act) => act.perform(portal, work, actor, proof).await,)+
                }
            }
        }
    };
}

acts! {
    AddPasskey,
    RemovePasskey,
    InviteStaff,
    InviteAgain,
    ChangeRoles,
    ConfirmRoles,
    ChangeAddress,
    RemovePerson,
    InvitePartner,
    InviteMember,
    SuspendPartner,
    ResumePartner,
    StartRecovery,
    ConfirmRecovery,
    Decide,
    ProposeGrant,
    DecideOverlay,
    EndOverlay,
    NarrowGrant,
    AddService,
    ChangeService,
    ChangePolicy,
    ConfirmPolicy,
    RegisterGateway,
    ChangeGateway,
    RotateGateway,
    RevokeGateway,
    RevokeKey,
    RevokeGrant,
    RevokePartner,
    SuspendKey,
    ResumeKey,
    ReceiveReplacement,
    RemakeDelivery,
    ExportAudit,
}

const CEREMONY: &str = "confirm";

/// Keeps a filled-in form until its person's passkey confirms it. It is refused here already when
/// it cannot be done.
///
/// # Errors
/// What `prepare` refuses.
pub async fn keep(portal: &Portal, actor: &Actor, act: AnyAct) -> Result<CeremonyId, Refusal> {
    let mut read = portal.store.read().await?;
    act.prepare(portal, &mut read, actor).await?;
    drop(read);
    let now = portal.now();
    let pending = PendingAct {
        id: CeremonyId::random(&mut system_rng()),
        person_id: actor.person(),
        act: act.act().to_string(),
        input: serde_json::to_string(&act).map_err(Refusal::internal)?,
        created_at: now,
        expires_at: now.plus(LIFETIME * 6),
    };
    let mut work = portal.store.minor_work().await?;
    work.add_pending_act(&pending).await?;
    work.commit_unaudited(Unaudited::Draft).await?;
    Ok(pending.id)
}

/// What waits under this id for this person, worded.
///
/// # Errors
/// [`Refusal::NotFound`] when nothing waits, or it is somebody else's.
pub async fn show(
    portal: &Portal,
    actor: &Actor,
    id: CeremonyId,
) -> Result<(Asking, Value), Refusal> {
    let mut read = portal.store.read().await?;
    let (act, _) = load(portal, &mut read, actor, id).await?;
    let asking = act.prepare(portal, &mut read, actor).await?;
    let statement = asking
        .asked
        .statement(portal, actor.person(), Nonce::new([0; 32]));
    Ok((
        asking,
        serde_json::to_value(statement).map_err(Refusal::internal)?,
    ))
}

/// Starts the ceremony over a fresh nonce.
///
/// # Errors
/// As [`show`].
pub async fn begin(
    portal: &Portal,
    actor: &Actor,
    id: CeremonyId,
) -> Result<(domain::act::ActStatement, Begun), Refusal> {
    let mut read = portal.store.read().await?;
    let (act, _) = load(portal, &mut read, actor, id).await?;
    let asking = act.prepare(portal, &mut read, actor).await?;
    let credentials = read.credentials(actor.person()).await?;
    drop(read);
    let only: Vec<&[u8]> = credentials
        .iter()
        .map(|row| row.raw_id.as_slice())
        .collect();
    act::begin(portal, CEREMONY, Some(actor.person()), &asking.asked, &only).await
}

/// Checks the assertion and does the act, once.
///
/// # Errors
/// [`Refusal::Unproven`] for a proof that does not hold; [`Refusal::Conflict`] when what was signed
/// is not what would be done now.
pub async fn finish(
    portal: &Portal,
    actor: &Actor,
    id: CeremonyId,
    ceremony: CeremonyId,
    response: Value,
    from: Origin,
) -> Result<(String, Option<Told>), Refusal> {
    let proof = act::finish(portal, CEREMONY, ceremony, response, Some(actor), from).await?;
    settle(portal, actor, id, &proof).await
}

/// Does what the proof is over, if it is what would be done now, by who may do it now: the actor
/// that came with the request was read before this transaction began.
async fn settle(
    portal: &Portal,
    actor: &Actor,
    id: CeremonyId,
    proof: &Proof,
) -> Result<(String, Option<Told>), Refusal> {
    let mut work = portal.store.work().await?;
    match perform(portal, &mut work, actor, id, proof).await {
        Ok(done) => {
            portal.commit(work, done.evidence).await?;
            Ok((done.location, done.told))
        }
        // It may say what somebody else has done in this moment, and must not say it too early.
        Err(refusal) => {
            portal.leave(work).await?;
            Err(refusal)
        }
    }
}

async fn perform(
    portal: &Portal,
    work: &mut Work,
    actor: &Actor,
    id: CeremonyId,
    proof: &Proof,
) -> Result<Done, Refusal> {
    let actor = &session::again(portal, work, actor).await?;
    signs_still(work, actor, proof).await?;
    let (act, _) = load(portal, work, actor, id).await?;
    let asking = act.prepare(portal, work, actor).await?;
    let signed = proof.statement();
    if asking.asked.statement(portal, actor.person(), signed.nonce) != *signed {
        return Err(Refusal::conflict(
            "changed",
            "What you signed has changed since it was shown. Nothing was done: look again.",
        ));
    }
    if !work.take_pending_act(id, actor.person()).await? {
        return Err(Refusal::NotFound);
    }
    act.perform(portal, work, actor, proof).await
}

/// The passkey that signed may have been removed since its assertion was checked.
async fn signs_still(read: &mut Read, actor: &Actor, proof: &Proof) -> Result<(), Refusal> {
    let signs = read
        .credential(proof.credential())
        .await?
        .is_some_and(|row| row.removed_at.is_none() && row.person_id == actor.person());
    if signs {
        Ok(())
    } else {
        Err(Refusal::unproven(
            "passkey-refused",
            "This passkey was not accepted. Nothing was done: try again, or use another passkey.",
        ))
    }
}

async fn load(
    portal: &Portal,
    read: &mut Read,
    actor: &Actor,
    id: CeremonyId,
) -> Result<(AnyAct, PendingAct), Refusal> {
    let pending = read
        .pending_act(id, actor.person(), portal.now())
        .await?
        .ok_or(Refusal::NotFound)?;
    let act = serde_json::from_str(&pending.input).map_err(Refusal::internal)?;
    Ok((act, pending))
}

/// The same path as a form, its confirm page and its finish, with a proof that nobody signed.
#[cfg(test)]
pub(crate) async fn perform_unsigned(
    portal: &Portal,
    actor: &Actor,
    act: AnyAct,
) -> Result<String, Refusal> {
    let (id, proof) = sign_unsigned(portal, actor, act).await?;
    Ok(settle(portal, actor, id, &proof).await?.0)
}

/// As far as the passkey: what waits, and a proof over it that nobody signed.
#[cfg(test)]
async fn sign_unsigned(
    portal: &Portal,
    actor: &Actor,
    act: AnyAct,
) -> Result<(CeremonyId, Proof), Refusal> {
    let id = keep(portal, actor, act).await?;
    let (asking, _) = show(portal, actor, id).await?;
    let statement = asking
        .asked
        .statement(portal, actor.person(), Nonce::new([7; 32]));
    Ok((id, Proof::unsigned(actor, statement, portal.now())))
}

#[cfg(test)]
mod tests;
