//! Source networks, and the address that a call came from.

mod client;

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

pub use client::client_address;

/// A set of addresses, written as IPv4 and IPv6 networks. Kept canonical (sorted, neighbours
/// joined), so that equal sets have equal text. Empty contains nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Networks(Vec<IpNet>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworksRefused {
    #[error("“{0}” is not an address or network such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.")]
    NotANetwork(String),
    #[error("{typed} has bits set beyond its prefix. Did you mean {meant}?")]
    HostBits { typed: IpNet, meant: IpNet },
    #[error("At most 256 networks fit here.")]
    TooMany,
}

impl Networks {
    pub fn contains(&self, address: IpAddr) -> bool {
        // An IPv4 client on a dual-stack socket shows as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    pub fn is_subset_of(&self, other: &Self) -> bool {
        // Neighbours are joined, so a block of ours inside theirs is inside one of theirs.
        let inside = |ours: &IpNet| other.0.iter().any(|theirs| theirs.contains(ours));
        self.0.iter().all(inside)
    }

    /// What of these networks lies in the others.
    #[must_use]
    pub fn common(&self, others: &[IpNet]) -> Self {
        Self::joined(self.0.iter().flat_map(|ours| {
            others
                .iter()
                .filter_map(|theirs| intersection(*ours, *theirs))
        }))
    }

    fn joined(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut joined = IpNet::aggregate(&networks.into_iter().collect());
        joined.sort_unstable();
        Self(joined)
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }

    /// A network too broad to say where a partner calls from: shorter than /8, or /32 for IPv6.
    pub fn too_broad(&self) -> Option<IpNet> {
        self.0.iter().copied().find(|network| match network {
            IpNet::V4(network) => network.prefix_len() < 8,
            IpNet::V6(network) => network.prefix_len() < 32,
        })
    }
}

/// Parses what a person typed: separated by white space or commas.
impl FromStr for Networks {
    type Err = NetworksRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let typed: Vec<IpNet> = text
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .map(network)
            .collect::<Result<_, _>>()?;
        if typed.len() > 256 {
            return Err(NetworksRefused::TooMany);
        }
        Ok(Self::joined(typed))
    }
}

/// Two networks are apart, or one of them lies in the other.
fn intersection(one: IpNet, other: IpNet) -> Option<IpNet> {
    if one.contains(&other) {
        Some(other)
    } else {
        other.contains(&one).then_some(one)
    }
}

fn network(word: &str) -> Result<IpNet, NetworksRefused> {
    let unknown = || NetworksRefused::NotANetwork(word.chars().take(50).collect());
    let typed = match word.split_once('/') {
        None => word.parse::<IpAddr>().ok().map(IpNet::from),
        Some((address, prefix)) => with_prefix(address, prefix),
    };
    let typed = typed.ok_or_else(unknown)?;
    let meant = typed.trunc();
    if typed != meant {
        return Err(NetworksRefused::HostBits { typed, meant });
    }
    Ok(match meant {
        IpNet::V6(network) => unmapped(network).map_or(meant, IpNet::V4),
        IpNet::V4(_) => meant,
    })
}

/// Not by the parser of `ipnet`, which takes `010.0.0.0/8` for 10.0.0.0/8: to others it is octal.
fn with_prefix(address: &str, prefix: &str) -> Option<IpNet> {
    let is_decimal = prefix == "0" || !prefix.starts_with(['0', '+']);
    let prefix = prefix.parse().ok().filter(|_| is_decimal)?;
    IpNet::new(address.parse().ok()?, prefix).ok()
}

/// The IPv4 network that an IPv4-mapped IPv6 network stands for.
fn unmapped(network: Ipv6Net) -> Option<Ipv4Net> {
    let prefix = network.prefix_len().checked_sub(96)?;
    let address = network.addr().to_ipv4_mapped()?;
    Ipv4Net::new(address, prefix).ok()
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&words.join(" "))
    }
}

impl TryFrom<String> for Networks {
    type Error = NetworksRefused;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Networks> for String {
    fn from(networks: Networks) -> Self {
        networks.to_string()
    }
}

/// Where calls may come from. *Anywhere* is said, never inferred from an empty list (an empty
/// bypass list let anyone bypass: Infisical issue 7039).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sources {
    Anywhere,
    Only(Networks),
}

impl Sources {
    pub fn contain(&self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Only(networks) => networks.contains(address),
        }
    }

    /// What of these sources lies in the networks.
    pub fn common(&self, networks: &[IpNet]) -> Networks {
        match self {
            Self::Anywhere => Networks::joined(networks.iter().copied()),
            Self::Only(ours) => ours.common(networks),
        }
    }

    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Anywhere) => true,
            (Self::Anywhere, Self::Only(_)) => false,
            (Self::Only(ours), Self::Only(theirs)) => ours.is_subset_of(theirs),
        }
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anywhere => f.write_str("anywhere"),
            Self::Only(networks) => networks.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(text: &str) -> Networks {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_compared_as_networks_not_as_text() {
        assert!(networks("192.0.2.0/24").contains("192.0.2.77".parse().unwrap()));
        assert!(!networks("192.0.2.0/24").contains("192.0.20.7".parse().unwrap()));
        assert_eq!(networks("2001:DB8:0::/32").to_string(), "2001:db8::/32");
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        assert_eq!(networks("192.0.2.7").to_string(), "192.0.2.7/32");
    }

    #[test]
    fn the_text_is_canonical() {
        let typed = "192.0.2.128/25, 10.0.0.0/8\n192.0.2.0/25 10.1.0.0/16";
        assert_eq!(networks(typed).to_string(), "10.0.0.0/8 192.0.2.0/24");
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        assert!(networks("192.0.2.0/24").contains("::ffff:192.0.2.7".parse().unwrap()));
        assert_eq!(networks("::ffff:192.0.2.0/120"), networks("192.0.2.0/24"));
    }

    #[test]
    fn host_bits_are_refused_with_what_was_meant() {
        let refused = "192.0.2.7/24".parse::<Networks>().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "192.0.2.7/24 has bits set beyond its prefix. Did you mean 192.0.2.0/24?"
        );
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        for text in [
            "x",
            "192.0.2",
            "192.0.2.0/33",
            "fe80::1%eth0",
            "010.0.0.1",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "*",
            "/8",
        ] {
            assert!(
                matches!(
                    text.parse::<Networks>(),
                    Err(NetworksRefused::NotANetwork(_))
                ),
                "{text}"
            );
        }
        let many = "192.0.2.1 ".repeat(257);
        assert_eq!(many.parse::<Networks>(), Err(NetworksRefused::TooMany));
    }

    #[test]
    fn the_whole_internet_is_too_broad_however_it_is_written() {
        for text in [
            "0.0.0.0/0",
            "0.0.0.0/1 128.0.0.0/1",
            "::/0",
            "2000::/3",
            "::ffff:0:0/96",
        ] {
            assert!(networks(text).too_broad().is_some(), "{text}");
        }
        assert_eq!(networks("10.0.0.0/8 2001:db8::/32").too_broad(), None);
    }

    #[test]
    fn what_networks_have_in_common_lies_in_both() {
        let ours = networks("10.0.0.0/8 192.0.2.0/28 2001:db8::/32");
        let theirs: Vec<IpNet> =
            networks("10.1.2.0/24 192.0.2.0/24 203.0.113.0/24 2001:db8:7::/48")
                .iter()
                .copied()
                .collect();
        let common = "10.1.2.0/24 192.0.2.0/28 2001:db8:7::/48";
        assert_eq!(ours.common(&theirs).to_string(), common);
        assert!(ours.common(&[]).is_empty());
        let all = Sources::Anywhere.common(&theirs);
        assert_eq!(all.iter().count(), theirs.len());
    }

    #[test]
    fn an_empty_list_is_nowhere_not_anywhere() {
        let address = "192.0.2.7".parse().unwrap();
        assert!(!Sources::Only(Networks::default()).contain(address));
        assert!(!Sources::Anywhere.is_within(&Sources::Only(networks("10.0.0.0/8"))));
    }

    #[test]
    fn stored_sources_refuse_what_they_do_not_know() {
        assert!(serde_json::from_str::<Sources>(r#""everywhere""#).is_err());
        let stored = serde_json::to_string(&Sources::Only(networks("10.0.0.0/8"))).unwrap();
        assert_eq!(stored, r#"{"only":"10.0.0.0/8"}"#);
        assert_eq!(
            serde_json::from_str::<Sources>(&stored).unwrap(),
            Sources::Only(networks("10.0.0.0/8"))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Prefixes long enough that all sixteen addresses can be tried.
        #[test]
        fn a_subset_contains_no_address_that_the_other_lacks(
            a in prop::collection::vec((0_u8..16, 28_u8..=32), 0..4),
            b in prop::collection::vec((0_u8..16, 28_u8..=32), 0..4),
        ) {
            let set = |nets: &[(u8, u8)]| -> Networks {
                let words: Vec<String> = nets
                    .iter()
                    .map(|(low, prefix)| {
                        let net = Ipv4Net::new([192, 0, 2, *low].into(), *prefix).unwrap();
                        net.trunc().to_string()
                    })
                    .collect();
                words.join(" ").parse().unwrap()
            };
            let (a, b) = (set(&a), set(&b));
            let beyond = (0..16).any(|low| {
                let address = IpAddr::from([192, 0, 2, low]);
                a.contains(address) && !b.contains(address)
            });
            prop_assert_eq!(a.is_subset_of(&b), !beyond);
        }
    }
}
