//! The pages of shares, as visitors have them: everything under `/s/`.
//!
//! A request comes from the door of an edge, with its [`Visitor`](crate::visitor::Visitor) among its
//! extensions, its target and `Host` as the visitor's.

mod router;

pub use router::router;
