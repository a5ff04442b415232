//! The token grammars, for signer and verifier alike.
//!
//! A [`VerifiedToken`] is the proof that a grammar's `verify` said yes: its fields are private to
//! this module tree, and only the `verify.rs` files make one.

mod carrier;
mod claims;
pub mod edge_auth;
mod payload;
mod rejection;
mod signed_request;
mod terms;
mod verified;

pub use carrier::{Candidates, Carrier, CarrierRules, TokenCandidate, without_parameter};
pub use claims::{Claims, Scope};
pub use payload::{LinkBinding, LinkOpens, LinkPayload, OwnerDigest, QueryDigest};
pub use rejection::{MalformedToken, TokenRejection};
pub use signed_request::{NotASigningSecret, RequestKey, RequestRejection, SignedRequest};
pub use terms::{CopyId, Delivers, IssuerMark, LinkTerms, Sharing, TagMark, Uses};
pub use verified::{MacBudget, Subject, VerifiedToken};
