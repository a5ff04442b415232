-- Which entries of an archive the audit log says that somebody had, by their places from 1.
CREATE TABLE archive_delivery (
    plan TEXT NOT NULL REFERENCES archive_plan (id) ON DELETE CASCADE,
    actor TEXT NOT NULL,
    entries TEXT NOT NULL,
    PRIMARY KEY (plan, actor)
);
