-- The copies of one file, to which a picture is compared.
CREATE INDEX copy_issue_file ON copy_issue (file, number);
