//! The envelope against an independent HPKE implementation, in both directions. The other side,
//! `tests/interop/`, also writes every encoding of `docs/protocol.md` again by itself.

#![cfg(test)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use domain::act::{Act, ActStatement, Nonce};
use domain::base64url;
use domain::enc::sha256;
use domain::id::{DeliveryId, PersonId};
use domain::link::{ClaimToken, LinkSecret};
use domain::seal::{
    Addressee, CannotOpen, DeviceKeys, Envelope, Header, HostSigningKey, ReceiptStatement,
    SecretKind, Signature, Suite, device, open, seal,
};
use domain::secret::Secret;
use domain::time::Timestamp;
use domain::token::{ApiKey, KeyPrefix};
use getrandom::SysRng;
use rand_core::UnwrapErr;

use serde_json::{Value, json};

const CREDENTIAL: &[u8] = b"a raw credential id";

struct Delivery {
    prf: Secret<32>,
    link: LinkSecret,
    host_seed: Secret<32>,
    key: ApiKey,
    header: Header,
}

impl Delivery {
    fn random() -> Self {
        let rng = &mut UnwrapErr(SysRng);
        let key = ApiKey::mint(&KeyPrefix::new("lk", "live").unwrap(), rng);
        let header = Header {
            suite: Suite::X25519HkdfSha256Aes256Gcm,
            origin: "https://keys.example.com".to_owned(),
            delivery: DeliveryId::random(rng),
            recipient: PersonId::random(rng),
            kind: SecretKind::ApiKey,
            service: "Zahlungen ⚡".to_owned(),
            environment: "production".to_owned(),
            kid: key.kid(),
            grant_digest: sha256(b"a grant"),
            delivery_expiry: Timestamp::from_micros(1_803_055_200_000_000),
            key_expiry: Timestamp::from_micros(1_811_000_000_000_000),
        };
        Self {
            prf: Secret::random(rng),
            link: LinkSecret::random(rng),
            host_seed: Secret::random(rng),
            key,
            header,
        }
    }

    fn device(&self) -> DeviceKeys {
        DeviceKeys::derive(&self.prf)
    }

    fn host(&self) -> HostSigningKey {
        HostSigningKey::from_seed(&self.host_seed)
    }

    fn secret(&self) -> &str {
        std::str::from_utf8(self.key.expose()).unwrap()
    }

    fn header_json(&self) -> Value {
        let header = &self.header;
        json!({
            "origin": header.origin, "delivery": header.delivery, "recipient": header.recipient,
            "kind": header.kind.to_string(), "service": header.service,
            "environment": header.environment, "kid": header.kid,
            "grant_digest": base64url::encode(&header.grant_digest),
            "delivery_expiry": header.delivery_expiry, "key_expiry": header.key_expiry,
        })
    }
}

fn claim(delivery: &Delivery) -> ActStatement {
    ActStatement {
        nonce: Nonce::random(&mut UnwrapErr(SysRng)),
        act: Act::Claim,
        origin: delivery.header.origin.clone(),
        actor: delivery.header.recipient,
        subject: delivery.header.delivery.uuid(),
        stamp: 7,
        parameters: Vec::new(),
    }
    .with("service", delivery.header.service.clone())
    .with("environment", delivery.header.environment.clone())
}

/// Asks the other implementation.
fn node(request: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    assert!(
        folder.join("node_modules/@hpke/core").is_dir(),
        "the npm packages of tests/interop are missing: run `cargo xtask setup` first"
    );
    let mut child = Command::new("node")
        .arg("interop.mjs")
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is missing: run `cargo xtask setup` first");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the other side refused");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn bytes(answer: &Value, field: &str) -> Vec<u8> {
    base64url::decode(answer[field].as_str().unwrap()).unwrap()
}

#[test]
fn another_implementation_opens_what_we_seal() {
    let delivery = Delivery::random();
    let (device, host) = (delivery.device(), delivery.host());
    let to = Addressee {
        credential_id: CREDENTIAL,
        sealing_key: &device.sealing_key(),
    };
    let rng = &mut UnwrapErr(SysRng);
    let (secret, link) = (delivery.key.expose(), &delivery.link);
    let sealed = seal(secret, to, link, &delivery.header, &host, rng).unwrap();
    let act = claim(&delivery);
    let answer = node(&json!({"open": {
        "prf": base64url::encode(delivery.prf.expose()),
        "link": *link.expose_text(),
        "host_public": host.public(),
        "header": delivery.header_json(),
        "envelope": sealed.envelope,
        "act": act,
    }}));

    assert_eq!(answer["secret"], delivery.secret());
    assert_eq!(bytes(&answer, "header"), delivery.header.encode());
    assert_eq!(sha256(&bytes(&answer, "opened")), sealed.opened_digest);
    assert_eq!(bytes(&answer, "challenge"), act.challenge());
    let token: ClaimToken = answer["claim_token"].as_str().unwrap().parse().unwrap();
    assert_eq!(token, link.claim_token());

    let sealing = answer["sealing_key"].as_str().unwrap().parse().unwrap();
    let verifying = answer["verifying_key"].as_str().unwrap().parse().unwrap();
    assert_eq!(sealing, device.sealing_key());
    let enrolment: Signature = answer["enrolment"].as_str().unwrap().parse().unwrap();
    let person = delivery.header.recipient;
    device::verify_enrolment(person, CREDENTIAL, &sealing, &verifying, &enrolment).unwrap();

    let receipt: Signature = answer["receipt"].as_str().unwrap().parse().unwrap();
    let opened = Secret::try_from(bytes(&answer, "opened").as_slice()).unwrap();
    ReceiptStatement::of(&delivery.header, &sealed.envelope)
        .verify(&opened, &sealed.opened_digest, &verifying, &receipt)
        .unwrap();
}

#[test]
fn we_open_what_another_implementation_seals() {
    let delivery = Delivery::random();
    let answer = node(&json!({"seal": {
        "secret": delivery.secret(),
        "sealing_key": delivery.device().sealing_key(),
        "credential_id": base64url::encode(CREDENTIAL),
        "link": *delivery.link.expose_text(),
        "host_seed": base64url::encode(delivery.host_seed.expose()),
        "header": delivery.header_json(),
    }}));
    let header = Header::parse(&bytes(&answer, "header")).unwrap();
    assert_eq!(header, delivery.header);
    let envelope: Envelope = serde_json::from_value(answer["envelope"].clone()).unwrap();
    assert_eq!(envelope.credential_id, CREDENTIAL);

    let host = delivery.host().public();
    let opened = open(
        &delivery.device(),
        &delivery.link,
        &header,
        &envelope,
        &host,
    )
    .unwrap();
    assert_eq!(*opened.secret, delivery.key.expose());
    assert_eq!(opened.opened.expose().to_vec(), bytes(&answer, "opened"));

    let other = LinkSecret::random(&mut UnwrapErr(SysRng));
    let refused = open(&delivery.device(), &other, &header, &envelope, &host).unwrap_err();
    assert_eq!(refused, CannotOpen::WrongLink);
}
