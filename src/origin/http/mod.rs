//! A server across a network as an origin: HTTP/1.1, with or without TLS.
//!
//! Requests are built new: the path as it was authorised behind the configured prefix, the
//! configured host, and from a client nothing but its wish for a version and a part (`Range`,
//! `If-…`), re-printed from their parsed form. Answers are believed as far as they can be
//! checked: a partial answer must state exactly the part that was asked for, a body must say where
//! it ends, redirects are not followed, and a connection on which anything was odd is closed. What
//! an origin answers to conditions and ranges only saves bytes; whether they hold is found by
//! whoever asked, from the validators. Object stores are asked in the same way, as far as
//! [`Protocol`] does not say otherwise.
//!
//! Private and loopback addresses are connected to: the operator listed them, and no part of a
//! request chooses the host.

mod apart;
mod body;
mod breaker;
mod chunked;
mod connect;
mod deframer;
mod exchange;
mod head;
mod incoming;
mod lines;
#[cfg(test)]
mod nginx;
mod object;
mod patience;
mod pool;
mod protocol;
mod reply;
mod request;
mod retry_budget;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod scripted;
mod store;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod url;

pub(crate) use apart::{BodyEnd, NextAnswer, ReadApart, read_apart};
pub(super) use body::HttpBody;
pub(super) use object::HttpObject;
pub(super) use protocol::{Protocol, Signer, Signing, StoreProtocol, Suffixes};
pub(super) use request::RequestHead;
pub use store::{HttpConfig, HttpOrigin};
pub(super) use tls::connector as tls_connector;
pub use url::{UpstreamUrl, UpstreamUrlRejection};
