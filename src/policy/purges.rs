//! What is to be dropped from caches, as far as it is remembered.
//!
//! A cache knows up to which version of which history it dropped what it was told to. So it does not
//! matter how it comes to a state: what it missed is in there, or too much is forgotten to tell, and
//! then everything goes.

use serde::{Deserialize, Serialize};

use crate::asset::{ContentId, TenantId};

/// Purges that are remembered; beyond, the oldest is forgotten.
const MOST: usize = 10_000;

/// Which files of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", content = "subject", rename_all = "snake_case", deny_unknown_fields)]
pub enum PurgedFiles {
    /// Those of one content.
    Content(ContentId),
    /// All of them.
    Everything,
    /// Those that the site of this host hands out.
    Site(Box<str>),
}

/// Something that is to be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The version of the change feed with which it was said.
    pub version: u64,
    /// Whose.
    pub tenant: TenantId,
    /// Which files.
    pub files: PurgedFiles,
}

/// Every purge that is remembered, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purges {
    /// Which history their versions count.
    lineage: Box<str>,
    /// Those of this version and before are not here.
    forgotten: u64,
    list: Vec<Purge>,
}

/// Up to where a cache has dropped what it was told to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeMark {
    /// In which history.
    pub lineage: Box<str>,
    /// Up to which version of it.
    pub version: u64,
}

/// What a cache is to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due<'p> {
    /// All there is: nobody knows what it missed.
    Everything,
    /// These.
    Purges(&'p [Purge]),
}

impl Purges {
    /// The same, of that history.
    pub fn set_lineage(&mut self, lineage: &str) {
        self.lineage = lineage.into();
    }

    /// One more, unless it is known. They come in the order of their versions.
    pub fn add(&mut self, purge: Purge) {
        let of_this_version = self.list.iter().rev().take_while(|it| it.version >= purge.version);
        if purge.version <= self.forgotten || of_this_version.into_iter().any(|it| *it == purge) {
            return;
        }
        self.list.push(purge);
        if self.list.len() > MOST {
            self.forgotten = self.list.remove(0).version;
        }
    }

    /// Those up to that version are remembered nowhere.
    pub fn forget(&mut self, version: u64) {
        self.forgotten = self.forgotten.max(version);
        self.list.retain(|it| it.version > version);
    }

    /// What a cache is to drop that dropped everything up to a mark.
    pub fn due(&self, mark: &PurgeMark) -> Due<'_> {
        if mark.lineage != self.lineage || mark.version < self.forgotten {
            return Due::Everything;
        }
        let from = self.list.partition_point(|it| it.version <= mark.version);
        Due::Purges(self.list.get(from..).unwrap_or_default())
    }

    /// Where a cache is that dropped all that was due in a state of that version.
    pub fn mark(&self, version: u64) -> PurgeMark {
        PurgeMark { lineage: self.lineage.clone(), version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purge(version: u64) -> Purge {
        Purge { version, tenant: TenantId(1), files: PurgedFiles::Everything }
    }

    fn purges(versions: impl IntoIterator<Item = u64>) -> Purges {
        let mut purges = Purges::default();
        purges.set_lineage("l");
        for version in versions {
            purges.add(purge(version));
        }
        purges
    }

    fn due(purges: &Purges, lineage: &str, version: u64) -> Option<Vec<u64>> {
        match purges.due(&PurgeMark { lineage: lineage.into(), version }) {
            Due::Everything => None,
            Due::Purges(list) => Some(list.iter().map(|it| it.version).collect()),
        }
    }

    #[test]
    fn a_cache_drops_what_it_missed_and_nothing_twice() {
        let mut purges = purges([3, 5, 5, 9]);
        assert_eq!(due(&purges, "l", 0), Some(vec![3, 5, 9]));
        assert_eq!(due(&purges, "l", 3), Some(vec![5, 9]));
        assert_eq!(due(&purges, "l", purges.mark(9).version), Some(vec![]));
        assert_eq!(due(&purges, "l", 700), Some(vec![]));
        // In another history the same versions mean something else.
        assert_eq!(due(&purges, "m", 9), None);
        purges.forget(4);
        assert_eq!(due(&purges, "l", 3), None);
        assert_eq!(due(&purges, "l", 4), Some(vec![5, 9]));
        // What comes again, or late, changes nothing.
        for version in [3, 5, 9] {
            purges.add(purge(version));
        }
        assert_eq!(due(&purges, "l", 4), Some(vec![5, 9]));
    }

    #[test]
    fn two_of_one_version_are_two() {
        let mut purges = purges([4]);
        let other = Purge { files: PurgedFiles::Site("a.example".into()), ..purge(4) };
        purges.add(other.clone());
        purges.add(other);
        purges.add(purge(4));
        assert_eq!(due(&purges, "l", 3), Some(vec![4, 4]));
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let most = MOST as u64;
        let purges = purges(1..=most + 10);
        assert_eq!(due(&purges, "l", 9), None);
        assert_eq!(due(&purges, "l", 10).unwrap().len(), MOST);
    }
}
