//! The API as a client meets it: over a socket, on both databases.

mod accounts;
mod archive_plans;
mod connectors;
mod contents;
mod conventions;
mod cookies;
mod coverage;
mod download_events;
mod downloads;
mod edges;
mod folders;
mod fraud_events;
mod imports;
mod keys;
mod link_claims;
mod media_downloads;
mod overrides;
mod pipelines;
mod secrets;
mod sources;
mod stage;
mod upload_faults;
mod upload_scene;
mod uploads;
mod versions;
