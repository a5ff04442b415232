//! Webhooks: what happened is told where a tenant wants it, as Standard Webhooks has it
//! (standardwebhooks.com).
//!
//! | place | owns |
//! |---|---|
//! | `signing` | what messages are signed with, and how |
//! | `reach` | which addresses are spoken to at all |
//! | `sending` | one attempt: from a name to an answer |
//! | `delivering` | the round: messages that are due, and what becomes of each |
//! | `metrics` | what operators see of it |
//!
//! Messages are written by `store`, in the change that they tell of. Nothing here can be reached that
//! the operator did not mean: a name is looked up once for each attempt, and the connection goes to
//! the very address that was looked at.
//!
//! Not here: who may make a webhook (`service`).

mod delivering;
mod metrics;
mod reach;
mod sending;
mod signing;

pub use delivering::deliver;
pub use metrics::WebhookMetrics;
pub use reach::{Reach, UrlRejection};
pub use sending::{Sender, SenderError};
pub use signing::SigningSecret;
