//! The questions of the three sections, in the partner's words, with why each is asked.

use super::section::Section;

/// A question; `name` is its form field and the key under which an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub section: Section,
    pub name: &'static str,
    pub ask: &'static str,
    pub why: &'static str,
    /// Lines offered for the answer; 1 is a single-line field.
    pub rows: u8,
    pub mono: bool,
}

const fn ask(
    section: Section,
    name: &'static str,
    ask: &'static str,
    why: &'static str,
    rows: u8,
) -> Question {
    Question {
        section,
        name,
        ask,
        why,
        rows,
        mono: false,
    }
}

const fn mono(question: Question) -> Question {
    Question {
        mono: true,
        ..question
    }
}

use Section::{Justification, Safeguards, Workflow};

/// Every question, in the order in which it is asked.
pub const QUESTIONS: [Question; 17] = [
    ask(
        Justification,
        "purpose",
        "What is it for?",
        "One or two sentences that a person outside your team understands.",
        3,
    ),
    ask(
        Justification,
        "data",
        "What data will you read or change?",
        "Name the fields. We grant only what they need.",
        3,
    ),
    ask(
        Justification,
        "whose",
        "Whose data is it?",
        "Your customers, ours, your staff: it decides which rules apply.",
        2,
    ),
    ask(
        Justification,
        "consequence",
        "What if you cannot have it?",
        "It helps us to see what a narrower grant would cost you.",
        2,
    ),
    ask(
        Justification,
        "business_owner",
        "Who answers for this at your organisation?",
        "A function and an address. We write there if something is unclear.",
        1,
    ),
    ask(
        Workflow,
        "systems",
        "What calls the API, and who can start it?",
        "Name the systems and the people behind them.",
        3,
    ),
    mono(ask(
        Workflow,
        "endpoints",
        "Which endpoints?",
        "One a line, such as GET /v2/shipments/{id}.",
        3,
    )),
    ask(
        Workflow,
        "volume",
        "How many calls do you expect?",
        "Usual and highest, a second or a day. It becomes the limit.",
        1,
    ),
    mono(ask(
        Workflow,
        "networks",
        "From which networks?",
        "One a line, such as 203.0.113.0/28. The key will work from nowhere else.",
        3,
    )),
    ask(
        Workflow,
        "handling",
        "What happens with the data afterwards?",
        "Where it goes, how long it stays, who else gets it.",
        3,
    ),
    ask(
        Safeguards,
        "storage",
        "Where will the key be stored?",
        "A vault or a secret store. Code, notebooks and chats are no places for a key.",
        2,
    ),
    ask(
        Safeguards,
        "in_transit",
        "How is the data encrypted on its way?",
        "Between your own systems too.",
        1,
    ),
    ask(
        Safeguards,
        "at_rest",
        "How is the data encrypted where it lies?",
        "Databases, backups and logs.",
        2,
    ),
    ask(
        Safeguards,
        "readers",
        "Who can read the key?",
        "Best: the service alone, and no person.",
        2,
    ),
    ask(
        Safeguards,
        "rotation",
        "How do you put a new key in place?",
        "Keys end. A change should need no night shift.",
        2,
    ),
    ask(
        Safeguards,
        "leak",
        "What do you do when the key leaks?",
        "Who notices, who acts, how fast.",
        3,
    ),
    ask(
        Safeguards,
        "security_contact",
        "Whom do we call about security?",
        "An address that somebody reads on a Sunday.",
        1,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_its_own_field() {
        let mut names: Vec<_> = QUESTIONS.iter().map(|q| q.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), QUESTIONS.len());
    }
}
