//! Sessions. The cookie holds the session's id and a random token; the database holds a MAC over
//! the token *and* what the session is, so that who can write to it can neither make a session nor
//! move one to another person.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use domain::base64url;
use domain::enc::{Digest, Enc};
use domain::id::{CredentialId, PersonId, SessionId};
use domain::keyring::RowKey;
use domain::mac::same_digest;
use domain::secret::Secret;
use domain::time::Timestamp;
use store::{Read, Session, Unaudited, Work};

use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// How stale "last seen" may be: a page view is not worth a write each time.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Where a request comes from, as sessions and the audit log keep it.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub address: Option<domain::audit::TruncatedAddress>,
    pub agent: String,
}

/// Starts a session in a unit of work; the returned text is the `Set-Cookie` header.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn start(
    portal: &Portal,
    work: &mut Work,
    person: PersonId,
    credential: CredentialId,
    from: &Origin,
) -> Result<String, Refusal> {
    let rng = &mut system_rng();
    let (id, token, now) = (SessionId::random(rng), Secret::random(rng), portal.now());
    let ends_at = now.plus(portal.config.session_length);
    work.add_session(&Session {
        id,
        token_mac: token_mac(
            &portal.keyring.row_key,
            &token,
            id,
            person,
            credential,
            ends_at,
        ),
        person_id: person,
        credential_id: credential,
        created_at: now,
        seen_at: now,
        ends_at,
        address: from
            .address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        agent: domain::audit::UserAgent::of(&from.agent)
            .as_str()
            .to_owned(),
    })
    .await?;
    let value = format!(
        "{}.{}",
        id.uuid().simple(),
        base64url::encode(token.expose())
    );
    Ok(cookie(
        portal,
        &value,
        portal.config.session_length.as_secs(),
    ))
}

/// The `Set-Cookie` header that takes the cookie away.
pub fn end_cookie(portal: &Portal) -> String {
    cookie(portal, "", 0)
}

/// Who is signed in by this request's cookie.
///
/// # Errors
/// [`Refusal::Store`]; a cookie that is not good is nobody, not an error.
pub async fn actor(portal: &Portal, headers: &HeaderMap) -> Result<Option<Actor>, Refusal> {
    let Some((id, token)) = presented(portal, headers) else {
        return Ok(None);
    };
    let now = portal.now();
    let mut read = portal.store.read().await?;
    let Some(session) = read.session(id).await? else {
        return Ok(None);
    };
    if !is_genuine(&portal.keyring.row_key, &session, &token) || has_ended(portal, &session, now) {
        return Ok(None);
    }
    let actor = Actor::load(&mut read, session.person_id, id, session.credential_id).await?;
    drop(read);
    if actor.is_some() && now.since(session.seen_at) > SEEN_EVERY {
        let mut work = portal.store.passing_work().await?;
        work.touch_session(id, now).await?;
        work.commit_unaudited(Unaudited::Session).await?;
    }
    Ok(actor)
}

/// The same person as they are now, for an act that began earlier: with the roles that they have
/// left, if their session still stands.
///
/// # Errors
/// [`Refusal::SignedOut`] when it does not, or they may not be signed in any more.
pub async fn again(portal: &Portal, read: &mut Read, actor: &Actor) -> Result<Actor, Refusal> {
    let session = read
        .session(actor.session())
        .await?
        .filter(|session| session.person_id == actor.person())
        .filter(|session| !has_ended(portal, session, portal.now()))
        .ok_or(Refusal::SignedOut)?;
    Actor::load(read, session.person_id, session.id, session.credential_id)
        .await?
        .ok_or(Refusal::SignedOut)
}

/// Whether a session is over, by length or by idleness.
pub fn has_ended(portal: &Portal, session: &Session, now: Timestamp) -> bool {
    now >= session.ends_at || now.since(session.seen_at) >= portal.config.session_idle
}

fn is_genuine(key: &RowKey, session: &Session, token: &Secret<32>) -> bool {
    let mac = token_mac(
        key,
        token,
        session.id,
        session.person_id,
        session.credential_id,
        session.ends_at,
    );
    same_digest(&mac, &session.token_mac)
}

fn token_mac(
    key: &RowKey,
    token: &Secret<32>,
    id: SessionId,
    person: PersonId,
    credential: CredentialId,
    ends_at: Timestamp,
) -> Digest {
    let input = Enc::new("latchkey/session/v1")
        .bytes(token.expose())
        .uuid(id.uuid())
        .uuid(person.uuid())
        .uuid(credential.uuid())
        .time(ends_at);
    key.mac(&input.finish())
}

/// `__Host-` binds the cookie to this very host over https; browsers refuse the prefix on plain
/// http, which only localhost has.
fn name(portal: &Portal) -> &'static str {
    if portal.config.is_https() {
        "__Host-latchkey"
    } else {
        "latchkey"
    }
}

/// Where the origin is https, `guard::around` adds `Secure` to it, as to every cookie.
fn cookie(portal: &Portal, value: &str, max_age: u64) -> String {
    format!(
        "{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax",
        name(portal)
    )
}

fn presented(portal: &Portal, headers: &HeaderMap) -> Option<(SessionId, Secret<32>)> {
    let wanted = name(portal);
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .and_then(|(_, value)| {
            let (id, token) = value.split_once('.')?;
            Some((
                SessionId::new(uuid::Uuid::try_parse(id).ok()?),
                Secret::new(base64url::decode_array(token).ok()?),
            ))
        })
}
