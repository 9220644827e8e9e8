//! What a row of the outbox holds, and what becomes of one that was edited.

use std::sync::LazyLock;

use domain::id::{DeliveryId, MailId, PersonLinkId};
use domain::keyring::{Keyring, OutboxKey};
use domain::link::LinkSecret;
use domain::secret::Secret;
use store::Mail;
use uuid::Uuid;

use super::letters::{NOW, examples, house};
use crate::chance::system_rng;
use crate::mail::compose::{Unwritable, compose};
use crate::mail::{Letter, To, row};

fn key() -> OutboxKey {
    static KEYRING: LazyLock<Keyring> = LazyLock::new(|| Keyring::generate(&mut system_rng()));
    KEYRING.outbox_key.clone()
}

fn secret() -> LinkSecret {
    LinkSecret::new(Secret::new([0xA5; 32]))
}

fn to(address: &str) -> To {
    To::address(&address.parse().unwrap(), None)
}

fn delivery() -> Letter {
    examples()
        .into_iter()
        .find(|letter| matches!(letter, Letter::Delivery { .. }))
        .unwrap()
}

fn queued() -> Mail {
    let (letter, to) = (delivery(), to("ada@quay.example"));
    row(
        &key(),
        &letter,
        &to,
        Some(&secret().expose_text()),
        NOW,
        &mut system_rng(),
    )
    .unwrap()
}

fn refusal(mail: &Mail) -> Unwritable {
    compose(mail, &house(), &key(), NOW).err().unwrap()
}

#[test]
fn the_link_is_put_together_when_the_mail_is_sent() {
    let words = compose(&queued(), &house(), &key(), NOW).unwrap();
    let text = secret().expose_text();
    let link = format!(
        "https://keys.alder.example/d/{}#{}",
        DeliveryId::new(Uuid::from_u128(3)),
        *text
    );
    assert!(words.text().lines().any(|line| line == link));
}

#[test]
fn a_row_holds_no_secret_in_any_form() {
    let mail = queued();
    let [bytes, text] = [
        secret().expose().to_vec(),
        secret().expose_text().as_bytes().to_vec(),
    ];
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let forms = [bytes, text, hex.into_bytes()];
    let holds = |haystack: &[u8]| {
        forms
            .iter()
            .any(|form| haystack.windows(form.len()).any(|window| window == form))
    };
    // A planted one is found.
    for form in &forms {
        assert!(holds(&[b"x", form.as_slice(), b"y"].concat()));
    }
    for column in [
        mail.content.as_bytes(),
        mail.template.as_bytes(),
        mail.address.as_bytes(),
        mail.sealed.as_deref().unwrap(),
    ] {
        assert!(!holds(column));
    }
}

#[test]
fn a_row_holds_values_and_no_rendered_body() {
    let mail = queued();
    let letter: Letter = serde_json::from_str(&mail.content).unwrap();
    assert_eq!(letter, delivery());
    assert!(!mail.content.contains("https://") && !mail.content.contains("opens it once"));
}

#[test]
fn an_edited_address_gets_no_link() {
    let mut mail = queued();
    mail.address = "eve@example.com".to_owned();
    assert_eq!(refusal(&mail), Unwritable::Edited);
}

#[test]
fn a_secret_moved_to_another_mail_does_not_open() {
    let mut mail = queued();
    mail.id = MailId::new(Uuid::from_u128(99));
    assert_eq!(refusal(&mail), Unwritable::Edited);
}

#[test]
fn a_wiped_secret_is_not_sent() {
    let mut mail = queued();
    mail.sealed = Some(Vec::new());
    assert_eq!(refusal(&mail), Unwritable::Edited);
    mail.sealed = None;
    assert_eq!(refusal(&mail), Unwritable::NoSecret);
}

#[test]
fn a_link_that_has_run_out_is_not_sent() {
    let mail = queued();
    let Letter::Delivery { expires, .. } = delivery() else {
        panic!("not a delivery")
    };
    let refused = compose(&mail, &house(), &key(), expires).err();
    assert_eq!(refused, Some(Unwritable::RanOut));
}

#[test]
fn values_that_are_no_letter_are_not_sent() {
    let mut edited = queued();
    edited.content = "{\"delivery\":{}}".to_owned();
    assert_eq!(refusal(&edited), Unwritable::Values);
    let mut renamed = queued();
    renamed.template = "test-mail".to_owned();
    assert_eq!(refusal(&renamed), Unwritable::Values);
}

#[test]
fn only_a_letter_with_a_link_takes_a_secret() {
    let rng = &mut system_rng();
    let (to, text) = (to("ada@quay.example"), secret().expose_text());
    let plain = Letter::PasskeyAdded {
        label: "Laptop".to_owned(),
        when: NOW,
    };
    let linked = Letter::Recovery {
        link: PersonLinkId::new(Uuid::from_u128(1)),
        name: "Ada".to_owned(),
        expires: NOW,
    };
    assert!(row(&key(), &plain, &to, Some(&text), NOW, rng).is_err());
    assert!(row(&key(), &linked, &to, None, NOW, rng).is_err());
    assert!(row(&key(), &linked, &to, Some("not a secret"), NOW, rng).is_err());
    assert!(row(&key(), &plain, &to, None, NOW, rng).is_ok());
}
