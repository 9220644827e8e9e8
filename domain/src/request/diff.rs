//! What changed in an answer, word by word.

use similar::{Algorithm, ChangeTag};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffKind {
    Same,
    Added,
    Removed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffPart {
    pub kind: DiffKind,
    pub text: String,
}

/// The parts in reading order. Without the added ones it reads as `old`, without the removed ones
/// as `new`.
pub fn word_diff(old: &str, new: &str) -> Vec<DiffPart> {
    similar::utils::diff_words(Algorithm::Myers, old, new)
        .into_iter()
        .map(|(tag, text)| DiffPart {
            kind: match tag {
                ChangeTag::Equal => DiffKind::Same,
                ChangeTag::Insert => DiffKind::Added,
                ChangeTag::Delete => DiffKind::Removed,
            },
            text: text.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_changed_word_is_shown_as_removed_and_added() {
        let parts = word_diff("We store it for 30 days.", "We store it for 7 days.");
        let shown: Vec<(DiffKind, &str)> =
            parts.iter().map(|p| (p.kind, p.text.as_str())).collect();
        assert_eq!(
            shown,
            [
                (DiffKind::Same, "We store it for "),
                (DiffKind::Removed, "30"),
                (DiffKind::Added, "7"),
                (DiffKind::Same, " days."),
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn both_texts_can_be_read_from_the_difference(old in "[ab \n<]{0,30}", new in "[ab \n<]{0,30}") {
            let parts = word_diff(&old, &new);
            let without = |kind| -> String {
                parts.iter().filter(|p| p.kind != kind).map(|p| p.text.as_str()).collect()
            };
            prop_assert_eq!(without(DiffKind::Added), old);
            prop_assert_eq!(without(DiffKind::Removed), new);
        }
    }
}
