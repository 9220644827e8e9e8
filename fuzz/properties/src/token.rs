//! Keys: `{prefix}_{env}_{kid:8}{secret:32}{crc:6}`.

use domain::token::{ApiKey, Kid};

/// The input is a key, and besides one without its checksum: no fuzzer finds four billion to one.
pub fn token(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    reads_alike(text);
    reads_alike(&format!("{text}{}", checksum(text.as_bytes())));
}

fn reads_alike(text: &str) {
    let parsed = ApiKey::parse(text);
    assert_eq!(parsed.is_ok(), is_well_formed(text), "{text:?}");
    let Ok(key) = parsed else { return };
    assert_eq!(key.expose(), text.as_bytes(), "it is kept as it came");
    let again = ApiKey::parse(text).map(|key| key.kid());
    assert_eq!(again, Ok(key.kid()));
    let kid = key.kid().to_string();
    assert_eq!(
        text.rsplit('_').next().and_then(|rest| rest.get(..8)),
        Some(kid.as_str())
    );
    assert_eq!(kid.parse::<Kid>(), Ok(key.kid()));
    assert!(!format!("{key:?}").contains(&kid), "it shows nothing");
    // Any one character that differs is noticed (a CRC detects every burst of up to 32 bits).
    for (at, byte) in text.bytes().enumerate() {
        let mut other = text.as_bytes().to_vec();
        let swapped = if byte == b'0' { b'1' } else { b'0' };
        if let Some(place) = other.get_mut(at) {
            *place = swapped;
        }
        let other = String::from_utf8_lossy(&other);
        assert!(ApiKey::parse(&other).is_err(), "{text} and {other}");
    }
}

fn is_well_formed(text: &str) -> bool {
    let parts: Vec<&str> = text.split('_').collect();
    let &[prefix, tag, rest] = parts.as_slice() else {
        return false;
    };
    let is_tag = |tag: &str| {
        !tag.is_empty()
            && tag
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let (Some(body), Some(sum)) = (
        text.len().checked_sub(6).and_then(|end| text.get(..end)),
        text.len().checked_sub(6).and_then(|end| text.get(end..)),
    ) else {
        return false;
    };
    is_tag(prefix)
        && is_tag(tag)
        && prefix.len() + tag.len() <= 7
        && rest.len() == 46
        && rest.chars().all(|c| c.is_ascii_alphanumeric())
        && sum == checksum(body.as_bytes())
}

/// CRC-32 (IEEE 802.3), bit by bit, in six digits of base62.
fn checksum(body: &[u8]) -> String {
    const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = u32::MAX;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut rest = !crc;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.extend(DIGITS.chars().nth(rest as usize % 62));
        rest /= 62;
    }
    digits.iter().rev().collect()
}
