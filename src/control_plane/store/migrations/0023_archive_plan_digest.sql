-- What tells plans of other entries apart: of the same files nothing is kept twice.
ALTER TABLE archive_plan ADD COLUMN digest TEXT;
CREATE INDEX archive_plan_alike ON archive_plan (issuer, digest);
