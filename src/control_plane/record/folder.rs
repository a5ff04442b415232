//! Folders, in a tree; a folder is also movingimage's channel.

use serde::Serialize;

use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;

/// How deep folders may lie within each other.
pub const FOLDER_DEPTH: u64 = 64;

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folder {
    /// Its number: movingimage's channelId.
    pub number: ChannelId,
    /// Whose.
    pub tenant: TenantId,
    /// The folder it is in; none is at the top.
    pub parent: Option<ChannelId>,
    /// What people call it.
    pub name: Box<str>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about a folder.
#[derive(Clone, Debug)]
pub struct FolderDraft {
    /// The folder it is in.
    pub parent: Option<ChannelId>,
    /// What people call it.
    pub name: Box<str>,
}
