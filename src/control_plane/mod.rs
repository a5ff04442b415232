//! The control plane: what may be handed out, and to whom, as it is meant to be.
//!
//! What is meant is kept in the store; what is in force is what the edges have applied. The way
//! from one to the other is the change feed, and nothing else: a row that changed without its entry
//! there would never reach an edge, which is why one cannot be written without the other
//! ([`store::Change`]).
//!
//! A call goes one way: [`api`] reads it, [`account`] says who makes it, [`service`] whether they may,
//! and [`store`] does it. No step is left out, and none knows the one before. The way out is as
//! straight: [`Publisher`] follows the feed, and gives each state of it to whoever puts it in force.
//!
//! Not here: how requests for files are answered (`data_plane`), and what decides about them
//! (`policy`).

pub mod account;
mod admin_page;
pub mod api;
mod browser;
mod caller;
mod config;
mod connector_naming;
mod copy_hashing;
pub mod edge_sync;
mod hashing;
mod in_flight;
pub mod link;
mod mail;
mod mailing;
mod publish;
pub mod record;
mod rendering;
mod request_body;
mod retention;
pub mod service;
mod share_page;
mod spreadsheet;
pub mod store;
mod tag_key;
#[cfg(test)]
mod tests;
pub mod upload;
pub mod webhooks;
mod words;

pub use caller::{Actor, Caller, MissingScope, Reach};
pub use config::{Config, UploadConfig, WebhookConfig};
pub use connector_naming::name_contents;
pub use copy_hashing::{CopyDesk, hash_copies};
pub use hashing::hash_files;
pub use mail::Post;
pub use mailing::send_letters;
pub use publish::Publisher;
pub use retention::retain;
pub use store::{AddressRejection, StoreAddress};
