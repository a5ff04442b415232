//! Copies that were issued: to whom a forensic tag leads (requirements E8, K.2).

use serde::Serialize;

use super::{ContentId, LinkId, SigningKeyId};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// A line of the log of issues. It is never changed, and outlives what it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyIssue {
    /// Its number, by chance: the one in the tag id.
    pub number: u64,
    /// Whose file it is a copy of.
    pub tenant: TenantId,
    /// The key that made the tag id.
    pub signing_key: SigningKeyId,
    /// The 16 bytes in the copy, as hex.
    pub tag_id: Box<str>,
    /// The link that opens it.
    pub link: LinkId,
    /// The file's number.
    pub file: u64,
    /// The content that the file was of, if it was of one.
    pub content: Option<ContentId>,
    /// The file's asset path.
    pub path: Box<str>,
    /// Who asked for it, by their id.
    pub issuer: Box<str>,
    /// What whoever asked calls the one it is for.
    pub tag: Box<str>,
    /// When it was issued.
    pub created_at: UnixSeconds,
    /// The last second at which its link opens.
    pub expires_at: UnixSeconds,
}

/// That somebody asked whose copy a file is, and what came of it: for the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyTrace {
    /// The file's SHA-256, as hex.
    pub sha256: Box<str>,
    /// Tags that were in it.
    pub tags: u64,
    /// The links of those that were issued.
    pub links: Vec<LinkId>,
}
