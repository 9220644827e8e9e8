use super::*;
use crate::id::{DeliveryId, PersonId};
use crate::seal::header::tests::header;
use crate::test_rng::TestRng;
use uuid::Uuid;

const SECRET: &[u8] = b"lk_live_0aZ9bY8c";
const CREDENTIAL: &[u8] = b"credential";

struct Case {
    device: DeviceKeys,
    link: LinkSecret,
    header: Header,
    host: HostSigningKey,
    sealed: Sealed,
}

impl Case {
    fn new() -> Self {
        let device = DeviceKeys::derive(&Secret::new([1; 32]));
        let link = LinkSecret::new(Secret::new([2; 32]));
        let host = HostSigningKey::from_seed(&Secret::new([3; 32]));
        let to = Addressee {
            credential_id: CREDENTIAL,
            sealing_key: &device.sealing_key(),
        };
        let sealed = seal(SECRET, to, &link, &header(), &host, &mut TestRng::new(4)).unwrap();
        Self {
            device,
            link,
            header: header(),
            host,
            sealed,
        }
    }

    /// Signs the envelope again after it was altered, so that the layers below are reached.
    fn signed_again(mut self) -> Self {
        let envelope = &mut self.sealed.envelope;
        let to = Addressee {
            credential_id: &envelope.credential_id,
            sealing_key: &self.device.sealing_key(),
        };
        let signed = statement(
            self.header.digest(),
            to,
            &envelope.enc,
            &envelope.ciphertext,
        );
        envelope.signature = self.host.sign(&signed);
        self
    }

    fn open(&self) -> Result<OpenedSecret, CannotOpen> {
        open(
            &self.device,
            &self.link,
            &self.header,
            &self.sealed.envelope,
            &self.host.public(),
        )
    }

    fn refusal(&self) -> CannotOpen {
        self.open().unwrap_err()
    }
}

#[test]
fn the_right_device_and_link_open_it() {
    let case = Case::new();
    let opened = case.open().unwrap();
    assert_eq!(*opened.secret, SECRET);
    assert_eq!(sha256(opened.opened.expose()), case.sealed.opened_digest);
}

#[test]
fn the_bytes_and_the_text_come_back() {
    let envelope = Case::new().sealed.envelope;
    assert_eq!(Envelope::parse(&envelope.to_bytes()), Ok(envelope.clone()));
    let json = serde_json::to_string(&envelope).unwrap();
    assert_eq!(serde_json::from_str::<Envelope>(&json).unwrap(), envelope);
}

#[test]
fn two_seals_of_one_secret_differ() {
    let case = Case::new();
    let to = Addressee {
        credential_id: CREDENTIAL,
        sealing_key: &case.device.sealing_key(),
    };
    let rng = &mut TestRng::new(5);
    let again = seal(SECRET, to, &case.link, &case.header, &case.host, rng).unwrap();
    assert_ne!(again.envelope.ciphertext, case.sealed.envelope.ciphertext);
    assert_ne!(again.opened_digest, case.sealed.opened_digest);
}

#[test]
fn another_link_is_refused() {
    let mut case = Case::new();
    case.link = LinkSecret::new(Secret::new([9; 32]));
    assert_eq!(case.refusal(), CannotOpen::WrongLink);
}

#[test]
fn another_device_is_refused() {
    let mut case = Case::new();
    case.device = DeviceKeys::derive(&Secret::new([9; 32]));
    assert_eq!(case.refusal(), CannotOpen::NotGenuine);
}

#[test]
fn another_device_is_refused_even_with_the_hosts_signature() {
    let mut case = Case::new();
    case.device = DeviceKeys::derive(&Secret::new([9; 32]));
    assert_eq!(case.signed_again().refusal(), CannotOpen::WrongLink);
}

#[test]
fn another_host_key_is_refused() {
    let mut case = Case::new();
    case.host = HostSigningKey::from_seed(&Secret::new([9; 32]));
    assert_eq!(case.refusal(), CannotOpen::NotGenuine);
}

#[test]
fn another_recipient_is_refused() {
    let mut case = Case::new();
    case.header.recipient = PersonId::new(Uuid::from_u128(9));
    assert_eq!(case.refusal(), CannotOpen::NotGenuine);
}

#[test]
fn an_altered_header_is_refused_by_the_associated_data_too() {
    let mut case = Case::new();
    case.header.service = "Refunds".to_owned();
    assert_eq!(case.refusal(), CannotOpen::NotGenuine);
    assert_eq!(case.signed_again().refusal(), CannotOpen::WrongLink);
}

#[test]
fn another_deliverys_id_is_refused_by_the_pre_shared_key_too() {
    let mut case = Case::new();
    case.header.delivery = DeliveryId::new(Uuid::from_u128(9));
    assert_eq!(case.refusal(), CannotOpen::NotGenuine);
    assert_eq!(case.signed_again().refusal(), CannotOpen::WrongLink);
}

#[test]
fn another_credential_id_is_refused() {
    let mut case = Case::new();
    case.sealed.envelope.credential_id = b"other".to_vec();
    assert_eq!(case.refusal(), CannotOpen::NotGenuine);
}

#[test]
fn an_all_zero_shared_secret_is_refused() {
    let mut case = Case::new();
    case.sealed.envelope.enc = [0; 32];
    assert_eq!(case.signed_again().refusal(), CannotOpen::NotGenuine);
}

#[test]
fn an_altered_ciphertext_is_refused_below_the_signature_too() {
    let mut case = Case::new();
    case.sealed.envelope.ciphertext[0] ^= 1;
    assert_eq!(case.refusal(), CannotOpen::NotGenuine);
    assert_eq!(case.signed_again().refusal(), CannotOpen::WrongLink);
}

#[test]
fn a_ciphertext_without_room_for_a_tag_is_refused() {
    let mut case = Case::new();
    case.sealed.envelope.ciphertext.truncate(15);
    assert_eq!(case.signed_again().refusal(), CannotOpen::WrongLink);
}

#[test]
fn every_flipped_bit_is_refused() {
    let mut case = Case::new();
    let bytes = case.sealed.envelope.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(envelope) = Envelope::parse(&flipped) else {
            continue;
        };
        case.sealed.envelope = envelope;
        assert_eq!(case.refusal(), CannotOpen::NotGenuine, "bit {bit}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = Case::new().sealed.envelope.to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(Envelope::parse(&bytes[..length]), Err(Malformed));
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let mut bytes = Case::new().sealed.envelope.to_bytes();
    bytes.push(0);
    assert_eq!(Envelope::parse(&bytes), Err(Malformed));
}

#[test]
fn another_suite_is_refused() {
    let mut bytes = Case::new().sealed.envelope.to_bytes();
    assert_eq!(&bytes[..10], &[0, 0, 0, 6, 0, 0x20, 0, 1, 0, 2]);
    bytes[9] = 3;
    assert_eq!(Envelope::parse(&bytes), Err(Malformed));
}

#[test]
fn a_ciphertext_tells_the_number_of_blocks_and_no_more() {
    let length = |secret: &[u8]| pad(secret).unwrap().len();
    assert_eq!(length(b""), 256);
    assert_eq!(length(&[7; 252]), 256);
    assert_eq!(length(&[7; 253]), 512);
}

#[test]
fn padding_comes_off_again() {
    for length in [0, 1, 251, 252, 253, 508, 509] {
        let secret = vec![7; length];
        assert_eq!(*unpad(&pad(&secret).unwrap()).unwrap(), secret);
    }
}

#[test]
fn padding_that_is_not_zero_is_refused() {
    let mut padded = pad(SECRET).unwrap();
    padded[255] = 1;
    assert!(unpad(&padded).is_none());
}

#[test]
fn padding_by_more_than_a_block_is_refused() {
    let mut padded = pad(SECRET).unwrap();
    padded.resize(512, 0);
    assert!(unpad(&padded).is_none());
}

#[test]
fn padding_to_another_length_is_refused() {
    let padded = pad(SECRET).unwrap();
    assert!(unpad(&padded[..255]).is_none());
    assert!(unpad(&padded[..3]).is_none());
    assert!(unpad(&[]).is_none());
}

#[test]
fn a_length_past_the_end_is_refused() {
    let mut padded = pad(SECRET).unwrap();
    padded[..4].copy_from_slice(&253_u32.to_be_bytes());
    assert!(unpad(&padded).is_none());
    padded[..4].copy_from_slice(&[0xff; 4]);
    assert!(unpad(&padded).is_none());
}

#[test]
fn an_opened_secret_shows_nothing() {
    let opened = Case::new().open().unwrap();
    assert_eq!(format!("{opened:?}"), "OpenedSecret(…)");
}
