//! What a passkey is about to sign, held against what the page is about. The challenge is computed
//! here, from the statement; the one in the options must be the same (`docs/protocol.md`, "Acts").

use domain::act::{Act, ActStatement, Nonce};
use domain::base64url;
use domain::id::{DeliveryId, PersonId};
use domain::seal::DeviceKeys;
use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::json;

/// The answer to the beginning of an act.
#[derive(Deserialize)]
pub(super) struct Begun {
    pub(super) ceremony: String,
    pub(super) statement: ActStatement,
    /// WebAuthn's request options as JSON.
    pub(super) options: Value,
}

/// The act that the page shows, in everything but the nonce.
pub(super) fn check_shown(begun: &Begun, shown: &ActStatement) -> Result<(), Failure> {
    let expected = ActStatement {
        nonce: begun.statement.nonce,
        ..shown.clone()
    };
    both(expected == begun.statement, begun)
}

/// An act on a delivery: nobody is known yet, so the actor is the nil id.
pub(super) fn check_delivery(
    begun: &Begun,
    act: Act,
    origin: &str,
    delivery: DeliveryId,
) -> Result<(), Failure> {
    let ActStatement {
        nonce: _,
        act: begun_act,
        origin: begun_origin,
        actor,
        subject,
        stamp: _,
        parameters: _,
    } = &begun.statement;
    let same = *begun_act == act
        && begun_origin == origin
        && actor.uuid().is_nil()
        && *subject == delivery.uuid();
    both(same, begun)
}

/// The enrolment of exactly these device keys, by this person.
pub(super) fn check_enrolment(
    begun: &Begun,
    origin: &str,
    person: PersonId,
    keys: Option<&DeviceKeys>,
) -> Result<(), Failure> {
    let statement = &begun.statement;
    let same = statement.act == Act::Enrol
        && statement.origin == origin
        && statement.actor == person
        && keys.is_none_or(|keys| {
            let sealing = keys.sealing_key().to_string();
            let signing = keys.verifying_key().to_string();
            names_once(statement, "sealing key", &sealing)
                && names_once(statement, "signing key", &signing)
        });
    both(same, begun)
}

/// The act as a page shows it, before there is a nonce: 32 zero bytes stand in its place.
pub(super) fn shown(act_json: &str) -> Result<ActStatement, Failure> {
    json::read::<ActStatement>(act_json)
        .ok()
        .filter(|statement| statement.nonce == Nonce::new([0; 32]))
        .ok_or(Failure::Unreadable)
}

fn both(same: bool, begun: &Begun) -> Result<(), Failure> {
    match same && challenge_fits(&begun.statement, &begun.options) {
        true => Ok(()),
        false => Err(Failure::OtherAct),
    }
}

fn challenge_fits(statement: &ActStatement, options: &Value) -> bool {
    let challenge = options
        .get("publicKey")
        .and_then(|key| key.get("challenge"));
    let expected = base64url::encode(&statement.challenge());
    challenge.and_then(Value::as_str) == Some(&expected)
}

fn names_once(statement: &ActStatement, label: &str, value: &str) -> bool {
    let mut lines = statement
        .parameters
        .iter()
        .filter(|line| line.label == label);
    lines.next().is_some_and(|line| line.value == value) && lines.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::secret::Secret;

    const ORIGIN: &str = "https://keys.example.com";
    const DELIVERY: &str = "6a8cd5f0-5a4c-4d1e-8f00-0f2c1b9b6a01";
    const PERSON: &str = "6a8cd5f0-5a4c-4d1e-8f00-0f2c1b9b6a02";
    const NIL: &str = "00000000-0000-0000-0000-000000000000";

    fn statement(nonce: u8, act: Act, actor: &str) -> ActStatement {
        ActStatement {
            nonce: Nonce::new([nonce; 32]),
            act,
            origin: ORIGIN.to_owned(),
            actor: actor.parse().unwrap(),
            subject: DELIVERY.parse::<DeliveryId>().unwrap().uuid(),
            stamp: 3,
            parameters: Vec::new(),
        }
    }

    fn begun(statement: &ActStatement) -> Begun {
        signed_as(statement, statement)
    }

    /// The answer of a server that says one thing and has another signed.
    fn signed_as(said: &ActStatement, signed: &ActStatement) -> Begun {
        let challenge = base64url::encode(&signed.challenge());
        let json = serde_json::json!({
            "ceremony": "c",
            "statement": said,
            "options": {"publicKey": {"challenge": challenge, "rpId": "localhost"}},
        });
        serde_json::from_str(&json.to_string()).unwrap()
    }

    fn decision(nonce: u8) -> ActStatement {
        statement(nonce, Act::Decide, PERSON).with("verdict", "approve")
    }

    #[test]
    fn the_act_that_the_page_shows_is_signed() {
        assert_eq!(check_shown(&begun(&decision(7)), &decision(0)), Ok(()));
    }

    #[test]
    fn an_act_with_another_line_than_the_page_shows_is_refused() {
        let other = statement(7, Act::Decide, PERSON).with("verdict", "reject");
        let refused = check_shown(&begun(&other), &decision(0));
        assert_eq!(refused, Err(Failure::OtherAct));
    }

    #[test]
    fn an_act_on_another_state_of_the_subject_is_refused() {
        let other = ActStatement {
            stamp: 4,
            ..decision(7)
        };
        let refused = check_shown(&begun(&other), &decision(0));
        assert_eq!(refused, Err(Failure::OtherAct));
    }

    #[test]
    fn a_challenge_over_another_act_than_the_one_said_is_refused() {
        let other = statement(7, Act::RevokePartner, PERSON);
        let refused = check_shown(&signed_as(&decision(7), &other), &decision(0));
        assert_eq!(refused, Err(Failure::OtherAct));
    }

    #[test]
    fn options_without_a_challenge_are_refused() {
        let mut begun = begun(&decision(7));
        begun.options = serde_json::json!({"publicKey": {}});
        assert_eq!(check_shown(&begun, &decision(0)), Err(Failure::OtherAct));
    }

    #[test]
    fn a_page_that_already_names_a_nonce_is_refused() {
        let json = serde_json::to_string(&decision(7)).unwrap();
        assert_eq!(shown(&json), Err(Failure::Unreadable));
        let json = serde_json::to_string(&decision(0)).unwrap();
        assert_eq!(shown(&json), Ok(decision(0)));
    }

    fn claim(statement: &ActStatement) -> Result<(), Failure> {
        let delivery = DELIVERY.parse().unwrap();
        check_delivery(&begun(statement), Act::Claim, ORIGIN, delivery)
    }

    #[test]
    fn a_claim_of_this_delivery_is_signed() {
        assert_eq!(claim(&statement(1, Act::Claim, NIL)), Ok(()));
    }

    #[test]
    fn a_claim_of_anything_else_is_refused() {
        let others = [
            statement(1, Act::Report, NIL),
            statement(1, Act::Claim, PERSON),
            ActStatement {
                origin: "https://keys.example.org".to_owned(),
                ..statement(1, Act::Claim, NIL)
            },
            ActStatement {
                subject: PERSON.parse::<PersonId>().unwrap().uuid(),
                ..statement(1, Act::Claim, NIL)
            },
        ];
        for other in others {
            assert_eq!(claim(&other), Err(Failure::OtherAct), "{other:?}");
        }
    }

    fn keys(byte: u8) -> DeviceKeys {
        DeviceKeys::derive(&Secret::new([byte; 32]))
    }

    fn enrolment(keys: &DeviceKeys) -> ActStatement {
        statement(1, Act::Enrol, PERSON).with_device(&keys.sealing_key(), &keys.verifying_key())
    }

    fn enrol(statement: &ActStatement) -> Result<(), Failure> {
        let person = PERSON.parse().unwrap();
        check_enrolment(&begun(statement), ORIGIN, person, Some(&keys(1)))
    }

    #[test]
    fn an_enrolment_of_this_devices_keys_is_signed() {
        assert_eq!(enrol(&enrolment(&keys(1))), Ok(()));
    }

    #[test]
    fn an_enrolment_of_other_keys_is_refused() {
        assert_eq!(enrol(&enrolment(&keys(2))), Err(Failure::OtherAct));
        let bare = statement(1, Act::Enrol, PERSON);
        assert_eq!(enrol(&bare), Err(Failure::OtherAct));
    }

    #[test]
    fn an_enrolment_that_names_a_second_sealing_key_is_refused() {
        let other = keys(2).sealing_key().to_string();
        let both = enrolment(&keys(1)).with("sealing key", other);
        assert_eq!(enrol(&both), Err(Failure::OtherAct));
    }

    #[test]
    fn an_enrolment_of_another_person_is_refused() {
        let other = ActStatement {
            actor: DELIVERY.parse().unwrap(),
            ..enrolment(&keys(1))
        };
        assert_eq!(enrol(&other), Err(Failure::OtherAct));
    }
}
