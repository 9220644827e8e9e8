//! The receipt: who opened an envelope says so, with what only the opener knows and a signature by
//! the device.

use crate::enc::{Digest, Enc, sha256};
use crate::id::DeliveryId;
use crate::seal::device::DeviceKeys;
use crate::seal::envelope::Envelope;
use crate::seal::header::Header;
use crate::seal::signing::{DeviceVerifyingKey, Signature};
use crate::secret::Secret;
use crate::token::Kid;

/// What a receipt is about. The server keeps digests, so that it can check one again after the
/// ciphertexts are erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptStatement {
    pub delivery: DeliveryId,
    pub kid: Kid,
    /// WebAuthn's raw credential id, of the passkey that the envelope was sealed to.
    pub credential_id: Vec<u8>,
    pub header: Digest,
    pub ciphertext: Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefused {
    #[error("the envelope was not opened by whoever says so")]
    NotOpened,
    #[error("the receipt is not signed by the device that it was sealed to")]
    BadSignature,
}

impl ReceiptStatement {
    pub fn of(header: &Header, envelope: &Envelope) -> Self {
        Self {
            delivery: header.delivery,
            kid: header.kid,
            credential_id: envelope.credential_id.clone(),
            header: header.digest(),
            ciphertext: envelope.ciphertext_digest(),
        }
    }

    /// In the browser, once the person says that the key is stored.
    pub fn sign(&self, opened: &Secret<32>, device: &DeviceKeys) -> Signature {
        device.sign(&self.encode(opened))
    }

    /// On the server, against the digest kept at sealing.
    pub fn verify(
        &self,
        opened: &Secret<32>,
        opened_digest: &Digest,
        device: &DeviceVerifyingKey,
        signature: &Signature,
    ) -> Result<(), ReceiptRefused> {
        if Secret::new(sha256(opened.expose())) != Secret::new(*opened_digest) {
            return Err(ReceiptRefused::NotOpened);
        }
        device
            .verify(&self.encode(opened), signature)
            .map_err(|_| ReceiptRefused::BadSignature)
    }

    fn encode(&self, opened: &Secret<32>) -> Enc {
        Enc::new("latchkey/receipt/v1")
            .uuid(self.delivery.uuid())
            .text(self.kid.as_str())
            .bytes(&self.credential_id)
            .bytes(self.header)
            .bytes(self.ciphertext)
            .bytes(opened.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: Secret<32> = Secret::new([6; 32]);

    fn device() -> DeviceKeys {
        DeviceKeys::derive(&Secret::new([1; 32]))
    }

    fn statement() -> ReceiptStatement {
        ReceiptStatement {
            delivery: DeliveryId::new(uuid::Uuid::from_u128(1)),
            kid: "0aZ9bY8c".parse().unwrap(),
            credential_id: b"credential".to_vec(),
            header: [7; 32],
            ciphertext: [8; 32],
        }
    }

    /// Checks `statement` against a receipt that was signed over [`statement()`].
    fn check(statement: &ReceiptStatement, opened: &Secret<32>) -> Result<(), ReceiptRefused> {
        let signature = self::statement().sign(&OPENED, &device());
        let digest = sha256(OPENED.expose());
        statement.verify(opened, &digest, &device().verifying_key(), &signature)
    }

    #[test]
    fn a_receipt_by_the_opener_verifies() {
        assert_eq!(check(&statement(), &OPENED), Ok(()));
    }

    #[test]
    fn a_receipt_without_opening_is_refused() {
        let refused = check(&statement(), &Secret::new([9; 32]));
        assert_eq!(refused, Err(ReceiptRefused::NotOpened));
    }

    #[test]
    fn a_receipt_by_another_device_is_refused() {
        let other = DeviceKeys::derive(&Secret::new([9; 32]));
        let refused = statement().verify(
            &OPENED,
            &sha256(OPENED.expose()),
            &device().verifying_key(),
            &statement().sign(&OPENED, &other),
        );
        assert_eq!(refused, Err(ReceiptRefused::BadSignature));
    }

    #[test]
    fn a_receipt_for_anything_else_is_refused() {
        let others = [
            ReceiptStatement {
                delivery: DeliveryId::new(uuid::Uuid::from_u128(9)),
                ..statement()
            },
            ReceiptStatement {
                kid: "0aZ9bY8d".parse().unwrap(),
                ..statement()
            },
            ReceiptStatement {
                credential_id: b"other".to_vec(),
                ..statement()
            },
            ReceiptStatement {
                header: [9; 32],
                ..statement()
            },
            ReceiptStatement {
                ciphertext: [9; 32],
                ..statement()
            },
        ];
        for other in others {
            let refused = check(&other, &OPENED);
            assert_eq!(refused, Err(ReceiptRefused::BadSignature), "{other:?}");
        }
    }
}
