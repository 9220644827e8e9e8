//! The questions, as data. A published version never changes: a change is a new version, and a
//! revision names the one that it answers.

use crate::review::Section;
use crate::text::codes;

codes! {
    QuestionId {
        Purpose = "purpose",
        Data = "data",
        DataSubjects = "data_subjects",
        Consequence = "consequence",
        BusinessOwner = "business_owner",
        BusinessOwnerEmail = "business_owner_email",
        Systems = "systems",
        People = "people",
        Endpoints = "endpoints",
        Volume = "volume",
        Networks = "networks",
        Handling = "handling",
        Storage = "storage",
        Transit = "transit",
        AtRest = "at_rest",
        Readers = "readers",
        Rotation = "rotation",
        LeakResponse = "leak_response",
        SecurityContact = "security_contact",
    }
}

/// One of a question's fixed answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub code: &'static str,
    pub label: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    Line,
    Paragraph,
    Choice(&'static [Choice]),
    Networks,
    /// Calls a day, as a whole number.
    Volume,
    Email,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub id: QuestionId,
    pub section: Section,
    pub label: &'static str,
    /// Why it is asked, and what a good answer holds.
    pub help: &'static str,
    pub kind: QuestionKind,
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Questionnaire {
    pub version: u16,
    pub questions: &'static [Question],
}

impl Questionnaire {
    pub const CURRENT: Self = Self {
        version: 1,
        questions: V1,
    };

    /// The questions that an old revision answers.
    pub const fn of_version(version: u16) -> Option<Self> {
        match version {
            1 => Some(Self::CURRENT),
            _ => None,
        }
    }

    pub fn question(&self, id: QuestionId) -> Option<&'static Question> {
        self.questions.iter().find(|question| question.id == id)
    }

    pub fn section(&self, section: Section) -> impl Iterator<Item = &'static Question> {
        self.questions
            .iter()
            .filter(move |question| question.section == section)
    }
}

const fn ask(
    section: Section,
    id: QuestionId,
    kind: QuestionKind,
    label: &'static str,
    help: &'static str,
) -> Question {
    Question {
        id,
        section,
        label,
        help,
        kind,
        required: true,
    }
}

const fn choice(code: &'static str, label: &'static str) -> Choice {
    Choice { code, label }
}

const SUBJECTS: &[Choice] = &[
    choice("nobody", "Nobody’s: it is not about people"),
    choice("our_customers", "Our own customers’"),
    choice("your_customers", "Your customers’"),
    choice("employees", "Employees’"),
    choice("several", "Several of these"),
];

const IN_TRANSIT: &[Choice] = &[
    choice("tls13", "TLS 1.3 everywhere"),
    choice("tls12", "TLS 1.2 or newer everywhere"),
    choice("partly", "Not on every internal connection"),
];

const AT_REST: &[Choice] = &[
    choice("secret_manager", "In a secret manager or hardware module"),
    choice("encrypted", "In a file or database that is encrypted"),
    choice("disk", "On an encrypted disk only"),
    choice("none", "Not encrypted"),
];

use QuestionId as Id;
use QuestionKind::{Email, Line, Networks, Paragraph, Volume};
use Section::{Justification, Safeguards, Workflow};

const V1: &[Question] = &[
    ask(
        Justification,
        Id::Purpose,
        Paragraph,
        "What do you want to achieve?",
        "We grant what it needs and no more. Describe the product or process.",
    ),
    ask(
        Justification,
        Id::Data,
        Paragraph,
        "What data do you need?",
        "Name the records and fields, so that we can offer the smallest scopes.",
    ),
    ask(
        Justification,
        Id::DataSubjects,
        QuestionKind::Choice(SUBJECTS),
        "Whose data is it?",
        "Data about people brings duties.",
    ),
    ask(
        Justification,
        Id::Consequence,
        Paragraph,
        "What happens if you do not get access?",
        "How urgent it is, and what other way there is.",
    ),
    ask(
        Justification,
        Id::BusinessOwner,
        Line,
        "Who is responsible for this on your side?",
        "Not who writes the code.",
    ),
    ask(
        Justification,
        Id::BusinessOwnerEmail,
        Email,
        "How do we reach that person?",
        "We write only about this access.",
    ),
    ask(
        Workflow,
        Id::Systems,
        Paragraph,
        "Which systems will call?",
        "Name each one, where it runs and who operates it.",
    ),
    ask(
        Workflow,
        Id::People,
        Paragraph,
        "Which people trigger or see the calls?",
        "Teams or roles are enough. If only a job calls, say so.",
    ),
    ask(
        Workflow,
        Id::Endpoints,
        Paragraph,
        "Which endpoints will you use, and in which order?",
        "A typical run, so that we can tell use from misuse.",
    ),
    ask(
        Workflow,
        Id::Volume,
        Volume,
        "How many calls a day do you expect?",
        "A whole number for a busy day. Limits follow from it.",
    ),
    Question {
        required: false,
        ..ask(
            Workflow,
            Id::Networks,
            Networks,
            "From which networks will you call?",
            "Such as 192.0.2.0/24. A stolen key is worth nothing elsewhere.",
        )
    },
    ask(
        Workflow,
        Id::Handling,
        Paragraph,
        "What happens with the data afterwards?",
        "Where it is kept, how long, who receives it, how it is deleted.",
    ),
    ask(
        Safeguards,
        Id::Storage,
        Paragraph,
        "Where will the key be stored?",
        "Name the product and place, such as a secret manager. Never in source code.",
    ),
    ask(
        Safeguards,
        Id::Transit,
        QuestionKind::Choice(IN_TRANSIT),
        "How is the data encrypted in transit?",
        "From us, and between your systems.",
    ),
    ask(
        Safeguards,
        Id::AtRest,
        QuestionKind::Choice(AT_REST),
        "How is the key encrypted at rest?",
        "Backups count too.",
    ),
    ask(
        Safeguards,
        Id::Readers,
        Paragraph,
        "Who can read the key?",
        "Roles, how many people, and how access ends when one leaves.",
    ),
    ask(
        Safeguards,
        Id::Rotation,
        Paragraph,
        "How will you replace the key?",
        "Keys expire. Say who does it and how long it takes.",
    ),
    ask(
        Safeguards,
        Id::LeakResponse,
        Paragraph,
        "What will you do if the key leaks?",
        "Who notices, and how fast you tell us.",
    ),
    ask(
        Safeguards,
        Id::SecurityContact,
        Email,
        "Whom do we alert about security?",
        "Read outside office hours too.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_asked_exactly_once() {
        let asked: Vec<QuestionId> = V1.iter().map(|question| question.id).collect();
        assert_eq!(asked, QuestionId::ALL);
    }

    #[test]
    fn every_section_has_questions_and_every_question_says_why() {
        for section in Section::ALL {
            assert!(Questionnaire::CURRENT.section(*section).count() >= 6);
        }
        assert!(
            V1.iter()
                .all(|q| q.label.ends_with('?') && q.help.ends_with('.'))
        );
    }

    #[test]
    fn an_unknown_version_has_no_questions() {
        assert_eq!(Questionnaire::of_version(2), None);
    }
}
