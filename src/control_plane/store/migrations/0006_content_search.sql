-- Contents are found by what is said of them, without reading all of a tenant's. Values may be longer
-- than an index of PostgreSQL takes: their beginnings are in it.

DROP INDEX content_metadata_value;
CREATE INDEX content_metadata_begins ON content_metadata (name, substr(value, 1, 200), content);
CREATE INDEX content_text_language ON content_text (tenant, language, content);
CREATE INDEX content_text_pretty_id ON content_text (tenant, pretty_id, content)
    WHERE pretty_id IS NOT NULL;
