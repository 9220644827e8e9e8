-- A key's calls that were alike: by hour, and by day where they are older. The endpoint is a rule's
-- method and pattern, empty for a call that did not come so far; the outcome is a reason, or ok; the
-- source is a truncated network. What is too much to be kept apart is under 'other'. It takes the
-- place of key_hour, whose two days of figures say nothing of all this.
CREATE TABLE call_count (
    key_id UUID NOT NULL REFERENCES api_key (id),
    span TEXT NOT NULL CHECK (span IN ('hour', 'day')),
    starts_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    source TEXT NOT NULL,
    scope TEXT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (key_id, span, starts_at, outcome, endpoint, source, scope)
);
CREATE INDEX call_count_by_start ON call_count (span, starts_at);
DROP TABLE key_hour;
CREATE INDEX access_grant_by_service ON access_grant (service_id);
