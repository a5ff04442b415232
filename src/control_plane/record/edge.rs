//! Edges, and the one-time codes by which they are let in.

use serde::Serialize;

use super::{EdgeId, EnrolmentId, FeedVersion, SecretHash};
use crate::clock::UnixSeconds;

/// An edge that was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// Its id.
    pub id: EdgeId,
    /// What people call it; unique.
    pub name: Box<str>,
    /// What its token hashes to.
    #[serde(skip)]
    pub token: SecretHash,
    /// Since when it is in.
    pub enrolled_at: UnixSeconds,
    /// The last version it said is in force there.
    #[serde(skip)]
    pub applied: FeedVersion,
    /// When it was last heard of.
    #[serde(skip)]
    pub last_seen_at: Option<UnixSeconds>,
    /// Since when its token is worth nothing.
    pub revoked_at: Option<UnixSeconds>,
}

/// A code with which one edge can get a token, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnrolmentCode {
    /// The id under which it is listed.
    pub id: EnrolmentId,
    /// What the code hashes to.
    #[serde(skip)]
    pub hash: SecretHash,
    /// The name of the edge it lets in.
    pub edge_name: Box<str>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// When it ends.
    pub expires_at: UnixSeconds,
    /// When it was used.
    pub used_at: Option<UnixSeconds>,
}
