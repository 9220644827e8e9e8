//! Which address made a call that came through proxies.

use core::net::{IpAddr, SocketAddr};

use super::Networks;

/// The right-most forwarded address outside the registered proxies (DESIGN, never 11). `forwarded`
/// is all `X-Forwarded-For` fields joined by commas; only what a registered proxy wrote is read, so
/// a client gains nothing by sending one. Where a proxy's entry does not parse, the last address
/// that is certain stands.
pub fn client_address(forwarded: &str, peer: IpAddr, proxies: &Networks) -> IpAddr {
    let mut certain = peer.to_canonical();
    for hop in forwarded.rsplit(',') {
        if !proxies.contains(certain) {
            break;
        }
        match parse_hop(hop) {
            Some(address) => certain = address.to_canonical(),
            None => break,
        }
    }
    certain
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(hop);
    bare.parse()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(forwarded: &str, peer: &str) -> String {
        let proxies = "10.0.0.0/8".parse().unwrap();
        client_address(forwarded, peer.parse().unwrap(), &proxies).to_string()
    }

    #[test]
    fn without_a_proxy_the_header_is_not_read() {
        assert_eq!(client("192.0.2.1", "198.51.100.9"), "198.51.100.9");
    }

    #[test]
    fn the_right_most_address_outside_the_proxies_counts() {
        assert_eq!(client("198.51.100.9, 10.0.0.2", "10.0.0.1"), "198.51.100.9");
    }

    #[test]
    fn a_spoofed_forwarded_address_is_not_believed() {
        for forwarded in [
            "192.0.2.1, 198.51.100.9",
            "192.0.2.1,198.51.100.9,10.0.0.2",
            "10.0.0.3, 192.0.2.1, 198.51.100.9",
            "rubbish, 198.51.100.9",
        ] {
            assert_eq!(client(forwarded, "10.0.0.1"), "198.51.100.9", "{forwarded}");
        }
    }

    #[test]
    fn an_entry_that_does_not_parse_is_not_skipped() {
        assert_eq!(client("192.0.2.1, unknown", "10.0.0.1"), "10.0.0.1");
        assert_eq!(client("192.0.2.1, , 10.0.0.2", "10.0.0.1"), "10.0.0.2");
        assert_eq!(client("", "10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        assert_eq!(client("198.51.100.9:4711", "10.0.0.1"), "198.51.100.9");
        assert_eq!(client("[2001:db8::1]:4711", "10.0.0.1"), "2001:db8::1");
        assert_eq!(client("[2001:db8::1]", "10.0.0.1"), "2001:db8::1");
        assert_eq!(client("198.51.100.9", "::ffff:10.0.0.1"), "198.51.100.9");
    }

    #[test]
    fn among_proxies_alone_the_left_most_is_the_client() {
        assert_eq!(client("10.0.0.3, 10.0.0.2", "10.0.0.1"), "10.0.0.3");
    }
}
