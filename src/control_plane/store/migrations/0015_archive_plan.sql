-- Archives that were promised to somebody, and the bytes that are in them. What an entry names may be
-- gone: then the archive is.
CREATE TABLE archive_plan (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    manifest BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX archive_plan_end ON archive_plan (expires_at);

CREATE TABLE archive_plan_entry (
    plan TEXT NOT NULL REFERENCES archive_plan (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    content TEXT NOT NULL,
    version TEXT NOT NULL,
    file BIGINT NOT NULL,
    publication TEXT NOT NULL,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    crc32 BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    PRIMARY KEY (plan, place)
);
