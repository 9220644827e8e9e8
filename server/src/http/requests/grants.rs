//! What is proposed or granted for each environment, and how far its quorum is.

use app::components::{Line, Moment, Pill, Tone, Vote};
use app::pages::request::{DecidedBy, GrantView, StatusGrant};
use domain::decision::DecisionVerdict;
use domain::network::Sources;
use domain::quorum::QuorumState;
use domain::request::{LineState, RequestState};
use domain::review::Reviewer;
use domain::service::ScopeName;
use domain::state::GrantState;
use domain::time::Timestamp;
use store::{DecisionRow, Environment, Read};

use crate::refusal::Refusal;
use crate::service::acts::hours;
use crate::service::decisions::{self, LineCase};
use crate::service::requests::{Proposed, RequestFile};

/// For staff, with the votes.
pub(super) async fn under_review(
    read: &mut Read,
    file: &RequestFile,
    viewer: Option<&Reviewer>,
    now: Timestamp,
) -> Result<Vec<GrantView>, Refusal> {
    let mut views = Vec::new();
    let standing: Vec<_> = file.standing().collect();
    for (environment, proposed) in standing {
        let case = LineCase::load(read, file, proposed).await?;
        let tally = case.tally();
        let decided = decided_by(file, &case, &tally, proposed, viewer);
        let open = proposed.is_open() && file.request.state.0 == RequestState::InReview;
        let waiting = if open {
            waiting(file, &tally, &decisions::eligible(read, file, &case).await?)
        } else {
            String::new()
        };
        let given = if proposed.is_open() {
            tally.given.len()
        } else {
            approvals(proposed).count()
        };
        views.push(GrantView {
            environment: environment.name.clone(),
            lines: lines(file, proposed, Some(&case)),
            votes: votes(file, &tally, proposed, &decided, open, now),
            given: u64::try_from(given).unwrap_or_default(),
            needed: tally.needed.into(),
            waiting,
            decided,
        });
    }
    Ok(views)
}

/// For the partner, without who voted.
pub(super) async fn for_partner(
    read: &mut Read,
    file: &RequestFile,
) -> Result<Vec<StatusGrant>, Refusal> {
    let mut views = Vec::new();
    let standing: Vec<_> = file.standing().collect();
    for (environment, proposed) in standing {
        views.push(status(read, file, environment, proposed).await?);
    }
    Ok(views)
}

async fn status(
    read: &mut Read,
    file: &RequestFile,
    environment: &Environment,
    proposed: &Proposed,
) -> Result<StatusGrant, Refusal> {
    let approvals = if proposed.is_open() {
        let tally = LineCase::load(read, file, proposed).await?.tally();
        format!("{} of {} approvals", tally.given.len(), tally.needed)
    } else {
        let until = proposed.row.valid_until;
        until.map_or_else(String::new, |until| format!("until {}", until.day()))
    };
    Ok(StatusGrant {
        environment: environment.name.clone(),
        state: pill(proposed.row.state.0),
        approvals,
        lines: lines(file, proposed, None),
    })
}

pub(super) fn pill(state: GrantState) -> Pill {
    let (word, tone) = match state {
        GrantState::Proposed => ("Waits for approval", Tone::Info),
        GrantState::Superseded => ("Replaced", Tone::Plain),
        GrantState::WaitingForPasskey => ("Approved, waiting for a passkey", Tone::Warn),
        GrantState::Approved => ("Approved", Tone::Ok),
        GrantState::Rejected => ("Rejected", Tone::Stop),
        GrantState::Withdrawn => ("Withdrawn", Tone::Plain),
        GrantState::Revoked => ("Revoked", Tone::Stop),
        GrantState::Expired => ("Ended", Tone::Plain),
    };
    Pill::new(word, tone)
}

/// The grant, with what was asked for and is not in it struck through, and (for staff) beside what
/// the policy allows.
fn lines(file: &RequestFile, proposed: &Proposed, case: Option<&LineCase>) -> Vec<Line> {
    let grant = &proposed.grant;
    let asked = file
        .revisions
        .iter()
        .find(|frozen| frozen.row.id == proposed.row.revision_id)
        .and_then(|frozen| frozen.document.line(grant.environment()));
    let left_out = asked
        .map(|line| named(line.scopes.difference(grant.scopes())))
        .unwrap_or_default();
    let unless_same =
        |was: Option<String>, now: &str| was.filter(|was| was != now).unwrap_or_default();
    let (sources, rate, life) = (
        grant.sources().to_string(),
        grant.rate().to_string(),
        format!("{} days", grant.life()),
    );
    let calls: Vec<String> = grant
        .rules()
        .iter()
        .map(|rule| format!("{} {}", rule.method, rule.pattern))
        .collect();
    let mut lines = vec![
        Line::new("Scopes", named(grant.scopes())).removed(left_out),
        Line::new("Calls", calls.join("\n")).mono(),
        Line::new("Source networks", sources.clone())
            .mono()
            .removed(unless_same(
                asked.map(|line| line.sources.to_string()),
                &sources,
            )),
        Line::new("Calls a second", rate.clone())
            .removed(unless_same(asked.map(|line| line.rate.to_string()), &rate)),
        Line::new("Further limits", grant.limits().to_string()),
        Line::new("Hours", hours(grant)),
        Line::new("Life", life.clone()).removed(unless_same(
            asked.map(|line| format!("{} days", line.life)),
            &life,
        )),
        Line::new("Delivered to", file.name_of(proposed.row.recipient_id)),
    ];
    if let Some(case) = case {
        compare(&mut lines, grant, case);
    }
    if let Some(by) = proposed.row.proposed_by {
        lines.push(Line::new("Narrowed by", file.name_of(by)));
    }
    if proposed.row.narrowed.0.is_some() {
        lines.push(Line::new(
            "Since then",
            "narrowed further: a key's page says what is left",
        ));
    }
    lines
}

fn compare(lines: &mut [Line], grant: &domain::grant::Grant, case: &LineCase) {
    let policy = &case.policy;
    let anywhere = matches!(grant.sources(), Sources::Anywhere);
    for line in lines {
        line.remark = match line.label.as_str() {
            "Source networks" if policy.networks_required && anywhere => {
                "the policy demands networks".to_owned()
            }
            "Source networks" if policy.networks_required => "demanded by the policy".to_owned(),
            "Calls a second" => format!("policy: at most {}", policy.rate_limit),
            "Life" => format!("policy: at most {}", policy.longest_life),
            "Delivered to" if policy.device_bound => "to a passkey bound to one device".to_owned(),
            _ => continue,
        };
    }
}

fn named<'a>(scopes: impl IntoIterator<Item = &'a ScopeName>) -> String {
    let names: Vec<&str> = scopes.into_iter().map(ScopeName::as_str).collect();
    names.join(", ")
}

fn decided_by(
    file: &RequestFile,
    case: &LineCase,
    tally: &QuorumState,
    proposed: &Proposed,
    viewer: Option<&Reviewer>,
) -> DecidedBy {
    if !proposed.is_open() {
        return DecidedBy::Over(pill(proposed.row.state.0));
    }
    let others = |sentence: &str| DecidedBy::Others(sentence.to_owned());
    match (file.request.state.0, viewer) {
        (RequestState::InReview, Some(viewer)) => {
            if let Err(refused) = viewer.may_judge(&case.requester, case.submitted) {
                DecidedBy::Others(refused.to_string())
            } else if tally.given.contains(&viewer.person) {
                others("You approved this. Others must, too.")
            } else {
                DecidedBy::You
            }
        }
        (RequestState::InReview, None) => others("Reviewers decide this."),
        (RequestState::ChangesAsked, _) => {
            others("The request is with the partner, who was asked for changes.")
        }
        _ => others("Nothing is decided here any more."),
    }
}

fn votes(
    file: &RequestFile,
    tally: &QuorumState,
    proposed: &Proposed,
    decided: &DecidedBy,
    open: bool,
    now: Timestamp,
) -> Vec<Vote> {
    let when = |decision: &DecisionRow| Moment::new(decision.at, now).relative;
    let mut votes: Vec<Vote> = proposed
        .standing()
        .map(|decision| {
            let word = match decision.verdict.0 {
                DecisionVerdict::Approve => "approved",
                DecisionVerdict::Reject => "rejected",
                DecisionVerdict::AskForChanges => "asked for changes",
            };
            let counts = !proposed.is_open()
                || decision.verdict.0 != DecisionVerdict::Approve
                || tally.given.contains(&decision.person_id);
            let remark = if counts {
                ""
            } else {
                "; does not count any more"
            };
            Vote {
                by: Some(file.name_of(decision.person_id).to_owned()),
                detail: format!("{word} {}{remark}", when(decision)),
            }
        })
        .collect();
    if open {
        for place in 0..tally.missing() {
            let yours = place == 0 && matches!(decided, DecidedBy::You);
            votes.push(Vote {
                by: None,
                detail: if yours {
                    "you can give this one"
                } else {
                    "another reviewer"
                }
                .to_owned(),
            });
        }
    }
    votes
}

/// Whom the quorum waits for, by name.
fn waiting(file: &RequestFile, tally: &QuorumState, eligible: &[domain::id::PersonId]) -> String {
    let missing = usize::try_from(tally.missing()).unwrap_or(usize::MAX);
    let names: Vec<&str> = eligible
        .iter()
        .filter(|person| !tally.given.contains(person))
        .map(|person| file.name_of(*person))
        .collect();
    match missing {
        0 => String::new(),
        _ if names.len() < missing => format!(
            "Waiting for {missing} more, and only {} can: who becomes a reviewer now counts from the next revision on.",
            names.len()
        ),
        1 => format!("Waiting for one more of {}.", names.join(", ")),
        more => format!("Waiting for {more} more of {}.", names.join(", ")),
    }
}

fn approvals(proposed: &Proposed) -> impl Iterator<Item = &DecisionRow> {
    proposed
        .standing()
        .map(|decision| &**decision)
        .filter(|decision| decision.verdict.0 == DecisionVerdict::Approve)
}

/// Where the environments stand, for the words of the way.
pub(super) fn any(file: &RequestFile, state: LineState) -> bool {
    file.line_states(&[]).contains(&state)
}
