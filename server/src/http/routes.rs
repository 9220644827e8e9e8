//! The table of routes and roles. A route can only be added with the access that it takes; a test
//! walks the table with every kind of visitor.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::http::guard::{Access, authorise, same_origin};
use crate::http::{assets, confirm, deliveries, door, health, home, mail, verify};
use crate::portal::Portal;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident => $handler:expr;)+) => {
        pub const TABLE: &[Entry] = &[$(Entry {
            method: stringify!($method),
            path: $path,
            access: Access::$access,
        }),+];

        /// Browser routes are guarded against cross-site posts; a gateway's are not a browser's.
        pub fn router(portal: &Portal) -> Router<Portal> {
            let mut router = Router::new();
            $(
                let guarded = $method($handler).layer(from_fn_with_state(
                    (portal.clone(), Access::$access),
                    authorise,
                ));
                router = router.route($path, match Access::$access {
                    Access::Gateway => guarded,
                    _ => guarded.layer(from_fn_with_state(portal.clone(), same_origin)),
                });
            )+
            router.fallback(door::nothing_here)
        }
    };
}

routes! {
    get "/healthz" Anyone => health::healthz;
    get "/readyz" Anyone => health::readyz;
    get "/.well-known/latchkey.json" Anyone => health::well_known;
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

    post "/v1/verify" Gateway => verify::verify;
}
