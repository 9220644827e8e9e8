-- Whether a gateway's answers carry a signed assertion of who calls.
ALTER TABLE gateway ADD COLUMN signs BOOLEAN NOT NULL DEFAULT FALSE;
