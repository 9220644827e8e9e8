//! `/partners`: the organisations that ask for access.

use app::components::Filled;
use app::pages::partner::{InviteForm, invite_page, partner_page, partners_page};
use app::shell::Area;
use axum::extract::{Path, Query};
use axum::response::Response;
use domain::id::{PartnerId, PersonId};
use serde::Deserialize;

use crate::auth::actor::Actor;
use crate::chance::system_rng;
use crate::http::begin::{Which, ask, or_again};
use crate::http::form::Form;
use crate::http::page::View;
use crate::http::partners_view;
use crate::http::typed::Typed;
use crate::refusal::Refusal;
use crate::service::acts::{
    InviteMember, InvitePartner, ResumePartner, RevokePartner, SuspendPartner,
};
use crate::service::limits;

/// Which partners are looked at. A filter that is unknown shows all: it decides nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    pub state: String,
    #[serde(default, deserialize_with = "page_number")]
    pub page: i64,
}

/// Counted from zero; what is no number is the first page.
fn page_number<'de, D: serde::Deserializer<'de>>(typed: D) -> Result<i64, D::Error> {
    let typed = String::deserialize(typed)?;
    Ok(typed.parse::<i64>().unwrap_or_default().clamp(0, 1_000_000))
}

/// `GET /partners`
pub async fn list(view: View, actor: Actor, Query(filter): Query<Filter>) -> Response {
    match partners_view::list(&view.portal, &actor, &filter).await {
        Ok(vm) => view.page(Area::Partners, |shell| partners_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /partners/invite`
pub async fn invite(view: View) -> Response {
    view.page(Area::Partners, |shell| {
        invite_page(shell, InviteForm::default())
    })
}

/// `POST /partners/invite`
pub async fn begin_invite(view: View, actor: Actor, form: Form) -> Response {
    let begun = invited(&view, &actor, &form).await;
    or_again(&view, &form, ("", "organisation"), begun, |filled| async {
        let vm = InviteForm { filled };
        Ok(view.page_again(Area::Partners, |shell| invite_page(shell, vm)))
    })
    .await
}

async fn invited(view: &View, actor: &Actor, form: &Form) -> Result<Response, Refusal> {
    form.only(&["organisation", "name", "email", "why"])?;
    let mut typed = Typed::of(form);
    let (organisation, name) = (typed.field("organisation"), typed.field("name"));
    let (email, why) = (typed.field("email"), typed.field("why"));
    let ((organisation, name), (email, why)) =
        typed.done(organisation.zip(name).zip(email.zip(why)))?;
    count(view, actor).await?;
    let rng = &mut system_rng();
    let (partner, person) = (PartnerId::random(rng), PersonId::random(rng));
    ask(
        view,
        actor,
        InvitePartner {
            partner,
            person,
            organisation,
            name,
            email,
            why,
        },
    )
    .await
}

/// `GET /partners/{id}`
pub async fn one(view: View, actor: Actor, Path(id): Path<PartnerId>) -> Response {
    match partners_view::one(&view.portal, &actor, id, Filled::default()).await {
        Ok(vm) => view.page(Area::Partners, |shell| partner_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /partners/{id}/contacts`
pub async fn invite_contact(
    view: View,
    actor: Actor,
    Path(partner): Path<PartnerId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&["name", "email", "role"])?;
        let mut typed = Typed::of(&form);
        let (name, email) = (typed.field("name"), typed.field("email"));
        let admin = form.text("role") == "admin";
        if !admin && form.text("role") != "member" {
            typed.refuse("role", "Pick a role.");
        }
        let (name, email) = typed.done(name.zip(email))?;
        count(&view, &actor).await?;
        let person = PersonId::random(&mut system_rng());
        ask(
            &view,
            &actor,
            InviteMember {
                partner,
                person,
                name,
                email,
                admin,
            },
        )
        .await
    };
    answer(
        &view,
        &actor,
        partner,
        &form,
        ("contact", "email"),
        done.await,
    )
    .await
}

/// `POST /partners/{id}/suspend`
pub async fn suspend(
    view: View,
    actor: Actor,
    Path(partner): Path<PartnerId>,
    form: Form,
) -> Response {
    let done = async {
        let reason = Typed::reason(&form)?;
        ask(&view, &actor, SuspendPartner { partner, reason }).await
    };
    answer(
        &view,
        &actor,
        partner,
        &form,
        ("suspend", "reason"),
        done.await,
    )
    .await
}

/// `POST /partners/{id}/resume`
pub async fn resume(
    view: View,
    actor: Actor,
    Path(partner): Path<PartnerId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        ask(&view, &actor, ResumePartner { partner }).await
    };
    answer(
        &view,
        &actor,
        partner,
        &form,
        ("suspend", "reason"),
        done.await,
    )
    .await
}

/// `POST /partners/{id}/revoke`
pub async fn revoke(
    view: View,
    actor: Actor,
    Path(partner): Path<PartnerId>,
    form: Form,
) -> Response {
    let done = async {
        let reason = Typed::reason(&form)?;
        ask(&view, &actor, RevokePartner { partner, reason }).await
    };
    answer(
        &view,
        &actor,
        partner,
        &form,
        ("revoke", "reason"),
        done.await,
    )
    .await
}

async fn count(view: &View, actor: &Actor) -> Result<(), Refusal> {
    limits::count_for(
        &view.portal,
        limits::INVITATIONS,
        &actor.person().to_string(),
    )
    .await
}

/// What could not be done is said on the partner's page, with what was typed.
async fn answer(
    view: &View,
    actor: &Actor,
    partner: PartnerId,
    form: &Form,
    which: Which<'_>,
    done: Result<Response, Refusal>,
) -> Response {
    or_again(view, form, which, done, |filled| async move {
        let vm = partners_view::one(&view.portal, actor, partner, filled).await?;
        Ok(view.page_again(Area::Partners, |shell| partner_page(shell, vm)))
    })
    .await
}
