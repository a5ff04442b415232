-- Uploads that become versions of contents that there are: of which, what becomes of the version, and
-- the version that was made.
ALTER TABLE upload ADD COLUMN version_of TEXT;
ALTER TABLE upload ADD COLUMN standing TEXT;
ALTER TABLE upload ADD COLUMN version TEXT;
