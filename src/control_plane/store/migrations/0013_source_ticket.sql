-- One download of an original, by whoever shows the ticket: an address that a browser is sent to, so
-- that a session's token is in no address. Kept by its hash, and forgotten soon after it ends.
CREATE TABLE source_ticket (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    content TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    version TEXT NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    save_as TEXT,
    person TEXT REFERENCES person (id) ON DELETE CASCADE,
    application TEXT REFERENCES application (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by TEXT,
    used_at BIGINT,
    CHECK ((person IS NULL) <> (application IS NULL))
);
CREATE INDEX source_ticket_expiry ON source_ticket (expires_at);
