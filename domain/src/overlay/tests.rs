use core::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::grant::tests::{catalogue, grant, scopes};
use crate::grant::{LiveGrant, Narrowing, NotOpen};
use crate::network::Sources;
use crate::service::RequestPath;

const GRANT: GrantId = GrantId::new(Uuid::from_u128(4));
const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn wish(endpoints: &[(Method, &str)]) -> Wish {
    Wish {
        endpoints: endpoints
            .iter()
            .map(|(method, pattern)| (*method, pattern.parse().unwrap()))
            .collect(),
        writes: false,
        minutes: 120.try_into().unwrap(),
    }
}

fn labels() -> Wish {
    wish(&[(Method::Get, "/labels/{rest...}")])
}

fn propose(of: &[&str], wish: Wish) -> Result<Overlay, OverlayRefused> {
    Overlay::propose(GRANT, &grant(of, Sources::Anywhere), &catalogue(), wish)
}

fn live(of: &[&str], wish: Wish) -> LiveGrant {
    let overlay = propose(of, wish).unwrap();
    let until = overlay.valid_until(NOW);
    LiveGrant::new(grant(of, Sources::Anywhere), [(overlay, until)])
}

fn asked(
    live: &LiveGrant,
    (method, path): (Method, &str),
    scope: Option<&str>,
    now: Timestamp,
) -> Result<usize, NotOpen> {
    live.rule_now(method, &RequestPath::parse(path).unwrap(), scope, now)
}

#[test]
fn an_overlay_adds_the_scopes_that_the_grant_lacks_and_no_others() {
    let overlay = propose(&["read"], labels()).unwrap();
    assert_eq!(*overlay.scopes(), scopes(&["labels"]));
    assert_eq!(overlay.rules().len(), 1);
}

#[test]
fn what_the_catalogue_does_not_offer_cannot_be_asked_for() {
    let refused = propose(&["read"], wish(&[(Method::Get, "/nowhere")])).unwrap_err();
    assert!(matches!(refused, OverlayRefused::NotOffered(..)));
    // Not a part of what is offered either: an overlay names endpoints as they are.
    let refused = propose(&["write"], wish(&[(Method::Get, "/labels/7")])).unwrap_err();
    assert!(matches!(refused, OverlayRefused::NotOffered(..)));
}

#[test]
fn what_the_grant_opens_already_cannot_be_asked_for() {
    let refused = propose(&["read"], wish(&[(Method::Get, "/shipments")])).unwrap_err();
    assert!(matches!(refused, OverlayRefused::OpenAlready(..)));
}

#[test]
fn a_call_that_changes_something_has_to_be_asked_for_in_so_many_words() {
    let post = wish(&[(Method::Post, "/shipments")]);
    let refused = propose(&["read"], post.clone()).unwrap_err();
    assert!(matches!(refused, OverlayRefused::Writes(..)));
    let said = Wish {
        writes: true,
        ..post
    };
    assert_eq!(
        propose(&["read"], said).unwrap().scopes(),
        &scopes(&["write"])
    );
}

#[test]
fn nothing_is_not_asked_for() {
    assert_eq!(propose(&["read"], wish(&[])), Err(OverlayRefused::Nothing));
}

#[test]
fn the_choices_are_what_the_grant_does_not_open() {
    let grant = grant(&["read"], Sources::Anywhere);
    let catalogue = catalogue();
    let choices: Vec<String> = Overlay::choices(&grant, &catalogue)
        .map(|one| format!("{} {}", one.method, one.pattern))
        .collect();
    assert_eq!(choices, ["POST /shipments", "GET /labels/{rest...}"]);
}

#[test]
fn the_life_counts_from_the_approval_not_from_the_request() {
    let overlay = propose(&["read"], labels()).unwrap();
    let approved = NOW.plus(Duration::from_hours(30));
    assert_eq!(
        overlay.valid_until(approved),
        approved.plus(Duration::from_hours(2))
    );
}

#[test]
fn an_overlay_opens_its_endpoint_until_its_end_and_not_at_it() {
    let live = live(&["read"], labels());
    let call = (Method::Get, "/labels/7");
    let end = NOW.plus(Duration::from_hours(2));
    let before = end.minus(Duration::from_micros(1));
    let rule = asked(&live, call, Some("labels"), before).unwrap();
    assert_eq!(
        live.rule(rule).unwrap().pattern.to_string(),
        "/labels/{rest...}"
    );
    assert_eq!(asked(&live, call, None, end), Err(NotOpen::Endpoint));
}

#[test]
fn an_overlay_does_not_lend_its_scopes_to_the_grants_own_endpoints() {
    let live = live(&["read"], labels());
    let own = (Method::Get, "/shipments");
    assert_eq!(asked(&live, own, Some("labels"), NOW), Err(NotOpen::Scope));
    let own = asked(&live, own, None, NOW).unwrap();
    assert_eq!(live.scopes_at(Some(own)), &scopes(&["read"]));
    let lent = asked(&live, (Method::Get, "/labels/7"), None, NOW).unwrap();
    assert_eq!(live.scopes_at(Some(lent)), &scopes(&["labels", "read"]));
    assert_eq!(live.scopes_at(None), &scopes(&["read"]));
}

#[test]
fn one_overlay_does_not_lend_its_scopes_to_another() {
    let own = grant(&["read"], Sources::Anywhere);
    let post = Wish {
        writes: true,
        ..wish(&[(Method::Post, "/shipments")])
    };
    let overlays = [labels(), post].map(|wish| {
        let overlay = propose(&["read"], wish).unwrap();
        (overlay, NOW.plus(Duration::from_secs(1)))
    });
    let live = LiveGrant::new(own, overlays);
    let second = asked(&live, (Method::Post, "/shipments"), Some("write"), NOW).unwrap();
    assert_eq!(live.scopes_at(Some(second)), &scopes(&["read", "write"]));
    assert_eq!(live.rule(second).unwrap().method, Method::Post);
    assert_eq!(live.rule(second + 1), None);
    let borrowed = asked(&live, (Method::Post, "/shipments"), Some("labels"), NOW);
    assert_eq!(borrowed, Err(NotOpen::Scope));
}

#[test]
fn a_scope_that_the_grant_lost_closes_what_an_overlay_opened_with_it() {
    let overlay = propose(&["idle", "read", "write"], labels()).unwrap();
    let narrowed = grant(&["idle", "read", "write"], Sources::Anywhere)
        .narrow(&Narrowing {
            scopes: Some(scopes(&["write"])),
            ..Narrowing::default()
        })
        .unwrap();
    let live = LiveGrant::new(narrowed, [(overlay, NOW.plus(Duration::from_hours(1)))]);
    let asked = asked(&live, (Method::Get, "/labels/7"), None, NOW);
    assert_eq!(asked, Err(NotOpen::Endpoint));
}

#[test]
fn an_overlay_that_the_catalogue_does_not_offer_any_more_is_not_within_it() {
    let overlay = propose(&["read"], labels()).unwrap();
    let mut catalogue = catalogue();
    assert!(overlay.is_within(&catalogue));
    catalogue.endpoints[3].scopes = scopes(&["labels"]);
    assert!(!overlay.is_within(&catalogue), "other scopes");
    catalogue.endpoints.pop();
    assert!(!overlay.is_within(&catalogue), "gone");
}

#[test]
fn every_part_of_an_overlay_is_in_its_digest() {
    let overlay = || propose(&["read"], labels()).unwrap();
    let mut digests = vec![overlay().digest()];
    let changes: [fn(&mut Overlay); 4] = [
        |one| one.grant = GrantId::new(Uuid::from_u128(5)),
        |one| one.scopes = scopes(&["labels", "read"]),
        |one| one.rules.clear(),
        |one| one.minutes = 121.try_into().unwrap(),
    ];
    for change in changes {
        let mut changed = overlay();
        change(&mut changed);
        digests.push(changed.digest());
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 5);
}

#[test]
fn every_part_of_a_request_is_in_its_digest() {
    let (id, person) = (
        OverlayId::new(Uuid::from_u128(1)),
        PersonId::new(Uuid::from_u128(2)),
    );
    let (read, write) = (
        grant(&["read"], Sources::Anywhere),
        grant(&["write"], Sources::Anywhere),
    );
    let mut digests = vec![
        request_digest(id, person, &read, "We look for a lost parcel."),
        request_digest(
            OverlayId::new(person.uuid()),
            person,
            &read,
            "We look for a lost parcel.",
        ),
        request_digest(
            id,
            PersonId::new(id.uuid()),
            &read,
            "We look for a lost parcel.",
        ),
        request_digest(id, person, &write, "We look for a lost parcel."),
        request_digest(id, person, &read, "We look for a lost letter."),
    ];
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 5);
}

#[test]
fn what_was_stored_comes_back_and_unknown_fields_are_refused() {
    let overlay = propose(&["read"], labels()).unwrap();
    let json = serde_json::to_string(&overlay).unwrap();
    assert_eq!(serde_json::from_str::<Overlay>(&json).unwrap(), overlay);
    let more = json.replacen('{', "{\"sources\":\"\",", 1);
    assert!(serde_json::from_str::<Overlay>(&more).is_err());
}

proptest! {
    /// Never 5, with overlays: what passes is opened by the grant in force or by one overlay whose
    /// time has not come, and narrowing the grant never opens anything.
    #[test]
    fn a_narrower_grant_with_the_same_overlays_opens_no_more(
        had in proptest::sample::subsequence(vec!["read", "write", "labels", "idle"], 1..=4),
        keep in proptest::sample::subsequence(vec!["read", "write", "labels", "idle"], 1..=4),
        path in proptest::sample::select(vec!["/shipments", "/shipments/7", "/labels/7", "/x"]),
        method in proptest::sample::select(vec![Method::Get, Method::Post]),
        scope in proptest::option::of(proptest::sample::select(vec!["read", "write", "labels"])),
        later in 0_u64..10_000,
    ) {
        let proposed = Grant::propose(
            &crate::grant::tests::line(&had, Sources::Anywhere),
            crate::id::ServiceId::new(Uuid::from_u128(1)),
            &catalogue(),
            &crate::policy::Policy { networks_required: false, ..crate::policy::Policy::default_for(crate::service::EnvironmentKind::Production) },
        );
        let Ok(grant) = proposed else { return Ok(()); };
        let endpoints = Overlay::choices(&grant, &catalogue()).map(|one| (one.method, one.pattern.clone())).collect();
        let wish = Wish { endpoints, writes: true, minutes: 60.try_into().unwrap() };
        let overlays: Vec<_> = Overlay::propose(GRANT, &grant, &catalogue(), wish)
            .map(|overlay| { let until = overlay.valid_until(NOW); (overlay, until) })
            .into_iter()
            .collect();
        let narrowed = grant.narrow(&Narrowing { scopes: Some(scopes(&keep)), ..Narrowing::default() });
        let now = NOW.plus(Duration::from_secs(later));
        let wide = LiveGrant::new(grant, overlays.clone());
        let passes = asked(&wide, (method, path), scope, now).is_ok();
        if let Ok(narrowed) = narrowed {
            let narrow = LiveGrant::new(narrowed, overlays);
            prop_assert!(passes || asked(&narrow, (method, path), scope, now).is_err());
        }
    }
}
