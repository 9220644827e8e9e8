use domain::audit::TruncatedAddress;
use domain::grant::Grant;

use super::*;
use crate::verify::tests::{grant, held};

const HOUR: i64 = 3_600_000_000;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn key(grant: &Grant) -> Arc<Held> {
    let mut key = held("aaaaaaaa", 1);
    key.entry.grant = Arc::new(grant.clone().into());
    Arc::new(key)
}

fn seen(from: &str, micros: i64) -> Seen {
    Seen {
        at: at(micros),
        from: from.parse().unwrap(),
        why: None,
        rule: Some(0),
        scope: None,
    }
}

fn refused(from: &str, micros: i64, why: Reason) -> Seen {
    Seen {
        why: Some(why),
        rule: None,
        ..seen(from, micros)
    }
}

fn net(text: &str) -> TruncatedAddress {
    text.parse().unwrap()
}

/// What was counted of the one key.
fn drained(usage: &Usage) -> Counts {
    let mut all = usage.drain(0..SHARDS);
    assert_eq!(all.len(), 1);
    all.pop().unwrap().1
}

#[test]
fn calls_are_counted_with_the_last_of_each_kind() {
    let (usage, key) = (Usage::new(), key(&grant()));
    usage.add(&key, &seen("192.0.2.7", 1), 1);
    usage.add(&key, &seen("192.0.2.8", 2), 1);
    usage.add(&key, &refused("198.51.100.1", 3, Reason::SourceNetwork), 1);
    let counts = drained(&usage);
    assert_eq!((counts.accepted(), counts.refused()), (2, 1));
    let from = net("192.0.2.0/24");
    assert_eq!(counts.last_accepted(), Some((at(2), from)));
    let elsewhere = net("198.51.100.0/24");
    let last = Some((at(3), elsewhere, Reason::SourceNetwork));
    assert_eq!(counts.last_refused(), last);
    let alike = |why, endpoint, from, calls| Alike {
        hour: at(0),
        why,
        endpoint,
        from: Some(from),
        scope: None,
        calls,
    };
    let endpoint = Endpoint::Rule("GET /shipments/{id}".parse().unwrap());
    let all: Vec<Alike> = counts.alike().collect();
    assert_eq!(
        all,
        [
            alike(None, endpoint, from, 2),
            alike(Some(Reason::SourceNetwork), Endpoint::None, elsewhere, 1),
        ]
    );
    assert!(usage.drain(0..SHARDS).is_empty());
}

#[test]
fn addresses_are_kept_truncated() {
    for (address, network) in [
        ("192.0.2.7", "192.0.2.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("2001:db8:7:1::1", "2001:db8:7::/48"),
        ("ffff:ffff:ffff:ffff::", "ffff:ffff:ffff::/48"),
        ("::1", "::/48"),
    ] {
        let (usage, key) = (Usage::new(), key(&grant()));
        usage.add(&key, &seen(address, 1), 1);
        let counts = drained(&usage);
        let from = counts.alike().next().unwrap().from;
        assert_eq!(from, Some(net(network)));
        assert_eq!(counts.last_accepted().map(|last| last.1), from);
    }
}

#[test]
fn calls_count_for_the_hour_that_they_were_made_in() {
    let (usage, key) = (Usage::new(), key(&grant()));
    for (micros, times) in [(HOUR - 1, 3), (HOUR, 2), (2 * HOUR - 1, 1), (-1, 4)] {
        usage.add(&key, &seen("192.0.2.7", micros), times);
    }
    let counts = drained(&usage);
    let mut hours: Vec<(i64, u32)> = counts
        .alike()
        .map(|calls| (calls.hour.micros() / HOUR, calls.calls))
        .collect();
    hours.sort_unstable();
    assert_eq!(hours, [(-1, 4), (0, 3), (1, 3)]);
}

#[test]
fn a_batch_that_comes_back_does_not_hide_what_came_later() {
    let (usage, key) = (Usage::new(), key(&grant()));
    usage.add(&key, &seen("192.0.2.7", 1), 1);
    usage.add(&key, &refused("192.0.2.7", 1, Reason::Scope), 1);
    let batch = usage.drain(0..SHARDS);
    usage.add(&key, &seen("192.0.2.7", 9), 1);
    for (key, counts) in batch {
        usage.put_back(key, counts);
    }
    let counts = drained(&usage);
    assert_eq!((counts.accepted(), counts.refused()), (2, 1));
    assert_eq!(counts.last_accepted().map(|last| last.0), Some(at(9)));
    assert_eq!(counts.last_refused().map(|last| last.0), Some(at(1)));
    assert_eq!(counts.alike().count(), 2, "like calls are one again");
}

#[test]
fn a_change_of_the_grant_does_not_change_what_was_counted() {
    let usage = Usage::new();
    let before = key(&grant());
    usage.add(&before, &seen("192.0.2.7", 1), 1);
    let changed = serde_json::to_string(&grant())
        .unwrap()
        .replace("/shipments/{id}", "/elsewhere");
    let after = key(&serde_json::from_str(&changed).unwrap());
    usage.add(&after, &seen("192.0.2.7", 2), 5);
    let counts = drained(&usage);
    let mut endpoints: Vec<(String, u32)> = counts
        .alike()
        .map(|calls| match calls.endpoint {
            Endpoint::Rule(name) => (name.to_string(), calls.calls),
            other => panic!("{other:?}"),
        })
        .collect();
    endpoints.sort_unstable();
    let told = |text: &str, calls| (text.to_owned(), calls);
    assert_eq!(
        endpoints,
        [told("GET /elsewhere", 5), told("GET /shipments/{id}", 1)]
    );
}

#[test]
fn the_scope_that_was_asked_for_is_kept_of_accepted_calls_alone() {
    let (usage, key) = (Usage::new(), key(&grant()));
    let known = |rule| Known {
        held: Arc::clone(&key),
        source: "192.0.2.7".parse().unwrap(),
        rule,
    };
    usage.count(&known(Some(0)), None, Some("read"), at(1));
    usage.count(&known(Some(0)), None, None, at(1));
    usage.count(&known(None), Some(Reason::Scope), Some("read"), at(1));
    let counts = drained(&usage);
    let scopes: Vec<(bool, Option<String>)> = counts
        .alike()
        .map(|calls| {
            let scope = calls.scope.map(|scope| scope.as_str().to_owned());
            (calls.why.is_none(), scope)
        })
        .collect();
    assert_eq!(
        scopes,
        [(true, Some("read".to_owned())), (true, None), (false, None)]
    );
}

#[test]
fn beyond_sixteen_networks_calls_come_from_others() {
    let (usage, key) = (Usage::new(), key(&grant()));
    for round in 0..2 {
        for n in 0..100 {
            usage.add(&key, &seen(&format!("10.0.{n}.1"), round), 1);
        }
    }
    let counts = drained(&usage);
    assert_eq!(counts.accepted(), 200, "none is lost");
    let from: Vec<(Option<TruncatedAddress>, u32)> = counts
        .alike()
        .map(|calls| (calls.from, calls.calls))
        .collect();
    assert_eq!(from.len(), 17);
    assert_eq!(from[0], (Some(net("10.0.0.0/24")), 2));
    assert_eq!(from[16], (None, 2 * 84));
}

#[test]
fn whatever_a_client_sends_an_hour_of_a_key_takes_bounded_memory() {
    let (usage, key) = (Usage::new(), key(&grant()));
    let mut calls = 0_u64;
    for rule in 0..700 {
        for n in 0..20 {
            for why in [None, Some(Reason::RateLimit), Some(Reason::Quota)] {
                let seen = Seen {
                    rule: Some(rule),
                    why,
                    ..seen(&format!("10.0.{n}.1"), 1)
                };
                usage.add(&key, &seen, 1);
                calls += 1;
            }
        }
    }
    for why in Reason::ALL {
        for n in 0..200 {
            usage.add(&key, &refused(&format!("10.1.{n}.1"), 1, *why), 1);
            calls += 1;
        }
    }
    let counts = drained(&usage);
    assert_eq!(counts.accepted() + counts.refused(), calls, "none is lost");
    let kinds = counts.alike().count();
    assert!(
        (512..=512 + 3 + Reason::ALL.len()).contains(&kinds),
        "{kinds}"
    );
}

#[test]
fn a_quiet_key_takes_no_memory() {
    let usage = Usage::new();
    let key = key(&grant());
    usage.add(&key, &seen("192.0.2.7", 1), 1);
    usage.drain(0..SHARDS);
    assert_eq!(Arc::strong_count(&key), 1, "nothing is held on to");
    let held: usize = usage
        .shards
        .iter()
        .map(|shard| shard.lock().unwrap().capacity())
        .sum();
    assert_eq!(held, 0);
}
