//! What a secret may look like where it does not belong.

#![expect(
    clippy::indexing_slicing,
    reason = "all indexes come from windows over the very slice, or are two bytes"
)]

use std::collections::{BTreeSet, HashMap};

use base64ct::{Base64Unpadded, Base64UrlUnpadded};

/// Shorter ones would be found by chance.
const SHORTEST: usize = 8;

pub struct Secret {
    name: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

/// A secret in a place, and in which form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub secret: &'static str,
    pub form: &'static str,
    pub place: String,
}

/// By their first two bytes, which sort out nearly everything.
pub struct Needles {
    is_start: Vec<bool>,
    by_start: HashMap<usize, Vec<Needle>>,
}

/// Of which secret, in which form.
type Needle = (&'static str, &'static str, Vec<u8>);

impl Secret {
    /// The bytes that are secret, and the text that they are passed on as.
    pub fn new(name: &'static str, bytes: &[u8], text: &str) -> Self {
        let mut forms = Vec::new();
        for source in [bytes, text.as_bytes()] {
            forms.push(("plain", source.to_vec()));
            for alignment in 0..3 {
                for encoded in [
                    middle::<Base64Unpadded>(source, alignment),
                    middle::<Base64UrlUnpadded>(source, alignment),
                ] {
                    forms.push(("base64", encoded.into_bytes()));
                }
            }
            let hex: String = source.iter().map(|byte| format!("{byte:02x}")).collect();
            forms.push(("hex", hex.to_uppercase().into_bytes()));
            forms.push(("hex", hex.into_bytes()));
            // As browsers write strings down.
            if let Ok(text) = std::str::from_utf8(source) {
                let units = text.encode_utf16().flat_map(u16::to_le_bytes);
                forms.push(("UTF-16", units.collect()));
            }
            // As `{:?}` and JSON write bytes.
            for comma in [", ", ","] {
                let list: Vec<String> = source.iter().map(u8::to_string).collect();
                forms.push(("numbers", list.join(comma).into_bytes()));
            }
        }
        forms.retain(|(_, bytes)| bytes.len() >= SHORTEST);
        Self { name, forms }
    }
}

/// The part of an encoding that does not depend on what stands around the source.
fn middle<E: base64ct::Encoding>(source: &[u8], alignment: usize) -> String {
    let mut shifted = vec![0; alignment];
    shifted.extend(source);
    let whole_groups = shifted.len() / 3 * 4;
    let encoded = E::encode_string(&shifted);
    let from = (alignment * 8).div_ceil(6);
    let last = encoded.len().min(if shifted.len().is_multiple_of(3) {
        encoded.len()
    } else {
        whole_groups + shifted.len() % 3
    });
    encoded.get(from..last).unwrap_or_default().to_owned()
}

impl Needles {
    pub fn new(secrets: Vec<Secret>) -> Self {
        let mut needles = Self {
            is_start: vec![false; 1 << 16],
            by_start: HashMap::new(),
        };
        for Secret { name, forms } in secrets {
            for (form, needle) in forms {
                let start = pair(needle[0], needle[1]);
                needles.is_start[start] = true;
                let same = needles.by_start.entry(start).or_default();
                same.push((name, form, needle));
            }
        }
        needles
    }

    /// Every secret that is in this place, each form once.
    pub fn find(&self, place: &str, hay: &[u8]) -> Vec<Found> {
        let mut found = BTreeSet::new();
        for (at, two) in hay.windows(2).enumerate() {
            let start = pair(two[0], two[1]);
            if !self.is_start[start] {
                continue;
            }
            for (secret, form, needle) in self.by_start.get(&start).into_iter().flatten() {
                if hay[at..].starts_with(needle) {
                    found.insert(Found {
                        secret,
                        form,
                        place: place.to_owned(),
                    });
                }
            }
        }
        found.into_iter().collect()
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

#[test]
fn a_secret_is_found_in_every_form_and_at_every_alignment() {
    use base64ct::Encoding as _;

    let bytes: Vec<u8> = (0..32).map(|at: u8| at.wrapping_mul(83) ^ 0x5a).collect();
    let needles = Needles::new(vec![Secret::new("it", &bytes, "tHe-SeCrEt_itself")]);
    let forms = |hay: &[u8]| -> Vec<&'static str> {
        needles
            .find("here", hay)
            .into_iter()
            .map(|found| found.form)
            .collect()
    };
    let wide: Vec<u8> = "tHe-SeCrEt_itself"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(forms(&[&[7], wide.as_slice()].concat()), ["UTF-16"]);
    for source in [bytes.as_slice(), b"tHe-SeCrEt_itself"] {
        for before in 0..7 {
            let around = [&vec![7; before], source, b"and more"].concat();
            assert_eq!(forms(&around), ["plain"]);
            assert_eq!(
                forms(Base64Unpadded::encode_string(&around).as_bytes()),
                ["base64"]
            );
            assert_eq!(
                forms(Base64UrlUnpadded::encode_string(&around).as_bytes()),
                ["base64"]
            );
            let hex: String = around.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(forms(hex.as_bytes()), ["hex"]);
            assert_eq!(forms(hex.to_uppercase().as_bytes()), ["hex"]);
            assert_eq!(forms(format!("{around:?}").as_bytes()), ["numbers"]);
        }
    }
    assert!(forms(b"the secret itself is not here").is_empty());
    assert!(forms(&bytes[1..]).is_empty(), "nor is this all of it");
}
