-- Failures to log in, which nothing was written to before: of a network as a whole (no subject), and
-- of one name from it, so that a stranger's do not count against its owner elsewhere. before_at is
-- when the one before the last was.
DROP TABLE login_failure;
CREATE TABLE login_failure (
    subject TEXT NOT NULL,
    network TEXT NOT NULL,
    failures BIGINT NOT NULL,
    before_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (subject, network)
);
CREATE INDEX login_failure_age ON login_failure (last_at);
