//! The control plane's HTTP API: the wire, and nothing but the wire.
//!
//! | place | owns |
//! |---|---|
//! | `server`, `admission` | the listeners, and how many connections they take |
//! | `router` | every route with its document, and what goes around all of them |
//! | `auth` | who calls: no handler has a caller without it |
//! | `error`, `envelope` | one table from a cause to a status; request ids; how each dialect spells a problem |
//! | `body`, `lines`, `cursor`, `condition`, `idempotency`, `rate_limit`, `timestamp` | the conventions: JSON in, pages, entity tags, keys, quotas, dates |
//! | `native/` | `/api/v1`: one file a noun |
//! | `compat/{vmpro,mediahub,thron}/` | movingimage's dialect, Xvid MediaHub's, and THRON's |
//! | `share` | the way to the pages of shares, which edges have visitors for |
//! | `oauth2` | tokens: RFC 6749, 7009, 7662, 8414 |
//! | `document` | the documents of `OpenAPI` and the page that shows them |
//!
//! **Invariants.** A handler that acts takes an `auth::Authenticated`, which only a valid bearer
//! token makes, and hands its caller to a service, which asks for the scope. There are no cookies,
//! and no credentials in addresses: what a browser adds by itself opens nothing. No answer is
//! cached, none holds a secret but the one that makes it, and no error tells what was stored.
//!
//! Not here: what may be done (`service`), and who somebody is (`account`).

mod admission;
mod auth;
mod body;
mod client_address;
mod compat;
mod condition;
mod console;
mod cursor;
mod document;
mod envelope;
mod error;
mod handing;
mod idempotency;
mod impatient;
mod line_export;
mod lines;
mod native;
mod oauth2;
mod rate_limit;
mod refusal;
mod router;
mod segment;
mod server;
mod share;
mod state;
mod timestamp;

pub use admission::ConnectionLimits;
pub use document::{Document, document};
pub use router::router;
pub use server::{Listener, serve};
pub use share::SharePages;
pub use state::{Api, QueryToken};
