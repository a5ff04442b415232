-- One text for SQLite and PostgreSQL: ids, hashes and JSON as text, instants and numbers as BIGINT.

-- One row: the lock under which versions are taken and the audit chain is written.
CREATE TABLE feed_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    lineage TEXT NOT NULL,
    version BIGINT NOT NULL,
    compacted BIGINT NOT NULL,
    audit_sequence BIGINT NOT NULL,
    audit_hash TEXT NOT NULL
);

CREATE TABLE feed (
    version BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (version, sequence)
);

CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    credential TEXT,
    address TEXT,
    tenant BIGINT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    diff TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object, sequence);

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE tenant (
    number BIGINT PRIMARY KEY CHECK (number >= 0 AND number < 9223372036854775807),
    name TEXT NOT NULL UNIQUE,
    link_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL
);

CREATE TABLE application (
    id TEXT PRIMARY KEY,
    tenant BIGINT REFERENCES tenant (number),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    revision BIGINT NOT NULL
);
CREATE INDEX application_tenant ON application (tenant, id);

CREATE TABLE application_secret (
    id TEXT PRIMARY KEY,
    application TEXT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    sealed TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX application_secret_application ON application_secret (application, id);

CREATE TABLE person (
    id TEXT PRIMARY KEY,
    tenant BIGINT REFERENCES tenant (number),
    username TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    password TEXT,
    password_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    revision BIGINT NOT NULL
);
CREATE INDEX person_tenant ON person (tenant, id);

CREATE TABLE access_token (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    token_use TEXT NOT NULL,
    person TEXT REFERENCES person (id) ON DELETE CASCADE,
    application TEXT REFERENCES application (id) ON DELETE CASCADE,
    tenant BIGINT REFERENCES tenant (number) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    CHECK ((person IS NULL) <> (application IS NULL))
);
CREATE INDEX access_token_person ON access_token (person);
CREATE INDEX access_token_application ON access_token (application);
CREATE INDEX access_token_expiry ON access_token (expires_at);

-- Failures to log in: of one name from one network, so that a stranger's do not count against its
-- owner elsewhere.
CREATE TABLE login_failure (
    subject TEXT NOT NULL,
    network TEXT NOT NULL,
    failures BIGINT NOT NULL,
    since BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (subject, network)
);

CREATE TABLE path_override (
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    level TEXT NOT NULL,
    subject TEXT NOT NULL,
    opens TEXT NOT NULL,
    PRIMARY KEY (tenant, level, subject)
);

CREATE TABLE override_head (
    tenant BIGINT PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
    revision BIGINT NOT NULL
);

CREATE TABLE override_revision (
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    steps TEXT NOT NULL,
    PRIMARY KEY (tenant, revision)
);

CREATE TABLE revocation (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX revocation_subject ON revocation (tenant, kind, subject);
CREATE INDEX revocation_expiry ON revocation (expires_at);

CREATE TABLE blocklist (
    id TEXT PRIMARY KEY,
    network TEXT NOT NULL UNIQUE,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX blocklist_expiry ON blocklist (expires_at);

CREATE TABLE signing_key (
    id TEXT PRIMARY KEY,
    tenant BIGINT REFERENCES tenant (number) ON DELETE CASCADE,
    key_use TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT,
    retired_at BIGINT
);

CREATE TABLE edge (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL UNIQUE,
    enrolled_at BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    last_seen_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE enrolment_code (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    edge_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE idempotency (
    actor TEXT NOT NULL,
    name TEXT NOT NULL,
    request TEXT NOT NULL,
    status BIGINT,
    answer TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (actor, name)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
