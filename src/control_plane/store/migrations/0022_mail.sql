-- The server that a tenant's letters are handed to; its password is sealed under the master key.
CREATE TABLE mail_server (
    tenant BIGINT PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    security TEXT NOT NULL,
    username TEXT,
    password TEXT,
    from_address TEXT NOT NULL,
    from_name TEXT NOT NULL,
    reply_to TEXT,
    language TEXT,
    revision BIGINT NOT NULL
);

-- Letters, written in the change that causes them and sent afterwards. What is said in one is made
-- when it is sent, of what is so then. Of no recipient (0) is whoever made the share. A letter is known
-- of when its share is gone: how many were written is not undone by that.
CREATE TABLE letter (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    share TEXT NOT NULL,
    recipient BIGINT NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    about TEXT NOT NULL,
    author TEXT NOT NULL,
    detail TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT,
    ended_at BIGINT,
    answer TEXT
);
CREATE INDEX letter_due ON letter (due_at, tenant);
CREATE INDEX letter_turn ON letter (tenant, due_at, id);
CREATE INDEX letter_rate ON letter (tenant, kind, created_at);
CREATE INDEX letter_list ON letter (tenant, id);
CREATE INDEX letter_share ON letter (share, kind, created_at);
CREATE INDEX letter_end ON letter (ended_at);

-- What a share's maker is told, and for which end they were warned.
ALTER TABLE share ADD COLUMN notices TEXT NOT NULL DEFAULT 'off';
ALTER TABLE share ADD COLUMN noticed_at BIGINT;
ALTER TABLE share ADD COLUMN warned_for BIGINT;

-- Which names there are inside is told nobody any more: one that is not there is as one that leads inside.
UPDATE webhook_attempt SET fault = 'address_refused' WHERE fault = 'name_unresolved';
