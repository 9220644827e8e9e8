use super::*;
use crate::islands::failure::Problem;

fn details() -> Details {
    Details {
        partner: "Quill Analytics".to_owned(),
        service: "Shipments API".to_owned(),
        environment: "production".to_owned(),
        base_url: "https://api.example.com/v2".to_owned(),
        scopes: vec!["read shipments".to_owned()],
        rate_per_second: 50,
        networks: vec!["203.0.113.0/24".to_owned(), "198.51.100.7/32".to_owned()],
        further: Vec::new(),
        variable: "SHIPMENTS_KEY".to_owned(),
        example_method: "GET".to_owned(),
        example_path: "/shipments/1".to_owned(),
    }
}

#[test]
fn what_a_key_may_do_is_one_line() {
    assert_eq!(
        details().may(),
        "read shipments, 50 calls a second, from 2 networks"
    );
    let open = Details {
        networks: Vec::new(),
        rate_per_second: 1,
        further: vec!["20000 a day".to_owned()],
        ..details()
    };
    assert_eq!(
        open.may(),
        "read shipments, 1 call a second, 20000 a day, from anywhere"
    );
}

#[test]
fn the_first_call_names_the_variable_and_not_the_key() {
    assert_eq!(
        details().first_call(),
        "printf 'Authorization: Bearer %s' \"$SHIPMENTS_KEY\" | curl -H @- https://api.example.com/v2/shipments/1"
    );
}

#[test]
fn a_first_call_that_is_no_get_names_its_method() {
    let posting = Details {
        example_method: "POST".to_owned(),
        ..details()
    };
    assert_eq!(
        posting.first_call(),
        "printf 'Authorization: Bearer %s' \"$SHIPMENTS_KEY\" | curl -X POST -H @- https://api.example.com/v2/shipments/1"
    );
}

#[test]
fn the_saved_file_has_the_key_and_the_base_url() {
    assert_eq!(
        *details().env_file("lk_live_x"),
        "SHIPMENTS_KEY=lk_live_x\nSHIPMENTS_BASE_URL=https://api.example.com/v2\n"
    );
    assert_eq!(details().env_name(), "shipments.env");
}

#[test]
fn a_base_url_cannot_add_a_line_to_the_file() {
    let hostile = Details {
        base_url: "https://a.example\nLD_PRELOAD=x".to_owned(),
        ..details()
    };
    assert_eq!(hostile.env_file("k").lines().count(), 2);
}

#[test]
fn a_path_cannot_add_a_command_to_the_first_call() {
    let hostile = Details {
        example_method: "GET; id".to_owned(),
        example_path: "/x; rm -rf $HOME".to_owned(),
        ..details()
    };
    let call = hostile.first_call();
    assert!(call.contains(" | curl -X GETid -H @- "), "{call}");
    assert!(call.ends_with("/v2/xrm-rfHOME"), "{call}");
}

#[test]
fn a_variables_name_is_one_that_shells_take() {
    for (variable, name, file) in [
        ("9 lives-KEY", "LIVESKEY", "liveskey.env"),
        ("", "API_KEY", "api.env"),
        ("_KEY", "_KEY", "_key.env"),
        ("träck_key", "TRCK_KEY", "trck.env"),
    ] {
        let details = Details {
            variable: variable.to_owned(),
            ..details()
        };
        assert_eq!(details.name(), name);
        assert_eq!(details.env_name(), file);
    }
}

/// 2026-11-22T00:00:00Z.
const NOW: f64 = 1_795_305_600_000.0;

fn in_seconds(seconds: i64) -> String {
    let at = Timestamp::from_micros((NOW as i64) * 1_000 + seconds * 1_000_000);
    ends(at, NOW)
}

#[test]
fn the_end_is_a_day_and_how_far_it_is() {
    assert_eq!(in_seconds(90 * 86_400), "20 February 2027, in 90 days");
    assert_eq!(in_seconds(90 * 86_400 - 60), "19 February 2027, in 89 days");
    assert_eq!(in_seconds(3_600), "22 November 2026, in 1 hour");
    assert_eq!(in_seconds(-1), "21 November 2026, has ended");
}

#[test]
fn days_follow_the_calendar() {
    assert_eq!(civil(0), (1970, "January", 1));
    assert_eq!(civil(59), (1970, "March", 1));
    assert_eq!(civil(11_016), (2000, "February", 29));
    assert_eq!(civil(-1), (1969, "December", 31));
}

#[test]
fn the_countdown_speaks_in_minutes_and_then_in_seconds() {
    assert_eq!(countdown(540), "This page forgets the key in 9 minutes.");
    assert_eq!(countdown(59), "This page forgets the key in 59 seconds.");
    assert_eq!(countdown(1), "This page forgets the key in 1 second.");
}

fn refused(code: &str) -> Refusal {
    let body = format!("{{\"code\":\"{code}\",\"detail\":\"Said by the portal.\"}}");
    Refusal::of_claim(&Failure::Refused(Problem::read(409, &body, None)))
}

#[test]
fn each_refusal_of_a_claim_has_a_heading_and_keeps_what_the_portal_said() {
    let codes = [
        "link-not-usable",
        "opened-elsewhere",
        "other-device-key",
        "too-many-tries",
        "something-new",
    ];
    let mut titles: Vec<_> = codes.map(|code| refused(code).title).to_vec();
    for code in codes {
        assert!(
            refused(code).text.starts_with("Said by the portal."),
            "{code}"
        );
    }
    titles.sort_unstable();
    titles.dedup();
    assert_eq!(titles.len(), codes.len());
}

#[test]
fn a_key_that_somebody_else_opened_can_be_reported_there_and_then() {
    assert!(refused("opened-elsewhere").offers_report);
    assert!(!refused("link-not-usable").offers_report);
}

#[test]
fn a_lost_answer_says_that_the_same_passkey_can_try_again() {
    let refusal = Refusal::of_claim(&Failure::NoAnswer);
    assert!(refusal.text.contains("same passkey"));
}
