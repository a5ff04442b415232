//! The console: pages for people, at `/console/` of the control plane's listeners.
//!
//! | place | owns |
//! |---|---|
//! | `console` | what the pages work with, and every route |
//! | `frame`, `session`, `form` | what goes around a page; who is signed in; what a form brings |
//! | `shell`, `refusal`, `look` | what every page has; what is shown instead of one; styles and the script |
//! | `sign_in`, `tenant` | coming in, and where to |
//! | `library`, `content` | folders, what lies in them, and what is known of it |
//! | `folder_tree`, `spelling`, `query` | how trees, instants and sizes are shown; what addresses ask |
//!
//! Pages are rendered here, whole, and work without the script, which only makes some of them
//! pleasanter.
//!
//! **Invariants.** No page has rules of its own: it asks `service` with the caller who is signed in,
//! as the API does. Nothing changes by `GET`. What a form brings is looked at only where it was sent
//! from a page of this console, in the session that the page was made in. No page names another
//! host, holds a script or a style of its own, or is stored anywhere; a value is text in it, never
//! markup. What the browser keeps is a session's token and nothing else.
//!
//! Not here: what may be done (`service`), and passwords (`account`).

mod arrival;
mod console;
mod content;
mod folder_tree;
mod form;
mod frame;
mod library;
mod look;
mod query;
mod refusal;
mod session;
mod shell;
mod sign_in;
mod spelling;
mod tenant;

pub(in crate::control_plane) use arrival::{Arrival, Transport};
pub(in crate::control_plane) use console::{Console, router};
