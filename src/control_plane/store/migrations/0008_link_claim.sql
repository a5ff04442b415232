-- The uses of links that may be used once. Of no tenant's row: one that goes and comes back finds its
-- links as used as they were.
CREATE TABLE link_claim (
    tenant BIGINT NOT NULL,
    link TEXT NOT NULL,
    forget_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (tenant, link)
);
CREATE INDEX link_claim_age ON link_claim (forget_at);
