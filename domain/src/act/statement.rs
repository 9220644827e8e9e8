use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::Act;
use crate::base64url::{NotBase64url, base64url_text};
use crate::enc::{Digest, Enc};
use crate::id::PersonId;
use crate::seal::{DeviceVerifyingKey, SealingKey};

/// Makes a challenge unlike any other; spent before the assertion over it is checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce([u8; 32]);

impl Nonce {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Nonce {
    type Error = NotBase64url;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| NotBase64url)
    }
}

base64url_text!(Nonce, NotBase64url);

/// One line that the person is shown and signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub label: String,
    pub value: String,
}

/// An act by one person on one subject, as it was when the page was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActStatement {
    pub nonce: Nonce,
    pub act: Act,
    pub origin: String,
    pub actor: PersonId,
    /// The id of what is acted on; which kind of thing it is follows from the act.
    pub subject: Uuid,
    /// The subject's stamp: a statement over an older state does not fit a newer one.
    pub stamp: u64,
    /// In the order in which they are shown.
    pub parameters: Vec<Parameter>,
}

/// Whole SHA-256s of what a decision is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionDigests {
    pub revision: Digest,
    pub grant: Digest,
    pub policy: Digest,
    pub recipient: Digest,
}

impl ActStatement {
    /// What the passkey signs: SHA-256 of the act's canonical encoding.
    pub fn challenge(&self) -> Digest {
        let parameters = self.parameters.iter().fold(Enc::list(), |list, line| {
            let line = Enc::list().text(&line.label).text(&line.value);
            list.bytes(line.finish())
        });
        Enc::new("latchkey/act/v1")
            .bytes(self.nonce.as_bytes())
            .text(self.act.as_str())
            .text(&self.origin)
            .uuid(self.actor.uuid())
            .uuid(self.subject)
            .u64(self.stamp)
            .bytes(parameters.finish())
            .sha256()
    }

    /// Adds a line at the end.
    #[must_use]
    pub fn with(mut self, label: &str, value: impl Into<String>) -> Self {
        self.parameters.push(Parameter {
            label: label.to_owned(),
            value: value.into(),
        });
        self
    }

    /// Adds the lines of a decision. The caller adds what people read: scopes, networks, limits.
    #[must_use]
    pub fn with_decision(self, verdict: &str, digests: &DecisionDigests) -> Self {
        self.with("verdict", verdict)
            .with("revision", hex(&digests.revision))
            .with("grant", hex(&digests.grant))
            .with("policy version", hex(&digests.policy))
            .with("recipient", hex(&digests.recipient))
    }

    /// Adds the lines of an enrolment: both public keys of the device.
    #[must_use]
    pub fn with_device(self, sealing: &SealingKey, verifying: &DeviceVerifyingKey) -> Self {
        self.with("sealing key", sealing.to_string())
            .with("signing key", verifying.to_string())
    }

    /// The value of the first line with this label.
    pub fn parameter(&self, label: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|line| line.label == label)
            .map(|line| line.value.as_str())
    }
}

/// Small letters, as people compare fingerprints.
fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::DeviceKeys;
    use crate::secret::Secret;

    fn statement() -> ActStatement {
        ActStatement {
            nonce: Nonce::new([1; 32]),
            act: Act::Decide,
            origin: "https://keys.example.com".to_owned(),
            actor: PersonId::new(Uuid::from_u128(1)),
            subject: Uuid::from_u128(2),
            stamp: 3,
            parameters: Vec::new(),
        }
        .with("scope", "payments:read")
    }

    #[test]
    fn every_part_of_an_act_is_in_its_challenge() {
        let others = [
            ActStatement {
                nonce: Nonce::new([2; 32]),
                ..statement()
            },
            ActStatement {
                act: Act::Claim,
                ..statement()
            },
            ActStatement {
                origin: "https://keys.example.org".to_owned(),
                ..statement()
            },
            ActStatement {
                actor: PersonId::new(Uuid::from_u128(9)),
                ..statement()
            },
            ActStatement {
                subject: Uuid::from_u128(9),
                ..statement()
            },
            ActStatement {
                stamp: 4,
                ..statement()
            },
            ActStatement {
                parameters: Vec::new(),
                ..statement()
            },
            statement().with("scope", "payments:read"),
        ];
        for other in others {
            assert_ne!(other.challenge(), statement().challenge(), "{other:?}");
        }
    }

    #[test]
    fn moving_text_between_lines_changes_the_challenge() {
        let one = statement().with("a", "bc").challenge();
        assert_ne!(one, statement().with("ab", "c").challenge());
        let two = statement().with("a", "b").with("c", "d").challenge();
        assert_ne!(two, statement().with("c", "d").with("a", "b").challenge());
    }

    #[test]
    fn the_page_gets_the_same_challenge_from_the_json() {
        let json = serde_json::to_string(&statement()).unwrap();
        let back: ActStatement = serde_json::from_str(&json).unwrap();
        assert_eq!(back.challenge(), statement().challenge());
    }

    #[test]
    fn an_unknown_field_in_the_json_is_refused() {
        let mut json = serde_json::to_value(statement()).unwrap();
        json["more"] = 1.into();
        assert!(serde_json::from_value::<ActStatement>(json).is_err());
        let mut json = serde_json::to_value(statement()).unwrap();
        json["parameters"][0]["more"] = 1.into();
        assert!(serde_json::from_value::<ActStatement>(json).is_err());
    }

    #[test]
    fn a_nonce_of_another_length_is_refused() {
        let mut json = serde_json::to_value(statement()).unwrap();
        json["nonce"] = "AAAA".into();
        assert!(serde_json::from_value::<ActStatement>(json).is_err());
    }

    #[test]
    fn a_decision_shows_and_signs_its_four_digests_and_its_verdict() {
        let digests = DecisionDigests {
            revision: [1; 32],
            grant: [2; 32],
            policy: [3; 32],
            recipient: [4; 32],
        };
        let decision = statement().with_decision("approve", &digests);
        assert_eq!(decision.parameter("verdict"), Some("approve"));
        for (label, byte) in [
            ("revision", "01"),
            ("grant", "02"),
            ("policy version", "03"),
            ("recipient", "04"),
        ] {
            let shown = decision.parameter(label);
            assert_eq!(shown, Some(byte.repeat(32).as_str()), "{label}");
        }
        let rejection = statement().with_decision("reject", &digests);
        assert_ne!(decision.challenge(), rejection.challenge());
    }

    #[test]
    fn an_enrolment_shows_and_signs_both_public_keys() {
        let keys = DeviceKeys::derive(&Secret::new([1; 32]));
        let (sealing, verifying) = (keys.sealing_key(), keys.verifying_key());
        let enrolment = statement().with_device(&sealing, &verifying);
        assert_eq!(
            enrolment.parameter("sealing key"),
            Some(sealing.to_string().as_str())
        );
        assert_eq!(
            enrolment.parameter("signing key"),
            Some(verifying.to_string().as_str())
        );
    }
}
