//! How long it takes to mint a key and seal it to one passkey, and to sign who calls.
//! `cargo xtask bench` runs it.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures how long something takes, and says so"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::assertion::AssertionKey;
use domain::id::{DeliveryId, PersonId};
use domain::link::LinkSecret;
use domain::seal::{
    Addressee, DeviceKeys, Header, HostSigningKey, SealingKey, SecretKind, Suite, seal,
};
use domain::secret::Secret;
use domain::time::Timestamp;
use domain::token::{ApiKey, KeyPrefix};
use getrandom::SysRng;
use rand_core::UnwrapErr;

const WARM_UP: usize = 200;
const TIMED: usize = 2_001;
/// Bytes, as they are for a grant with three scopes.
const CLAIMS: usize = 560;

fn main() -> Result<(), Box<dyn Error>> {
    let rng = &mut UnwrapErr(SysRng);
    let prefix = KeyPrefix::new("lk", "live")?;
    let pepper = Secret::random(rng);
    let host = HostSigningKey::from_seed(&Secret::random(rng));
    let sealing_key = DeviceKeys::derive(&Secret::random(rng)).sealing_key();
    let mint = median(|| mint_and_seal(&prefix, &pepper, &host, &sealing_key))?;
    println!("figure mint_seal {mint:.1} us");
    let signer = AssertionKey::derive(&host);
    let sign = median(|| {
        black_box(signer.sign(black_box(&[b'x'; CLAIMS])));
        Ok(())
    })?;
    println!("figure assertion {sign:.1} us");
    Ok(())
}

/// Microseconds.
fn median(mut act: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::with_capacity(TIMED);
    for round in 0..WARM_UP + TIMED {
        let start = Instant::now();
        act()?;
        if round >= WARM_UP {
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    let median = times.get(TIMED / 2).copied().unwrap_or(Duration::MAX);
    Ok(median.as_secs_f64() * 1e6)
}

/// All that the server computes for it, down to the bytes that it stores.
fn mint_and_seal(
    prefix: &KeyPrefix,
    pepper: &Secret<32>,
    host: &HostSigningKey,
    sealing_key: &SealingKey,
) -> Result<(), Box<dyn Error>> {
    let rng = &mut UnwrapErr(SysRng);
    let key = ApiKey::mint(prefix, rng);
    black_box(key.mac(pepper));
    let link = LinkSecret::random(rng);
    let header = Header {
        suite: Suite::X25519HkdfSha256Aes256Gcm,
        origin: "https://keys.example.com".to_owned(),
        delivery: DeliveryId::random(rng),
        recipient: PersonId::random(rng),
        kind: SecretKind::ApiKey,
        service: "Shipments API".to_owned(),
        environment: "production".to_owned(),
        kid: key.kid(),
        grant_digest: [5; 32],
        delivery_expiry: Timestamp::from_micros(1_803_055_200_000_000),
        key_expiry: Timestamp::from_micros(1_811_000_000_000_000),
    };
    let to = Addressee {
        credential_id: &[7; 32],
        sealing_key,
    };
    let sealed = seal(key.expose(), to, &link, &header, host, rng)?;
    black_box((
        link.claim_token().digest(),
        sealed.envelope.ciphertext_digest(),
        sealed.envelope.to_bytes(),
    ));
    Ok(())
}
