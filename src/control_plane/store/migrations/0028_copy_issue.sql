-- The log of copies that were issued: whose copy it is that carries a forensic tag. A line outlives its
-- link, its file and its content, and is changed by nobody.
CREATE TABLE copy_issue (
    number BIGINT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    signing_key TEXT NOT NULL,
    tag_id TEXT NOT NULL UNIQUE,
    link TEXT NOT NULL,
    file BIGINT NOT NULL,
    content TEXT,
    path TEXT NOT NULL,
    issuer TEXT NOT NULL,
    tag TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX copy_issue_link ON copy_issue (link);
CREATE INDEX copy_issue_list ON copy_issue (tenant, created_at, number);
CREATE INDEX copy_issue_tag ON copy_issue (tenant, tag, number);

-- Copies that left as a whole, and what each of them is: the layer 0 of a trace. `due_at` is when it is
-- read next; nobody reads it again where there is none.
CREATE TABLE copy_delivery (
    issue BIGINT PRIMARY KEY REFERENCES copy_issue (number) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    due_at BIGINT,
    tries BIGINT NOT NULL,
    size BIGINT,
    sha256 TEXT
);
CREATE INDEX copy_delivery_due ON copy_delivery (due_at, issue);
CREATE INDEX copy_delivery_sha256 ON copy_delivery (sha256);
