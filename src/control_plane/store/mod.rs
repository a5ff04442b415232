//! The store: SQLite in the process, or PostgreSQL that several control planes share.
//!
//! There are two ways in. A [`View`] is one state of everything, as far as its caller may see it. A
//! [`Change`] is one transaction with its audit events and its entries in the feed; there is no
//! writing without one. Each noun's file adds its methods to both, named noun first, and is the
//! only one that knows the noun's tables.
//!
//! The SQL is one text for both databases (`statement` says how that is kept so). What only one of
//! them has is in `database` (how it is opened), `schema` (the lock of a migration), `backup` (which
//! columns there are), `connector` (a lock that SQLite always has) and `notify`.
//!
//! **Invariants.** Whatever was acknowledged by [`Change::commit`] is on the disk. A change is in
//! the tables, in the audit log and in the feed, or in none of them. Versions of the feed are in
//! the order of commits, without gaps. No secret is in the audit log or the feed: keys are sealed,
//! tokens and passwords hashes, and even those are left out of the log.
//!
//! Not here: what a caller may do (the services), and what an answer looks like (the APIs).

mod access_token;
mod application;
mod archive;
mod archive_plan;
mod audit;
mod backtrace;
mod backup;
mod blocklist;
mod change;
mod chapter;
mod classification;
#[cfg(test)]
mod conformance;
mod connection;
mod connector;
mod content;
mod content_filter;
mod content_link;
mod content_name;
mod content_part;
mod content_state;
mod context;
mod copy_delivery;
mod copy_issue;
mod counter;
mod database;
mod download_event;
mod download_link;
mod edge;
mod error;
mod feed;
mod file;
mod folder;
mod folder_right;
mod fraud_event;
mod handle;
mod idempotency;
mod insert;
mod letter;
mod link_claim;
mod login_failure;
mod mail_server;
mod notify;
mod page;
mod path_override;
mod person;
mod pipeline;
mod restore;
mod revocation;
mod schema;
mod share;
mod share_delivery;
mod share_ending;
mod share_event;
mod share_item;
mod share_session;
mod sharing;
mod signing_key;
mod source_ticket;
mod statement;
mod tenant;
mod upload;
mod version;
mod view;
mod webhook;
mod webhook_delivery;
mod webhook_room;

pub use access_token::Ended;
pub use audit::AuditFilter;
pub use backtrace::{BacktraceRange, MOST_WAITING as MOST_BACKTRACES_WAITING};
pub use backup::{BackupError, Copied};
pub use change::Change;
pub use connector::Naming;
pub use content_filter::{ContentFilter, FolderFilter, MetadataFilter};
pub use copy_delivery::UndigestedCopy;
pub use database::{AddressRejection, StoreAddress};
pub use download_event::{DownloadFilter, Forgotten};
pub use download_link::LinkFilter;
pub use error::{Retry, StoreError, StoreErrorKind};
pub use file::{FileDirection, FileFacts, FileOrder, FileRange};
pub use fraud_event::FraudFilter;
pub use handle::Store;
pub use idempotency::Once;
pub use letter::LetterFilter;
pub(super) use link_claim::KEPT_AFTER_END;
pub use login_failure::LoginFailures;
pub use page::{Expected, ListOrder, Listed, ONLY_REVISION, PAGE_LIMIT, Page};
pub use path_override::override_steps;
pub use restore::{Replaces, RestoreError, WholeCopy};
pub use share::{Addressed, ShareBegun, ShareFilter, ShareState};
pub use share_delivery::Deliveries;
pub use share_ending::WARNED_BEFORE;
pub use share_event::Happened;
pub use share_item::ShareCandidate;
pub use share_session::ShareSession;
pub use signing_key::RevisedKey;
pub use upload::UploadStanding;
pub use view::View;
pub use webhook_delivery::Verdict;
