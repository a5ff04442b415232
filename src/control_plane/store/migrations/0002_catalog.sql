-- What may be handed out.

CREATE TABLE pipeline (
    number BIGINT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    prefix TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    UNIQUE (tenant, name)
);

CREATE TABLE folder (
    number BIGINT PRIMARY KEY CHECK (number >= 0 AND number < 9223372036854775807),
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    parent BIGINT REFERENCES folder (number),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX folder_tenant ON folder (tenant, number);
CREATE INDEX folder_parent ON folder (parent, number);

CREATE TABLE folder_right (
    folder BIGINT NOT NULL REFERENCES folder (number) ON DELETE CASCADE,
    grantee TEXT NOT NULL,
    permits TEXT NOT NULL,
    PRIMARY KEY (folder, grantee)
);
CREATE INDEX folder_right_grantee ON folder_right (grantee, folder);

CREATE TABLE content (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    folder BIGINT REFERENCES folder (number),
    kind TEXT NOT NULL,
    url TEXT,
    publication TEXT NOT NULL,
    active_version TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX content_tenant ON content (tenant, id);
CREATE INDEX content_folder ON content (folder, id);

CREATE TABLE content_period (
    content TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    starts_at BIGINT,
    ends_at BIGINT,
    PRIMARY KEY (content, place)
);

CREATE TABLE content_text (
    content TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    tenant BIGINT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    pretty_id TEXT,
    PRIMARY KEY (content, language),
    UNIQUE (tenant, language, pretty_id)
);

CREATE TABLE content_metadata (
    content TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (content, language, name)
);
CREATE INDEX content_metadata_value ON content_metadata (name, value);

CREATE TABLE content_tag (
    content TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (content, tag)
);
CREATE INDEX content_tag_tag ON content_tag (tag, content);

CREATE TABLE classification (
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Who may manage a classification.
CREATE TABLE classification_right (
    tenant BIGINT NOT NULL,
    classification TEXT NOT NULL,
    grantee TEXT NOT NULL,
    PRIMARY KEY (tenant, classification, grantee),
    FOREIGN KEY (tenant, classification) REFERENCES classification (tenant, name) ON DELETE CASCADE
);

CREATE TABLE content_classification (
    content TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    tenant BIGINT NOT NULL,
    classification TEXT NOT NULL,
    PRIMARY KEY (content, classification),
    FOREIGN KEY (tenant, classification) REFERENCES classification (tenant, name)
);
CREATE INDEX content_classification_name ON content_classification (tenant, classification, content);

CREATE TABLE version (
    id TEXT PRIMARY KEY,
    content TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    label TEXT NOT NULL,
    active_thumbnail TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (content, number)
);

CREATE TABLE chapter (
    version TEXT NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    slot TEXT NOT NULL,
    title TEXT NOT NULL,
    starts_ms BIGINT NOT NULL,
    PRIMARY KEY (version, slot)
);

CREATE TABLE file (
    number BIGINT PRIMARY KEY,
    version TEXT REFERENCES version (id) ON DELETE CASCADE,
    folder BIGINT REFERENCES folder (number) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    slot TEXT NOT NULL,
    variant TEXT NOT NULL,
    pipeline BIGINT NOT NULL REFERENCES pipeline (number),
    object_key TEXT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    mime TEXT NOT NULL,
    sha256 TEXT,
    crc32 BIGINT,
    duration_ms BIGINT,
    width BIGINT,
    height BIGINT,
    language TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (version, kind, slot, variant),
    UNIQUE (folder, kind, slot, variant),
    CHECK ((version IS NULL) <> (folder IS NULL))
);
CREATE INDEX file_key ON file (pipeline, object_key);
CREATE INDEX file_unread ON file (number) WHERE sha256 IS NULL;

-- Contents that belong to others: linked ones stand beside, enclosed ones inside.
CREATE TABLE content_link (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    target TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    relation TEXT NOT NULL,
    place BIGINT NOT NULL,
    UNIQUE (source, target, relation)
);
CREATE INDEX content_link_target ON content_link (target);

-- A file with elements inside, each of which can be asked for.
CREATE TABLE archive (
    id TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    pipeline BIGINT NOT NULL REFERENCES pipeline (number),
    object_key TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (pipeline, object_key)
);

CREATE TABLE archive_element (
    archive TEXT NOT NULL REFERENCES archive (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    file BIGINT NOT NULL REFERENCES file (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (archive, place)
);

-- Named settings under which contents are shown (THRON's contexts).
CREATE TABLE context (
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
