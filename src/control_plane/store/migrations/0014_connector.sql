-- What makes the published contents of a folder public. `kinds` has names with a space between, of
-- which none is all. `metadata` is the field that addresses are made of, where they are of one.
-- `named_through` is the last content of the folder of which edges were told the names that the
-- connector needs; NULL once they were told of all.
CREATE TABLE connector (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    name TEXT NOT NULL,
    folder BIGINT NOT NULL REFERENCES folder (number),
    kinds TEXT NOT NULL,
    addressed_by TEXT NOT NULL,
    metadata TEXT,
    https TEXT NOT NULL,
    ambiguity TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    named_through TEXT,
    CHECK ((addressed_by = 'metadata') = (metadata IS NOT NULL))
);
CREATE INDEX connector_list ON connector (tenant, id);
CREATE INDEX connector_folder ON connector (folder, id);
CREATE INDEX connector_naming ON connector (id) WHERE named_through IS NOT NULL;
