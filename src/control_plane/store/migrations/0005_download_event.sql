-- How far each spool was taken: what comes again is passed over.
CREATE TABLE event_spool (
    id TEXT PRIMARY KEY,
    taken BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX event_spool_age ON event_spool (at);

-- What edges handed out for links. Ids begin with the time, so that each index is in its order.
CREATE TABLE download_event (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    link TEXT NOT NULL,
    content TEXT,
    edge TEXT,
    event TEXT NOT NULL
);
CREATE INDEX download_event_time ON download_event (tenant, id);
CREATE INDEX download_event_link ON download_event (tenant, link, id);
CREATE INDEX download_event_content ON download_event (tenant, content, id);
