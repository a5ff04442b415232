-- Where tenants are told of what happens, and what is on its way there.
CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    url TEXT NOT NULL,
    events TEXT,
    description TEXT NOT NULL,
    state TEXT NOT NULL,
    failing_since BIGINT,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX webhook_list ON webhook (tenant, id);

CREATE TABLE webhook_secret (
    id TEXT PRIMARY KEY,
    webhook TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX webhook_secret_webhook ON webhook_secret (webhook, id);

-- Of a message that is on its way, `due_at` is when anybody may try next: also while somebody tries,
-- who may never come to an end.
CREATE TABLE webhook_delivery (
    webhook TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    message TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (webhook, message)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook, due_at);
CREATE INDEX webhook_delivery_age ON webhook_delivery (created_at);

CREATE TABLE webhook_attempt (
    webhook TEXT NOT NULL,
    message TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status BIGINT,
    fault TEXT,
    PRIMARY KEY (webhook, message, number),
    FOREIGN KEY (webhook, message) REFERENCES webhook_delivery (webhook, message) ON DELETE CASCADE
);
