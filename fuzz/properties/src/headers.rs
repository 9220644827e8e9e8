//! The headers by which gateways describe a call.

use std::net::IpAddr;

use domain::network::Networks;
use domain::state::GatewayKind;
use domain::verification::{Call, FORWARD_AUTH, Forwarded, Forwarding, OVERRIDES, Unclear};

use crate::naive;

type Headers = Vec<(String, Vec<u8>)>;

/// The input is the gateway's kind, its proxies, the request line and header lines, each on a line
/// of its own.
pub fn headers(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut next = || str::from_utf8(lines.next().unwrap_or_default()).ok();
    let (Some(kind), Some(proxies), Some(line)) = (next(), next(), next()) else {
        return;
    };
    let (Ok(kind), Ok(proxies)) = (kind.parse::<GatewayKind>(), proxies.parse::<Networks>()) else {
        return;
    };
    let (method, target) = line.split_once(' ').unwrap_or((line, FORWARD_AUTH));
    let headers: Headers = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(colon);
            // As an HTTP server hands them on: names in lower case, no space around a value.
            let name = str::from_utf8(name).ok()?.to_ascii_lowercase();
            Some((name, value.get(1..)?.trim_ascii().to_vec()))
        })
        .collect();
    let asked = Asked {
        kind,
        proxies,
        method,
        target,
    };
    asked.is_read_soundly(&headers);
}

struct Asked<'a> {
    kind: GatewayKind,
    proxies: Networks,
    method: &'a str,
    target: &'a str,
}

impl Asked<'_> {
    fn read<'b>(&'b self, headers: &'b Headers) -> Result<Forwarded<'b>, Unclear> {
        let forwarding = Forwarding {
            method: self.method,
            target: self.target,
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_slice())),
        };
        Forwarded::read(self.kind, &self.proxies, forwarding)
    }

    fn is_read_soundly(&self, headers: &Headers) {
        let read = self.read(headers);
        let backwards: Headers = headers.iter().rev().cloned().collect();
        let alone = |name: &str| headers.iter().filter(|(other, _)| other == name).count() < 2;
        if alone("x-forwarded-for") {
            assert_same(&read, &self.read(&backwards), "their order does not matter");
        }
        let more = |name: &str, value: &str| {
            let mut more = headers.clone();
            more.push((name.to_owned(), value.as_bytes().to_vec()));
            more
        };
        for name in OVERRIDES {
            let refused = self
                .read(&more(&name.replacen('-', "_", 1), "DELETE"))
                .err();
            assert_eq!(refused, Some(Unclear::Call), "{name}");
        }
        for name in self.not_read() {
            let other = more(name, "/v2/harmless");
            assert_same(&read, &self.read(&other), name);
        }
        let Ok(read) = read else { return };
        self.holds(&read, headers);
        for name in ["authorization", "x-api-key"] {
            let twice = more(name, "Bearer lk_live_x");
            assert_eq!(self.read(&twice).err(), Some(Unclear::Call), "two keys");
        }
        if !self.proxies.contains(read.source) {
            let mut spoofed = headers.clone();
            spoofed.insert(0, ("x-forwarded-for".to_owned(), b"192.0.2.66".to_vec()));
            let source = self.read(&spoofed).map(|read| read.source);
            assert_eq!(source, Ok(read.source), "a spoofed address");
        }
    }

    /// What was read is what stands there, and stands there once.
    fn holds(&self, read: &Forwarded<'_>, headers: &Headers) {
        assert_ne!(self.kind, GatewayKind::Api);
        let all = |name: &str| -> Vec<&str> {
            let named = headers.iter().filter(|(other, _)| other == name);
            named
                .filter_map(|(_, value)| str::from_utf8(value).ok())
                .collect()
        };
        assert_eq!(all("x-forwarded-proto"), [read.scheme]);
        let (method, uri) = match self.kind {
            GatewayKind::Envoy => (vec![self.method], {
                let behind = self.target.strip_prefix(FORWARD_AUTH);
                behind.into_iter().collect()
            }),
            GatewayKind::Nginx => (all("x-original-method"), all("x-original-uri")),
            _ => (all("x-forwarded-method"), all("x-forwarded-uri")),
        };
        assert_eq!((method, uri), (vec![read.method], vec![read.path]));
        assert_eq!(all("latchkey-scope"), Vec::from_iter(read.scope));
        let keys = [all("authorization"), all("x-api-key")].concat();
        assert!(
            keys.len() == 1 && keys.iter().all(|key| key.ends_with(read.key)),
            "{keys:?}"
        );
        let lines = all("x-forwarded-for").join(",");
        let mut hops: Vec<&str> = lines.split(',').collect();
        let peer = hops
            .pop()
            .and_then(|peer| peer.trim().parse::<IpAddr>().ok());
        let source = peer.map(|peer| naive::client(&hops, peer, |hop| self.proxies.contains(hop)));
        assert_eq!(source, Some(read.source), "{lines:?}");
        let source = read.source.to_string();
        if let Ok(call) = Call::parse(read.call(&source), &[]) {
            assert_eq!((call.source, call.scope), (read.source, read.scope));
            assert_eq!(call.method.code(), read.method);
        }
    }

    /// Headers of other kinds are a client's own words.
    fn not_read(&self) -> Vec<&'static str> {
        const FORWARDED: [&str; 2] = ["x-forwarded-method", "x-forwarded-uri"];
        const ORIGINAL: [&str; 2] = ["x-original-method", "x-original-uri"];
        let others: &[_] = match self.kind {
            GatewayKind::Nginx => &FORWARDED,
            GatewayKind::Envoy | GatewayKind::Api => &[FORWARDED[0], ORIGINAL[0]],
            _ => &ORIGINAL,
        };
        let common = [
            "x-real-ip",
            "forwarded",
            "cookie",
            "latchkey-key-id",
            "host",
        ];
        others.iter().copied().chain(common).collect()
    }
}

fn assert_same(
    one: &Result<Forwarded<'_>, Unclear>,
    other: &Result<Forwarded<'_>, Unclear>,
    why: &str,
) {
    let said = |read: &Result<Forwarded<'_>, Unclear>| {
        read.as_ref().map_err(|unclear| *unclear).map(|read| {
            (
                (
                    read.key.to_owned(),
                    read.method.to_owned(),
                    read.path.to_owned(),
                ),
                (read.scheme.to_owned(), read.source),
                (
                    read.service,
                    read.environment,
                    read.scope.map(str::to_owned),
                ),
            )
        })
    };
    assert_eq!(said(one), said(other), "{why}");
}
