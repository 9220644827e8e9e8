//! From a page of `app` to a response: shell, nonce, policy.

use app::components::Tone;
use app::pages::error::{Refusal as Shown, error_page};
use app::render::{Document, Page, render};
use app::shell::{Area, Flash, Roles, Shell, Side as ShellSide, Viewer};
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::secret::Secret;
use domain::state::Role;

use crate::auth::actor::{Actor, Side};
use crate::chance::system_rng;
use crate::http::answer::{Public, see};
use crate::http::trace::RequestId;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// Who looks, and what to tell them about their last act. What handlers render pages with.
#[derive(Clone)]
pub struct View {
    pub portal: Portal,
    pub actor: Option<Actor>,
    flash: Option<Told>,
}

/// What the last act did: a code in a cookie, never a text that somebody else could put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Saved,
    Done,
    Sent,
    Submitted,
    Withdrawn,
    SignedOut,
    Waiting,
}

const FLASH: &str = "latchkey-told";

impl Told {
    const ALL: [Self; 7] = [
        Self::Saved,
        Self::Done,
        Self::Sent,
        Self::Submitted,
        Self::Withdrawn,
        Self::SignedOut,
        Self::Waiting,
    ];

    const fn code(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Done => "done",
            Self::Sent => "sent",
            Self::Submitted => "submitted",
            Self::Withdrawn => "withdrawn",
            Self::SignedOut => "signed-out",
            Self::Waiting => "waiting",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Saved => "Saved.",
            Self::Done => "Done, and in the audit log.",
            Self::Sent => "Done. The mail is on its way.",
            Self::Submitted => "Handed in. The reviewers have been told.",
            Self::Withdrawn => "Withdrawn. The reviewers have been told.",
            Self::SignedOut => "You are signed out.",
            Self::Waiting => "This takes a second person. It waits for them on the People page.",
        }
    }
}

/// Goes on to a page, which says what was done.
pub fn see_told(location: &str, told: Told) -> Response {
    let mut response = see(location);
    let cookie = format!(
        "{FLASH}={}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
        told.code()
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The cookie for a JSON answer after which the browser moves on.
pub fn told_cookie(told: Told) -> String {
    format!(
        "{FLASH}={}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
        told.code()
    )
}

impl View {
    /// A page with the bar around it.
    pub fn page(&self, here: Area, page: impl FnOnce(Shell) -> Page) -> Response {
        let Some(actor) = &self.actor else {
            return refusal(&self.portal, None, Refusal::SignedOut);
        };
        let shell = shell(&self.portal, actor, here, self.flash);
        let mut response = whole(&self.portal, StatusCode::OK, || page(shell));
        if self.flash.is_some() {
            let gone = HeaderValue::from_static(
                "latchkey-told=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
            );
            response.headers_mut().append(SET_COOKIE, gone);
        }
        response
    }

    /// The same page again after a refusal of what was typed.
    pub fn page_again(&self, here: Area, page: impl FnOnce(Shell) -> Page) -> Response {
        let mut response = self.page(here, page);
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        response
    }

    /// A page that stands alone: before sign-in.
    pub fn bare(&self, page: impl FnOnce() -> Page) -> Response {
        whole(&self.portal, StatusCode::OK, page)
    }

    pub fn refuse(&self, refused: Refusal) -> Response {
        refusal(&self.portal, self.actor.as_ref(), refused)
    }
}

impl FromRequestParts<Portal> for View {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        portal: &Portal,
    ) -> Result<Self, Self::Rejection> {
        let flash = parts
            .headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == FLASH)
            .and_then(|(_, code)| Told::ALL.into_iter().find(|told| told.code() == code));
        Ok(Self {
            portal: portal.clone(),
            actor: parts.extensions.get::<Actor>().cloned(),
            flash,
        })
    }
}

/// A refusal as a page.
pub fn refusal(portal: &Portal, _: Option<&Actor>, refused: Refusal) -> Response {
    let public = Public::from(refused);
    let shown = match public.status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Shown::NotFound,
        StatusCode::TOO_MANY_REQUESTS => Shown::TooMany(public.retry_after.unwrap_or(60)),
        StatusCode::CONFLICT => Shown::Expired,
        StatusCode::BAD_REQUEST => Shown::CrossSite,
        StatusCode::INTERNAL_SERVER_ERROR => {
            Shown::Failed(RequestId::current().map(|id| id.to_string()))
        }
        StatusCode::SERVICE_UNAVAILABLE => Shown::Unavailable,
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => Shown::Unreadable,
        _ => Shown::Forbidden,
    };
    let host = portal.config.host_name.clone();
    let mut response = whole(portal, public.status, || error_page(&host, shown));
    if let Some(seconds) = public.retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn whole(portal: &Portal, status: StatusCode, page: impl FnOnce() -> Page) -> Response {
    let nonce = domain::base64url::encode(Secret::<16>::random(&mut system_rng()).expose());
    let html = render(
        page,
        &Document {
            nonce: nonce.clone(),
            lang: "en".to_owned(),
            brand: portal.config.host_name.clone(),
            assets: portal.site.assets.clone(),
        },
    );
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn shell(portal: &Portal, actor: &Actor, here: Area, flash: Option<Told>) -> Shell {
    let side = match actor.side() {
        Side::Staff(roles) => ShellSide::Staff(Roles {
            owner: roles.contains(&Role::Owner),
            operator: roles.contains(&Role::Operator),
            reviewer: roles.contains(&Role::Reviewer),
            auditor: roles.contains(&Role::Auditor),
        }),
        Side::Contact {
            partner_name,
            admin,
            ..
        } => ShellSide::Contact {
            partner: partner_name.clone(),
            admin: *admin,
        },
    };
    Shell {
        host: portal.config.host_name.clone(),
        viewer: Viewer {
            name: actor.name().to_owned(),
            side,
        },
        here,
        flash: flash.map(|told| Flash {
            tone: Tone::Ok,
            text: told.text().to_owned(),
        }),
    }
}
