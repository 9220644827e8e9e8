//! Networks of proxies, and the address that a call came from.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Networks such as `10.0.0.0/8`, separated by spaces or commas. Empty: no proxy, so that no header
/// is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<(IpAddr, u8)>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not an address or network such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")]
pub struct NotNetworks(String);

impl FromStr for Proxies {
    type Err = NotNetworks;

    fn from_str(text: &str) -> Result<Self, NotNetworks> {
        text.split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .map(|word| network(word).ok_or_else(|| NotNetworks(word.chars().take(50).collect())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn network(word: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match word.split_once('/') {
        None => (word, None),
        Some((address, length)) => (address, Some(length)),
    };
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => whole,
        Some(length) if length.starts_with('+') => return None,
        Some(length) => length.parse().ok().filter(|length| *length <= whole)?,
    };
    Some((address, length))
}

impl Proxies {
    fn contain(&self, address: IpAddr) -> bool {
        // An IPv4 client on a dual-stack socket shows as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
        self.0
            .iter()
            .any(|(base, length)| match (base, address.to_canonical()) {
                (IpAddr::V4(base), IpAddr::V4(address)) => {
                    let differing = (base.to_bits() ^ address.to_bits()).leading_zeros();
                    differing >= u32::from(*length)
                }
                (IpAddr::V6(base), IpAddr::V6(address)) => {
                    let differing = (base.to_bits() ^ address.to_bits()).leading_zeros();
                    differing >= u32::from(*length)
                }
                _ => false,
            })
    }

    /// The right-most forwarded address outside of the proxies. Only what a proxy wrote is read, so a
    /// client gains nothing by writing one; where a proxy's entry is no address, the last one that is
    /// certain stands.
    pub(crate) fn client(&self, forwarded: &str, peer: IpAddr) -> IpAddr {
        let mut certain = peer.to_canonical();
        for hop in forwarded.rsplit(',') {
            if !self.contain(certain) {
                break;
            }
            match entry(hop.trim()) {
                Some(address) => certain = address.to_canonical(),
                None => break,
            }
        }
        certain
    }
}

fn entry(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let address = bare.unwrap_or(hop).parse().ok();
    address.or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, forwarded: &str, peer: &str) -> String {
        let proxies: Proxies = proxies.parse().unwrap();
        proxies.client(forwarded, peer.parse().unwrap()).to_string()
    }

    #[test]
    fn without_a_proxy_the_header_is_not_read() {
        assert_eq!(client("", "192.0.2.1", "198.51.100.9"), "198.51.100.9");
        assert_eq!(
            client("10.0.0.0/8", "192.0.2.1", "198.51.100.9"),
            "198.51.100.9"
        );
    }

    #[test]
    fn a_spoofed_forwarded_address_is_not_believed() {
        for forwarded in [
            "192.0.2.1, 198.51.100.9",
            "192.0.2.1,198.51.100.9,10.0.0.2",
            "rubbish, 198.51.100.9, ::ffff:10.0.0.2",
            "192.0.2.1, 198.51.100.9:4711, [2001:db8::1]",
        ] {
            let proxies = "10.0.0.0/8, 2001:db8::/32";
            assert_eq!(
                client(proxies, forwarded, "10.0.0.1"),
                "198.51.100.9",
                "{forwarded}"
            );
        }
    }

    #[test]
    fn an_entry_that_is_no_address_is_not_skipped() {
        assert_eq!(
            client("10.0.0.0/8", "192.0.2.1, unknown", "10.0.0.1"),
            "10.0.0.1"
        );
    }

    #[test]
    fn networks_end_where_they_end() {
        for (network, inside) in [
            ("10.0.0.0/8", true),
            ("10.0.0.0/31", true),
            ("10.0.0.1", true),
            ("10.0.0.0", false),
            ("0.0.0.0/0", true),
            ("::/0", false),
            ("10.0.0.2/31", false),
        ] {
            let proxies: Proxies = network.parse().unwrap();
            assert_eq!(proxies.contain([10, 0, 0, 1].into()), inside, "{network}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "x",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "010.0.0.0/8",
            "*",
        ] {
            assert!(text.parse::<Proxies>().is_err(), "{text}");
        }
    }
}
