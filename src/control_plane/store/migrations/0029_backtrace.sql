-- Files at origins of which somebody asked, by the vendor's API, whose copy they are; and what came of it.
-- Whoever looks at one has it until a time, and somebody else takes it up then.
CREATE TABLE backtrace (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
    pipeline BIGINT NOT NULL,
    input TEXT NOT NULL,
    job TEXT,
    issuer TEXT NOT NULL,
    state TEXT NOT NULL,
    tag TEXT,
    problem TEXT,
    attempts BIGINT NOT NULL,
    taken_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX backtrace_list ON backtrace (tenant, id);
CREATE INDEX backtrace_state ON backtrace (state, id);
