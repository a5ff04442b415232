//! The change feed: what edges follow.
//!
//! A version is one committed change, and is applied as a whole: restrictions first, then grants.
//! Versions have no gaps and are in the order of commits. Entries hold the new state, never a
//! difference, so that one applied twice does no harm.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    BlocklistEntry, BlocklistId, Connector, ConnectorId, ContentId, ContentState, FolderState,
    OverrideLevel, PathOverride, Revocation, RevocationId, SigningKey, SigningKeyId, Tenant,
};
use crate::asset::{ChannelId, TenantId};
pub use crate::policy::PurgedFiles;

/// A version of everything that edges know. 0 is before the first change.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FeedVersion(pub u64);

impl fmt::Display for FeedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// The change it is part of.
    pub version: FeedVersion,
    /// Its place in the change, from 0.
    pub sequence: u32,
    /// What happened.
    pub event: FeedEvent,
}

/// What happened. A kind that a reader does not know is an error, never passed over: it may be the
/// one that closes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum FeedEvent {
    /// A network is blocked.
    BlocklistSet(BlocklistEntry),
    /// A network is not blocked any more.
    BlocklistRemoved {
        /// Which entry.
        id: BlocklistId,
    },
    /// What is cached of some files is to be dropped.
    CachePurge {
        /// Whose.
        tenant: TenantId,
        /// Which.
        files: PurgedFiles,
    },
    /// A connector is as this says.
    ConnectorSet(Connector),
    /// A connector is gone.
    ConnectorRemoved {
        /// Which.
        id: ConnectorId,
    },
    /// A content is as this says.
    ContentSet(Box<ContentState>),
    /// A content is gone.
    ContentRemoved {
        /// Whose it was.
        tenant: TenantId,
        /// Which.
        id: ContentId,
    },
    /// A folder's attachments are as this says.
    FolderSet(FolderState),
    /// A folder is gone.
    FolderRemoved {
        /// Whose it was.
        tenant: TenantId,
        /// Which.
        number: ChannelId,
    },
    /// A level is open.
    OverrideSet(PathOverride),
    /// A level is not open any more.
    OverrideRemoved {
        /// Whose.
        tenant: TenantId,
        /// Which level.
        level: OverrideLevel,
    },
    /// Links are dead.
    RevocationSet(Revocation),
    /// A revocation is taken back, or not needed any more.
    RevocationRemoved {
        /// Which.
        id: RevocationId,
    },
    /// A key is as this says.
    SigningKeySet(SigningKey),
    /// A key is gone.
    SigningKeyRemoved {
        /// Which.
        id: SigningKeyId,
    },
    /// A tenant is as this says.
    TenantSet(Tenant),
    /// A tenant is gone, and all it had.
    TenantRemoved {
        /// Which.
        number: TenantId,
    },
}

impl FeedEvent {
    /// The kind's name, as it stands in the feed.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BlocklistSet(_) => "blocklist_set",
            Self::BlocklistRemoved { .. } => "blocklist_removed",
            Self::CachePurge { .. } => "cache_purge",
            Self::ConnectorSet(_) => "connector_set",
            Self::ConnectorRemoved { .. } => "connector_removed",
            Self::ContentSet(_) => "content_set",
            Self::ContentRemoved { .. } => "content_removed",
            Self::FolderSet(_) => "folder_set",
            Self::FolderRemoved { .. } => "folder_removed",
            Self::OverrideSet(_) => "override_set",
            Self::OverrideRemoved { .. } => "override_removed",
            Self::RevocationSet(_) => "revocation_set",
            Self::RevocationRemoved { .. } => "revocation_removed",
            Self::SigningKeySet(_) => "signing_key_set",
            Self::SigningKeyRemoved { .. } => "signing_key_removed",
            Self::TenantSet(_) => "tenant_set",
            Self::TenantRemoved { .. } => "tenant_removed",
        }
    }

    /// What it is about, for whoever searches the feed.
    pub fn subject(&self) -> String {
        match self {
            Self::BlocklistSet(entry) => entry.id.to_string(),
            Self::BlocklistRemoved { id } => id.to_string(),
            Self::CachePurge { tenant, .. } => tenant.to_string(),
            Self::ConnectorSet(connector) => connector.id.to_string(),
            Self::ConnectorRemoved { id } => id.to_string(),
            Self::ContentSet(content) => content.id.to_string(),
            Self::ContentRemoved { id, .. } => id.to_string(),
            Self::FolderSet(folder) => folder.number.to_string(),
            Self::FolderRemoved { number, .. } => number.to_string(),
            Self::OverrideSet(PathOverride { tenant, level, .. })
            | Self::OverrideRemoved { tenant, level } => level.subject(*tenant),
            Self::RevocationSet(revocation) => revocation.id.to_string(),
            Self::RevocationRemoved { id } => id.to_string(),
            Self::SigningKeySet(key) => key.id.to_string(),
            Self::SigningKeyRemoved { id } => id.to_string(),
            Self::TenantSet(tenant) => tenant.number.to_string(),
            Self::TenantRemoved { number } => number.to_string(),
        }
    }
}

impl OverrideLevel {
    /// The level in one text: `1`, `1/types`, `1/channels/7`, `1/videos/abc`.
    pub fn subject(&self, tenant: TenantId) -> String {
        match self {
            Self::AssetTypes => format!("{tenant}/types"),
            Self::Channel(channel) => format!("{tenant}/channels/{channel}"),
            Self::Tenant => tenant.to_string(),
            Self::Video(video) => format!("{tenant}/videos/{video}"),
        }
    }
}

/// How far the feed is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHead {
    /// Which history the versions count. A store that was restored from a copy has another one:
    /// what was applied from the old history says nothing about the new.
    pub lineage: Box<str>,
    /// The last version.
    pub version: FeedVersion,
}

/// The purges that the feed still has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPurges {
    /// Those of this version and before are gone.
    pub forgotten: FeedVersion,
    /// The others: the version of each, whose files, and which.
    pub purges: Vec<(FeedVersion, TenantId, PurgedFiles)>,
}

/// What comes after a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedPage {
    /// Whole versions, in order; empty when there is nothing newer.
    Entries {
        /// The entries.
        entries: Vec<FeedEntry>,
        /// The version a reader is at after applying them: the head, when nothing is left out.
        reached: FeedVersion,
    },
    /// The reader is too old, or from another history: it must take a snapshot.
    SnapshotNeeded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_the_name_in_json_and_an_unknown_one_is_refused() {
        let event =
            FeedEvent::OverrideRemoved { tenant: TenantId(1), level: OverrideLevel::Tenant };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["kind"], event.kind());
        assert_eq!(serde_json::from_value::<FeedEvent>(json).unwrap(), event);
        for text in [
            r#"{"kind":"override_suspended","state":{"tenant":1}}"#,
            r#"{"kind":"tenant_removed","state":{"number":1,"softly":true}}"#,
        ] {
            assert!(serde_json::from_str::<FeedEvent>(text).is_err(), "{text}");
        }
    }
}
