-- Of which of its ends a share's webhooks were told, and when all of a download had left for the first
-- time: either is told once.
ALTER TABLE share ADD COLUMN expired_for BIGINT;
ALTER TABLE share_delivery ADD COLUMN completed_at BIGINT;
