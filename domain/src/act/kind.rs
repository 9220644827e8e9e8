use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such act")]
pub struct UnknownAct;

/// Declares the acts with the names that are signed, stored and never change.
macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident $name:literal)+) => {
        /// An act that needs a user-verified assertion over itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Act {
            $($(#[$doc])* $act,)+
        }

        impl Act {
            pub const ALL: &'static [Self] = &[$(Self::$act),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$act => $name,)+
                }
            }
        }
    };
}

acts! {
    /// A verified get that makes a credential fit to receive; both public keys are in it.
    Enrol "enrol"
    /// A verdict on one environment of a request.
    Decide "decide"
    /// A narrower grant as a new proposal, which voids the approvals so far.
    ProposeGrant "propose-grant"
    /// A verdict on temporary access.
    DecideOverlay "decide-overlay"
    /// Temporary access ends before its time.
    EndOverlay "end-overlay"
    /// Less for a live grant, at once.
    NarrowGrant "narrow-grant"
    Claim "claim"
    /// "This was not me": kills the key.
    Report "report"
    /// The recipient asks for a replacement key under a live grant.
    ReceiveReplacement "receive-replacement"
    /// The recipient asks for a delivery again after its lease ended without a receipt.
    RemakeDelivery "remake-delivery"
    RevokeKey "revoke-key"
    RevokeGrant "revoke-grant"
    RevokePartner "revoke-partner"
    Suspend "suspend"
    Resume "resume"
    InviteStaff "invite-staff"
    InvitePartner "invite-partner"
    InviteMember "invite-member"
    RecoverStart "recover-start"
    RecoverConfirm "recover-confirm"
    AddPasskey "add-passkey"
    RemovePasskey "remove-passkey"
    ChangeRole "change-role"
    ChangeAddress "change-address"
    RemovePerson "remove-person"
    ChangePolicy "change-policy"
    /// A second person confirms what weakens a policy or gives a role.
    ConfirmProposal "confirm-proposal"
    ChangeCatalogue "change-catalogue"
    /// Registers a gateway, or changes, rotates or revokes one.
    ChangeGateway "change-gateway"
    Export "export"
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Act {
    type Err = UnknownAct;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|act| act.as_str() == text)
            .ok_or(UnknownAct)
    }
}

impl Serialize for Act {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Act {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back() {
        for act in Act::ALL {
            assert_eq!(act.to_string().parse(), Ok(*act));
            let json = serde_json::to_string(act).unwrap();
            assert_eq!(json, format!("\"{act}\""));
            assert_eq!(serde_json::from_str::<Act>(&json).unwrap(), *act);
        }
    }

    #[test]
    fn no_two_acts_share_a_name() {
        let mut names: Vec<_> = Act::ALL.iter().map(|act| act.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Act::ALL.len());
    }

    #[test]
    fn an_unknown_act_is_refused() {
        assert_eq!("Decide".parse::<Act>(), Err(UnknownAct));
        assert!(serde_json::from_str::<Act>("\"obey\"").is_err());
    }
}
