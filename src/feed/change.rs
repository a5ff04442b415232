//! One change of what edges know.

use ipnet::IpNet;

use crate::asset::TenantId;
use crate::catalog::CatalogChange;
use crate::clock::UnixSeconds;
use crate::policy::{
    BlocklistKind, Connector, ImageMarkKey, LinkKey, Opening, OverrideLevel, Purge, RevokedLinks,
};

/// What is so from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A network is blocked, or no longer.
    Blocked {
        /// Which entry.
        id: Box<str>,
        /// What it blocks; none where the entry is gone.
        entry: Option<BlockedNetwork>,
    },
    /// A content's or a folder's files, or whether it is published.
    Catalog(CatalogChange),
    /// A connector is open, or no longer.
    Connector {
        /// Which: it stands in its addresses.
        id: Box<str>,
        /// What it opens; none where it is disabled, or gone.
        connector: Option<Connector>,
    },
    /// A key of the marks in pictures is known, or no longer.
    ImageMarkKey {
        /// Which.
        id: Box<str>,
        /// The key; none where it is closed.
        key: Option<ImageMarkKey>,
    },
    /// A key for links is in force, or no longer.
    LinkKey {
        /// Which: its links name it.
        id: Box<str>,
        /// The key; none where it was dropped.
        key: Option<LinkKey>,
    },
    /// What is open at one level of a tenant.
    Override {
        /// Whose.
        tenant: TenantId,
        /// Which level.
        level: OverrideLevel,
        /// What is open; none: nothing.
        opens: Option<Opening>,
    },
    /// Something is to be dropped from caches.
    Purged(Purge),
    /// Of purges up to that version nobody knows any more.
    PurgesForgotten {
        /// The version of the change feed.
        version: u64,
    },
    /// Links are dead, or no longer.
    Revoked {
        /// Which revocation.
        id: Box<str>,
        /// Which links; none where it was taken back.
        links: Option<RevokedNow>,
    },
    /// A tenant is gone, with all that was said about it.
    TenantRemoved {
        /// Which.
        tenant: TenantId,
    },
}

/// A network that gets nothing, or nothing where a link or a site asks who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockedNetwork {
    /// The network.
    pub network: IpNet,
    /// Until when.
    pub until: Option<UnixSeconds>,
    /// What is refused.
    pub kind: BlocklistKind,
}

/// Links that are dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedNow {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub links: RevokedLinks,
    /// Since when.
    pub since: UnixSeconds,
    /// When it can be forgotten, for they have expired by themselves.
    pub until: Option<UnixSeconds>,
}
