use super::*;
use domain::seal::{Addressee, HostSigningKey, SecretKind, Suite, seal};
use domain::time::Timestamp;
use rand_core::{Infallible, TryCryptoRng, TryRng};

const ORIGIN: &str = "https://keys.example.com";
const KEY: &str = "lk_live_7Fq2mZ0a";
const RAW_ID: &[u8] = b"credential";

/// Counts; what it is used for here needs no unpredictability.
struct Counter(u8);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

fn delivery(last: u8) -> DeliveryId {
    format!("6a8cd5f0-5a4c-4d1e-8f00-0f2c1b9b6a{last:02x}")
        .parse()
        .unwrap()
}

fn link(byte: u8) -> LinkSecret {
    LinkSecret::new(Secret::new([byte; 32]))
}

fn device(byte: u8) -> DeviceKeys {
    DeviceKeys::derive(&Secret::new([byte; 32]))
}

fn header() -> Header {
    Header {
        suite: Suite::X25519HkdfSha256Aes256Gcm,
        origin: ORIGIN.to_owned(),
        delivery: delivery(1),
        recipient: "6a8cd5f0-5a4c-4d1e-8f00-0f2c1b9b6aff".parse().unwrap(),
        kind: SecretKind::ApiKey,
        service: "Shipments API".to_owned(),
        environment: "production".to_owned(),
        kid: "7Fq2mZ0a".parse().unwrap(),
        grant_digest: [5; 32],
        delivery_expiry: Timestamp::from_micros(0),
        key_expiry: Timestamp::from_micros(0),
    }
}

/// The answer to a claim, as the server would give it, with the secret sealed to `device(1)`.
fn claimed(host: &HostSigningKey, secret: &[u8]) -> Claimed {
    let sealing_key = device(1).sealing_key();
    let to = Addressee {
        credential_id: RAW_ID,
        sealing_key: &sealing_key,
    };
    let sealed = seal(secret, to, &link(2), &header(), host, &mut Counter(0)).unwrap();
    let json = serde_json::json!({
        "header": base64url::encode(&header().encode()),
        "envelope": sealed.envelope.to_string(),
        "host_key": HostSigningKey::from_seed(&Secret::new([3; 32])).public().to_string(),
        "details": {
            "partner": "Quill Analytics", "service": "Shipments API", "environment": "production",
            "base_url": "https://api.example.com", "scopes": [], "rate_per_second": 1,
            "networks": [], "further": [], "variable": "SHIPMENTS_KEY", "example_method": "GET", "example_path": "/",
        },
        "lease_until": "2026-11-22T00:10:00Z",
        "again": false,
    });
    serde_json::from_str(&json.to_string()).unwrap()
}

fn host(byte: u8) -> HostSigningKey {
    HostSigningKey::from_seed(&Secret::new([byte; 32]))
}

fn place() -> Place {
    Place {
        origin: ORIGIN.to_owned(),
        delivery: delivery(1),
    }
}

fn opened() -> Opened {
    let claimed = claimed(&host(3), KEY.as_bytes());
    unseal(claimed, &place(), &link(2), &device(1), RAW_ID).unwrap()
}

fn refused(outcome: Result<Opened, CannotShow>) -> CannotShow {
    outcome.map(|_| ()).unwrap_err()
}

#[test]
fn the_right_link_and_passkey_open_the_key() {
    assert_eq!(*opened().key, KEY);
}

#[test]
fn the_receipt_is_one_that_the_server_accepts() {
    let opened = opened();
    let claimed = claimed(&host(3), KEY.as_bytes());
    let digest = domain::enc::sha256(opened.receipt.opened.expose());
    let accepted = ReceiptStatement::of(&header(), &claimed.envelope).verify(
        &opened.receipt.opened,
        &digest,
        &device(1).verifying_key(),
        &opened.receipt.signature,
    );
    assert_eq!(accepted, Ok(()));
    let body = serde_json::to_value(opened.receipt()).unwrap();
    assert_eq!(body["credential_id"], base64url::encode(RAW_ID));
    assert_eq!(
        body["opened"],
        base64url::encode(opened.receipt.opened.expose())
    );
    assert_eq!(body.as_object().unwrap().len(), 3);
}

#[test]
fn a_header_of_another_origin_or_delivery_is_not_opened() {
    let elsewhere = Place {
        origin: "https://keys.example.org".to_owned(),
        ..place()
    };
    let another = Place {
        delivery: delivery(9),
        ..place()
    };
    for place in [elsewhere, another] {
        let claimed = claimed(&host(3), KEY.as_bytes());
        let outcome = unseal(claimed, &place, &link(2), &device(1), RAW_ID);
        assert_eq!(refused(outcome), CannotShow::NotGenuine);
    }
}

#[test]
fn an_envelope_for_another_passkey_is_not_opened() {
    let answer = claimed(&host(3), KEY.as_bytes());
    let outcome = unseal(answer, &place(), &link(2), &device(1), b"other");
    assert_eq!(refused(outcome), CannotShow::NotGenuine);
    let answer = claimed(&host(3), KEY.as_bytes());
    let outcome = unseal(answer, &place(), &link(2), &device(4), RAW_ID);
    assert_eq!(refused(outcome), CannotShow::NotGenuine);
}

#[test]
fn an_envelope_of_another_host_is_not_opened() {
    let answer = claimed(&host(4), KEY.as_bytes());
    let outcome = unseal(answer, &place(), &link(2), &device(1), RAW_ID);
    assert_eq!(refused(outcome), CannotShow::NotGenuine);
}

#[test]
fn another_links_secret_opens_nothing() {
    let answer = claimed(&host(3), KEY.as_bytes());
    let outcome = unseal(answer, &place(), &link(9), &device(1), RAW_ID);
    assert_eq!(refused(outcome), CannotShow::WrongLink);
}

#[test]
fn a_secret_that_is_no_text_is_not_shown() {
    let answer = claimed(&host(3), &[0xff]);
    let outcome = unseal(answer, &place(), &link(2), &device(1), RAW_ID);
    assert_eq!(refused(outcome), CannotShow::Contents);
}

#[test]
fn what_was_opened_has_no_debug_that_could_show_it() {
    let body = format!("{:?}", opened().receipt.opened);
    assert_eq!(body, "Secret(…)");
}
