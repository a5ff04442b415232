//! The console: pages for people, at `/console/` of the control plane's listeners.
//!
//! | place | owns |
//! |---|---|
//! | `console` | what the pages work with, and every route |
//! | `frame`, `session`, `form`, `form_file` | what goes around a page; who is signed in; what a form brings |
//! | `shell`, `refusal`, `look` | what every page has; what is shown instead of one; styles and the script |
//! | `sign_in`, `tenant` | coming in, and where to |
//! | `library`, `content` | folders, what lies in them, and what is known of it |
//! | `connector`, `connector_form`, `connector_words` | what is public by connectors, and how one is installed |
//! | `share`, `share_form`, `share_settings`, `share_history`, `share_qr` | shares: which there are, one, making one; what happened to it; its code |
//! | `settings`, `sharing`, `sharing_typed` | settings of a tenant: what its sharing pages look like |
//! | `protection`, `link`, `audit` | what is public; links that were signed; who changed what |
//! | `trace` | whose copy a file is |
//! | `webhook`, `webhook_words` | settings: where a tenant is told of what happens |
//! | `mail` | the tenant's mail server, and its letters |
//! | `folder_tree`, `download`, `spelling` | how trees, downloads, instants and sizes are shown |
//! | `query`, `audit_export` | what addresses ask; the log as a file |
//!
//! Pages are rendered here, whole, and work without the script, which only makes some of them
//! pleasanter.
//!
//! **Invariants.** No page has rules of its own: it asks `service` with the caller who is signed in,
//! as the API does. Nothing changes by `GET`. What a form brings is looked at only where it was sent
//! from a page of this console, in the session that the page was made in. No page loads anything of
//! another host, holds a script or a style of its own, or is stored anywhere; a value is text in it, never
//! markup. What the browser keeps is a session's token and nothing else.
//!
//! Not here: what may be done (`service`), and passwords (`account`).

mod arrival;
mod audit;
mod audit_export;
mod connector;
mod connector_form;
mod connector_settings;
mod connector_words;
mod console;
mod content;
mod download;
mod folder_tree;
mod form;
mod form_file;
mod frame;
mod library;
mod link;
mod look;
mod mail;
mod protection;
mod query;
mod refusal;
mod session;
mod settings;
mod share;
mod share_form;
mod share_history;
mod share_qr;
mod share_settings;
mod sharing;
mod sharing_typed;
mod shell;
mod sign_in;
mod spelling;
mod tenant;
mod trace;
mod webhook;
mod webhook_words;

pub(in crate::control_plane) use arrival::{Arrival, PageQuota};
pub(in crate::control_plane) use console::{Console, router};
