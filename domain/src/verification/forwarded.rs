//! A call as a gateway forwards it: in the headers of its own request (`docs/gateways.md`,
//! "`ANY /v1/forward-auth`").

use core::net::IpAddr;
use core::str::FromStr;
use std::borrow::Cow;

use super::RawCall;
use crate::id::{EnvironmentId, ServiceId};
use crate::network::{Networks, client_address};
use crate::state::GatewayKind;

/// Where gateways ask. Envoy asks under it, with the call's own path behind it.
pub const FORWARD_AUTH: &str = "/v1/forward-auth";

/// By which a backend behind the gateway may take another method or path than the one asked about.
pub const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-override-url",
];

/// A gateway's request, as it came.
#[derive(Clone, Debug)]
pub struct Forwarding<'a, Headers> {
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Each header with its value, names in lower case.
    pub headers: Headers,
}

/// The call that it describes.
#[derive(Clone)]
pub struct Forwarded<'a> {
    pub key: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub scheme: &'a str,
    pub source: IpAddr,
    pub service: Option<ServiceId>,
    pub environment: Option<EnvironmentId>,
    pub scope: Option<&'a str>,
}

/// Why there is nothing to decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclear {
    NoKey,
    /// The client's doing: two keys, a method override, bytes that are no text.
    Call,
    /// The gateway's configuration: what its kind must send is missing, or there twice.
    Gateway(&'static str),
}

impl<'a> Forwarded<'a> {
    /// Reads the headers that a gateway of this kind sends, and no others.
    pub fn read(
        kind: GatewayKind,
        proxies: &Networks,
        asked: Forwarding<'a, impl Iterator<Item = (&'a str, &'a [u8])>>,
    ) -> Result<Self, Unclear> {
        let read = Fields::read(kind, asked.headers)?;
        let (method, path) = match kind {
            GatewayKind::Envoy => {
                let path = asked.target.strip_prefix(FORWARD_AUTH);
                (asked.method, path.ok_or(Unclear::Call)?)
            }
            _ => described(kind, asked.target, &read)?,
        };
        Ok(Self {
            method,
            path,
            scheme: read.scheme.required()?,
            source: source(&read.forwarded_for, proxies)?,
            service: id(read.service)?,
            environment: id(read.environment)?,
            scope: read.scope.optional()?,
            key: key(read.authorization, read.api_key)?,
        })
    }

    /// As it is decided on; `source_ip` is [`Forwarded::source`] in text.
    pub const fn call<'b>(&'b self, source_ip: &'b str) -> RawCall<'b> {
        RawCall {
            method: self.method,
            path: self.path,
            source_ip,
            scheme: self.scheme,
            scope: self.scope,
        }
    }
}

fn described<'a>(
    kind: GatewayKind,
    target: &str,
    read: &Fields<'a>,
) -> Result<(&'a str, &'a str), Unclear> {
    if kind == GatewayKind::Api {
        return Err(Unclear::Gateway(
            "a gateway of kind api posts to /v1/verify",
        ));
    }
    // A query is the call's own, which Caddy leaves there; it is no option of ours.
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    if path != FORWARD_AUTH {
        return Err(Unclear::Gateway(
            "this kind of gateway asks at /v1/forward-auth, with nothing behind it",
        ));
    }
    Ok((read.method.required()?, read.uri.required()?))
}

/// What is read, gathered in one pass.
#[derive(Default)]
struct Fields<'a> {
    authorization: Field<'a>,
    api_key: Field<'a>,
    method: Field<'a>,
    uri: Field<'a>,
    scheme: Field<'a>,
    forwarded_for: Vec<&'a [u8]>,
    service: Field<'a>,
    environment: Field<'a>,
    scope: Field<'a>,
}

impl<'a> Fields<'a> {
    fn read(
        kind: GatewayKind,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, Unclear> {
        let (method, uri) = match kind {
            GatewayKind::Nginx => ("x-original-method", "x-original-uri"),
            _ => ("x-forwarded-method", "x-forwarded-uri"),
        };
        let mut read = Self::default();
        for (name, value) in headers {
            match name {
                "authorization" => read.authorization.take(value),
                "x-api-key" => read.api_key.take(value),
                "x-forwarded-proto" => read.scheme.take(value),
                "x-forwarded-for" => read.forwarded_for.push(value),
                "latchkey-service" => read.service.take(value),
                "latchkey-environment" => read.environment.take(value),
                "latchkey-scope" => read.scope.take(value),
                name if name == method => read.method.take(value),
                name if name == uri => read.uri.take(value),
                name if is_override(name) => return Err(Unclear::Call),
                _ => {}
            }
        }
        Ok(read)
    }
}

/// One header.
#[derive(Clone, Copy, Default)]
enum Field<'a> {
    #[default]
    Absent,
    Once(&'a str),
    /// It came twice, or is no text.
    Unclear,
}

impl<'a> Field<'a> {
    fn take(&mut self, value: &'a [u8]) {
        *self = match (*self, text(value)) {
            (Self::Absent, Some(text)) => Self::Once(text),
            _ => Self::Unclear,
        };
    }

    const fn optional(self) -> Result<Option<&'a str>, Unclear> {
        match self {
            Self::Absent => Ok(None),
            Self::Once(value) => Ok(Some(value)),
            Self::Unclear => Err(Unclear::Gateway(
                "a header that describes the call came twice, or is no text",
            )),
        }
    }

    fn required(self) -> Result<&'a str, Unclear> {
        self.optional()?.ok_or(Unclear::Gateway(
            "a header that its kind must send is missing",
        ))
    }
}

/// Visible ASCII with spaces and tabs.
fn text(value: &[u8]) -> Option<&str> {
    let visible = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e);
    value
        .iter()
        .all(visible)
        .then(|| core::str::from_utf8(value).ok())
        .flatten()
}

/// Many backends (CGI, WSGI, Rack) read an underscore in a header's name as a hyphen.
fn is_override(name: &str) -> bool {
    let reads_as = |known: &str| {
        name.len() == known.len()
            && name
                .bytes()
                .zip(known.bytes())
                .all(|(ours, theirs)| ours == theirs || (ours == b'_' && theirs == b'-'))
    };
    OVERRIDES.iter().any(|known| reads_as(known))
}

/// The gateway's last entry is who connected to it; what stands before counts only as far as its
/// registered proxies wrote it.
fn source(lines: &[&[u8]], proxies: &Networks) -> Result<IpAddr, Unclear> {
    const MISSING: Unclear = Unclear::Gateway("X-Forwarded-For is missing, or is no address");
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| text(line).ok_or(Unclear::Call))
        .collect::<Result<_, _>>()?;
    let forwarded = match lines.as_slice() {
        [line] => Cow::Borrowed(*line),
        lines => Cow::Owned(lines.join(",")),
    };
    let (before, peer) = forwarded.rsplit_once(',').unwrap_or(("", &forwarded));
    let peer: IpAddr = peer.trim().parse().map_err(|_| MISSING)?;
    Ok(client_address(before, peer, proxies))
}

/// `Authorization: Bearer` or `X-Api-Key`; never both, which two readers could take differently.
fn key<'a>(authorization: Field<'a>, api_key: Field<'a>) -> Result<&'a str, Unclear> {
    let bearer = match authorization {
        Field::Absent => None,
        Field::Unclear => return Err(Unclear::Call),
        Field::Once(value) => match value.split_once(' ') {
            // The scheme's case does not matter (RFC 9110, section 11.1).
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Some(key.trim()),
            _ => return Err(Unclear::NoKey),
        },
    };
    match (bearer, api_key) {
        (Some(key), Field::Absent) | (None, Field::Once(key)) => Ok(key),
        (None, Field::Absent) => Err(Unclear::NoKey),
        _ => Err(Unclear::Call),
    }
}

fn id<T: FromStr>(field: Field<'_>) -> Result<Option<T>, Unclear> {
    let parse = |value: &str| {
        value
            .parse()
            .map_err(|_| Unclear::Gateway("a service or environment is no id"))
    };
    field.optional()?.map(parse).transpose()
}
