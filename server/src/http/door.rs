//! Signing in and out, and links for people.

use app::pages::link::{Enrolled, Link, enrolled_page, link_page};
use app::pages::sign_in::{SignIn, sign_in_page};
use axum::Json as Answer;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use domain::id::CeremonyId;
use domain::link::PersonLinkSecret;
use domain::seal::{DeviceVerifyingKey, SealingKey, Signature};
use domain::state::Role;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::auth::actor::{Actor, Side};
use crate::auth::ceremony::Begun;
use crate::auth::session;
use crate::http::answer::Problem;
use crate::http::form::Json;
use crate::http::guard::{Client, local_path, wants_problem};
use crate::http::page::{Told, View, see_told};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::{enrol, limits, sign_in as verbs};

/// Where a ceremony leads.
#[derive(Serialize)]
pub struct Location {
    pub location: String,
}

#[derive(Deserialize)]
pub struct ReturnTo {
    #[serde(default)]
    return_to: String,
}

/// `GET /sign-in`
pub async fn sign_in(view: View, Query(query): Query<ReturnTo>) -> Response {
    let return_to = local_path(&query.return_to).to_owned();
    let reason = match return_to.as_str() {
        "/" => String::new(),
        _ => "Sign in to go on. You come back to where you were.".to_owned(),
    };
    view.bare(|| {
        sign_in_page(SignIn {
            host: view.portal.config.host_name.clone(),
            return_to,
            reason,
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `POST /auth/sign-in/begin`
pub async fn sign_in_begin(
    State(portal): State<Portal>,
    client: Client,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Answer<Begun>, Problem> {
    limits::count(&portal, limits::CEREMONIES, client.address).await?;
    Ok(Answer(verbs::begin(&portal).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInFinish {
    ceremony: CeremonyId,
    credential: Value,
    #[serde(default)]
    return_to: String,
}

/// `POST /auth/sign-in/finish`
pub async fn sign_in_finish(
    State(portal): State<Portal>,
    client: Client,
    Json(body): Json<SignInFinish>,
) -> Result<Response, Problem> {
    let cookie = verbs::finish(&portal, body.ceremony, body.credential, &client.origin).await?;
    Ok(signed_in(&cookie, local_path(&body.return_to)))
}

/// `POST /sign-out`
pub async fn sign_out(view: View, actor: Actor) -> Response {
    if let Err(refusal) = verbs::out(&view.portal, &actor).await {
        return view.refuse(refusal);
    }
    let mut response = see_told("/sign-in", Told::SignedOut);
    set_cookie(&mut response, &session::end_cookie(&view.portal));
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response
}

/// `GET /l/{id}`: the same page for every id.
pub async fn person_link(view: View, Path(link_id): Path<String>) -> Response {
    view.bare(|| {
        link_page(Link {
            host: view.portal.config.host_name.clone(),
            link_id,
            security_contact: view.portal.config.security_contact.clone(),
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolBegin {
    /// Absent where the session holds a permission.
    link: Option<Uuid>,
    secret: Option<PersonLinkSecret>,
    code: Option<String>,
}

/// `POST /auth/enrol/begin`
pub async fn enrol_begin(
    State(portal): State<Portal>,
    view: View,
    client: Client,
    Json(body): Json<EnrolBegin>,
) -> Result<Answer<enrol::Begin>, Problem> {
    limits::count(&portal, limits::CEREMONIES, client.address).await?;
    let begun = enrol::begin(
        &portal,
        body.link,
        body.secret.as_ref(),
        body.code.as_deref(),
        view.actor.as_ref(),
        &client.origin,
    )
    .await?;
    Ok(Answer(begun))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolCreate {
    ceremony: CeremonyId,
    credential: Value,
    label: String,
    sealing_key: Option<SealingKey>,
    signing_key: Option<DeviceVerifyingKey>,
}

/// `POST /auth/enrol/create`
pub async fn enrol_create(
    State(portal): State<Portal>,
    Json(body): Json<EnrolCreate>,
) -> Result<Answer<enrol::Created>, Problem> {
    let keys = body.sealing_key.zip(body.signing_key);
    let created = enrol::create(&portal, body.ceremony, body.credential, &body.label, keys).await?;
    Ok(Answer(created))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolFinish {
    ceremony: CeremonyId,
    credential: Value,
    enrolment: Option<Signature>,
}

/// `POST /auth/enrol/finish`
pub async fn enrol_finish(
    State(portal): State<Portal>,
    client: Client,
    Json(body): Json<EnrolFinish>,
) -> Result<Response, Problem> {
    let cookie = enrol::finish(
        &portal,
        body.ceremony,
        body.credential,
        body.enrolment.as_ref(),
        &client.origin,
    )
    .await?;
    Ok(signed_in(&cookie, "/welcome"))
}

/// `GET /welcome`: what an enrolment made.
pub async fn welcome(view: View, actor: Actor) -> Response {
    let credentials = match credentials(&view.portal, &actor).await {
        Ok(credentials) => credentials,
        Err(refusal) => return view.refuse(refusal),
    };
    let newest = credentials.last();
    let (roles, holds_every_role, receives_keys) = described(&actor);
    view.bare(|| {
        enrolled_page(Enrolled {
            host: view.portal.config.host_name.clone(),
            name: actor.name().to_owned(),
            roles,
            passkey: newest.map(|row| row.label.clone()).unwrap_or_default(),
            can_receive: newest.is_some_and(|row| row.can_receive()),
            holds_every_role,
            receives_keys,
        })
    })
}

async fn credentials(
    portal: &Portal,
    actor: &Actor,
) -> Result<Vec<store::Stamped<store::Credential>>, Refusal> {
    Ok(portal
        .store
        .read()
        .await?
        .credentials(actor.person())
        .await?)
}

/// Roles in words, whether they are all of them, and whether keys are sent to such a person.
fn described(actor: &Actor) -> (String, bool, bool) {
    match actor.side() {
        Side::Staff(roles) => {
            let every = [Role::Owner, Role::Operator, Role::Reviewer, Role::Auditor];
            let words: Vec<&str> = every
                .iter()
                .filter(|role| roles.contains(role))
                .map(|role| match role {
                    Role::Owner => "Owner",
                    Role::Operator => "Operator",
                    Role::Reviewer => "Reviewer",
                    _ => "Auditor",
                })
                .collect();
            (words.join(", "), words.len() == every.len(), false)
        }
        Side::Contact {
            partner_name,
            admin,
            ..
        } => {
            let role = if *admin { "Admin" } else { "Member" };
            (format!("{role} of {partner_name}"), false, true)
        }
    }
}

/// Whatever has no route.
pub async fn nothing_here(view: View, request: Request) -> Response {
    if wants_problem(&request) {
        return Problem(Refusal::NotFound).into_response();
    }
    view.refuse(Refusal::NotFound)
}

fn signed_in(cookie: &str, location: &str) -> Response {
    let mut response = Answer(Location {
        location: location.to_owned(),
    })
    .into_response();
    set_cookie(&mut response, cookie);
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
