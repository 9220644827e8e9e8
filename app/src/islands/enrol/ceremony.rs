//! The steps of an enrolment. Each is taken once; where a dialog is closed or the network fails,
//! what was reached is given back and can be taken up again.

use core::ops::ControlFlow::{self, Break, Continue};

use domain::id::PersonId;
use domain::seal::{DeviceKeys, DeviceVerifyingKey, SealingKey, Signature};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::islands::browser;
use crate::islands::failure::Failure;
use crate::islands::statement::{self, Begun};
use crate::islands::webauthn::{self, Assertion, Attestation, Credential, NewPrf, Prf, Registered};

/// What an enrolment starts from.
pub(super) struct Begin {
    /// None: the server knows which permission the session has.
    pub(super) link: Option<String>,
    pub(super) secret: Option<Zeroizing<String>>,
    pub(super) code: Option<String>,
}

pub(super) struct Done {
    pub(super) location: String,
    /// The two evaluations differed.
    pub(super) unsteady: bool,
}

pub(super) enum Step {
    /// The server has said what to make.
    Begun(Offer),
    /// The passkey exists; its device secret is to be learned.
    Made(Offer, Registered),
    /// The secret is known, or there is none.
    Evaluated(Offer, Registered, Option<Secret<32>>),
    /// The server has the passkey and asks for an assertion over its device keys.
    Proposed(Box<Proposal>),
}

#[derive(Deserialize)]
pub(super) struct Offer {
    ceremony: String,
    options: Value,
    person: PersonId,
}

pub(super) struct Proposal {
    begun: Begun,
    person: PersonId,
    device: Option<Device>,
}

struct Device {
    /// The first evaluation, to compare the second with.
    first: Secret<32>,
    keys: DeviceKeys,
}

#[derive(Serialize)]
struct BeginBody<'a> {
    link: Option<&'a str>,
    secret: Option<&'a str>,
    code: Option<&'a str>,
}

#[derive(Serialize)]
struct CreateBody<'a> {
    ceremony: &'a str,
    credential: &'a Credential<Attestation>,
    label: &'a str,
    sealing_key: Option<SealingKey>,
    signing_key: Option<DeviceVerifyingKey>,
}

#[derive(Serialize)]
struct FinishBody<'a> {
    ceremony: &'a str,
    credential: &'a Credential<Assertion>,
    enrolment: Option<Signature>,
}

#[derive(Deserialize)]
struct Finished {
    location: String,
}

/// A failure, and what is kept for the next try.
type Stopped = (Failure, Option<Step>);

impl Step {
    pub(super) async fn begin(begin: &Begin) -> Result<Self, Failure> {
        let body = BeginBody {
            link: begin.link.as_deref(),
            secret: begin.secret.as_ref().map(|secret| secret.as_str()),
            code: begin.code.as_deref(),
        };
        browser::post("/auth/enrol/begin", &body)
            .await
            .map(Self::Begun)
    }

    pub(super) const fn is_made(&self) -> bool {
        !matches!(self, Self::Begun(_))
    }

    /// As the button says it.
    pub(super) const fn doing(&self) -> &'static str {
        match self {
            Self::Begun(_) => "Waiting for your new passkey…",
            Self::Made(..) => "Testing the new passkey…",
            Self::Evaluated(..) => "Saving the new passkey…",
            Self::Proposed(_) => "Use the new passkey once more…",
        }
    }

    /// One step on: to the end, or to the next one.
    pub(super) async fn advance(self, label: &str) -> Result<ControlFlow<Done, Self>, Stopped> {
        match self {
            Self::Begun(offer) => make(offer).await.map(Continue),
            Self::Made(offer, made) => evaluate(offer, made).await.map(Continue),
            Self::Evaluated(offer, made, first) => {
                propose(offer, made, first, label).await.map(Continue)
            }
            Self::Proposed(proposal) => confirm(proposal).await.map(Break),
        }
    }
}

/// A closed dialog here costs nothing: the next try begins anew.
async fn make(offer: Offer) -> Result<Step, Stopped> {
    match webauthn::create(&offer.options).await {
        Ok(made) => Ok(Step::Made(offer, made)),
        Err(failure) => Err((failure.into(), None)),
    }
}

async fn evaluate(offer: Offer, mut made: Registered) -> Result<Step, Stopped> {
    let first = match core::mem::replace(&mut made.prf, NewPrf::AtGetOnly) {
        NewPrf::Evaluated(first) => Some(first),
        NewPrf::Absent => None,
        NewPrf::AtGetOnly => match webauthn::evaluate(&made.raw_id).await {
            Ok(first) => first,
            Err(failure) => return Err((failure.into(), Some(Step::Made(offer, made)))),
        },
    };
    Ok(Step::Evaluated(offer, made, first))
}

async fn propose(
    offer: Offer,
    made: Registered,
    first: Option<Secret<32>>,
    label: &str,
) -> Result<Step, Stopped> {
    let keys = first.as_ref().map(DeviceKeys::derive);
    let body = CreateBody {
        ceremony: &offer.ceremony,
        credential: &made.credential,
        label: label.trim(),
        sealing_key: keys.as_ref().map(DeviceKeys::sealing_key),
        signing_key: keys.as_ref().map(DeviceKeys::verifying_key),
    };
    let begun: Begun = match browser::post("/auth/enrol/create", &body).await {
        Ok(begun) => begun,
        Err(Failure::NoAnswer) => {
            return Err((Failure::NoAnswer, Some(Step::Evaluated(offer, made, first))));
        }
        Err(failure) => return Err((failure, None)),
    };
    statement::check_enrolment(&begun, &browser::origin(), offer.person, keys.as_ref())
        .map_err(|failure| (failure, None))?;
    let device = first.zip(keys).map(|(first, keys)| Device { first, keys });
    Ok(Step::Proposed(Box::new(Proposal {
        begun,
        person: offer.person,
        device,
    })))
}

async fn confirm(proposal: Box<Proposal>) -> Result<Done, Stopped> {
    let prf = match proposal.device {
        Some(_) => Prf::Wanted,
        None => Prf::Unneeded,
    };
    let asserted = match webauthn::get(&proposal.begun.options, prf).await {
        Ok(asserted) => asserted,
        Err(failure) => return Err((failure.into(), Some(Step::Proposed(proposal)))),
    };
    let enrolment = proposal
        .device
        .as_ref()
        .filter(|device| asserted.prf.as_ref() == Some(&device.first))
        .map(|device| device.keys.enrol(proposal.person, &asserted.raw_id));
    let body = FinishBody {
        ceremony: &proposal.begun.ceremony,
        credential: &asserted.credential,
        enrolment,
    };
    let unsteady = proposal.device.is_some() && enrolment.is_none();
    match browser::post::<Finished>("/auth/enrol/finish", &body).await {
        Ok(Finished { location }) => Ok(Done { location, unsteady }),
        Err(Failure::NoAnswer) => Err((Failure::NoAnswer, Some(Step::Proposed(proposal)))),
        Err(failure) => Err((failure, None)),
    }
}
