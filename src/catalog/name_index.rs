//! The second index: contents by what connectors call them, in their folder.
//!
//! Several contents may have one name. They are in the order that says which of them is meant: the
//! oldest first, and of two of one second that of the lesser id (G4). Those that are never given, as
//! they are, come behind all others: whoever looks for one that is need not look at them, for there
//! may be thousands, and strangers ask.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use super::content_names::NameRef;
use super::encoding::push_number;
use super::packed::Entry;
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;

/// A content's place among those of its name.
pub(super) type Rank = (Given, UnixSeconds, Box<str>);

/// Is a content ever given to everybody, as it is?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    /// It is published, if not at all times, and has a file.
    Sometimes,
    /// It is not.
    Never,
}

/// Contents by name. Follows what is put into the catalog and taken out of it.
#[derive(Debug, Default)]
pub(super) struct NameIndex(RwLock<HashMap<Box<[u8]>, BTreeSet<Rank>>>);

impl NameIndex {
    /// One entry took another's place, which had the same key; or there was none, or is none.
    pub(super) fn replace(&self, before: Option<&Entry>, after: Option<&Entry>) {
        let (before, after) = (before.map(places), after.map(places));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        if before == after {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (name, rank) in before.difference(&after) {
            if let Some(ranks) = known.get_mut(name) {
                ranks.remove(rank);
                if ranks.is_empty() {
                    known.remove(name);
                }
            }
        }
        for (name, rank) in after.difference(&before) {
            known.entry(name.clone()).or_default().insert(rank.clone());
        }
    }

    /// Everything of a tenant is gone.
    pub(super) fn remove_tenant(&self, tenant: TenantId) {
        let prefix = tenant.0.to_be_bytes();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|name, _| !name.starts_with(&prefix));
    }

    /// The first of that name behind a place, or of all.
    pub(super) fn next(&self, name: &[u8], behind: Option<&Rank>) -> Option<Rank> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let ranks = known.get(name)?;
        let from = behind.map_or(Bound::Unbounded, Bound::Excluded);
        ranks.range((from, Bound::Unbounded)).next().cloned()
    }
}

/// What a name is found by.
pub(super) fn key(tenant: TenantId, folder: ChannelId, name: NameRef<'_>) -> Box<[u8]> {
    let mut bytes = tenant.0.to_be_bytes().to_vec();
    push_number(&mut bytes, folder.0);
    name.push(&mut bytes);
    bytes.into()
}

/// Is the entry found by that name?
pub(super) fn has_name(entry: &Entry, name: &[u8]) -> bool {
    let (Some(tenant), Some(folder)) = (entry.tenant(), entry.folder()) else { return false };
    entry.names().any(|known| *key(tenant, folder, known) == *name)
}

/// Where an entry stands in the index.
fn places(entry: &Entry) -> BTreeSet<(Box<[u8]>, Rank)> {
    let mut names = entry.names().peekable();
    if names.peek().is_none() {
        return BTreeSet::new();
    }
    let (Some(tenant), Some(folder), Some(id)) = (entry.tenant(), entry.folder(), entry.id())
    else {
        return BTreeSet::new();
    };
    let given = if entry.is_ever_given() { Given::Sometimes } else { Given::Never };
    let rank = || (given, entry.created_at(), Box::from(id));
    names.map(|name| (key(tenant, folder, name), rank())).collect()
}
