-- Times are microseconds since 1970 (UTC); documents are JSON text; `stamp` and `mac` stand on the
-- rows that authority rests on (docs/protocol.md, "Row MACs").

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- The keyring, wrapped by the root key.
CREATE TABLE keyring (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (name, version)
);

-- One row, raised by each transaction that touches a key.
CREATE TABLE key_counter (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);
INSERT INTO key_counter (id, value) VALUES (1, 0);

CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB,
    credential_id BLOB,
    act TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    outcome TEXT NOT NULL,
    evidence TEXT NOT NULL,
    address TEXT,
    agent TEXT,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL
);
CREATE INDEX audit_by_subject ON audit (subject_id, seq);
CREATE INDEX audit_by_actor ON audit (actor_id, seq);
CREATE INDEX audit_by_act ON audit (act, seq);

CREATE TABLE partner (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE UNIQUE INDEX partner_by_name ON partner (name);

CREATE TABLE person (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    partner_id BLOB REFERENCES partner (id),
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE INDEX person_by_partner ON person (partner_id);

-- The address of a person, under the person's id. A removed person's address is free again.
CREATE TABLE address (
    id BLOB NOT NULL PRIMARY KEY REFERENCES person (id),
    email TEXT NOT NULL,
    mailbox TEXT UNIQUE,
    changed_at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);

CREATE TABLE role (
    id BLOB NOT NULL PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id),
    role TEXT NOT NULL,
    appointed_at BIGINT NOT NULL,
    appointed_by BLOB REFERENCES person (id),
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE UNIQUE INDEX role_by_person ON role (person_id, role);

CREATE TABLE credential (
    id BLOB NOT NULL PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id),
    raw_id BLOB NOT NULL,
    label TEXT NOT NULL,
    passkey TEXT NOT NULL,
    device_bound BOOLEAN NOT NULL,
    sealing_key BLOB,
    signing_key BLOB,
    enrolment BLOB,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    removed_at BIGINT,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE UNIQUE INDEX credential_by_raw_id ON credential (raw_id);
CREATE INDEX credential_by_person ON credential (person_id);

-- One-time links for people: only digests of their secrets.
CREATE TABLE person_link (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    person_id BLOB NOT NULL REFERENCES person (id),
    secret_digest BLOB NOT NULL,
    code_mac BLOB,
    wrong_codes BIGINT NOT NULL,
    created_by BLOB REFERENCES person (id),
    confirmed_by BLOB REFERENCES person (id),
    lost_credential_id BLOB REFERENCES credential (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    voided_at BIGINT,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE INDEX person_link_by_person ON person_link (person_id);

CREATE TABLE session (
    id BLOB NOT NULL PRIMARY KEY,
    token_mac BLOB NOT NULL UNIQUE,
    person_id BLOB NOT NULL REFERENCES person (id),
    credential_id BLOB NOT NULL REFERENCES credential (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL
);
CREATE INDEX session_by_person ON session (person_id);

-- A ceremony or an act that waits for its assertion. Deleted when used.
CREATE TABLE ceremony (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    person_id BLOB REFERENCES person (id),
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE INDEX ceremony_by_expiry ON ceremony (expires_at);

-- A privileged form that was filled in and waits for its person's passkey.
CREATE TABLE pending_act (
    id BLOB NOT NULL PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id),
    act TEXT NOT NULL,
    input TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_act_by_expiry ON pending_act (expires_at);

-- Tries against a limit, in fixed windows.
CREATE TABLE tries (
    bucket TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (bucket, starts_at)
);

CREATE TABLE outbox (
    id BLOB NOT NULL PRIMARY KEY,
    template TEXT NOT NULL,
    address TEXT NOT NULL,
    person_id BLOB REFERENCES person (id),
    content TEXT NOT NULL,
    sealed BLOB,
    created_at BIGINT NOT NULL,
    next_at BIGINT,
    attempts BIGINT NOT NULL,
    sent_at BIGINT,
    dead_at BIGINT,
    last_error TEXT
);
CREATE INDEX outbox_by_next ON outbox (next_at);
CREATE INDEX outbox_by_created ON outbox (created_at);

CREATE TABLE service (
    id BLOB NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    catalogue TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

CREATE TABLE environment (
    id BLOB NOT NULL PRIMARY KEY,
    service_id BLOB NOT NULL REFERENCES service (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    tag TEXT NOT NULL,
    base_url TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE UNIQUE INDEX environment_by_name ON environment (service_id, name);

CREATE TABLE policy (
    id BLOB NOT NULL PRIMARY KEY,
    environment_id BLOB NOT NULL REFERENCES environment (id),
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BLOB REFERENCES person (id),
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE UNIQUE INDEX policy_by_version ON policy (environment_id, version);

-- A change of settings that waits for a second person.
CREATE TABLE proposal (
    id BLOB NOT NULL PRIMARY KEY,
    act TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    input TEXT NOT NULL,
    state TEXT NOT NULL,
    proposed_by BLOB NOT NULL REFERENCES person (id),
    proposed_at BIGINT NOT NULL,
    settled_by BLOB REFERENCES person (id),
    settled_at BIGINT,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE INDEX proposal_by_state ON proposal (state, proposed_at);

CREATE TABLE access_request (
    id BLOB NOT NULL PRIMARY KEY,
    partner_id BLOB NOT NULL REFERENCES partner (id),
    service_id BLOB NOT NULL REFERENCES service (id),
    requester_id BLOB NOT NULL REFERENCES person (id),
    state TEXT NOT NULL,
    draft TEXT NOT NULL,
    draft_version BIGINT NOT NULL,
    revisions BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    submitted_at BIGINT
);
CREATE INDEX access_request_by_partner ON access_request (partner_id, updated_at);
CREATE INDEX access_request_by_state ON access_request (state, submitted_at);
CREATE INDEX access_request_by_submission ON access_request (submitted_at DESC, id);

CREATE TABLE revision (
    id BLOB NOT NULL PRIMARY KEY,
    request_id BLOB NOT NULL REFERENCES access_request (id),
    number BIGINT NOT NULL,
    document TEXT NOT NULL,
    digest BLOB NOT NULL,
    submitted_by BLOB NOT NULL REFERENCES person (id),
    submitted_at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE UNIQUE INDEX revision_by_number ON revision (request_id, number);

CREATE TABLE review (
    id BLOB NOT NULL PRIMARY KEY,
    request_id BLOB NOT NULL REFERENCES access_request (id),
    revision_id BLOB NOT NULL REFERENCES revision (id),
    section TEXT NOT NULL,
    verdict TEXT,
    comment TEXT NOT NULL,
    person_id BLOB NOT NULL REFERENCES person (id),
    at BIGINT NOT NULL
);
CREATE INDEX review_by_request ON review (request_id, at);

CREATE TABLE recusal (
    id BLOB NOT NULL PRIMARY KEY,
    request_id BLOB NOT NULL REFERENCES access_request (id),
    person_id BLOB NOT NULL REFERENCES person (id),
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE UNIQUE INDEX recusal_by_person ON recusal (request_id, person_id);

-- What is proposed or approved for one environment. Every proposal is kept.
CREATE TABLE access_grant (
    id BLOB NOT NULL PRIMARY KEY,
    request_id BLOB NOT NULL REFERENCES access_request (id),
    revision_id BLOB NOT NULL REFERENCES revision (id),
    partner_id BLOB NOT NULL REFERENCES partner (id),
    service_id BLOB NOT NULL REFERENCES service (id),
    environment_id BLOB NOT NULL REFERENCES environment (id),
    policy_id BLOB NOT NULL REFERENCES policy (id),
    recipient_id BLOB NOT NULL REFERENCES person (id),
    number BIGINT NOT NULL,
    document TEXT NOT NULL,
    digest BLOB NOT NULL,
    state TEXT NOT NULL,
    proposed_by BLOB REFERENCES person (id),
    proposed_at BIGINT NOT NULL,
    settled_at BIGINT,
    valid_until BIGINT,
    ended_at BIGINT,
    end_reason TEXT,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE UNIQUE INDEX access_grant_by_number ON access_grant (request_id, environment_id, number);
CREATE INDEX access_grant_by_partner ON access_grant (partner_id);
CREATE INDEX access_grant_by_state ON access_grant (state);

CREATE TABLE decision (
    id BLOB NOT NULL PRIMARY KEY,
    grant_id BLOB NOT NULL REFERENCES access_grant (id),
    person_id BLOB NOT NULL REFERENCES person (id),
    credential_id BLOB NOT NULL REFERENCES credential (id),
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    revision_digest BLOB NOT NULL,
    grant_digest BLOB NOT NULL,
    policy_digest BLOB NOT NULL,
    recipient_digest BLOB NOT NULL,
    evidence TEXT NOT NULL,
    at BIGINT NOT NULL,
    voided_at BIGINT,
    voided_why TEXT,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE INDEX decision_by_grant ON decision (grant_id, at);
CREATE UNIQUE INDEX decision_once ON decision (grant_id, person_id) WHERE voided_at IS NULL;

CREATE TABLE api_key (
    id BLOB NOT NULL PRIMARY KEY,
    kid TEXT NOT NULL UNIQUE,
    grant_id BLOB NOT NULL REFERENCES access_grant (id),
    replaces_id BLOB REFERENCES api_key (id),
    key_mac BLOB NOT NULL,
    prefix TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    noticed_days BIGINT,
    change BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
CREATE INDEX api_key_by_grant ON api_key (grant_id);
CREATE INDEX api_key_by_change ON api_key (change);
CREATE INDEX api_key_by_state ON api_key (state, expires_at);

CREATE TABLE key_use (
    id BLOB NOT NULL PRIMARY KEY REFERENCES api_key (id),
    accepted BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    accepted_at BIGINT,
    accepted_from TEXT,
    refused_at BIGINT,
    refused_from TEXT,
    refused_reason TEXT
);

-- A key's calls by hour, for a day or two.
CREATE TABLE key_hour (
    key_id BLOB NOT NULL REFERENCES api_key (id),
    hour BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (key_id, hour)
);
CREATE INDEX key_hour_by_hour ON key_hour (hour);

-- Calls that quotas have counted, by grant and by key.
CREATE TABLE spent (
    counted TEXT NOT NULL CHECK (counted IN ('grant', 'key')),
    id BLOB NOT NULL,
    period TEXT NOT NULL CHECK (period IN ('day', 'month')),
    starts_at BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (counted, id, period, starts_at)
);

CREATE TABLE delivery (
    id BLOB NOT NULL PRIMARY KEY,
    key_id BLOB NOT NULL REFERENCES api_key (id),
    grant_id BLOB NOT NULL REFERENCES access_grant (id),
    recipient_id BLOB NOT NULL REFERENCES person (id),
    state TEXT NOT NULL,
    header BLOB NOT NULL,
    claim_digest BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    claimed_by BLOB REFERENCES credential (id),
    claimed_at BIGINT,
    lease_until BIGINT,
    ended_at BIGINT,
    end_reason TEXT,
    receipt TEXT
);
CREATE INDEX delivery_by_key ON delivery (key_id);
CREATE INDEX delivery_by_grant ON delivery (grant_id);
CREATE INDEX delivery_by_state ON delivery (state, expires_at);
CREATE INDEX delivery_by_recipient ON delivery (recipient_id);

CREATE TABLE envelope (
    delivery_id BLOB NOT NULL REFERENCES delivery (id),
    credential_id BLOB NOT NULL REFERENCES credential (id),
    sealed BLOB,
    ciphertext_digest BLOB NOT NULL,
    opened_digest BLOB NOT NULL,
    PRIMARY KEY (delivery_id, credential_id)
);

CREATE TABLE gateway (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    reach TEXT NOT NULL,
    proxies TEXT NOT NULL,
    credential_mac BLOB NOT NULL,
    old_credential_mac BLOB,
    old_credential_until BIGINT,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    mac BLOB NOT NULL
);
