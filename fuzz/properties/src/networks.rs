//! Lists of networks, and the address that a call came from.

use std::net::IpAddr;

use domain::network::{Networks, client_address};

use crate::naive;

/// The input is a list of networks, an `X-Forwarded-For`, and addresses, each on a line of its own;
/// the first address is the peer's.
pub fn networks(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let (typed, forwarded) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let Ok(networks) = typed.parse::<Networks>() else {
        return;
    };
    is_canonical(&networks);
    let words: Vec<&str> = typed
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .collect();
    let addresses: Vec<IpAddr> = lines.filter_map(|line| line.parse().ok()).collect();
    let edges = networks
        .iter()
        .flat_map(|network| [network.network(), network.broadcast()]);
    for address in edges.chain(addresses.iter().copied()) {
        let contained = networks.contains(address);
        assert_eq!(
            contained,
            naive::is_in_one(address, &words),
            "{typed:?} {address}"
        );
        let mapped = match address {
            IpAddr::V4(address) => IpAddr::from(address.to_ipv6_mapped()),
            IpAddr::V6(_) => address.to_canonical(),
        };
        assert_eq!(
            contained,
            networks.contains(mapped),
            "{address} is {mapped}"
        );
    }
    if let Some(peer) = addresses.first() {
        came_from(forwarded, *peer, &networks);
    }
}

fn is_canonical(networks: &Networks) {
    let text = networks.to_string();
    let again = text.parse::<Networks>();
    assert_eq!(again.as_ref(), Ok(networks), "{text}");
    assert_eq!(again.map(|again| again.to_string()).as_ref(), Ok(&text));
    assert!(networks.is_subset_of(networks));
    let nowhere = Networks::default();
    assert!(nowhere.is_subset_of(networks));
    assert_eq!(networks.is_subset_of(&nowhere), networks.is_empty());
    for (at, one) in networks.iter().enumerate() {
        for (other_at, other) in networks.iter().enumerate() {
            assert!(at == other_at || !one.contains(other), "{text}");
        }
        let alone = one.to_string().parse::<Networks>();
        assert!(
            alone.is_ok_and(|alone| alone.is_subset_of(networks)),
            "{one} of {text}"
        );
    }
}

fn came_from(forwarded: &str, peer: IpAddr, proxies: &Networks) {
    let source = client_address(forwarded, peer, proxies);
    assert_eq!(source, source.to_canonical());
    let hops: Vec<&str> = forwarded.split(',').collect();
    let expected = naive::client(&hops, peer, |address| proxies.contains(address));
    assert_eq!(
        source, expected,
        "{forwarded:?} from {peer} through {proxies}"
    );
    if !proxies.contains(peer) {
        assert_eq!(
            source,
            peer.to_canonical(),
            "nobody's word counts but a proxy's"
        );
    }
    // What a client writes in front of an address that no proxy has changes nothing.
    if !proxies.contains(source) {
        for forged in ["192.0.2.66", "127.0.0.1", "rubbish", ""] {
            let spoofed = format!("{forged},{forwarded}");
            assert_eq!(
                client_address(&spoofed, peer, proxies),
                source,
                "{spoofed:?}"
            );
        }
    }
}
