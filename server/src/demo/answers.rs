//! What the partners of the story answer.

use anyhow::Result;
use domain::request::{Answers, QuestionId};

/// A whole set of answers; `networks` may be empty where a policy allows that.
pub(super) fn answers(partner: &str, purpose: &str, networks: &str) -> Result<Answers> {
    use QuestionId as Id;

    let domain = format!("{partner}.example");
    let mut answers = Answers::default();
    for (question, text) in [
        (Id::Purpose, purpose),
        (
            Id::Data,
            "Only what the scopes name; no addresses beyond the postal code.",
        ),
        (Id::DataSubjects, "our_customers"),
        (
            Id::Consequence,
            "Our support team looks each case up by hand, about 900 times a day.",
        ),
        (Id::BusinessOwner, "Head of operations"),
        (Id::BusinessOwnerEmail, &format!("operations@{domain}")),
        (
            Id::Systems,
            "One service in two regions, run by our platform team.",
        ),
        (
            Id::People,
            "Nobody triggers a call by hand: a job runs each minute. Support sees the results.",
        ),
        (
            Id::Endpoints,
            "List what changed since the last run, then read each of them.",
        ),
        (Id::Volume, "5000"),
        (Id::Networks, networks),
        (
            Id::Handling,
            "Kept for 30 days in our database, encrypted, then deleted by a job.",
        ),
        (
            Id::Storage,
            "In our secret manager, read by the service when it starts.",
        ),
        (Id::Transit, "tls13"),
        (Id::AtRest, "secret_manager"),
        (
            Id::Readers,
            "No person. Two administrators can grant it, and that is logged.",
        ),
        (
            Id::Rotation,
            "The platform team, with a new deployment, within an hour.",
        ),
        (
            Id::LeakResponse,
            "The engineer on call reports it here and stops the service within 15 minutes.",
        ),
        (Id::SecurityContact, &format!("security@{domain}")),
    ] {
        answers.set(question, text)?;
    }
    Ok(answers)
}
