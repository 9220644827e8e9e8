//! The table of routes and roles. A route can only be added with the access that it takes; a test
//! walks the table with every kind of visitor.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;

use crate::http::guard::{Access, authorise, same_origin};
use crate::http::{
    assets, audit, confirm, deliveries, description, door, gateways, health, home, keys, mail,
    narrow, partners, people, policies, profile, queue, requests, reveal, services, temporary,
    usage, verify,
};
use crate::portal::Portal;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

macro_rules! routes {
    ($($(#[$only:meta])* $method:ident $path:literal $access:ident => $handler:expr;)+) => {
        pub const TABLE: &[Entry] = &[$($(#[$only])* Entry {
            method: stringify!($method),
            path: $path,
            access: Access::$access,
        }),+];

        fn routes(portal: &Portal, wanted: fn(Access) -> bool) -> Router<Portal> {
            let mut router = Router::new();
            $($(#[$only])* if wanted(Access::$access) {
                let handler = guarded(portal, Access::$access, $path, $method($handler));
                router = router.route($path, handler);
            })+
            router.fallback(door::nothing_here)
        }
    };
}

/// Browser routes are guarded against strangers and cross-site posts, and their answers compressed.
/// A gateway's are not a browser's: its credential is looked at where its question is, a call is
/// answered without the database, and what the gateway passes on is its client's word: cookies,
/// which are nobody's here, and encodings, which would cost a call more time than they save.
fn guarded(
    portal: &Portal,
    access: Access,
    path: &'static str,
    handler: MethodRouter<Portal>,
) -> MethodRouter<Portal> {
    if access == Access::Gateway {
        return handler;
    }
    handler.layer(
        ServiceBuilder::new()
            .layer(CompressionLayer::new())
            .layer(from_fn_with_state(portal.clone(), same_origin))
            .layer(from_fn_with_state(
                (portal.clone(), access, path),
                authorise,
            )),
    )
}

pub fn router(portal: &Portal) -> Router<Portal> {
    routes(portal, |_| true)
}

/// What gateways ask, and nothing else.
pub fn gateway_router(portal: &Portal) -> Router<Portal> {
    routes(portal, |access| access == Access::Gateway)
}

routes! {
    get "/healthz" Anyone => health::healthz;
    get "/readyz" Anyone => health::readyz;
    get "/.well-known/latchkey.json" Anyone => health::well_known;
    get "/.well-known/latchkey-jwks.json" Anyone => verify::jwks;
    get "/v1/openapi.json" Anyone => description::openapi;
    get "/docs/api" Anyone => description::page;
    get "/assets/{name}" Anyone => assets::asset;

    get "/sign-in" Anyone => door::sign_in;
    post "/auth/sign-in/begin" Anyone => door::sign_in_begin;
    post "/auth/sign-in/finish" Anyone => door::sign_in_finish;
    post "/sign-out" Person => door::sign_out;
    get "/l/{id}" Anyone => door::person_link;
    post "/auth/enrol/begin" Anyone => door::enrol_begin;
    post "/auth/enrol/create" Anyone => door::enrol_create;
    post "/auth/enrol/finish" Anyone => door::enrol_finish;
    get "/welcome" Person => door::welcome;

    get "/d/{id}" Anyone => deliveries::show;
    post "/d/{id}/begin" Anyone => deliveries::begin;
    post "/d/{id}/claim" Anyone => deliveries::claim;
    post "/d/{id}/receipt" Anyone => deliveries::receipt;
    post "/d/{id}/report" Anyone => deliveries::report;
    post "/d/{id}/alert" Anyone => deliveries::alert;

    get "/confirm/{id}" Person => confirm::show;
    post "/confirm/{id}/begin" Person => confirm::begin;
    post "/confirm/{id}/finish" Person => confirm::finish;

    get "/" Person => home::home;

    get "/mail" Operator => mail::outbox;
    post "/mail/test" Operator => mail::test;
    post "/mail/{id}/resend" Operator => mail::resend;

    // Not there (404) outside of the development profile, which a database keeps for ever. They
    // need no sign-in: the first link is in one of these mails.
    get "/dev/mailbox" Anyone => mail::mailbox;
    get "/dev/mailbox/{id}" Anyone => mail::mailbox_mail;

    get "/people" Person => people::list;
    get "/people/invite" Person => people::invite;
    post "/people/invite" Person => people::begin_invite;
    get "/people/{id}" Person => people::one;
    post "/people/{id}/invite" Person => people::invite_again;
    post "/people/{id}/roles" Person => people::roles;
    post "/people/{id}/address" Person => people::address;
    post "/people/{id}/recovery" Operator => people::recovery;
    post "/people/{id}/remove" Person => people::remove;
    post "/proposals/{id}/confirm" Staff => people::confirm;
    post "/proposals/{id}/refuse" Staff => people::refuse;

    get "/partners" Staff => partners::list;
    get "/partners/invite" Operator => partners::invite;
    post "/partners/invite" Operator => partners::begin_invite;
    get "/partners/{id}" Staff => partners::one;
    get "/partners/{id}/usage" Person => usage::of_partner;
    post "/partners/{id}/contacts" Operator => partners::invite_contact;
    post "/partners/{id}/suspend" Operator => partners::suspend;
    post "/partners/{id}/resume" Operator => partners::resume;

    post "/partners/{id}/revoke" Revoker => partners::revoke;

    get "/keys" Person => keys::list;
    get "/keys/{id}" Person => keys::one;
    get "/keys/{id}/usage" Person => usage::of_key;
    post "/keys/{id}/revoke" Revoker => keys::revoke;
    post "/keys/{id}/suspend" Revoker => keys::suspend;
    post "/keys/{id}/resume" Revoker => keys::resume;
    post "/keys/{id}/replace" Contact => keys::replace;
    post "/keys/{id}/redeliver" Person => keys::redeliver;
    get "/grants/{id}/usage" Person => usage::of_grant;
    post "/grants/{id}/revoke" Revoker => keys::revoke_grant;
    get "/grants/{id}/narrow" Revoker => narrow::form;
    post "/grants/{id}/narrow" Revoker => narrow::narrow;
    get "/grants/{id}/temporary" Contact => temporary::ask_form;
    post "/grants/{id}/temporary" Contact => temporary::ask_for;
    get "/temporary/{id}" Person => temporary::one;
    post "/temporary/{id}/decide" Reviewer => temporary::decide;
    post "/temporary/{id}/end" Revoker => temporary::end;
    post "/temporary/{id}/withdraw" Contact => temporary::withdraw;

    get "/audit" Auditor => audit::list;
    post "/audit/export" Auditor => audit::export;
    get "/audit/export/{id}" Auditor => audit::export_ready;
    get "/audit/export/{id}/entries.jsonl" Auditor => audit::download;
    get "/audit/{id}" Auditor => audit::one;

    get "/requests" Person => queue::list;
    get "/requests/new" Contact => requests::start_form;
    post "/requests/new" Contact => requests::start;
    get "/requests/{id}" Person => requests::show;
    get "/requests/{id}/edit" Contact => requests::edit_form;
    post "/requests/{id}/edit" Contact => requests::edit;
    post "/requests/{id}/draft" Contact => requests::draft;
    post "/requests/{id}/comments" Contact => requests::comment;
    post "/requests/{id}/withdraw" Contact => requests::withdraw;
    post "/requests/{id}/verdict" Reviewer => requests::verdict;
    post "/requests/{id}/recuse" Reviewer => requests::recuse;
    get "/requests/{id}/decide/{environment}" Reviewer => requests::decide_form;
    post "/requests/{id}/decide/{environment}" Reviewer => requests::decide;
    get "/requests/{id}/narrow/{environment}" Reviewer => requests::narrow_form;
    post "/requests/{id}/narrow/{environment}" Reviewer => requests::narrow;

    get "/profile" Person => profile::show;
    post "/profile/passkeys" Person => profile::add;
    get "/profile/passkeys/new" Person => profile::make;
    post "/profile/passkeys/{id}/name" Person => profile::rename;
    post "/profile/passkeys/{id}/remove" Person => profile::remove;
    post "/profile/sessions/end-others" Person => profile::end_others;
    post "/profile/sessions/{id}/end" Person => profile::end_session;

    get "/services" Person => services::list;
    get "/services/new" Operator => services::new;
    post "/services/new" Operator => services::begin_new;
    get "/services/{id}" Person => services::one;
    get "/services/{id}/usage" Person => usage::of_service;
    post "/services/{id}" Operator => services::about;
    post "/services/{id}/environments" Operator => services::environment;
    post "/services/{id}/environments/change" Operator => services::change_environment;
    post "/services/{id}/retire" Operator => services::retire;
    post "/services/{id}/offer" Operator => services::offer;
    post "/services/{id}/scopes" Operator => services::scope;
    post "/services/{id}/scopes/remove" Operator => services::remove_scope;
    post "/services/{id}/endpoints" Operator => services::endpoint;
    post "/services/{id}/endpoints/remove" Operator => services::remove_endpoint;
    get "/services/{id}/policy/{environment}" Staff => policies::show;
    post "/services/{id}/policy/{environment}" Owner => policies::change;

    get "/gateways" Operator => gateways::list;
    get "/gateways/new" Operator => gateways::new;
    post "/gateways/new" Operator => gateways::begin_new;
    get "/gateways/{id}" Operator => gateways::one;
    post "/gateways/{id}" Operator => gateways::change;
    post "/gateways/{id}/rotate" Operator => gateways::rotate;
    post "/gateways/{id}/revoke" Operator => gateways::revoke;
    post "/gateways/{id}/try" Operator => gateways::try_call;

    get "/reveal/{id}" Person => reveal::ask;
    post "/reveal/{id}" Person => reveal::show;

    post "/v1/verify" Gateway => verify::verify;
    post "/v1/verify/batch" Gateway => verify::verify_batch;
    #[cfg(feature = "bench")]
    post "/v1/constant" Gateway => verify::constant;
    #[cfg(feature = "bench")]
    post "/v1/seal/{id}" Gateway => crate::http::bench::seal;
    any "/v1/forward-auth" Gateway => verify::forward_auth;
    any "/v1/forward-auth/" Gateway => verify::forward_auth;
    any "/v1/forward-auth/{*path}" Gateway => verify::forward_auth;
}
