-- Shares. What one is of is named and not copied: a content may be gone, and the share's item shows
-- nothing then. Addresses, of shares and of recipients, are unique together.
CREATE TABLE share (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    context TEXT,
    delivery TEXT NOT NULL,
    information TEXT NOT NULL,
    download TEXT NOT NULL,
    download_limit BIGINT,
    terms TEXT,
    language TEXT,
    logo TEXT NOT NULL,
    creator TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    folder BIGINT,
    items BIGINT NOT NULL,
    password TEXT,
    password_version BIGINT NOT NULL,
    terms_version BIGINT NOT NULL,
    link_epoch BIGINT NOT NULL,
    classifications TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    downloads BIGINT NOT NULL,
    events BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX share_list ON share (tenant, id);
CREATE INDEX share_creator ON share (tenant, creator, id);
CREATE INDEX share_end ON share (expires_at);

CREATE TABLE share_item (
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    content TEXT NOT NULL,
    publication TEXT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (share, number)
);
CREATE INDEX share_item_content ON share_item (content, share);

-- Recipients are numbered from 1; of no number (0) is the share's own address.
CREATE TABLE share_recipient (
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    revoked_at BIGINT,
    PRIMARY KEY (share, number)
);

CREATE TABLE share_address (
    address TEXT PRIMARY KEY,
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    recipient BIGINT NOT NULL,
    UNIQUE (share, recipient)
);

-- Who typed the password, or accepted the terms, kept by a hash.
CREATE TABLE share_session (
    hash TEXT PRIMARY KEY,
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    recipient BIGINT NOT NULL,
    password_version BIGINT NOT NULL,
    terms TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX share_session_share ON share_session (share);
CREATE INDEX share_session_end ON share_session (expires_at);

CREATE TABLE share_event (
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT,
    recipient BIGINT,
    network TEXT,
    item BIGINT,
    detail TEXT NOT NULL,
    PRIMARY KEY (share, number)
);
