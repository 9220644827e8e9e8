//! People: their roles, names and addresses, and who may change a role.

mod email;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use email::{Email, EmailRefused};

use crate::text::{Line, TextRefused, UnknownCode, codes, parsed_text};
use crate::time::Timestamp;

codes! {
    /// What a member of staff may do. No role implies another (DESIGN section 4).
    StaffRole {
        /// People and settings.
        Owner = "owner",
        /// Catalogue, partners, gateways, recovery, mail, revoke.
        Operator = "operator",
        /// Verdicts, decisions, revoke.
        Reviewer = "reviewer",
        /// Read and export.
        Auditor = "auditor",
    }
}

codes! {
    ContactRole {
        /// Invites and removes the partner's members.
        Admin = "admin",
        Member = "member",
    }
}

/// The roles of one member of staff. Stored as codes with a space between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleSet(u8);

impl RoleSet {
    pub const NONE: Self = Self(0);

    /// What the first owner gets, and is told to split.
    pub fn all() -> Self {
        StaffRole::ALL.iter().copied().collect()
    }

    const fn bit(role: StaffRole) -> u8 {
        match role {
            StaffRole::Owner => 1,
            StaffRole::Operator => 2,
            StaffRole::Reviewer => 4,
            StaffRole::Auditor => 8,
        }
    }

    #[must_use]
    pub const fn with(self, role: StaffRole) -> Self {
        Self(self.0 | Self::bit(role))
    }

    pub const fn contains(self, role: StaffRole) -> bool {
        self.0 & Self::bit(role) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles here that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = StaffRole> {
        StaffRole::ALL
            .iter()
            .copied()
            .filter(move |role| self.contains(*role))
    }
}

impl FromIterator<StaffRole> for RoleSet {
    fn from_iter<I: IntoIterator<Item = StaffRole>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for RoleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<&str> = self.iter().map(StaffRole::code).collect();
        f.write_str(&codes.join(" "))
    }
}

impl FromStr for RoleSet {
    type Err = UnknownCode;

    fn from_str(codes: &str) -> Result<Self, Self::Err> {
        codes.split_whitespace().map(StaffRole::from_str).collect()
    }
}

impl TryFrom<String> for RoleSet {
    type Error = UnknownCode;

    fn try_from(codes: String) -> Result<Self, Self::Error> {
        codes.parse()
    }
}

impl From<RoleSet> for String {
    fn from(roles: RoleSet) -> Self {
        roles.to_string()
    }
}

/// What a permitted change of roles amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleChange {
    pub given: RoleSet,
    pub taken: RoleSet,
    /// Giving a role takes a second owner once two can confirm.
    pub second_person: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleChangeRefused {
    #[error("Only an owner can change roles.")]
    NotOwner,
    #[error("This is the last owner. Make somebody else an owner first.")]
    LastOwner,
    #[error("The roles are already like this.")]
    Unchanged,
}

/// May the actor replace the subject's roles? `owners` counts every owner, the subject included.
/// Removing a person is a change to no roles at all.
pub fn can_change_roles(
    actor: RoleSet,
    subject: RoleSet,
    wanted: RoleSet,
    owners: usize,
) -> Result<RoleChange, RoleChangeRefused> {
    if !actor.contains(StaffRole::Owner) {
        return Err(RoleChangeRefused::NotOwner);
    }
    let (given, taken) = (wanted.without(subject), subject.without(wanted));
    if given.is_empty() && taken.is_empty() {
        return Err(RoleChangeRefused::Unchanged);
    }
    if taken.contains(StaffRole::Owner) && owners <= 1 {
        return Err(RoleChangeRefused::LastOwner);
    }
    Ok(RoleChange {
        given,
        taken,
        second_person: !given.is_empty() && owners >= 2,
    })
}

/// A reviewer appointed after a submission does not count for that revision: nobody appoints the
/// approvers that a request on the table needs.
pub fn counts_for_revision(appointed: Timestamp, submitted: Timestamp) -> bool {
    appointed <= submitted
}

/// What a person is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

impl FromStr for PersonName {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Line::<80>::from_str(text).map(|line| Self(line.into()))
    }
}

parsed_text!(PersonName, TextRefused);

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: RoleSet = RoleSet(1);
    const REVIEWER: RoleSet = RoleSet(4);

    #[test]
    fn roles_read_back_as_they_were_stored() {
        let roles: RoleSet = "reviewer owner".parse().unwrap();
        assert_eq!(roles.to_string(), "owner reviewer");
        assert_eq!("".parse(), Ok(RoleSet::NONE));
    }

    #[test]
    fn an_unknown_role_is_refused_not_ignored() {
        assert!("owner root".parse::<RoleSet>().is_err());
    }

    #[test]
    fn no_role_implies_another() {
        for role in StaffRole::ALL {
            assert_eq!(
                RoleSet::NONE.with(*role).iter().collect::<Vec<_>>(),
                [*role]
            );
        }
    }

    #[test]
    fn only_an_owner_changes_roles() {
        assert_eq!(
            can_change_roles(REVIEWER, REVIEWER, RoleSet::all(), 2),
            Err(RoleChangeRefused::NotOwner)
        );
    }

    #[test]
    fn the_last_owner_cannot_go() {
        assert_eq!(
            can_change_roles(OWNER, OWNER, RoleSet::NONE, 1),
            Err(RoleChangeRefused::LastOwner)
        );
        assert!(can_change_roles(OWNER, OWNER, RoleSet::NONE, 2).is_ok());
    }

    #[test]
    fn a_change_of_nothing_is_refused() {
        assert_eq!(
            can_change_roles(OWNER, REVIEWER, REVIEWER, 2),
            Err(RoleChangeRefused::Unchanged)
        );
    }

    #[test]
    fn giving_a_role_takes_a_second_owner_once_there_are_two() {
        let change = |owners| can_change_roles(OWNER, RoleSet::NONE, REVIEWER, owners).unwrap();
        assert!(!change(1).second_person);
        assert!(change(2).second_person);
    }

    #[test]
    fn taking_a_role_needs_one_owner() {
        let change = can_change_roles(OWNER, REVIEWER, RoleSet::NONE, 2).unwrap();
        assert!(!change.second_person);
        assert_eq!(change.taken, REVIEWER);
    }

    #[test]
    fn a_reviewer_appointed_after_the_submission_does_not_count() {
        let at = Timestamp::from_micros;
        assert!(counts_for_revision(at(5), at(5)));
        assert!(!counts_for_revision(at(6), at(5)));
    }
}
