//! Life-cycle codes that rows hold and that no rule of their own stands behind.

use crate::text::codes;

codes! {
    /// On whose side a person is.
    PersonKind {
        Staff = "staff",
        Contact = "contact",
    }
}

codes! {
    PersonState {
        /// Has a link, and no passkey yet.
        Invited = "invited",
        Active = "active",
        Removed = "removed",
    }
}

codes! {
    /// Every role there is: staff ones and contact ones. A person has those of one side only.
    Role {
        Owner = "owner",
        Operator = "operator",
        Reviewer = "reviewer",
        Auditor = "auditor",
        Admin = "admin",
        Member = "member",
    }
}

codes! {
    GrantState {
        /// Waits for its quorum.
        Proposed = "proposed",
        /// A narrower proposal, or a new revision, took its place.
        Superseded = "superseded",
        /// The quorum is complete, and the recipient has no passkey that can receive.
        WaitingForPasskey = "waiting_for_passkey",
        Approved = "approved",
        Rejected = "rejected",
        /// Taken back by the partner before it was decided.
        Withdrawn = "withdrawn",
        Revoked = "revoked",
        Expired = "expired",
    }
}

codes! {
    /// Temporary access. That its time is over needs no state: every call looks at the clock.
    OverlayState {
        /// Waits for its quorum.
        Asked = "asked",
        Approved = "approved",
        Rejected = "rejected",
        /// Taken back by the partner before it was decided.
        Withdrawn = "withdrawn",
        /// Its time was over, or it was ended before, by itself or with its grant.
        Ended = "ended",
    }
}

codes! {
    /// Fixes how the original call is read from a gateway's question.
    GatewayKind {
        /// Posts to `/v1/verify` and names everything itself.
        Api = "api",
        Nginx = "nginx",
        Caddy = "caddy",
        Traefik = "traefik",
        Envoy = "envoy",
        Apisix = "apisix",
    }
}

codes! {
    GatewayState {
        Active = "active",
        Revoked = "revoked",
    }
}

codes! {
    ProposalState {
        Open = "open",
        Confirmed = "confirmed",
        Declined = "declined",
    }
}

codes! {
    PartnerState {
        Active = "active",
        /// Its keys answer *not active* until it is resumed.
        Suspended = "suspended",
        /// Its grants and keys are revoked for good.
        Ended = "ended",
    }
}
