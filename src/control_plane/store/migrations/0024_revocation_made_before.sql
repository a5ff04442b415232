-- Links made before that time are dead; NULL: before the revocation was made. What is closed for good is
-- closed to links that somebody is making at that very moment, of what they read before.
ALTER TABLE revocation ADD COLUMN made_before BIGINT;
