//! The keys of the host: random, and stored only wrapped by the root key, which is kept outside of
//! the database (`docs/protocol.md`, "Keyring").

mod aead;
mod row;

use core::fmt;
use core::str::FromStr;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::assertion::AssertionKey;
use crate::base64url::{self, NotBase64url};
use crate::enc::Enc;
use crate::id::MailId;
use crate::seal::HostSigningKey;
use crate::secret::Secret;

pub use aead::CannotDecrypt;
pub use row::{RowForged, RowKey};

/// Wraps all other keys. Losing it ends every key.
#[derive(Clone, Debug)]
pub struct RootKey(Secret<32>);

/// What a wrapped key is. The name is authenticated with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyName {
    Pepper,
    Row,
    Outbox,
    HostSigning,
}

/// A key as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    pub name: KeyName,
    /// Counts up when the key itself is replaced, not when the root key is.
    pub version: u64,
    /// Nonce, ciphertext and tag: 60 bytes.
    pub bytes: Vec<u8>,
}

/// All of the host's keys, unwrapped.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// Keys the MACs of API keys.
    pub pepper: Secret<32>,
    pub row_key: RowKey,
    pub outbox_key: OutboxKey,
    pub host_signing_key: HostSigningKey,
    /// Derived from the host's signing key, so it is not stored.
    pub assertion_key: AssertionKey,
}

/// Seals the values of mails that wait to be sent.
#[derive(Clone, Debug)]
pub struct OutboxKey(Secret<32>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotUnwrap {
    #[error("the {0} key is not in the database")]
    Missing(KeyName),
    #[error("the {0} key is in the database more than once")]
    Twice(KeyName),
    #[error(
        "the root key does not open the {0} key: it is another root key, or the row was edited"
    )]
    WrongRootKey(KeyName),
}

impl RootKey {
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// What the root key's file holds: unpadded base64url.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(base64url::encode(self.0.expose()))
    }

    fn wrap(
        &self,
        name: KeyName,
        version: u64,
        key: &Secret<32>,
        rng: &mut impl CryptoRng,
    ) -> Result<WrappedKey, CannotEncrypt> {
        let bytes = aead::encrypt(&self.0, &wrap_data(name, version), key.expose(), rng)?;
        Ok(WrappedKey {
            name,
            version,
            bytes,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Secret<32>, CannotUnwrap> {
        let data = wrap_data(wrapped.name, wrapped.version);
        aead::decrypt(&self.0, &data, &wrapped.bytes)
            .ok()
            .and_then(|key| Secret::try_from(key.as_slice()).ok())
            .ok_or(CannotUnwrap::WrongRootKey(wrapped.name))
    }
}

pub use aead::CannotEncrypt;

impl FromStr for RootKey {
    type Err = NotBase64url;

    /// White space around the key, such as a file's last line end, does not count.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base64url::decode_array(text.trim()).map(|bytes| Self(Secret::new(bytes)))
    }
}

impl KeyName {
    pub const ALL: [Self; 4] = [Self::Pepper, Self::Row, Self::Outbox, Self::HostSigning];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::Row => "row",
            Self::Outbox => "outbox",
            Self::HostSigning => "host-signing",
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key of the keyring has this name")]
pub struct UnknownKeyName;

impl FromStr for KeyName {
    type Err = UnknownKeyName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or(UnknownKeyName)
    }
}

impl Keyring {
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let (pepper, row_key) = (Secret::random(rng), Secret::random(rng));
        let outbox_key = OutboxKey(Secret::random(rng));
        let host_signing_key = HostSigningKey::from_seed(&Secret::random(rng));
        Self {
            pepper,
            row_key: RowKey::new(row_key),
            outbox_key,
            assertion_key: AssertionKey::derive(&host_signing_key),
            host_signing_key,
        }
    }

    /// One wrapped key for each name. Done again with another root key it replaces the rows.
    pub fn wrap(
        &self,
        root: &RootKey,
        version: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<WrappedKey>, CannotEncrypt> {
        KeyName::ALL
            .into_iter()
            .map(|name| root.wrap(name, version, &self.named(name), rng))
            .collect()
    }

    pub fn unwrap(root: &RootKey, wrapped: &[WrappedKey]) -> Result<Self, CannotUnwrap> {
        let key = |name| root.unwrap(only(wrapped, name)?);
        let (pepper, row_key) = (key(KeyName::Pepper)?, key(KeyName::Row)?);
        let outbox_key = OutboxKey(key(KeyName::Outbox)?);
        let host_signing_key = HostSigningKey::from_seed(&key(KeyName::HostSigning)?);
        Ok(Self {
            pepper,
            row_key: RowKey::new(row_key),
            outbox_key,
            assertion_key: AssertionKey::derive(&host_signing_key),
            host_signing_key,
        })
    }

    fn named(&self, name: KeyName) -> Secret<32> {
        match name {
            KeyName::Pepper => self.pepper.clone(),
            KeyName::Row => self.row_key.secret().clone(),
            KeyName::Outbox => self.outbox_key.0.clone(),
            KeyName::HostSigning => self.host_signing_key.seed(),
        }
    }
}

impl OutboxKey {
    /// Seals one value of one mail to one address: moved to another row or sent to another address
    /// it does not open.
    pub fn seal_value(
        &self,
        mail: MailId,
        address: &str,
        value: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, CannotEncrypt> {
        aead::encrypt(&self.0, &outbox_data(mail, address), value, rng)
    }

    pub fn open_value(
        &self,
        mail: MailId,
        address: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CannotDecrypt> {
        aead::decrypt(&self.0, &outbox_data(mail, address), sealed)
    }
}

fn only(wrapped: &[WrappedKey], name: KeyName) -> Result<&WrappedKey, CannotUnwrap> {
    let mut found = wrapped.iter().filter(|key| key.name == name);
    let key = found.next().ok_or(CannotUnwrap::Missing(name))?;
    match found.next() {
        None => Ok(key),
        Some(_) => Err(CannotUnwrap::Twice(name)),
    }
}

fn wrap_data(name: KeyName, version: u64) -> Vec<u8> {
    Enc::new("latchkey/wrap/v1")
        .text(name.as_str())
        .u64(version)
        .finish()
}

fn outbox_data(mail: MailId, address: &str) -> Vec<u8> {
    Enc::new("latchkey/outbox/v1")
        .uuid(mail.uuid())
        .text(address)
        .finish()
}

#[cfg(test)]
mod tests;
