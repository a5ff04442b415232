-- Titles as they are searched: folded by the program, for the two databases fold differently.

ALTER TABLE content_text ADD COLUMN title_folded TEXT NOT NULL DEFAULT '';
CREATE INDEX content_updated ON content (tenant, updated_at);
