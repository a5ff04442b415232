-- What a tenant's sharing pages look like and what its shares may be: JSON, as is said in `record`.
CREATE TABLE sharing_setting (
    tenant BIGINT PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
    settings TEXT NOT NULL,
    logo_digest TEXT,
    logo_width BIGINT,
    logo_height BIGINT,
    revision BIGINT NOT NULL
);

-- The bytes of logos, as base64: apart, for few ask for them.
CREATE TABLE sharing_logo (
    tenant BIGINT PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    bytes TEXT NOT NULL
);
