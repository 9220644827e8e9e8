//! `/people`: staff, or a partner's contacts; and `/proposals`, what waits for a second person.

use app::components::{Choice, Filled};
use app::pages::people::{PersonForm, invite_person_page, people_page, person_page};
use app::shell::Area;
use axum::extract::Path;
use axum::response::Response;
use domain::act::Act;
use domain::id::{PersonId, ProposalId};
use domain::state::{PersonKind, Role};

use crate::auth::actor::{Actor, Side};
use crate::chance::system_rng;
use crate::http::begin::{ask, or_again};
use crate::http::form::Form;
use crate::http::guard::Client;
use crate::http::page::{Told, View, see_told};
use crate::http::people_view::{self, role_choices};
use crate::http::typed::Typed;
use crate::refusal::Refusal;
use crate::service::acts::{
    ChangeAddress, ChangeRoles, ConfirmPolicy, ConfirmRecovery, ConfirmRoles, InviteAgain,
    InviteMember, InviteStaff, RemovePerson, StartRecovery,
};
use crate::service::{limits, people, proposals};

/// `GET /people`
pub async fn list(view: View, actor: Actor) -> Response {
    match people_view::list(&view.portal, &actor).await {
        Ok(vm) => view.page(Area::People, |shell| people_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `GET /people/invite`
pub async fn invite(view: View, actor: Actor) -> Response {
    match people::authorise(&actor, own_kind(&actor)) {
        Ok(()) => view.page(Area::People, |shell| {
            invite_person_page(shell, invite_form(&actor, Filled::default()))
        }),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /people/invite`
pub async fn begin_invite(view: View, actor: Actor, form: Form) -> Response {
    let begun = invited(&view, &actor, &form).await;
    or_again(&view, &form, ("", "email"), begun, |filled| async {
        let vm = invite_form(&actor, filled);
        Ok(view.page_again(Area::People, |shell| invite_person_page(shell, vm)))
    })
    .await
}

async fn invited(view: &View, actor: &Actor, form: &Form) -> Result<Response, Refusal> {
    people::authorise(actor, own_kind(actor))?;
    form.only(&["name", "email", "role"])?;
    let mut typed = Typed::of(form);
    let (name, email) = (typed.field("name"), typed.field("email"));
    let roles = roles_of(form)?;
    if roles.is_empty() {
        typed.refuse("role", "Pick at least one role.");
    }
    let (name, email) = typed.done(name.zip(email))?;
    limits::count_for(
        &view.portal,
        limits::INVITATIONS,
        &actor.person().to_string(),
    )
    .await?;
    let person = PersonId::random(&mut system_rng());
    match actor.side() {
        Side::Staff(_) => {
            ask(
                view,
                actor,
                InviteStaff {
                    person,
                    name,
                    email,
                    roles,
                },
            )
            .await
        }
        Side::Contact { partner, .. } => {
            let admin = match roles.as_slice() {
                [Role::Admin] => true,
                [Role::Member] => false,
                _ => return Err(Refusal::field("role", "Pick one: an admin or a member.")),
            };
            ask(
                view,
                actor,
                InviteMember {
                    partner: *partner,
                    person,
                    name,
                    email,
                    admin,
                },
            )
            .await
        }
    }
}

/// `GET /people/{id}`
pub async fn one(view: View, actor: Actor, Path(id): Path<PersonId>) -> Response {
    match people_view::one(&view.portal, &actor, id, Filled::default()).await {
        Ok(vm) => view.page(Area::People, |shell| person_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

/// `POST /people/{id}/invite`
pub async fn invite_again(
    view: View,
    actor: Actor,
    Path(person): Path<PersonId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        limits::count_for(
            &view.portal,
            limits::INVITATIONS,
            &actor.person().to_string(),
        )
        .await?;
        ask(&view, &actor, InviteAgain { person }).await
    };
    answer(&view, &actor, person, &form, "", done.await).await
}

/// `POST /people/{id}/roles`
pub async fn roles(view: View, actor: Actor, Path(person): Path<PersonId>, form: Form) -> Response {
    let done = async {
        form.only(&["role"])?;
        ask(
            &view,
            &actor,
            ChangeRoles {
                person,
                roles: roles_of(&form)?,
            },
        )
        .await
    };
    answer(&view, &actor, person, &form, "", done.await).await
}

/// `POST /people/{id}/address`
pub async fn address(
    view: View,
    actor: Actor,
    Path(person): Path<PersonId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&["email", "reason"])?;
        let mut typed = Typed::of(&form);
        let (email, reason) = (typed.field("email"), typed.field("reason"));
        let (email, reason) = typed.done(email.zip(reason))?;
        ask(
            &view,
            &actor,
            ChangeAddress {
                person,
                email,
                reason,
            },
        )
        .await
    };
    answer(&view, &actor, person, &form, "address", done.await).await
}

/// `POST /people/{id}/recovery`
pub async fn recovery(
    view: View,
    actor: Actor,
    Path(person): Path<PersonId>,
    form: Form,
) -> Response {
    let done = async {
        let reason = Typed::reason(&form)?;
        limits::count_for(
            &view.portal,
            limits::INVITATIONS,
            &actor.person().to_string(),
        )
        .await?;
        ask(&view, &actor, StartRecovery { person, reason }).await
    };
    answer(&view, &actor, person, &form, "recovery", done.await).await
}

/// `POST /people/{id}/remove`
pub async fn remove(
    view: View,
    actor: Actor,
    Path(person): Path<PersonId>,
    form: Form,
) -> Response {
    let done = async {
        let reason = Typed::reason(&form)?;
        ask(&view, &actor, RemovePerson { person, reason }).await
    };
    answer(&view, &actor, person, &form, "remove", done.await).await
}

/// `POST /proposals/{id}/confirm`: each kind of change is confirmed by its own act.
pub async fn confirm(view: View, actor: Actor, Path(id): Path<ProposalId>, form: Form) -> Response {
    let done = async {
        form.only(&[])?;
        let mut read = view.portal.store.read().await?;
        let proposal = proposals::confirmable(&view.portal, &mut read, &actor, id).await?;
        drop(read);
        match proposal.act.parse() {
            Ok(Act::ChangeRole) => ask(&view, &actor, ConfirmRoles { proposal: id }).await,
            Ok(Act::ChangePolicy) => ask(&view, &actor, ConfirmPolicy { proposal: id }).await,
            Ok(Act::RecoverStart) => ask(&view, &actor, ConfirmRecovery { proposal: id }).await,
            _ => Err(Refusal::NotFound),
        }
    };
    done.await.unwrap_or_else(|refusal| view.refuse(refusal))
}

/// `POST /proposals/{id}/refuse`
pub async fn refuse(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<ProposalId>,
    form: Form,
) -> Response {
    let done = async {
        form.only(&[])?;
        proposals::refuse(&view.portal, &actor, id, &client.origin).await
    };
    match done.await {
        Ok(()) => see_told("/people", Told::Done),
        Err(refusal) => view.refuse(refusal),
    }
}

/// What could not be done is said on the person's page, with what was typed.
async fn answer(
    view: &View,
    actor: &Actor,
    person: PersonId,
    form: &Form,
    which: &str,
    done: Result<Response, Refusal>,
) -> Response {
    let field = if which.is_empty() { "role" } else { "reason" };
    or_again(view, form, (which, field), done, |filled| async move {
        let vm = people_view::one(&view.portal, actor, person, filled).await?;
        Ok(view.page_again(Area::People, |shell| person_page(shell, vm)))
    })
    .await
}

/// The chosen roles, each once, in their order.
fn roles_of(form: &Form) -> Result<Vec<Role>, Refusal> {
    let chosen: Vec<Role> = form
        .all("role")
        .map(|code| {
            code.parse()
                .map_err(|_| Refusal::BadRequest("There is no such role."))
        })
        .collect::<Result<_, _>>()?;
    Ok(Role::ALL
        .iter()
        .copied()
        .filter(|role| chosen.contains(role))
        .collect())
}

const fn own_kind(actor: &Actor) -> PersonKind {
    match actor.side() {
        Side::Staff(_) => PersonKind::Staff,
        Side::Contact { .. } => PersonKind::Contact,
    }
}

fn invite_form(actor: &Actor, filled: Filled) -> PersonForm {
    let roles: Vec<Choice> = role_choices(own_kind(actor));
    PersonForm { roles, filled }
}
