//! Tickets: one download of an original each.

use serde::Serialize;

use super::{AccessTokenId, ContentId, Grantee, SecretHash, SourceTicketId, VersionId};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// A ticket. Whoever shows it gets what it names, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceTicket {
    /// The id under which it is audited, and revoked.
    pub id: SourceTicketId,
    /// What the ticket hashes to.
    #[serde(skip)]
    pub hash: SecretHash,
    /// Whose.
    pub tenant: TenantId,
    /// Of what the original is.
    pub content: ContentId,
    /// The version.
    pub version: VersionId,
    /// The name it is saved under, where it is not its own.
    pub save_as: Option<Box<str>>,
    /// In whose name: the right is theirs.
    pub grantee: Grantee,
    /// The id of the session that it was asked for by: what ends that ends it.
    pub session: AccessTokenId,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Until when it may be used first.
    pub expires_at: UnixSeconds,
    /// When it was used first.
    pub used_at: Option<UnixSeconds>,
}

/// Something of an original was handed over: what the audit log says of it (requirement A13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceDelivery {
    /// The version.
    pub version: VersionId,
    /// The file's number.
    pub file: u64,
    /// The file's SHA-256, where it is known.
    pub sha256: Option<Box<str>>,
    /// What it was saved as.
    pub name: Box<str>,
    /// How it was asked for.
    pub way: SourceWay,
    /// The ticket or the archive that it was handed over by; none where it was a session alone.
    pub promise: Option<Box<str>>,
    /// Its place in the archive, from 1; none where it was in none.
    pub entry: Option<u64>,
    /// The status of the answer: 206 where parts were asked for.
    pub status: u16,
    /// How many bytes were to leave.
    pub bytes: Option<u64>,
    /// As in `X-Request-Id`; empty where the answer had none.
    pub request_id: Box<str>,
}

/// How an original was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceWay {
    /// Within an archive.
    Archive,
    /// By a session's token.
    Session,
    /// By a ticket.
    Ticket,
}
