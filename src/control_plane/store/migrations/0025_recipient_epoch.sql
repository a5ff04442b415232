-- Counts how often the links that were handed out to a recipient were closed at once.
ALTER TABLE share_recipient ADD COLUMN link_epoch BIGINT NOT NULL DEFAULT 1;
