//! `/keys`: the list with its search, filter and page in the URL; one key, and the acts on it.

mod view;

use app::components::Filled;
use app::pages::key::{key_page, keys_page};
use app::shell::Area;
use axum::extract::{Path, Query};
use axum::response::Response;
use domain::id::{GrantId, KeyId};
use serde::Deserialize;

use crate::auth::actor::Actor;
use crate::http::begin::{ask, or_again};
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::typed::Typed;
use crate::refusal::Refusal;
use crate::service::acts::{
    AnyAct, ReceiveReplacement, RemakeDelivery, ResumeKey, RevokeGrant, RevokeKey, SuspendKey,
};

pub use view::state_of;

/// What the URL says. A value that is unknown does not filter: it decides nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: String,
}

/// `GET /keys`
pub async fn list(view: View, actor: Actor, Query(wanted): Query<Wanted>) -> Response {
    match view::list(&view.portal, &actor, &wanted).await {
        Ok(vm) => view.page(Area::Keys, |shell| keys_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /keys/{id}`
pub async fn one(view: View, actor: Actor, Path(id): Path<KeyId>) -> Response {
    match view::one(&view.portal, &actor, id, Filled::default()).await {
        Ok(vm) => view.page(Area::Keys, |shell| key_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /keys/{id}/revoke`
pub async fn revoke(view: View, actor: Actor, Path(key): Path<KeyId>, form: Form) -> Response {
    let done = async {
        let reason = Typed::reason(&form)?;
        ask(&view, &actor, RevokeKey { key, reason }).await
    };
    answer(&view, &actor, key, &form, "key", done.await).await
}

/// `POST /grants/{id}/revoke`
pub async fn revoke_grant(
    view: View,
    actor: Actor,
    Path(grant): Path<GrantId>,
    form: Form,
) -> Response {
    let done = async {
        let reason = Typed::reason(&form)?;
        ask(&view, &actor, RevokeGrant { grant, reason }).await
    };
    let done = done.await;
    // Its form stands on the pages of the grant's keys.
    match last_key(&view, grant).await {
        Ok(Some(key)) => answer(&view, &actor, key, &form, "grant", done).await,
        Ok(None) => done.unwrap_or_else(|refusal| view.refuse(refusal)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /keys/{id}/suspend`
pub async fn suspend(view: View, actor: Actor, Path(key): Path<KeyId>, form: Form) -> Response {
    plain(&view, &actor, key, &form, SuspendKey { key }).await
}

/// `POST /keys/{id}/resume`
pub async fn resume(view: View, actor: Actor, Path(key): Path<KeyId>, form: Form) -> Response {
    plain(&view, &actor, key, &form, ResumeKey { key }).await
}

/// `POST /keys/{id}/replace`
pub async fn replace(view: View, actor: Actor, Path(key): Path<KeyId>, form: Form) -> Response {
    plain(&view, &actor, key, &form, ReceiveReplacement { key }).await
}

/// `POST /keys/{id}/redeliver`
pub async fn redeliver(view: View, actor: Actor, Path(key): Path<KeyId>, form: Form) -> Response {
    plain(&view, &actor, key, &form, RemakeDelivery { key }).await
}

/// An act whose form has no fields.
async fn plain(
    view: &View,
    actor: &Actor,
    key: KeyId,
    form: &Form,
    act: impl Into<AnyAct>,
) -> Response {
    let done = async {
        form.only(&[])?;
        ask(view, actor, act).await
    };
    answer(view, actor, key, form, "", done.await).await
}

async fn last_key(view: &View, grant: GrantId) -> Result<Option<KeyId>, Refusal> {
    let mut read = view.portal.store.read().await?;
    let keys = read.keys_of_grant(grant).await?;
    Ok(keys.last().map(|key| key.id))
}

/// What could not be done is said on the key's page, with what was typed.
async fn answer(
    view: &View,
    actor: &Actor,
    key: KeyId,
    form: &Form,
    name: &str,
    done: Result<Response, Refusal>,
) -> Response {
    or_again(view, form, (name, "reason"), done, |filled| async move {
        let vm = view::one(&view.portal, actor, key, filled).await?;
        Ok(view.page_again(Area::Keys, |shell| key_page(shell, vm)))
    })
    .await
}
