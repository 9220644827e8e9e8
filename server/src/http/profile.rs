//! `/profile`: my passkeys, and where I am signed in.

use app::components::{Filled, Line, Moment};
use app::pages::profile::{
    AddPasskey as AddPage, PasskeyRow, Profile, SessionRow, add_passkey_page, profile_page,
};
use app::shell::Area;
use axum::extract::Path;
use axum::response::Response;
use domain::id::{CredentialId, SessionId};
use domain::time::Timestamp;

use crate::auth::actor::{Actor, Side};
use crate::http::begin::ask;
use crate::http::form::Form;
use crate::http::guard::Client;
use crate::http::page::{Told, View, see_told};
use crate::http::typed::{Typed, filled};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::acts::{AddPasskey, RemovePasskey};
use crate::service::people::role_words;
use crate::service::profile as verbs;

/// `GET /profile`
pub async fn show(view: View, actor: Actor) -> Response {
    match shown(&view.portal, &actor, Filled::default()).await {
        Ok(vm) => view.page(Area::Profile, |shell| profile_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /profile/passkeys`
pub async fn add(view: View, actor: Actor, form: Form) -> Response {
    let done = async {
        form.only(&["name"])?;
        let mut typed = Typed::of(&form);
        let name = typed.field("name");
        let name = typed.done(name)?;
        ask(&view, &actor, AddPasskey { name }).await
    };
    answer(&view, &actor, &form, done.await).await
}

/// `GET /profile/passkeys/new`: after the act was confirmed.
pub async fn make(view: View, actor: Actor) -> Response {
    match verbs::permitted(&view.portal, &actor).await {
        Ok(name) => view.page(Area::Profile, |shell| {
            add_passkey_page(shell, AddPage { name })
        }),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /profile/passkeys/{id}/name`
pub async fn rename(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<CredentialId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&["name"])?;
        let mut typed = Typed::of(&form);
        let name = typed.field("name");
        let name = typed.done(name)?;
        verbs::rename(&view.portal, &actor, id, &name, &client.origin).await?;
        Ok(see_told("/profile", Told::Saved))
    };
    answer(&view, &actor, &form, done.await).await
}

/// `POST /profile/passkeys/{id}/remove`
pub async fn remove(
    view: View,
    actor: Actor,
    Path(credential): Path<CredentialId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        ask(&view, &actor, RemovePasskey { credential }).await
    };
    answer(&view, &actor, &form, done.await).await
}

/// `POST /profile/sessions/{id}/end`
pub async fn end_session(
    view: View,
    actor: Actor,
    Path(id): Path<SessionId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        verbs::end_session(&view.portal, &actor, id).await?;
        Ok(see_told("/profile", Told::Saved))
    };
    answer(&view, &actor, &form, done.await).await
}

/// `POST /profile/sessions/end-others`
pub async fn end_others(view: View, actor: Actor, form: Form) -> Response {
    let done = async {
        form.only(&[])?;
        verbs::end_other_sessions(&view.portal, &actor).await?;
        Ok(see_told("/profile", Told::Saved))
    };
    answer(&view, &actor, &form, done.await).await
}

async fn answer(
    view: &View,
    actor: &Actor,
    form: &Form,
    done: Result<Response, Refusal>,
) -> Response {
    let refused = match done {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    let Some(filled) = filled(form, &refused, "name") else {
        return view.refuse(refused);
    };
    match shown(&view.portal, actor, filled).await {
        Ok(vm) => view.page_again(Area::Profile, |shell| profile_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

async fn shown(portal: &Portal, actor: &Actor, filled: Filled) -> Result<Profile, Refusal> {
    let mine = verbs::mine(portal, actor).await?;
    let now = portal.now();
    let is_only = mine.passkeys.len() == 1;
    let (role, receives_keys) = match actor.side() {
        Side::Staff(roles) => (role_words(roles), false),
        Side::Contact {
            partner_name,
            admin,
            ..
        } => {
            let role = if *admin { "Admin" } else { "Member" };
            (format!("{role} of {partner_name}"), true)
        }
    };
    Ok(Profile {
        name: actor.name().to_owned(),
        facts: vec![Line::new("Address", mine.address), Line::new("Role", role)],
        passkeys: mine
            .passkeys
            .iter()
            .map(|row| PasskeyRow {
                id: row.id.to_string(),
                name: row.label.clone(),
                added: Moment::new(row.created_at, now),
                last_used: row.used_at.map(|at| Moment::new(at, now)),
                can_receive: row.can_receive(),
                device_bound: row.device_bound,
                stays: if is_only {
                    "Your only passkey".to_owned()
                } else {
                    String::new()
                },
            })
            .collect(),
        sessions: mine
            .sessions
            .iter()
            .map(|session| session_row(session, actor, now))
            .collect(),
        receives_keys,
        filled,
    })
}

fn session_row(session: &store::Session, actor: &Actor, now: Timestamp) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        browser: browser(&session.agent),
        since: Moment::new(session.created_at, now),
        last_seen: Moment::new(session.seen_at, now),
        here: session.id == actor.session(),
    }
}

/// `Firefox on Linux`: enough to know one's own browsers apart. Most names stand in most agents, so
/// the order decides.
fn browser(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 5] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_apart() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/150.0 Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0",
                "Edge on Windows",
            ),
            ("curl/8", "An unknown browser"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }
}
