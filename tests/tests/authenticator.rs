//! The software authenticator, held against the library that the portal uses; and what we rely on
//! in that library, above all that a ceremony can be given a challenge of our choosing.

#![cfg(test)]

use base64ct::{Base64UrlUnpadded, Encoding as _};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use serde_json::Value;
use tests::authenticator::SoftwareAuthenticator;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyAuthentication,
    PasskeyRegistration, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

const ORIGIN: &str = "http://localhost:3000";
const USER: Uuid = Uuid::from_u128(7);
const CHOSEN: [u8; 32] = [42; 32];

fn portal() -> Webauthn {
    let origin = ORIGIN.parse().unwrap();
    WebauthnBuilder::new("localhost", &origin)
        .unwrap()
        .build()
        .unwrap()
}

/// The same ceremony state, waiting for the chosen challenge.
fn choosing<T: serde::Serialize + serde::de::DeserializeOwned>(state: &T, field: &str) -> T {
    let mut state = serde_json::to_value(state).unwrap();
    assert!(
        state[field]["challenge"].is_string(),
        "the library changed its state's shape"
    );
    state[field]["challenge"] = Base64UrlUnpadded::encode_string(&CHOSEN).into();
    serde_json::from_value(state).unwrap()
}

fn register(authenticator: &mut SoftwareAuthenticator) -> Passkey {
    let portal = portal();
    let (mut options, state) = portal
        .start_passkey_registration(USER, "a", "A", None)
        .unwrap();
    options.public_key.challenge = CHOSEN.to_vec();
    let state: PasskeyRegistration = choosing(&state, "rs");
    let options = serde_json::to_value(options).unwrap();
    let created = authenticator
        .create(&options, ORIGIN, &mut UnwrapErr(SysRng))
        .unwrap();
    let created = serde_json::from_value(created).unwrap();
    portal
        .finish_passkey_registration(&created, &state)
        .unwrap()
}

#[test]
fn it_registers_over_a_chosen_challenge() {
    let mut authenticator = SoftwareAuthenticator::new();
    let passkey = register(&mut authenticator);
    assert_eq!(
        passkey.cred_id().as_slice(),
        authenticator.credentials()[0].id
    );
}

#[test]
fn a_registration_over_another_challenge_is_refused() {
    let portal = portal();
    let (options, state) = portal
        .start_passkey_registration(USER, "a", "A", None)
        .unwrap();
    let state: PasskeyRegistration = choosing(&state, "rs");
    let created = SoftwareAuthenticator::new()
        .create(
            &serde_json::to_value(options).unwrap(),
            ORIGIN,
            &mut UnwrapErr(SysRng),
        )
        .unwrap();
    let created = serde_json::from_value(created).unwrap();
    let outcome = portal.finish_passkey_registration(&created, &state);
    assert!(matches!(outcome, Err(WebauthnError::MismatchedChallenge)));
}

#[test]
fn it_asserts_over_a_chosen_challenge_with_the_user_verified() {
    let mut authenticator = SoftwareAuthenticator::new();
    let passkey = register(&mut authenticator);
    let portal = portal();
    let (mut options, state) = portal.start_passkey_authentication(&[passkey]).unwrap();
    options.public_key.challenge = CHOSEN.to_vec();
    let state: PasskeyAuthentication = choosing(&state, "ast");
    let got = authenticator
        .get(&serde_json::to_value(options).unwrap(), ORIGIN)
        .unwrap();
    let got = serde_json::from_value(got).unwrap();
    let result = portal.finish_passkey_authentication(&got, &state).unwrap();
    assert!(result.user_verified());
    assert!(!result.backup_eligible());
}

#[test]
fn it_signs_in_without_an_allow_list_over_a_chosen_challenge() {
    let mut authenticator = SoftwareAuthenticator::new();
    let passkey = register(&mut authenticator);
    let portal = portal();
    let (mut options, state) = portal.start_discoverable_authentication().unwrap();
    assert!(options.public_key.allow_credentials.is_empty());
    options.public_key.challenge = CHOSEN.to_vec();
    let state: DiscoverableAuthentication = choosing(&state, "ast");
    let got = authenticator
        .get(&serde_json::to_value(options).unwrap(), ORIGIN)
        .unwrap();
    let got = serde_json::from_value(got).unwrap();
    let (user, credential) = portal.identify_discoverable_authentication(&got).unwrap();
    assert_eq!((user, credential), (USER, passkey.cred_id().as_slice()));
    let key = DiscoverableKey::from(&passkey);
    assert!(
        portal
            .finish_discoverable_authentication_v2(&got, state, &key)
            .is_ok()
    );
}

fn assertion_refused(tamper: impl FnOnce(&mut Value), origin: &str) -> WebauthnError {
    let mut authenticator = SoftwareAuthenticator::new();
    let passkey = register(&mut authenticator);
    let portal = portal();
    let (options, state) = portal.start_passkey_authentication(&[passkey]).unwrap();
    let mut options = serde_json::to_value(options).unwrap();
    tamper(&mut options);
    let got = authenticator.get(&options, origin).unwrap();
    let got = serde_json::from_value(got).unwrap();
    portal
        .finish_passkey_authentication(&got, &state)
        .unwrap_err()
}

#[test]
fn an_assertion_over_another_challenge_is_refused() {
    let another = Base64UrlUnpadded::encode_string(&[1; 32]);
    let tamper = |options: &mut Value| options["publicKey"]["challenge"] = another.into();
    let why = assertion_refused(tamper, ORIGIN);
    assert!(matches!(why, WebauthnError::MismatchedChallenge), "{why:?}");
}

#[test]
fn an_assertion_made_on_another_origin_is_refused() {
    let why = assertion_refused(|_| (), "http://localhost:3001");
    assert!(matches!(why, WebauthnError::InvalidRPOrigin), "{why:?}");
}

#[test]
fn a_synced_passkey_says_so() {
    let mut authenticator = SoftwareAuthenticator::new();
    authenticator.synced = true;
    let passkey = serde_json::to_value(register(&mut authenticator)).unwrap();
    assert_eq!(passkey["cred"]["backup_eligible"], true, "{passkey}");
}

#[test]
fn it_refuses_a_credential_that_is_not_its_own() {
    let passkey = register(&mut SoftwareAuthenticator::new());
    let (options, _) = portal().start_passkey_authentication(&[passkey]).unwrap();
    let mut other = SoftwareAuthenticator::new();
    register(&mut other);
    assert!(
        other
            .get(&serde_json::to_value(options).unwrap(), ORIGIN)
            .is_err()
    );
}

#[test]
fn the_prf_depends_on_credential_and_input_alone() {
    let mut authenticator = SoftwareAuthenticator::new();
    register(&mut authenticator);
    register(&mut authenticator);
    let [one, other] = authenticator.credentials() else {
        panic!("two were made")
    };
    assert_eq!(one.prf(b"a"), one.prf(b"a"));
    assert_ne!(one.prf(b"a"), one.prf(b"b"));
    assert_ne!(one.prf(b"a"), other.prf(b"a"));
}
