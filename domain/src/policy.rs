//! What an environment demands of every grant and delivery. A policy is versioned and never edited.

mod bounds;

use core::time::Duration;

use serde::{Deserialize, Serialize};

pub use bounds::{
    Approvals, Calls, LifeDays, LinkHours, OutOfBounds, OverlayMinutes, RatePerSecond,
};

use crate::enc::{Digest, Enc};
use crate::limit::Limits;
use crate::service::EnvironmentKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Counts up from 1 within an environment.
    pub version: u32,
    pub approvals: Approvals,
    /// The longest a grant, and so a key, may live.
    pub longest_life: LifeDays,
    pub rate_limit: RatePerSecond,
    /// What every grant is limited to beside that, unless it is limited to less.
    pub limits: Limits,
    /// Must a grant name the networks that calls come from?
    pub networks_required: bool,
    /// Must the recipient's passkey be bound to one device?
    pub device_bound: bool,
    /// How long a delivery link can be opened.
    pub link_open_for: LinkHours,
}

impl Policy {
    /// The first policy of a new environment.
    pub fn default_for(kind: EnvironmentKind) -> Self {
        let sandbox = matches!(kind, EnvironmentKind::Sandbox);
        Self {
            version: 1,
            approvals: if sandbox {
                Approvals::ONE
            } else {
                Approvals::TWO
            },
            longest_life: LifeDays::YEAR,
            rate_limit: RatePerSecond::HUNDRED,
            limits: Limits::default(),
            networks_required: !sandbox,
            device_bound: false,
            link_open_for: LinkHours::THREE_DAYS,
        }
    }

    /// What an approver signs.
    pub fn digest(&self) -> Digest {
        Enc::new("latchkey/policy/v1")
            .u64(self.version.into())
            .u64(u32::from(self.approvals).into())
            .u64(u32::from(self.longest_life).into())
            .u64(u32::from(self.rate_limit).into())
            .text(&self.limits.grant.to_string())
            .text(&self.limits.key.to_string())
            .bool(self.networks_required)
            .bool(self.device_bound)
            .u64(u32::from(self.link_open_for).into())
            .sha256()
    }

    pub fn link_open_for(&self) -> Duration {
        self.link_open_for.duration()
    }
}

/// One way in which a new policy asks for less than the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakening {
    #[error("{to} instead of {from} people have to approve.")]
    Approvals { from: Approvals, to: Approvals },
    #[error("Keys may live {to} instead of {from} days.")]
    LongestLife { from: LifeDays, to: LifeDays },
    #[error("Keys may make {to} instead of {from} calls a second.")]
    RateLimit {
        from: RatePerSecond,
        to: RatePerSecond,
    },
    #[error("Further limits of grants are {to} instead of {from}.")]
    Limits { from: Limits, to: Limits },
    #[error("Requests no longer have to name their source networks.")]
    NetworksOptional,
    #[error("Keys may be delivered to passkeys that synchronise between devices.")]
    SyncedPasskeys,
    #[error("Delivery links stay open for {to} instead of {from} hours.")]
    LinkOpenFor { from: LinkHours, to: LinkHours },
}

/// Every way in which `new` is weaker than `old`; such a change takes a second person.
pub fn weakens(old: &Policy, new: &Policy) -> Vec<Weakening> {
    let candidates = [
        (new.approvals < old.approvals).then_some(Weakening::Approvals {
            from: old.approvals,
            to: new.approvals,
        }),
        (new.longest_life > old.longest_life).then_some(Weakening::LongestLife {
            from: old.longest_life,
            to: new.longest_life,
        }),
        (new.rate_limit > old.rate_limit).then_some(Weakening::RateLimit {
            from: old.rate_limit,
            to: new.rate_limit,
        }),
        (!new.limits.are_within(&old.limits)).then_some(Weakening::Limits {
            from: old.limits,
            to: new.limits,
        }),
        (old.networks_required && !new.networks_required).then_some(Weakening::NetworksOptional),
        (old.device_bound && !new.device_bound).then_some(Weakening::SyncedPasskeys),
        (new.link_open_for > old.link_open_for).then_some(Weakening::LinkOpenFor {
            from: old.link_open_for,
            to: new.link_open_for,
        }),
    ];
    candidates.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Counts;

    fn production() -> Policy {
        Policy {
            device_bound: true,
            ..Policy::default_for(EnvironmentKind::Production)
        }
    }

    fn limits(grant: &str) -> Limits {
        Limits {
            grant: grant.parse().unwrap(),
            key: Counts::default(),
        }
    }

    #[test]
    fn production_asks_two_people_and_a_sandbox_one() {
        assert_eq!(production().approvals, Approvals::TWO);
        assert_eq!(
            Policy::default_for(EnvironmentKind::Sandbox).approvals,
            Approvals::ONE
        );
    }

    #[test]
    fn every_weakening_has_its_sentence() {
        let weak = Policy {
            version: 2,
            approvals: Approvals::ONE,
            longest_life: 400.try_into().unwrap(),
            rate_limit: 101.try_into().unwrap(),
            limits: limits("2 a day"),
            networks_required: false,
            device_bound: false,
            link_open_for: 73.try_into().unwrap(),
        };
        let strict = Policy {
            limits: limits("1 a day"),
            ..production()
        };
        let sentences: Vec<String> = weakens(&strict, &weak)
            .iter()
            .map(Weakening::to_string)
            .collect();
        assert_eq!(sentences.len(), 7);
        assert_eq!(
            sentences[3],
            "Further limits of grants are 2 a day instead of 1 a day."
        );
        assert_eq!(sentences[0], "1 instead of 2 people have to approve.");
    }

    #[test]
    fn strengthening_weakens_nothing() {
        let strong = Policy {
            approvals: 3.try_into().unwrap(),
            longest_life: 30.try_into().unwrap(),
            rate_limit: 1.try_into().unwrap(),
            limits: limits("1 a minute"),
            link_open_for: 1.try_into().unwrap(),
            ..production()
        };
        assert_eq!(weakens(&production(), &strong), []);
        assert_eq!(weakens(&production(), &production()), []);
    }

    #[test]
    fn a_policy_of_zero_approvals_cannot_be_read() {
        let mut json = serde_json::to_value(production()).unwrap();
        json["approvals"] = 0.into();
        assert!(serde_json::from_value::<Policy>(json).is_err());
    }

    #[test]
    fn unknown_and_missing_fields_are_refused() {
        let mut json = serde_json::to_value(production()).unwrap();
        json["bypass"] = true.into();
        assert!(serde_json::from_value::<Policy>(json.clone()).is_err());
        let fields = json.as_object_mut().unwrap();
        fields.remove("bypass");
        fields.remove("approvals");
        assert!(serde_json::from_value::<Policy>(json).is_err());
    }

    #[test]
    fn every_field_changes_the_digest() {
        let old = production();
        let changed = [
            Policy { version: 2, ..old },
            Policy {
                approvals: Approvals::ONE,
                ..old
            },
            Policy {
                longest_life: 2.try_into().unwrap(),
                ..old
            },
            Policy {
                rate_limit: 2.try_into().unwrap(),
                ..old
            },
            Policy {
                limits: limits("1 a day"),
                ..old
            },
            Policy {
                limits: Limits {
                    grant: Counts::default(),
                    key: limits("1 a day").grant,
                },
                ..old
            },
            Policy {
                networks_required: false,
                ..old
            },
            Policy {
                device_bound: false,
                ..old
            },
            Policy {
                link_open_for: 2.try_into().unwrap(),
                ..old
            },
        ];
        for policy in changed {
            assert_ne!(policy.digest(), old.digest(), "{policy:?}");
        }
    }
}
