-- What connectors gave is kept beside what was handed out for links: none of a link then.
CREATE TABLE download (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    link TEXT,
    connector TEXT,
    content TEXT,
    version TEXT,
    edge TEXT,
    event TEXT NOT NULL
);
INSERT INTO download (id, tenant, link, content, edge, event)
SELECT id, tenant, link, content, edge, event FROM download_event;
DROP TABLE download_event;
ALTER TABLE download RENAME TO download_event;
CREATE INDEX download_event_time ON download_event (tenant, id);
CREATE INDEX download_event_link ON download_event (tenant, link, id);
CREATE INDEX download_event_connector ON download_event (tenant, connector, id);
CREATE INDEX download_event_content ON download_event (tenant, content, id);
