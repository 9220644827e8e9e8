//! The lines of a decision: what is shown is what is signed.

use domain::act::ActStatement;
use domain::enc::Digest;
use domain::grant::Grant;
use domain::quorum::DecisionSubject;

use crate::service::decisions::{LineCase, hex};
use crate::service::requests::{Proposed, RequestFile};

/// What people read of a decision: what would be granted, and to whom.
pub fn signed_lines(
    file: &RequestFile,
    case: &LineCase,
    proposed: &Proposed,
) -> Vec<(&'static str, String)> {
    let grant = &proposed.grant;
    let scopes: Vec<&str> = grant
        .scopes()
        .iter()
        .map(domain::service::ScopeName::as_str)
        .collect();
    let rules: Vec<String> = grant
        .rules()
        .iter()
        .map(|rule| format!("{} {}", rule.method, rule.pattern))
        .collect();
    vec![
        ("Partner", file.partner.name.clone()),
        ("Service", file.service.name.clone()),
        (
            "Environment",
            file.environment_name(grant.environment()).to_owned(),
        ),
        ("Scopes", scopes.join(", ")),
        ("Calls", rules.join(", ")),
        ("Source networks", grant.sources().to_string()),
        ("Calls a second", grant.rate().to_string()),
        ("Further limits", grant.limits().to_string()),
        ("Hours", hours(grant)),
        (
            "Life",
            format!("{} days from the last approval", grant.life()),
        ),
        (
            "Delivered to",
            format!(
                "{} <{}>",
                file.name_of(case.recipient),
                case.recipient_email.as_str()
            ),
        ),
        ("Approvals needed", case.policy.approvals.to_string()),
    ]
}

/// When a grant's keys work.
pub fn hours(grant: &Grant) -> String {
    if grant.hours().are_all() {
        "at all times".to_owned()
    } else {
        format!("{} (UTC)", grant.hours())
    }
}

/// The digests, labelled as `ActStatement::with_decision` labels them.
pub fn digest_lines(subject: &DecisionSubject) -> [(&'static str, String); 4] {
    [
        ("revision", hex(&subject.revision)),
        ("grant", hex(&subject.grant)),
        ("policy version", hex(&subject.policy)),
        ("recipient", hex(&subject.recipient)),
    ]
}

/// The digests as they were signed.
pub(in crate::service::acts) fn signed_subject(
    statement: &ActStatement,
) -> Option<DecisionSubject> {
    let digest = |label| statement.parameter(label).and_then(unhex);
    Some(DecisionSubject {
        revision: digest("revision")?,
        grant: digest("grant")?,
        policy: digest("policy version")?,
        recipient: digest("recipient")?,
    })
}

fn unhex(text: &str) -> Option<Digest> {
    let mut digest: Digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use domain::act::{Act, DecisionDigests, Nonce};
    use domain::id::PersonId;
    use uuid::Uuid;

    use super::*;

    const SUBJECT: DecisionSubject = DecisionSubject {
        revision: [1; 32],
        grant: [2; 32],
        policy: [3; 32],
        recipient: [0xfe; 32],
    };

    fn bare() -> ActStatement {
        ActStatement {
            nonce: Nonce::new([0; 32]),
            act: Act::Decide,
            origin: "http://localhost".to_owned(),
            actor: PersonId::new(Uuid::nil()),
            subject: Uuid::nil(),
            stamp: 1,
            parameters: Vec::new(),
        }
    }

    #[test]
    fn the_digest_lines_are_those_of_a_decision() {
        let lines = digest_lines(&SUBJECT);
        let shown = lines
            .into_iter()
            .fold(bare().with("verdict", "approve"), |all, (label, value)| {
                all.with(label, value)
            });
        let digests = DecisionDigests {
            revision: SUBJECT.revision,
            grant: SUBJECT.grant,
            policy: SUBJECT.policy,
            recipient: SUBJECT.recipient,
        };
        assert_eq!(shown, bare().with_decision("approve", &digests));
        assert_eq!(signed_subject(&shown), Some(SUBJECT));
    }

    #[test]
    fn a_statement_without_a_whole_digest_signs_no_decision() {
        assert_eq!(signed_subject(&bare()), None);
        for broken in ["", "00", &"zz".repeat(32), &"é".repeat(32)] {
            assert_eq!(unhex(broken), None, "{broken}");
        }
    }
}
