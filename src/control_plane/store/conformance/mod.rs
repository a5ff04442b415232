//! What a store promises, whichever database is below: each case runs on SQLite (a file) and on
//! PostgreSQL (a schema of its own).
//!
//! `tests/run` starts PostgreSQL and says where it is in `COUNTERSIGN_TEST_POSTGRES`; without that
//! the cases fail.

mod accounts;
mod archive_plan;
mod backtrace;
mod backup;
mod catalog;
mod change;
mod connector;
mod copy_issue;
mod distribution;
mod download_event;
mod download_link;
mod feed;
mod fraud_event;
mod idempotency;
mod link_claim;
mod overrides;
mod share;
mod sharing;
mod stage;
mod upload;
mod webhook;
