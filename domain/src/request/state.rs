//! Where a request and each of its lines stand.

use crate::text::codes;

codes! {
    RequestState {
        Draft = "draft",
        InReview = "in_review",
        ChangesAsked = "changes_asked",
        /// Every line is decided, at least one of them approved.
        Approved = "approved",
        /// Approved, but a recipient has no passkey that can receive.
        WaitingForPasskey = "waiting_for_passkey",
        Rejected = "rejected",
        Withdrawn = "withdrawn",
        /// All that it led to has ended.
        Closed = "closed",
    }
}

codes! {
    /// One environment of the request, decided on its own.
    LineState {
        Proposed = "proposed",
        Approved = "approved",
        WaitingForPasskey = "waiting_for_passkey",
        Rejected = "rejected",
    }
}

codes! {
    RequestStep {
        Submit = "submit",
        AskForChanges = "ask_for_changes",
        Withdraw = "withdraw",
        Close = "close",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A request that is {state} does not allow: {step}.")]
pub struct StepRefused {
    pub state: RequestState,
    pub step: RequestStep,
}

impl RequestState {
    pub const fn step(self, step: RequestStep) -> Result<Self, StepRefused> {
        match (self, step) {
            (Self::Draft | Self::ChangesAsked, RequestStep::Submit) => Ok(Self::InReview),
            (Self::InReview, RequestStep::AskForChanges) => Ok(Self::ChangesAsked),
            (Self::Draft | Self::InReview | Self::ChangesAsked, RequestStep::Withdraw) => {
                Ok(Self::Withdrawn)
            }
            (Self::Approved | Self::WaitingForPasskey, RequestStep::Close) => Ok(Self::Closed),
            (state, step) => Err(StepRefused { state, step }),
        }
    }

    /// The state of a request in review once one of its lines was decided.
    pub fn settle(lines: &[LineState]) -> Self {
        let any = |state| lines.contains(&state);
        if lines.is_empty() || any(LineState::Proposed) {
            Self::InReview
        } else if any(LineState::WaitingForPasskey) {
            Self::WaitingForPasskey
        } else if any(LineState::Approved) {
            Self::Approved
        } else {
            Self::Rejected
        }
    }

    /// May the partner still edit the answers?
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::ChangesAsked)
    }

    /// Nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Withdrawn | Self::Closed)
    }
}

impl LineState {
    /// The state of a line whose quorum is complete.
    pub const fn approved(recipient_can_receive: bool) -> Self {
        if recipient_can_receive {
            Self::Approved
        } else {
            Self::WaitingForPasskey
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_back_and_forth_until_it_is_decided() {
        let state = RequestState::Draft.step(RequestStep::Submit).unwrap();
        let state = state.step(RequestStep::AskForChanges).unwrap();
        assert_eq!(state.step(RequestStep::Submit), Ok(RequestState::InReview));
    }

    #[test]
    fn only_these_steps_exist() {
        let mut allowed = Vec::new();
        for state in RequestState::ALL {
            for step in RequestStep::ALL {
                match state.step(*step) {
                    Ok(_) => allowed.push(format!("{state} {step}")),
                    Err(refused) => assert_eq!((refused.state, refused.step), (*state, *step)),
                }
            }
        }
        assert_eq!(
            allowed,
            [
                "draft submit",
                "draft withdraw",
                "in_review ask_for_changes",
                "in_review withdraw",
                "changes_asked submit",
                "changes_asked withdraw",
                "approved close",
                "waiting_for_passkey close",
            ]
        );
    }

    #[test]
    fn a_final_request_takes_no_step() {
        for state in RequestState::ALL.iter().filter(|state| state.is_final()) {
            assert!(
                RequestStep::ALL
                    .iter()
                    .all(|step| state.step(*step).is_err())
            );
        }
    }

    #[test]
    fn a_request_is_settled_when_every_line_is() {
        use LineState::*;
        for (lines, state) in [
            (&[][..], RequestState::InReview),
            (&[Approved, Proposed], RequestState::InReview),
            (&[Approved, Rejected], RequestState::Approved),
            (
                &[Approved, WaitingForPasskey],
                RequestState::WaitingForPasskey,
            ),
            (&[Rejected, Rejected], RequestState::Rejected),
        ] {
            assert_eq!(RequestState::settle(lines), state, "{lines:?}");
        }
    }
}
