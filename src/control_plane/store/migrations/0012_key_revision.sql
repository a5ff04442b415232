-- How often a key was changed: it is retired, and retired sooner.
ALTER TABLE signing_key ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
