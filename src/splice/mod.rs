//! Bytes that pass from a file or a server to a client without entering this program: sendfile(2),
//! splice(2).
//!
//! hyper goes on serving. A body that may let bytes pass by fills a pipe from its server's socket, or
//! takes a part of a file, gives that to the connection's [`Outlet`], and gives hyper a *piece* for it:
//! as many bytes of one static area, which nobody reads. hyper queues pieces without touching them and
//! hands their addresses to the connection's [`Stream`], which knows the area and empties the pipe, or
//! sends the part, into the socket instead.
//!
//! Invariants:
//! - only who has an outlet can make a piece, and only plain HTTP/1 connections have one;
//! - a piece is made for a full pipe or a part of a file, and is as long as that;
//! - should hyper ever copy a piece, its client would get zeros: a stream that is flushed while its
//!   outlet holds bytes fails, and a body gives out nothing, least of all its end, before what it gave
//!   before is written. No answer with a wrong byte is ever complete;
//! - a file that has become shorter breaks its connection off;
//! - no worker waits for the disk: see `part`;
//! - a pipe is used again only when it is empty; one dropped with bytes in it is closed;
//! - there are at most [`MOST_PIPES`]. Who gets none copies.
//!
//! It leans on hyper queueing bodies where a stream writes vectored, which is why hyper is pinned to
//! one version in `Cargo.toml`.

mod outlet;
mod part;
mod pipe;
mod stream;
mod zone;

pub use outlet::{COPIED_END, Load, Outlet, WORTHWHILE};
pub use part::{FilePart, FileTooShort};
pub use pipe::{EmptyPipe, FullPipe, MOST_PIPES};
pub use stream::Stream;
