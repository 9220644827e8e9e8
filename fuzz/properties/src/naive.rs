//! Slow and obvious readings that more than one target needs.

use std::net::{IpAddr, SocketAddr};

/// The bits of an address, IPv4 as in RFC 4291, section 2.5.5.2.
pub(crate) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Is an address in one of these networks, bit by bit? `networks` as they were typed.
pub(crate) fn is_in_one(address: IpAddr, networks: &[&str]) -> bool {
    networks.iter().any(|network| {
        let (base, length) = network.split_once('/').unwrap_or((network, "128"));
        let Ok(base) = base.parse::<IpAddr>() else {
            return false;
        };
        let whole = !network.contains('/');
        let length: u32 = length.parse().unwrap_or(u32::MAX);
        let length = if base.is_ipv4() && !whole {
            length.saturating_add(96)
        } else {
            length
        };
        // IPv6 networks that hold more than the mapped addresses are of IPv6 clients alone.
        let maps = |base: IpAddr| base.to_canonical().is_ipv4() && length >= 96;
        maps(base) == address.to_canonical().is_ipv4()
            && (0..length.min(128)).all(|bit| (bits(address) ^ bits(base)) >> (127 - bit) & 1 == 0)
    })
}

/// The right-most address outside of the proxies: found by walking the list from its left end.
pub(crate) fn client(hops: &[&str], peer: IpAddr, is_proxy: impl Fn(IpAddr) -> bool) -> IpAddr {
    // From the left: every entry but those that proxies alone stand behind is somebody's own word.
    let believed = |at: usize| {
        hops.iter()
            .skip(at.saturating_add(1))
            .all(|hop| entry(hop).is_some_and(&is_proxy))
            && is_proxy(peer)
    };
    let farthest = (0..hops.len()).find(|at| believed(*at) && hops.get(*at).is_some());
    let mut address = peer;
    if let Some(at) = farthest {
        // Where that entry is no address, the one after it is the last that is certain.
        for hop in hops.iter().skip(at).rev() {
            match entry(hop) {
                Some(hop) => address = hop,
                None => break,
            }
        }
    }
    address.to_canonical()
}

fn entry(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let address: Option<IpAddr> = bare.unwrap_or(hop).parse().ok();
    let socket = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    address.or_else(socket)
}

/// What `text` decodes to: `%` and two hexadecimal digits are one octet. None where they are not.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let hex = part.get(..2)?;
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend(part.get(2..)?.as_bytes());
    }
    Some(bytes)
}

/// A segment with everything encoded that is no letter, digit, `-`, `_`, `~` or dot.
pub(crate) fn encoded(segment: &str) -> String {
    let mut text = String::new();
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => {
                text.push(char::from(byte));
            }
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
