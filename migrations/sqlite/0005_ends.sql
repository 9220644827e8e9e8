-- Grants are asked for by their state alone, or by their state and when they end.
DROP INDEX access_grant_by_state;
CREATE INDEX access_grant_by_state ON access_grant (state, valid_until);
