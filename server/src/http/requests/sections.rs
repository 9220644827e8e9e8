//! The three sections as a conversation: answers with what changed, verdicts, comments.

use app::components::{Answer, Change, Comment, Moment};
use app::pages::request::{Section as Shown, SectionView, Verdict as ShownVerdict, is_mono};
use domain::decision::DecisionVerdict;
use domain::id::PersonId;
use domain::request::{DiffKind, Question, QuestionKind, Questionnaire, word_diff};
use domain::review::{Review, Section, Verdict, changes_since, last_judged, standing};
use domain::time::Timestamp;

use crate::service::requests::{Frozen, RequestFile};

/// The sections of a revision. With `compare`, what changed since the last verdict before it (or
/// else since the revision before it) is marked; the revision compared with is named.
pub(super) fn sections(
    file: &RequestFile,
    revision: &Frozen,
    compare: bool,
    now: Timestamp,
) -> (Vec<SectionView>, Option<u64>) {
    let reviews = verdicts(file);
    let mut compared = None;
    let views = Section::ALL
        .iter()
        .map(|section| {
            let earlier = compare
                .then(|| earlier(file, revision, &reviews, *section))
                .flatten();
            let base = earlier.map(|frozen| u64::from(frozen.document.number));
            compared = compared.into_iter().chain(base).min();
            SectionView {
                section: Shown::from(*section),
                verdict: verdict(&reviews, revision.document.number, *section),
                answers: answers(revision, earlier, *section),
                comments: comments(file, *section, now),
            }
        })
        .collect();
    (views, compared)
}

/// Reasons of decisions that asked for changes: they are about the whole request.
pub(super) fn asked_with_decisions(file: &RequestFile, now: Timestamp) -> Vec<Comment> {
    let newest = file.revisions.last().map(|frozen| frozen.row.id);
    file.proposals
        .iter()
        .filter(|proposed| Some(proposed.row.revision_id) == newest)
        .flat_map(|proposed| {
            let environment = file.environment_name(proposed.row.environment_id);
            proposed
                .decisions
                .iter()
                .filter(|decision| decision.verdict.0 == DecisionVerdict::AskForChanges)
                .map(move |decision| (environment, decision))
        })
        .map(|(environment, decision)| Comment {
            by: file.name_of(decision.person_id).to_owned(),
            at: Moment::new(decision.at, now),
            verdict: format!("asked for changes, deciding on {environment}"),
            text: decision.reason.clone(),
        })
        .collect()
}

/// The stored reviews as the domain counts them.
fn verdicts(file: &RequestFile) -> Vec<Review> {
    file.reviews
        .iter()
        .filter_map(|row| {
            let revision = file
                .revisions
                .iter()
                .find(|frozen| frozen.row.id == row.revision_id)?;
            Some(Review {
                reviewer: row.person_id,
                revision: revision.document.number,
                section: row.section.0,
                verdict: row.verdict.map(|code| code.0),
                comment: None,
                at: row.at,
            })
        })
        .collect()
}

/// One reviewer who asks for changes outweighs others who accept.
fn verdict(reviews: &[Review], revision: u32, section: Section) -> ShownVerdict {
    let given: Vec<(PersonId, Verdict)> = standing(reviews, revision, section);
    if given
        .iter()
        .any(|(_, verdict)| *verdict != Verdict::Accepted)
    {
        ShownVerdict::ChangesAsked
    } else if given.is_empty() {
        ShownVerdict::None
    } else {
        ShownVerdict::Accepted
    }
}

fn earlier<'a>(
    file: &'a RequestFile,
    revision: &Frozen,
    reviews: &[Review],
    section: Section,
) -> Option<&'a Frozen> {
    let number = revision.document.number;
    let before: Vec<Review> = reviews
        .iter()
        .filter(|review| review.revision < number)
        .cloned()
        .collect();
    let wanted = last_judged(&before, section).unwrap_or_else(|| number.saturating_sub(1));
    file.revisions
        .iter()
        .find(|frozen| frozen.document.number == wanted)
}

fn answers(revision: &Frozen, earlier: Option<&Frozen>, section: Section) -> Vec<Answer> {
    let document = &revision.document;
    let questionnaire =
        Questionnaire::of_version(document.questionnaire).unwrap_or(Questionnaire::CURRENT);
    let changed: Vec<_> = earlier
        .map(|earlier| changes_since(&earlier.document, document, section))
        .into_iter()
        .flatten()
        .map(|change| change.question)
        .collect();
    questionnaire
        .section(section)
        .map(|question| {
            let now = readable(question, document.answers.answer(question.id));
            let answer = match earlier.filter(|_| changed.contains(&question.id)) {
                Some(earlier) => {
                    let was = readable(question, earlier.document.answers.answer(question.id));
                    Answer::changed(question.label, marked(&was, &now))
                }
                None => Answer::new(question.label, now),
            };
            if is_mono(question) {
                answer.mono()
            } else {
                answer
            }
        })
        .collect()
}

fn marked(was: &str, now: &str) -> Vec<Change> {
    word_diff(was, now)
        .into_iter()
        .map(|part| match part.kind {
            DiffKind::Same => Change::Same(part.text),
            DiffKind::Added => Change::Added(part.text),
            DiffKind::Removed => Change::Removed(part.text),
        })
        .collect()
}

/// An answer in words: the label of a choice, not its code.
fn readable(question: &Question, answer: &str) -> String {
    match question.kind {
        QuestionKind::Choice(choices) => choices
            .iter()
            .find(|choice| choice.code == answer)
            .map_or(answer, |choice| choice.label)
            .to_owned(),
        _ => answer.to_owned(),
    }
}

/// All that was said about a section, on every revision.
fn comments(file: &RequestFile, section: Section, now: Timestamp) -> Vec<Comment> {
    file.reviews
        .iter()
        .filter(|review| review.section.0 == section)
        .map(|review| Comment {
            by: file.name_of(review.person_id).to_owned(),
            at: Moment::new(review.at, now),
            verdict: match review.verdict.map(|code| code.0) {
                Some(Verdict::Accepted) => "accepted this section".to_owned(),
                Some(Verdict::ChangesAsked) => "asked for changes".to_owned(),
                Some(Verdict::Objection) => "objected".to_owned(),
                None => String::new(),
            },
            text: review.comment.clone(),
        })
        .collect()
}
