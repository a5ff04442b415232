-- What an entry refuses: everything, or as an anonymiser or a pirate where a link or a site asks.
ALTER TABLE blocklist ADD COLUMN kind TEXT NOT NULL DEFAULT 'everything';
