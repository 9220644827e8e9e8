//! Random text over an alphabet, without bias.

use rand_core::CryptoRng;

/// Digits, capitals, small letters: in byte order, so that text sorts as numbers do.
pub(crate) const BASE62: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Fills `text` uniformly. A byte past the last whole multiple of the alphabet's length is thrown
/// away: a bare remainder would favour the first characters.
pub(crate) fn fill(text: &mut [u8], alphabet: &[u8], rng: &mut impl CryptoRng) {
    let size = alphabet.len().clamp(1, 256);
    let limit = 256 - 256 % size;
    for character in text {
        *character = loop {
            let mut byte = [0];
            rng.fill_bytes(&mut byte);
            let [byte] = byte.map(usize::from);
            match alphabet.get(byte % size) {
                Some(drawn) if byte < limit => break *drawn,
                _ => {}
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rng::TestRng;

    #[test]
    fn every_character_is_drawn_about_equally_often() {
        let mut text = vec![0; 62 * 1000];
        fill(&mut text, BASE62, &mut TestRng::new(1));
        for character in BASE62 {
            let count = text.iter().filter(|drawn| *drawn == character).count();
            // Six standard deviations; a bare remainder gives the first eight 25 % more.
            assert!((810..=1190).contains(&count), "{character}: {count}");
        }
    }
}
