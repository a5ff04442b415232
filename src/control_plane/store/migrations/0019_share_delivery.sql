-- A recipient's address may end before the share does.
ALTER TABLE share_recipient ADD COLUMN expires_at BIGINT;

-- How much of each of a share's downloads left edges: what they tell is added up, and outlives it.
CREATE TABLE share_delivery (
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    download BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    PRIMARY KEY (share, download)
);
