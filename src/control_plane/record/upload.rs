//! Uploads: bytes that come to be a file.

use serde::Serialize;

use super::{ContentId, SecretHash, VersionId};
use crate::asset::{ChannelId, TenantId, wire_names};
use crate::clock::UnixSeconds;

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upload {
    /// Its number: the one that its file has.
    pub number: u64,
    /// Whose.
    pub tenant: TenantId,
    /// What was said of it.
    #[serde(flatten)]
    pub draft: UploadDraft,
    /// How far it is.
    pub state: UploadState,
    /// Forms that brought a part of it.
    pub chunks: u64,
    /// Bytes that they brought; or that came otherwise, where nobody said how many will.
    pub form_bytes: u64,
    /// How its origin knows the object that is being put there.
    #[serde(skip)]
    pub put: Option<Box<str>>,
    /// Why it failed.
    pub problem: Option<Box<str>>,
    /// The content that was made of it, or that it is a version of.
    pub content: Option<ContentId>,
    /// The version of it that was made of it, where the content was there before.
    pub version: Option<VersionId>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// When it is forgotten: what came of it, if it is not complete by then.
    pub expires_at: UnixSeconds,
}

/// What is said of an upload before its bytes come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UploadDraft {
    /// The pipeline that will have it.
    pub pipeline: u64,
    /// Its key there, after the pipeline's prefix.
    pub key: Box<str>,
    /// The name it is saved under.
    pub name: Box<str>,
    /// Its media type, where that was said.
    pub mime: Option<Box<str>>,
    /// How many bytes will come, where that was said.
    pub size: Option<u64>,
    /// Their SHA-256 as hex, where that was said.
    pub sha256: Option<Box<str>>,
    /// The folder that its content comes to be in.
    pub folder: Option<ChannelId>,
    /// What it is to be a version of; a new content, if nothing.
    pub version_of: Option<VersionOf>,
    /// What its client said of it, word for word, for that client (tus).
    pub metadata: Option<Box<str>>,
    /// Who uploads it, by their id.
    pub issuer: Box<str>,
    /// What a form has to know, where forms bring it.
    #[serde(skip)]
    pub form_secret: Option<SecretHash>,
    /// How many bytes may come.
    pub most: u64,
    /// The staging folder that has its bytes meanwhile.
    #[serde(skip)]
    pub place: Box<str>,
    /// When its file is deleted, if nobody used it by then.
    pub unused_until: Option<UnixSeconds>,
}

/// A content that an upload is to be a version of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionOf {
    /// The content.
    pub content: ContentId,
    /// What becomes of the version.
    pub standing: VersionStanding,
}

wire_names! {
    /// What becomes of a version that was uploaded.
    VersionStanding {
        /// It is handed out from then on.
        Active = "active",
        /// It waits for somebody to activate it.
        Waiting = "waiting",
    }
}

wire_names! {
    /// How far an upload is.
    UploadState {
        /// It is a file.
        Completed = "completed",
        /// All bytes are here, and on their way to the origin.
        Completing = "completing",
        /// Its file was deleted, and its object is to be.
        Deleting = "deleting",
        /// It will be no file.
        Failed = "failed",
        /// Bytes are awaited.
        Uploading = "uploading",
    }
}
