-- Of which of its ends a share's webhooks were told, and when all of a download had left for the first
-- time: either is told once.
ALTER TABLE share ADD COLUMN expired_for BIGINT;
ALTER TABLE share_delivery ADD COLUMN completed_at BIGINT;
-- Of ends before this program nobody is told after the fact: all that a store knows of the time is when
-- the last of its events happened.
UPDATE share SET expired_for = expires_at WHERE expires_at < (SELECT MAX(at) FROM audit);
-- The last download that is an archive is looked for among downloads alone.
CREATE INDEX share_event_kind ON share_event (share, kind, number);
