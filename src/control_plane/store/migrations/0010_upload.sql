-- Uploads: what becomes a file, from its order to some days after its end. `number` is the number
-- that the file has; `place` names the folder that has its bytes meanwhile, and `put` is how its
-- origin knows an object that is being put there.
CREATE TABLE upload (
    number BIGINT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    pipeline BIGINT NOT NULL REFERENCES pipeline (number),
    object_key TEXT NOT NULL,
    name TEXT NOT NULL,
    mime TEXT,
    size BIGINT,
    sha256 TEXT,
    folder BIGINT,
    metadata TEXT,
    issuer TEXT NOT NULL,
    form_secret TEXT,
    most BIGINT NOT NULL,
    place TEXT NOT NULL,
    state TEXT NOT NULL,
    chunks BIGINT NOT NULL,
    form_bytes BIGINT NOT NULL,
    put TEXT,
    problem TEXT,
    content TEXT,
    unused_until BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX upload_key ON upload (pipeline, object_key)
    WHERE state IN ('uploading', 'completing');
CREATE INDEX upload_list ON upload (tenant, number);
CREATE INDEX upload_state ON upload (state, place, number);
CREATE INDEX upload_end ON upload (expires_at);
CREATE INDEX upload_unused ON upload (unused_until);
