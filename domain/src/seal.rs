//! Sealed delivery, version 1: the bytes that browser and server agree on (`docs/protocol.md`,
//! "Sealed delivery"). HPKE (RFC 9180) in PSK mode, with the link's secret as the pre-shared key.

pub mod device;
pub mod envelope;
pub mod header;
pub mod receipt;
pub mod sealing_key;
pub mod signing;

pub use device::DeviceKeys;
pub use envelope::{Addressee, CannotOpen, CannotSeal, Envelope, OpenedSecret, Sealed, open, seal};
pub use header::{Header, SecretKind, Suite};
pub use receipt::{ReceiptRefused, ReceiptStatement};
pub use sealing_key::SealingKey;
pub use signing::{DeviceVerifyingKey, HostPublicKey, HostSigningKey, Signature};
