//! A person's own passkeys.

use domain::act::Act;
use domain::id::CredentialId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Ceremony, Evidence, Read, Work};

use super::{Asking, Done, Privileged};
use crate::auth::act::{Asked, Proof};
use crate::auth::actor::Actor;
use crate::auth::ceremony::LIFETIME;
use crate::http::page::Told;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::enrol;

/// Makes a permission to enrol one more passkey, good for minutes, in this session.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddPasskey {
    pub name: enrol::Label,
}

/// Takes a passkey away. The last one stays: without it the person could not come back.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovePasskey {
    pub credential: CredentialId,
}

impl Privileged for AddPasskey {
    const ACT: Act = Act::AddPasskey;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let person = read
            .person(actor.person())
            .await?
            .ok_or(Refusal::NotFound)?;
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: actor.person().uuid(),
                stamp: person.stamp(),
                lines: vec![
                    ("Person", person.name.clone()),
                    ("New passkey", self.name.to_string()),
                ],
            },
            title: "Add a passkey".to_owned(),
            does: "You confirm with a passkey that you have; then you make the new one.".to_owned(),
            breaks: String::new(),
            button: "Confirm, then add".to_owned(),
            back: "/profile".to_owned(),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        actor: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let permission = Ceremony {
            id: enrol::permission_of(actor),
            kind: enrol::PERMISSION.to_owned(),
            person_id: Some(actor.person()),
            state: self.name.to_string(),
            expires_at: portal.now().plus(LIFETIME * 2),
        };
        // One a session: an older one that was not used makes room.
        work.take_ceremony(permission.id, enrol::PERMISSION, portal.now())
            .await?;
        work.add_ceremony(&permission).await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry(
                "person",
                actor.person().uuid(),
                json!({ "stage": "permitted" }),
            )),
            location: "/profile/passkeys/new".to_owned(),
            told: None,
        })
    }
}

impl Privileged for RemovePasskey {
    const ACT: Act = Act::RemovePasskey;

    async fn prepare(&self, _: &Portal, read: &mut Read, actor: &Actor) -> Result<Asking, Refusal> {
        let credentials = read.credentials(actor.person()).await?;
        let credential = credentials
            .iter()
            .find(|row| row.id == self.credential)
            .ok_or(Refusal::NotFound)?;
        if credentials.len() < 2 {
            return Err(Refusal::conflict(
                "last-passkey",
                "This is your only passkey. Add another one first.",
            ));
        }
        Ok(Asking {
            asked: Asked {
                act: Self::ACT,
                subject: self.credential.uuid(),
                // Its row changes with each use, and it may be the one that signs this.
                stamp: 0,
                lines: vec![
                    ("Passkey", credential.label.clone()),
                    ("Made", credential.created_at.minute()),
                ],
            },
            title: "Remove a passkey".to_owned(),
            does: "It will not sign in, decide or open keys any more.".to_owned(),
            breaks: "Sessions that it started end. A key that is on its way and sealed to it alone cannot be opened.".to_owned(),
            button: "Remove the passkey".to_owned(),
            back: "/profile".to_owned(),
        })
    }

    async fn perform(
        self,
        portal: &Portal,
        work: &mut Work,
        _: &Actor,
        proof: &Proof,
    ) -> Result<Done, Refusal> {
        let row = work
            .credential(self.credential)
            .await?
            .ok_or(Refusal::NotFound)?;
        let stamp = row.stamp();
        let mut credential = row.into_row();
        credential.removed_at = Some(portal.now());
        work.update_credential(credential, stamp).await?;
        work.end_sessions_by(self.credential).await?;
        Ok(Done {
            evidence: Evidence::of(proof.entry("credential", self.credential.uuid(), json!(null))),
            location: "/profile".to_owned(),
            told: Some(Told::Done),
        })
    }
}
