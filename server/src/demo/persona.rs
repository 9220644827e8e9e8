//! Somebody in the story: enrols by a link, signs what they do, opens what is sent to them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use domain::act::Act;
use domain::audit::TruncatedAddress;
use domain::base64url;
use domain::id::{DeliveryId, EnvironmentId, KeyId, PartnerId, PersonId};
use domain::link::{LinkSecret, PersonLinkSecret};
use domain::policy::Policy;
use domain::seal::{Envelope, Header, ReceiptStatement, open};
use domain::state::Role;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::passkey::SoftPasskey;
use super::said;
use super::stage::Stage;
use crate::auth::actor::Actor;
use crate::auth::session::{self, Origin};
use crate::chance::system_rng;
use crate::service::acts::{self, AnyAct, ChangePolicy, InviteMember, InvitePartner, InviteStaff};
use crate::service::{delivery, enrol, policies, reveal, sign_in};

pub(super) struct Persona {
    pub(super) id: PersonId,
    pub(super) email: &'static str,
    passkey: SoftPasskey,
    /// Of the session that they had last; it may be over.
    cookie: Mutex<String>,
}

/// Who is to be enrolled, and whether their passkey can open keys.
pub(super) struct Guest {
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) receives: bool,
}

impl Persona {
    /// Registers a passkey by a one-time link.
    pub(super) async fn enrol(
        stage: &Stage,
        guest: &Guest,
        link: &str,
        code: Option<&str>,
    ) -> Result<Self> {
        let portal = &stage.portal;
        let (id, secret) = parts(link)?;
        let secret: PersonLinkSecret = secret.parse()?;
        let id = Uuid::try_parse(id)?;
        let begun = enrol::begin(portal, Some(id), Some(&secret), code, None, &desk())
            .await
            .map_err(said)?;
        let origin = portal.config.origin_text();
        let (passkey, made) = SoftPasskey::create(&begun.begun.options, &origin, guest.receives)?;
        let device = passkey.device_keys();
        let keys = device
            .as_ref()
            .map(|keys| (keys.sealing_key(), keys.verifying_key()));
        let created = enrol::create(portal, begun.begun.ceremony, made, "Work laptop", keys)
            .await
            .map_err(said)?;
        let assertion = passkey.get(&created.begun.options)?;
        let signed = device.map(|keys| keys.enrol(begun.person, passkey.raw_id()));
        let ceremony = created.begun.ceremony;
        let cookie = enrol::finish(portal, ceremony, assertion, signed.as_ref(), &desk())
            .await
            .map_err(said)?;
        Ok(Self {
            id: begun.person,
            email: guest.email,
            passkey,
            cookie: Mutex::new(cookie),
        })
    }

    /// As who they are signed in; they sign in anew where their session is over.
    pub(super) async fn actor(&self, stage: &Stage) -> Result<Actor> {
        let cookie = self.kept().clone();
        if let Some(actor) = by_cookie(stage, &cookie).await? {
            return Ok(actor);
        }
        let begun = sign_in::begin(&stage.portal).await.map_err(said)?;
        let assertion = self.passkey.get(&begun.options)?;
        let cookie = sign_in::finish(&stage.portal, begun.ceremony, assertion, &desk())
            .await
            .map_err(said)?;
        self.kept().clone_from(&cookie);
        by_cookie(stage, &cookie)
            .await?
            .context("somebody in the story cannot sign in")
    }

    fn kept(&self) -> MutexGuard<'_, String> {
        self.cookie.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a privileged act: the form, the page that shows it in full, and the passkey over it.
    pub(super) async fn act(&self, stage: &Stage, act: impl Into<AnyAct>) -> Result<String> {
        let (portal, actor) = (&stage.portal, self.actor(stage).await?);
        let id = acts::keep(portal, &actor, act.into()).await.map_err(said)?;
        let (_, begun) = acts::begin(portal, &actor, id).await.map_err(said)?;
        let assertion = self.passkey.get(&begun.options)?;
        let (location, _) = acts::finish(portal, &actor, id, begun.ceremony, assertion, desk())
            .await
            .map_err(said)?;
        Ok(location)
    }

    /// The next version of an environment's policy, as `change` leaves it.
    pub(super) async fn set_policy(
        &self,
        stage: &Stage,
        environment: EnvironmentId,
        change: impl FnOnce(&mut Policy),
    ) -> Result<()> {
        let mut read = stage.portal.store.read().await?;
        let now = policies::in_force(&mut read, environment)
            .await
            .map_err(said)?;
        drop(read);
        let mut policy = now.policy;
        policy.version = policy.version.checked_add(1).context("a version")?;
        change(&mut policy);
        let act = ChangePolicy {
            environment,
            policy,
        };
        self.act(stage, act).await.map(drop)
    }

    /// What an act showed once: a code, or a gateway's credential.
    pub(super) async fn revealed(
        &self,
        stage: &Stage,
        location: &str,
    ) -> Result<Zeroizing<String>> {
        let id = location.strip_prefix("/reveal/").context("nothing shown")?;
        let shown = reveal::take(&stage.portal, id.parse()?, self.id)
            .await
            .map_err(said)?;
        Ok(shown.context("it was shown already")?.1)
    }

    pub(super) async fn invite_staff(
        &self,
        stage: &Stage,
        guest: &Guest,
        roles: &[Role],
    ) -> Result<Self> {
        let act = InviteStaff {
            person: PersonId::random(&mut system_rng()),
            name: guest.name.parse()?,
            email: guest.email.parse()?,
            roles: roles.to_vec(),
        };
        self.welcome(stage, guest, act).await
    }

    pub(super) async fn invite_partner(
        &self,
        stage: &Stage,
        organisation: &str,
        why: &str,
        guest: &Guest,
    ) -> Result<(PartnerId, Self)> {
        let partner = PartnerId::random(&mut system_rng());
        let act = InvitePartner {
            partner,
            person: PersonId::random(&mut system_rng()),
            organisation: organisation.parse()?,
            name: guest.name.parse()?,
            email: guest.email.parse()?,
            why: why.parse()?,
        };
        Ok((partner, self.welcome(stage, guest, act).await?))
    }

    pub(super) async fn invite_member(
        &self,
        stage: &Stage,
        partner: PartnerId,
        guest: &Guest,
    ) -> Result<Self> {
        let act = InviteMember {
            partner,
            person: PersonId::random(&mut system_rng()),
            name: guest.name.parse()?,
            email: guest.email.parse()?,
            admin: false,
        };
        self.welcome(stage, guest, act).await
    }

    /// Invites; the code is passed on, and the guest enrols a while later.
    async fn welcome(&self, stage: &Stage, guest: &Guest, act: impl Into<AnyAct>) -> Result<Self> {
        let location = self.act(stage, act).await?;
        let code = self.revealed(stage, &location).await?;
        let link = stage.link_to(guest.email, "/l/").await?;
        stage.later(38);
        Self::enrol(stage, guest, &link, Some(&code)).await
    }

    /// Opens a delivery, and says that the key is stored: the key, and its id.
    pub(super) async fn receive(&self, stage: &Stage) -> Result<(Zeroizing<String>, KeyId)> {
        let link = stage.link_to(self.email, "/d/").await?;
        stage.later(7);
        let portal = &stage.portal;
        let (id, secret) = parts(&link)?;
        let (id, secret): (DeliveryId, LinkSecret) = (id.parse()?, secret.parse()?);
        let (_, begun) = delivery::begin(portal, id, Act::Claim)
            .await
            .map_err(said)?;
        let device = self.passkey.device_keys().context("no device keys")?;
        let claimed = delivery::claim(
            portal,
            id,
            begun.ceremony,
            self.passkey.get(&begun.options)?,
            &secret.claim_token(),
            &device.sealing_key(),
            desk(),
        )
        .await
        .map_err(said)?;
        let header = Header::parse(&base64url::decode(&claimed.header)?)?;
        let envelope = Envelope::parse(&base64url::decode(&claimed.envelope)?)?;
        let opened = open(
            &device,
            &secret,
            &header,
            &envelope,
            &claimed.host_key.parse()?,
        )?;
        let receipt = delivery::Receipt {
            credential_id: self.passkey.raw_id().to_vec(),
            signature: ReceiptStatement::of(&header, &envelope).sign(&opened.opened, &device),
            opened: opened.opened,
        };
        stage.later(1);
        let key = delivery::receipt(portal, id, &receipt, &desk())
            .await
            .map_err(said)?;
        let text = String::from_utf8(opened.secret.to_vec())?;
        Ok((Zeroizing::new(text), key))
    }
}

async fn by_cookie(stage: &Stage, cookie: &str) -> Result<Option<Actor>> {
    let pair = cookie.split(';').next().unwrap_or_default();
    let headers = HeaderMap::from_iter([(COOKIE, pair.parse()?)]);
    session::actor(&stage.portal, &headers).await.map_err(said)
}

/// Where everybody in the story sits.
pub(super) fn desk() -> Origin {
    Origin {
        address: Some(TruncatedAddress::of([198, 51, 100, 24].into())),
        agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
    }
}

/// A link's id, and what stands in its fragment.
fn parts(link: &str) -> Result<(&str, &str)> {
    let (path, secret) = link.split_once('#').context("the link has no fragment")?;
    let id = path.rsplit('/').next().context("the link has no id")?;
    Ok((id, secret))
}
