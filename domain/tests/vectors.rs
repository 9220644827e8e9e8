//! The byte formats of `docs/protocol.md`, held to the committed files in `vectors/`. A change of a
//! format fails here first. `LATCHKEY_WRITE_VECTORS=1 cargo test -p domain --test vectors` writes
//! the files again.

#![cfg(test)]

#[path = "../src/test_rng.rs"]
mod test_rng;

use domain::act::{Act, ActStatement, DecisionDigests, Nonce};
use domain::assertion::AssertionKey;
use domain::base64url;
use domain::enc::{Enc, sha256};
use domain::id::{DeliveryId, MailId, PersonId, PersonLinkId};
use domain::keyring::{Keyring, RootKey, RowKey};
use domain::link::{InvitationCode, LinkSecret, PersonLinkSecret, delivery_link, person_link};
use domain::seal::{
    Addressee, DeviceKeys, Header, HostSigningKey, ReceiptStatement, Sealed, SecretKind, Suite,
    open, seal,
};
use domain::secret::Secret;
use domain::time::Timestamp;
use domain::token::{ApiKey, KeyPrefix};
use rand_core::Rng as _;
use serde_json::{Value, json};
use test_rng::TestRng;
use uuid::Uuid;

const ORIGIN: &str = "https://keys.example.com";
const CREDENTIAL: &[u8] = b"a raw credential id";

/// Compares with the committed file, or writes it.
fn hold(name: &str, computed: &Value) {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("LATCHKEY_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(computed).unwrap();
        std::fs::write(&path, format!("{text}\n")).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    let committed: Value = serde_json::from_str(&committed).unwrap();
    assert_eq!(computed, &committed, "{path}");
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// 0, 1, 2, … from `first`.
fn counting(first: u8) -> [u8; 32] {
    std::array::from_fn(|i| first + u8::try_from(i).unwrap())
}

fn device() -> DeviceKeys {
    DeviceKeys::derive(&Secret::new(counting(0)))
}

fn person() -> PersonId {
    PersonId::new(Uuid::from_u128(0x0bad_cafe))
}

fn link() -> LinkSecret {
    LinkSecret::new(Secret::new(counting(32)))
}

fn host() -> HostSigningKey {
    HostSigningKey::from_seed(&Secret::new(counting(64)))
}

fn key() -> ApiKey {
    let prefix = KeyPrefix::new("lk", "live").unwrap();
    ApiKey::mint(&prefix, &mut TestRng::new(1))
}

fn header() -> Header {
    Header {
        suite: Suite::X25519HkdfSha256Aes256Gcm,
        origin: ORIGIN.to_owned(),
        delivery: DeliveryId::new(Uuid::from_u128(0xde11_0e51)),
        recipient: person(),
        kind: SecretKind::ApiKey,
        service: "Zahlungen ⚡".to_owned(),
        environment: "production".to_owned(),
        kid: key().kid(),
        grant_digest: counting(96),
        delivery_expiry: Timestamp::from_micros(1_803_055_200_000_000),
        key_expiry: Timestamp::from_micros(1_811_000_000_000_000),
    }
}

const ENVELOPE_SEED: u64 = 2;

fn sealed() -> Sealed {
    let to = Addressee {
        credential_id: CREDENTIAL,
        sealing_key: &device().sealing_key(),
    };
    let rng = &mut TestRng::new(ENVELOPE_SEED);
    seal(key().expose(), to, &link(), &header(), &host(), rng).unwrap()
}

#[test]
fn assertion() {
    let key = AssertionKey::derive(&host());
    let claims = json!({
        "aud": "00000000-0000-0000-0000-000000000001",
        "exp": 1_803_055_260,
        "iat": 1_803_055_200,
        "iss": ORIGIN,
        "method": "GET",
        "path_sha256": base64url::encode(&sha256(b"/v2/shipments/1?page=2")),
    });
    let claims = claims.to_string();
    hold(
        "assertion",
        &json!({
            "host seed": hex(host().seed().expose()),
            "x": key.public(),
            "kid": key.id(),
            "target": "/v2/shipments/1?page=2",
            "claims": claims,
            "assertion": key.sign(claims.as_bytes()),
        }),
    );
}

#[test]
fn encoding() {
    let all = Enc::new("latchkey/example/v1")
        .bytes([0, 255])
        .text("Zürich")
        .uuid(Uuid::from_u128(1))
        .u64(258)
        .time(Timestamp::from_micros(-1))
        .bool(true)
        .option(None::<&str>)
        .option(Some("x"))
        .set(["b", "a", "b"]);
    hold(
        "enc",
        &json!({
            "fields": {
                "tag": "latchkey/example/v1", "bytes": "00ff", "text": "Zürich",
                "uuid": Uuid::from_u128(1), "u64": 258, "time": -1, "bool": true,
                "option": [null, "x"], "set": ["b", "a", "b"],
            },
            "encoded": hex(all.clone().finish()),
            "sha256": hex(all.sha256()),
        }),
    );
}

#[test]
fn acts() {
    let statement = |act| ActStatement {
        nonce: Nonce::new(counting(0)),
        act,
        origin: ORIGIN.to_owned(),
        actor: person(),
        subject: Uuid::from_u128(7),
        stamp: 3,
        parameters: Vec::new(),
    };
    let digests = DecisionDigests {
        revision: sha256(b"revision"),
        grant: sha256(b"grant"),
        policy: sha256(b"policy"),
        recipient: sha256(b"recipient"),
    };
    let statements = [
        statement(Act::Claim),
        statement(Act::Decide)
            .with("scope", "payments:read")
            .with_decision("approve", &digests),
        statement(Act::Enrol).with_device(&device().sealing_key(), &device().verifying_key()),
    ];
    let vectors: Vec<Value> = statements
        .iter()
        .map(|statement| json!({"statement": statement, "challenge": hex(statement.challenge())}))
        .collect();
    let names: Vec<_> = Act::ALL.iter().map(|act| act.as_str()).collect();
    hold("act", &json!({"acts": names, "statements": vectors}));
}

#[test]
fn device_keys() {
    hold(
        "device",
        &json!({
            "prf": hex(counting(0)),
            "sealing_key": hex(device().sealing_key().as_bytes()),
            "verifying_key": hex(device().verifying_key().as_bytes()),
            "enrolment": {
                "person": person(),
                "credential_id": hex(CREDENTIAL),
                "signature": hex(device().enrol(person(), CREDENTIAL).as_bytes()),
            },
        }),
    );
}

#[test]
fn headers() {
    let header = header();
    hold(
        "header",
        &json!({
            "suite": hex(header.suite.id()),
            "origin": header.origin,
            "delivery": header.delivery,
            "recipient": header.recipient,
            "kind": header.kind.to_string(),
            "service": header.service,
            "environment": header.environment,
            "kid": header.kid,
            "grant_digest": hex(header.grant_digest),
            "delivery_expiry": header.delivery_expiry,
            "key_expiry": header.key_expiry,
            "encoded": hex(header.encode()),
            "sha256": hex(header.digest()),
        }),
    );
}

#[test]
fn envelopes() {
    let sealed = sealed();
    let envelope = &sealed.envelope;
    let opened = open(&device(), &link(), &header(), envelope, &host().public()).unwrap();
    let mut ephemeral = [0; 32];
    TestRng::new(ENVELOPE_SEED).fill_bytes(&mut ephemeral);
    hold(
        "envelope",
        &json!({
            "prf": hex(counting(0)),
            "link_secret": hex(link().expose()),
            "host_seed": hex(counting(64)),
            "host_public": hex(host().public().as_bytes()),
            "header": hex(header().encode()),
            "credential_id": hex(CREDENTIAL),
            "secret": text(key().expose()),
            "ephemeral_ikm": hex(ephemeral),
            "enc": hex(envelope.enc),
            "ciphertext": hex(&envelope.ciphertext),
            "signature": hex(envelope.signature.as_bytes()),
            "envelope": hex(envelope.to_bytes()),
            "opened": hex(opened.opened.expose()),
            "opened_sha256": hex(sealed.opened_digest),
        }),
    );
}

#[test]
fn receipts() {
    let sealed = sealed();
    let envelope = &sealed.envelope;
    let opened = open(&device(), &link(), &header(), envelope, &host().public()).unwrap();
    let statement = ReceiptStatement::of(&header(), envelope);
    let signature = statement.sign(&opened.opened, &device());
    hold(
        "receipt",
        &json!({
            "prf": hex(counting(0)),
            "delivery": statement.delivery,
            "kid": statement.kid,
            "credential_id": hex(&statement.credential_id),
            "header_sha256": hex(statement.header),
            "ciphertext_sha256": hex(statement.ciphertext),
            "opened": hex(opened.opened.expose()),
            "signature": hex(signature.as_bytes()),
        }),
    );
}

#[test]
fn links() {
    let person_secret = PersonLinkSecret::new(Secret::new(counting(128)));
    let person_link_id = PersonLinkId::new(Uuid::from_u128(9));
    let code: InvitationCode = "ABCD-2345".parse().unwrap();
    let row_key = RowKey::new(Secret::new(counting(160)));
    let token = link().claim_token();
    hold(
        "link",
        &json!({
            "link_secret": hex(link().expose()),
            "delivery_link": *delivery_link(ORIGIN, header().delivery, &link()),
            "claim_token": base64url::encode(token.expose()),
            "claim_token_sha256": hex(token.digest()),
            "person_link_secret": hex(person_secret.expose()),
            "person_link": *person_link(ORIGIN, person_link_id, &person_secret),
            "person_link_sha256": hex(person_secret.digest()),
            "row_key": hex(counting(160)),
            "code": *code.expose_text(),
            "code_mac": hex(code.mac(&row_key, person_link_id)),
        }),
    );
}

#[test]
fn tokens() {
    let pepper = Secret::new(counting(192));
    // The second and third have a checksum with one and with two leading zeros.
    let vectors: Vec<Value> = [
        text(key().expose()),
        "lk_live_00000006SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS01f2Pj",
        "lk_live_00000068SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS00mrb2",
    ]
    .into_iter()
    .map(|text| {
        let key = ApiKey::parse(text).unwrap();
        json!({"key": text, "kid": key.kid(), "mac": hex(key.mac(&pepper))})
    })
    .collect();
    hold(
        "token",
        &json!({"pepper": hex(counting(192)), "keys": vectors}),
    );
}

#[test]
fn keyrings() {
    let root = RootKey::new(Secret::new(counting(0)));
    let keyring = Keyring::generate(&mut TestRng::new(3));
    let wrapped = keyring.wrap(&root, 1, &mut TestRng::new(4)).unwrap();
    let mail = MailId::new(Uuid::from_u128(5));
    let address = "ada@example.com";
    let sealed = keyring
        .outbox_key
        .seal_value(mail, address, b"a value", &mut TestRng::new(5))
        .unwrap();
    let row = RowKey::row("person", Uuid::from_u128(1), 2)
        .text("Ada")
        .finish();
    let wrapped: Vec<Value> = wrapped
        .iter()
        .map(|key| {
            let name = key.name.to_string();
            json!({"name": name, "version": key.version, "bytes": hex(&key.bytes)})
        })
        .collect();
    hold(
        "keyring",
        &json!({
            "root_key": *root.expose_text(),
            "pepper": hex(keyring.pepper.expose()),
            "host_public": hex(keyring.host_signing_key.public().as_bytes()),
            "wrapped": wrapped,
            "outbox": {
                "mail": mail, "address": address, "value": "a value", "sealed": hex(sealed),
            },
            "row": {
                "table": "person", "id": Uuid::from_u128(1), "stamp": 2, "fields": ["Ada"],
                "encoded": hex(&row), "mac": hex(keyring.row_key.mac(&row)),
            },
        }),
    );
}
