//! One connection: from its first byte to its last, whatever the client does.
//!
//! `door` makes the handshake and chooses the protocol; `http1` and `http2` drive hyper; `requests`
//! is the service hyper calls, and hands each request to the plane's [`Answer`]. What the client
//! makes us wait for is kept in one place, `activity`, which `watched` streams and the answers'
//! bodies report to, and from which `watchdog` knows when waiting must end. hyper's own timeouts
//! are off: its one for heads runs between requests too, and none knows of a client that does not
//! read. An HTTP/1 connection whose client is silent waits in `resting`, without hyper. What an
//! HTTP/2 client makes us do for nothing is weighed in `balance`, and how much of its answers it makes
//! us keep is bounded in `pieces`.
//!
//! Invariants: no wait on a client without a deadline; a panic ends one request; cleartext is never
//! HTTP/2.
//!
//! Not here: what is answered (the pipeline), and sockets (`listener`, `worker`): everything here
//! runs on any stream.

mod activity;
mod answer;
mod answer_body;
mod apart;
mod balance;
mod door;
mod facts;
mod frame_count;
mod http1;
mod http2;
mod parting;
mod pieces;
mod requests;
mod resting;
mod watchdog;
mod watched;

#[cfg(test)]
pub(super) mod tests;

pub use answer::{Answer, Pieces, RequestBody, RequestBodyError, TurnedAway};
pub(crate) use apart::serve_apart;
pub(super) use door::Door;
pub use facts::{ConnectionFacts, Protocol, Transport};
