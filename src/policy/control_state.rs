//! What a control plane says, beside what the configuration says.

use std::sync::Arc;

use crate::catalog::Catalog;

use super::{
    Blocklist, Connectors, ImageMarkKeys, Lease, LinkKeys, OverrideTable, Purges, PushedFraudLists,
    Revocations,
};

/// One version of it: immutable, put in force as a whole. All but the catalog, which is one index
/// for all versions since a snapshot, and changes entry by entry around the swap.
#[derive(Debug)]
pub struct ControlState {
    /// The version of the change feed that it is of.
    pub version: u64,
    /// Which files there are.
    pub catalog: Arc<Catalog>,
    /// Which protected assets are public.
    pub overrides: OverrideTable,
    /// Who is refused whatever they ask.
    pub blocklist: Arc<Blocklist>,
    /// Who is refused where a link or a site asks.
    pub fraud_lists: Arc<PushedFraudLists>,
    /// Which links are dead.
    pub revocations: Revocations,
    /// What signs its links, and opens them.
    pub links: Arc<LinkKeys>,
    /// What marks pictures.
    pub image_mark_keys: Arc<ImageMarkKeys>,
    /// Which contents are public under short addresses.
    pub connectors: Arc<Connectors>,
    /// What caches are to drop, and were.
    pub purges: Arc<Purges>,
    /// How long this is believed.
    pub lease: Arc<Lease>,
}

impl ControlState {
    /// Nothing was ever said.
    pub fn empty() -> Self {
        Self {
            version: 0,
            catalog: Arc::default(),
            overrides: OverrideTable::default(),
            blocklist: Arc::new(Blocklist::empty()),
            fraud_lists: Arc::default(),
            revocations: Revocations::default(),
            links: Arc::default(),
            image_mark_keys: Arc::default(),
            connectors: Arc::default(),
            purges: Arc::default(),
            lease: Arc::new(Lease::endless()),
        }
    }
}
