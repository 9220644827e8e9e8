-- Temporary access: a small grant of its own beside a live one, for minutes or hours. The row says
-- when it ends; every call looks at the clock.
CREATE TABLE grant_overlay (
    id UUID NOT NULL PRIMARY KEY,
    grant_id UUID NOT NULL REFERENCES access_grant (id),
    requester_id UUID NOT NULL REFERENCES person (id),
    policy_id UUID NOT NULL REFERENCES policy (id),
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    settled_at BIGINT,
    ends_at BIGINT,
    ended_at BIGINT,
    end_reason TEXT,
    stamp BIGINT NOT NULL,
    mac BYTEA NOT NULL
);
CREATE INDEX grant_overlay_by_grant ON grant_overlay (grant_id, asked_at);
CREATE INDEX grant_overlay_by_state ON grant_overlay (state, asked_at);

CREATE TABLE overlay_decision (
    id UUID NOT NULL PRIMARY KEY,
    overlay_id UUID NOT NULL REFERENCES grant_overlay (id),
    person_id UUID NOT NULL REFERENCES person (id),
    credential_id UUID NOT NULL REFERENCES credential (id),
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    revision_digest BYTEA NOT NULL,
    grant_digest BYTEA NOT NULL,
    policy_digest BYTEA NOT NULL,
    recipient_digest BYTEA NOT NULL,
    evidence TEXT NOT NULL,
    at BIGINT NOT NULL,
    voided_at BIGINT,
    voided_why TEXT,
    stamp BIGINT NOT NULL,
    mac BYTEA NOT NULL
);
CREATE INDEX overlay_decision_by_overlay ON overlay_decision (overlay_id, at);
CREATE UNIQUE INDEX overlay_decision_once ON overlay_decision (overlay_id, person_id) WHERE voided_at IS NULL;

-- What a live grant was narrowed to. What was approved stays as it is.
CREATE TABLE narrowing (
    id UUID NOT NULL PRIMARY KEY,
    grant_id UUID NOT NULL REFERENCES access_grant (id),
    number BIGINT NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    reason TEXT NOT NULL,
    narrowed_by UUID NOT NULL REFERENCES person (id),
    credential_id UUID NOT NULL REFERENCES credential (id),
    evidence TEXT NOT NULL,
    at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BYTEA NOT NULL
);
CREATE UNIQUE INDEX narrowing_by_number ON narrowing (grant_id, number);

-- The number of the narrowing in force: a row of `narrowing` that is gone is missed.
ALTER TABLE access_grant ADD COLUMN narrowed BIGINT;
