-- May copies of a file carry a forensic tag? And the digest that MediaHub's clients compare by.
ALTER TABLE file ADD COLUMN autograph BIGINT NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN md5 TEXT;

-- Links that were signed for somebody, until they are of no interest any more. `request` is the
-- digest of a signed request that may be made once: asked again, it gives the same link.
CREATE TABLE download_link (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    file BIGINT NOT NULL,
    content TEXT,
    path TEXT NOT NULL,
    issuer TEXT NOT NULL,
    tag TEXT,
    terms TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    request TEXT,
    UNIQUE (tenant, request, file)
);
CREATE INDEX download_link_list ON download_link (tenant, id);
CREATE INDEX download_link_file ON download_link (tenant, file, id);
CREATE INDEX download_link_issuer ON download_link (tenant, issuer, id);
CREATE INDEX download_link_tag ON download_link (tenant, tag, id);
CREATE INDEX download_link_end ON download_link (expires_at);
