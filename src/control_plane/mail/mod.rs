//! Letters: what they say, how they are put down (RFC 5322), and how a server takes them (RFC 5321).
//!
//! | file | owns |
//! |---|---|
//! | `letter` | what is said, in the words of a language, as text and as HTML |
//! | `message` | addresses, and the letter as bytes that servers take |
//! | `post` | the way to a server: where it may be, and its certificate |
//! | `conversation`, `reply` | what is said to it, and what it answers |
//! | `trials` | how often and how long servers are tried |
//!
//! **Invariants.** No more is sent to a server than it said it takes; what it answers is read to a
//! bound, and told as text. A password goes over TLS, or stays within networks that the configuration names.
//! Of a server a tenant learns no more before its login than how far the way goes. What was said before
//! `STARTTLS` is not believed afterwards.
//!
//! Not here: which letters there are, and when they are sent (`service`).

mod conversation;
mod letter;
mod message;
mod post;
mod reply;
mod trials;

pub use conversation::MailStep;
pub(super) use conversation::{MailFault, Outlook};
pub(super) use letter::{Lock, Occasion, Written, trial, write};
pub(super) use message::{Envelope, Sealed, compose, is_address};
pub use post::Post;
pub(super) use post::Relay;
pub(super) use trials::LONGEST_TRIAL;
