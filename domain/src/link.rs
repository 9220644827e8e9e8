//! One-time links. The secret is in the fragment, which browsers do not send.

use core::fmt;
use core::str::FromStr;

use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, de};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::alphabet;
use crate::base64url::{self, NotBase64url};
use crate::enc::{Digest, Enc, sha256};
use crate::id::{DeliveryId, PersonLinkId};
use crate::keyring::RowKey;
use crate::seal::device::expand;
use crate::secret::Secret;

/// Neither digits nor letters that are taken for one another: no 0, O, 1, I, L.
const CODE_ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const CODE: usize = 8;

/// 32 secret bytes whose text form is what a link's fragment holds.
macro_rules! link_secrets {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(Secret<32>);

        impl $name {
            pub const fn new(secret: Secret<32>) -> Self {
                Self(secret)
            }

            pub fn random(rng: &mut impl CryptoRng) -> Self {
                Self(Secret::random(rng))
            }

            /// From `location.hash` or what follows it: a leading `#` is optional.
            pub fn from_fragment(fragment: &str) -> Result<Self, NotBase64url> {
                fragment.strip_prefix('#').unwrap_or(fragment).parse()
            }

            pub const fn expose(&self) -> &[u8; 32] {
                self.0.expose()
            }

            /// Unpadded base64url, wiped when dropped.
            pub fn expose_text(&self) -> Zeroizing<String> {
                Zeroizing::new(base64url::encode(self.0.expose()))
            }
        }

        impl FromStr for $name {
            type Err = NotBase64url;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                base64url::decode_array(text).map(|bytes| Self(Secret::new(bytes)))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Zeroizing::new(String::deserialize(deserializer)?);
                text.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

link_secrets! {
    /// A delivery's link secret L, the envelope's pre-shared key. It is never sent to the server.
    LinkSecret
    /// What the server is shown instead of L: it proves the link, and opens nothing.
    ClaimToken
    /// The secret of an owner, invitation or recovery link. It is sent, and stored as its digest.
    PersonLinkSecret
}

impl LinkSecret {
    pub fn claim_token(&self) -> ClaimToken {
        ClaimToken(expand(&self.0, b"latchkey/v1/claim"))
    }
}

impl ClaimToken {
    /// What the server stores.
    pub fn digest(&self) -> Digest {
        sha256(self.0.expose())
    }
}

impl PersonLinkSecret {
    /// What the server stores.
    pub fn digest(&self) -> Digest {
        sha256(self.0.expose())
    }
}

/// `{origin}/d/{id}#{L}`. The origin is the configured one, without a slash at its end.
pub fn delivery_link(origin: &str, delivery: DeliveryId, secret: &LinkSecret) -> Zeroizing<String> {
    let secret = secret.expose_text();
    Zeroizing::new(format!("{origin}/d/{delivery}#{}", *secret))
}

/// `{origin}/l/{id}#{secret}`.
pub fn person_link(
    origin: &str,
    link: PersonLinkId,
    secret: &PersonLinkSecret,
) -> Zeroizing<String> {
    let secret = secret.expose_text();
    Zeroizing::new(format!("{origin}/l/{link}#{}", *secret))
}

/// What a link for a person is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonLinkKind {
    Owner,
    Invitation,
    Recovery,
}

impl PersonLinkKind {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Invitation, Self::Recovery];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Invitation => "invitation",
            Self::Recovery => "recovery",
        }
    }

    /// An owner link comes from the console, where there is no second channel to ask for.
    pub const fn needs_code(self) -> bool {
        !matches!(self, Self::Owner)
    }
}

impl fmt::Display for PersonLinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("links are for an owner, an invitation or a recovery")]
pub struct UnknownLinkKind;

impl FromStr for PersonLinkKind {
    type Err = UnknownLinkKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownLinkKind)
    }
}

/// The eight characters that go with an invitation or a recovery by another channel.
#[derive(Clone, ZeroizeOnDrop)]
pub struct InvitationCode([u8; CODE]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters and digits, such as ABCD-2345")]
pub struct MalformedCode;

impl InvitationCode {
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut code = Self([0; CODE]);
        alphabet::fill(&mut code.0, CODE_ALPHABET, rng);
        code
    }

    /// `ABCD-EFGH`: shown once, to who invites.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(CODE + 1));
        for (at, character) in self.0.iter().enumerate() {
            if at == CODE / 2 {
                text.push('-');
            }
            text.push(char::from(*character));
        }
        text
    }

    /// What is stored, bound to its link: the code alone is too short to be stored as a plain hash.
    pub fn mac(&self, key: &RowKey, link: PersonLinkId) -> Digest {
        let statement = Enc::new("latchkey/code/v1").uuid(link.uuid()).bytes(self.0);
        let statement = Zeroizing::new(statement.finish());
        key.mac(&statement)
    }
}

/// Small letters count as capitals; spaces and hyphens do not count.
impl FromStr for InvitationCode {
    type Err = MalformedCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut code = Self([0; CODE]);
        let mut typed = text
            .bytes()
            .filter(|byte| !matches!(byte, b' ' | b'-'))
            .map(|byte| byte.to_ascii_uppercase());
        for character in &mut code.0 {
            *character = typed
                .next()
                .filter(|byte| CODE_ALPHABET.contains(byte))
                .ok_or(MalformedCode)?;
        }
        match typed.next() {
            None => Ok(code),
            Some(_) => Err(MalformedCode),
        }
    }
}

impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rng::TestRng;
    use uuid::Uuid;

    fn secret() -> LinkSecret {
        LinkSecret::new(Secret::new([0xff; 32]))
    }

    #[test]
    fn a_delivery_link_holds_its_secret_in_the_fragment() {
        let delivery = DeliveryId::new(Uuid::from_u128(1));
        let link = delivery_link("https://keys.example.com", delivery, &secret());
        let (address, fragment) = link.split_once('#').unwrap();
        assert_eq!(
            address,
            "https://keys.example.com/d/00000000-0000-0000-0000-000000000001"
        );
        assert_eq!(fragment, "__________________________________________8");
        assert_eq!(LinkSecret::from_fragment(fragment), Ok(secret()));
        assert_eq!(
            LinkSecret::from_fragment(&format!("#{fragment}")),
            Ok(secret())
        );
    }

    #[test]
    fn a_link_for_a_person_holds_its_secret_in_the_fragment() {
        let id = PersonLinkId::new(Uuid::from_u128(1));
        let link = person_link(
            "http://localhost:3000",
            id,
            &PersonLinkSecret::new(secret().0),
        );
        assert!(link.starts_with("http://localhost:3000/l/00000000-"));
        assert!(link.ends_with("#__________________________________________8"));
    }

    #[test]
    fn a_fragment_of_another_form_is_refused() {
        let text = secret().expose_text();
        for fragment in [
            "",
            "#",
            "##",
            &text[1..],
            &format!("{}A", *text),
            &format!("{} ", *text),
        ] {
            assert_eq!(
                LinkSecret::from_fragment(fragment),
                Err(NotBase64url),
                "{fragment}"
            );
        }
    }

    #[test]
    fn the_claim_token_is_not_the_secret() {
        let token = secret().claim_token();
        assert_ne!(token.expose(), secret().expose());
        assert_eq!(token, secret().claim_token());
        assert_eq!(token.digest(), sha256(token.expose()));
        assert_ne!(token, LinkSecret::new(Secret::new([1; 32])).claim_token());
    }

    #[test]
    fn secrets_show_nothing() {
        assert_eq!(format!("{:?}", secret()), "LinkSecret(Secret(…))");
        let code = InvitationCode::random(&mut TestRng::new(1));
        assert_eq!(format!("{code:?}"), "InvitationCode(…)");
    }

    #[test]
    fn kinds_have_stable_names() {
        for kind in PersonLinkKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
        assert_eq!("Owner".parse::<PersonLinkKind>(), Err(UnknownLinkKind));
    }

    #[test]
    fn only_an_owner_link_goes_without_a_code() {
        let without = PersonLinkKind::ALL.map(PersonLinkKind::needs_code);
        assert_eq!(without, [false, true, true]);
    }

    fn mac(code: &InvitationCode, key: u8, link: u128) -> Digest {
        let key = RowKey::new(Secret::new([key; 32]));
        code.mac(&key, PersonLinkId::new(Uuid::from_u128(link)))
    }

    #[test]
    fn a_code_typed_in_another_way_is_the_same_code() {
        let code = InvitationCode::random(&mut TestRng::new(1));
        let text = code.expose_text();
        assert_eq!((text.len(), text.as_bytes()[4]), (9, b'-'));
        let small = text.to_lowercase();
        let spaced = format!(" {} ", text.replace('-', " "));
        let bare = text.replace('-', "");
        for typed in [text.as_str(), &small, &spaced, &bare] {
            let typed: InvitationCode = typed.parse().unwrap();
            assert_eq!(mac(&typed, 1, 1), mac(&code, 1, 1));
        }
    }

    #[test]
    fn a_codes_mac_is_bound_to_its_key_and_its_link() {
        let code = InvitationCode::random(&mut TestRng::new(1));
        assert_ne!(mac(&code, 1, 1), mac(&code, 2, 1));
        assert_ne!(mac(&code, 1, 1), mac(&code, 1, 2));
        let other = InvitationCode::random(&mut TestRng::new(2));
        assert_ne!(mac(&code, 1, 1), mac(&other, 1, 1));
    }

    #[test]
    fn a_code_of_another_form_is_refused() {
        for typed in [
            "",
            "ABCD-234",
            "ABCD-23456",
            "ABCD-234O",
            "ABCD-2340",
            "ABCD_2345",
            "ABCDé234",
        ] {
            assert_eq!(
                typed.parse::<InvitationCode>().unwrap_err(),
                MalformedCode,
                "{typed}"
            );
        }
    }
}
