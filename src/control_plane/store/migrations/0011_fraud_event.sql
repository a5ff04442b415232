-- What anti-fraud found at edges. Ids begin with the time, so that each index is in its order.
CREATE TABLE fraud_event (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    link TEXT,
    rule TEXT NOT NULL,
    edge TEXT,
    event TEXT NOT NULL
);
CREATE INDEX fraud_event_time ON fraud_event (tenant, id);
CREATE INDEX fraud_event_link ON fraud_event (tenant, link, id);
CREATE INDEX fraud_event_rule ON fraud_event (tenant, rule, id);
