//! Bytes that pass from a file or a server to a client without entering this program: splice(2).
//!
//! hyper goes on serving. A body that may splice fills a pipe, gives the pipe to the connection's
//! [`Outlet`], and gives hyper a *piece* for it: as many bytes of one static area, which nobody
//! reads. hyper queues pieces without touching them and hands their addresses to the connection's
//! [`Stream`], which knows the area and empties the pipe into the socket instead.
//!
//! Invariants:
//! - only who has an outlet can make a piece, and only plain HTTP/1 connections have one;
//! - a piece is made for a full pipe, and is as long as what the pipe holds;
//! - should hyper ever copy a piece, its client would get zeros: a stream that is flushed while its
//!   pipe holds bytes fails, and a body gives out nothing, least of all its end, before the pipe
//!   before it is empty. No answer with a wrong byte is ever complete;
//! - a pipe is used again only when it is empty; one dropped with bytes in it is closed;
//! - there are at most [`MOST_PIPES`]. Who gets none copies.
//!
//! It leans on hyper queueing bodies where a stream writes vectored, which is why hyper is pinned to
//! one version in `Cargo.toml`.

mod outlet;
mod pipe;
mod stream;
mod zone;

pub use outlet::{COPIED_END, Outlet, WORTHWHILE};
pub use pipe::{EmptyPipe, FullPipe, MOST_PIPES};
pub use stream::Stream;
