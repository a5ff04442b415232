//! The native API: `/api/v1`, one file a noun, named as in `service`.
//!
//! Lists are pages, writes of what has a revision need `If-Match`, problems are RFC 9457, dates
//! RFC 3339. What a noun looks like on the wire is said here and nowhere else.

pub(super) mod application;
pub(super) mod archive;
pub(super) mod attachment;
pub(super) mod audit;
pub(super) mod blocklist;
pub(super) mod chapter;
pub(super) mod classification;
pub(super) mod connector;
pub(super) mod connector_address;
pub(super) mod content;
mod content_body;
pub(super) mod content_import;
pub(super) mod content_link;
pub(super) mod context;
pub(super) mod download_event;
pub(super) mod download_link;
pub(super) mod edge;
pub(super) mod edge_claim;
pub(super) mod edge_feed;
pub(super) mod file;
mod file_body;
mod file_table;
pub(super) mod folder;
pub(super) mod folder_right;
pub(super) mod fraud_event;
pub(super) mod letter;
pub(super) mod mail_server;
mod patch;
pub(super) mod path_override;
pub(super) mod person;
pub(super) mod pipeline;
pub(super) mod purge;
pub(super) mod rendition;
pub(super) mod revocation;
mod scope_list;
pub(super) mod share;
mod share_body;
pub(super) mod share_copy;
pub(super) mod share_part;
pub(super) mod sharing;
pub(super) mod signed_cookie;
pub(super) mod signing_key;
pub(super) mod tenant;
pub(super) mod trace;
pub(super) mod upload;
pub(super) mod upload_header;
pub(super) mod version;
pub(super) mod webhook;
pub(super) mod webhook_delivery;
mod wire_enum;
