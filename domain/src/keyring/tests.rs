use uuid::Uuid;

use super::*;
use crate::test_rng::TestRng;

fn rng() -> TestRng {
    TestRng::new(1)
}

fn root(byte: u8) -> RootKey {
    RootKey::new(Secret::new([byte; 32]))
}

fn wrapped() -> Vec<WrappedKey> {
    let keyring = Keyring::generate(&mut rng());
    keyring.wrap(&root(1), 1, &mut TestRng::new(2)).unwrap()
}

#[test]
fn the_keyring_comes_back() {
    let keyring = Keyring::generate(&mut rng());
    let back = Keyring::unwrap(&root(1), &wrapped()).unwrap();
    for name in KeyName::ALL {
        assert_eq!(keyring.named(name), back.named(name));
    }
    assert_eq!(
        keyring.host_signing_key.public(),
        back.host_signing_key.public()
    );
}

#[test]
fn the_keys_of_a_keyring_differ() {
    let keyring = Keyring::generate(&mut rng());
    for (at, name) in KeyName::ALL.into_iter().enumerate() {
        for other in &KeyName::ALL[..at] {
            assert_ne!(keyring.named(name), keyring.named(*other));
        }
    }
}

#[test]
fn another_root_key_is_refused() {
    let refused = Keyring::unwrap(&root(2), &wrapped()).unwrap_err();
    assert_eq!(refused, CannotUnwrap::WrongRootKey(KeyName::Pepper));
}

#[test]
fn a_key_under_another_name_is_refused() {
    let mut wrapped = wrapped();
    wrapped[0].name = KeyName::Row;
    wrapped[1].name = KeyName::Pepper;
    assert!(Keyring::unwrap(&root(1), &wrapped).is_err());
}

#[test]
fn a_key_under_another_version_is_refused() {
    let mut wrapped = wrapped();
    wrapped[3].version = 2;
    let refused = Keyring::unwrap(&root(1), &wrapped).unwrap_err();
    assert_eq!(refused, CannotUnwrap::WrongRootKey(KeyName::HostSigning));
}

#[test]
fn a_missing_key_is_refused() {
    let refused = Keyring::unwrap(&root(1), &wrapped()[..3]).unwrap_err();
    assert_eq!(refused, CannotUnwrap::Missing(KeyName::HostSigning));
}

#[test]
fn a_key_twice_is_refused() {
    let mut wrapped = wrapped();
    wrapped.push(wrapped[2].clone());
    let refused = Keyring::unwrap(&root(1), &wrapped).unwrap_err();
    assert_eq!(refused, CannotUnwrap::Twice(KeyName::Outbox));
}

#[test]
fn every_flipped_bit_of_a_wrapped_key_is_refused() {
    let wrapped = wrapped();
    assert_eq!(wrapped[0].bytes.len(), 60);
    for bit in 0..60 * 8 {
        let mut key = wrapped[0].clone();
        key.bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(root(1).unwrap(&key).is_err(), "bit {bit}");
    }
}

#[test]
fn every_truncation_of_a_wrapped_key_is_refused() {
    for length in 0..60 {
        let mut key = wrapped()[0].clone();
        key.bytes.truncate(length);
        assert!(root(1).unwrap(&key).is_err(), "{length}");
    }
}

#[test]
fn rotating_the_root_key_keeps_the_keys() {
    let keyring = Keyring::unwrap(&root(1), &wrapped()).unwrap();
    let again = keyring.wrap(&root(2), 1, &mut rng()).unwrap();
    let back = Keyring::unwrap(&root(2), &again).unwrap();
    assert_eq!(keyring.pepper, back.pepper);
}

#[test]
fn the_root_keys_text_comes_back() {
    let text = format!("{}\n", *root(7).expose_text());
    assert_eq!(text.parse::<RootKey>().unwrap().0, root(7).0);
    assert!(text[1..].parse::<RootKey>().is_err());
    assert!("".parse::<RootKey>().is_err());
}

#[test]
fn names_are_stable() {
    for name in KeyName::ALL {
        assert_eq!(name.as_str().parse(), Ok(name));
    }
    assert_eq!("Pepper".parse::<KeyName>(), Err(UnknownKeyName));
}

fn mail(id: u128) -> MailId {
    MailId::new(Uuid::from_u128(id))
}

fn outbox() -> OutboxKey {
    OutboxKey(Secret::new([5; 32]))
}

fn sealed() -> Vec<u8> {
    outbox()
        .seal_value(mail(1), "ada@example.com", b"link secret", &mut rng())
        .unwrap()
}

#[test]
fn a_mails_value_comes_back() {
    let opened = outbox().open_value(mail(1), "ada@example.com", &sealed());
    assert_eq!(*opened.unwrap(), b"link secret");
}

#[test]
fn a_mails_value_does_not_open_for_another_address() {
    let refused = outbox().open_value(mail(1), "eve@example.com", &sealed());
    assert_eq!(refused, Err(CannotDecrypt));
}

#[test]
fn a_mails_value_does_not_open_in_another_mail() {
    let refused = outbox().open_value(mail(2), "ada@example.com", &sealed());
    assert_eq!(refused, Err(CannotDecrypt));
}

#[test]
fn a_mails_value_does_not_open_with_another_key() {
    let other = OutboxKey(Secret::new([6; 32]));
    let refused = other.open_value(mail(1), "ada@example.com", &sealed());
    assert_eq!(refused, Err(CannotDecrypt));
}

fn row(stamp: u64) -> Vec<u8> {
    RowKey::row("person", Uuid::from_u128(1), stamp)
        .text("Ada")
        .finish()
}

#[test]
fn a_rows_mac_verifies() {
    let key = RowKey::new(Secret::new([1; 32]));
    assert_eq!(key.verify(&row(1), &key.mac(&row(1))), Ok(()));
}

#[test]
fn an_edited_row_is_refused() {
    let key = RowKey::new(Secret::new([1; 32]));
    assert_eq!(key.verify(&row(2), &key.mac(&row(1))), Err(RowForged));
}

#[test]
fn a_row_macd_under_another_key_is_refused() {
    let key = RowKey::new(Secret::new([1; 32]));
    let other = RowKey::new(Secret::new([2; 32]));
    assert_eq!(key.verify(&row(1), &other.mac(&row(1))), Err(RowForged));
}

#[test]
fn a_mac_that_was_cut_short_is_refused() {
    let key = RowKey::new(Secret::new([1; 32]));
    assert_eq!(key.verify(&row(1), &key.mac(&row(1))[..16]), Err(RowForged));
    assert_eq!(key.verify(&row(1), &[]), Err(RowForged));
}

#[test]
fn a_keyring_shows_nothing() {
    let shown = format!("{:?} {:?}", Keyring::generate(&mut rng()), root(1));
    assert!(!shown.chars().any(|c| c.is_ascii_digit()), "{shown}");
}
