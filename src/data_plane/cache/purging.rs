//! Dropping what control planes said is to be dropped, also what was said while this process was
//! cut off, or not there.
//!
//! What is in memory begins empty, and need not know of anything before; what is on the disk says
//! itself how far it is, and one that does not is dropped as a whole.

use crate::policy::{Due, Purge, PurgeMark, Purges};

use super::answering::Cache;
use super::key::PurgeScope;

/// Beyond, everything is dropped at once: each scope is a walk through all that is kept.
const MOST_SCOPES: usize = 64;

impl Cache {
    /// Drops what is due in a state of that version and was not dropped before. `scopes` says what a
    /// purge means here.
    pub fn keep_up(
        &self,
        version: u64,
        purges: &Purges,
        scopes: impl Fn(&Purge) -> Vec<PurgeScope>,
    ) {
        let (store, tier) = (&self.shelf.store, self.shelf.tier.as_deref());
        let in_memory = store.mark().map_or(Due::Purges(&[]), |mark| purges.due(&mark));
        let on_disk = tier.map_or(Due::Purges(&[]), |tier| {
            tier.mark().map_or(Due::Everything, |mark| purges.due(&mark))
        });
        let dropped = match (in_memory, on_disk) {
            (Due::Everything, _) | (_, Due::Everything) => {
                self.purge(&PurgeScope::Everything);
                Dropped::Something
            }
            // Both are ends of one list.
            (Due::Purges(one), Due::Purges(other)) => {
                self.drop_all(if one.len() > other.len() { one } else { other }, scopes)
            }
        };
        let mark = purges.mark(version);
        if let Some(tier) = tier {
            tier.set_mark(&mark, dropped);
        }
        store.set_mark(mark);
    }

    fn drop_all(&self, purges: &[Purge], scopes: impl Fn(&Purge) -> Vec<PurgeScope>) -> Dropped {
        let Some(last) = purges.last() else { return Dropped::Nothing };
        let mut all: Vec<PurgeScope> = Vec::new();
        for scope in purges.iter().flat_map(scopes) {
            if !all.contains(&scope) {
                all.push(scope);
            }
            if all.len() > MOST_SCOPES {
                all = vec![PurgeScope::Everything];
                break;
            }
        }
        for scope in &all {
            self.purge(scope);
        }
        tracing::info!(purges = purges.len(), version = last.version, "purged");
        Dropped::Something
    }
}

/// Was anything dropped?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Nothing,
    Something,
}

/// Versions that a mark on the disk may be behind where nothing was dropped: far fewer than control
/// planes remember.
const BEHIND: u64 = 10_000;

/// Is this mark to be written where that one was?
pub(super) fn is_worth_writing(
    known: Option<&PurgeMark>,
    mark: &PurgeMark,
    dropped: Dropped,
) -> bool {
    known.is_none_or(|known| {
        dropped == Dropped::Something
            || known.lineage != mark.lineage
            || mark.version.saturating_sub(known.version) >= BEHIND
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::TenantId;
    use crate::data_plane::CacheConfig;
    use crate::data_plane::cache::slices::DiskConfig;
    use crate::policy::PurgedFiles;

    fn purges(versions: &[u64]) -> Purges {
        let mut purges = Purges::default();
        purges.set_lineage("l");
        for &version in versions {
            purges.add(Purge { version, tenant: TenantId(1), files: PurgedFiles::Everything });
        }
        purges
    }

    /// Which purges a cache asked about.
    fn asked(cache: &Cache, version: u64, said: &[u64]) -> Vec<u64> {
        let asked = std::cell::RefCell::new(Vec::new());
        cache.keep_up(version, &purges(said), |purge| {
            asked.borrow_mut().push(purge.version);
            vec![PurgeScope::Everything]
        });
        asked.into_inner()
    }

    #[test]
    fn a_cache_in_memory_need_not_know_what_was_before_it() {
        let config = CacheConfig { memory: 1 << 20, max_object: 1 << 16, disk: None };
        let cache = Cache::open(&config, None).unwrap();
        assert_eq!(asked(&cache, 7, &[3, 7]), [] as [u64; 0]);
        assert_eq!(asked(&cache, 9, &[3, 7, 9]), [9]);
        assert_eq!(asked(&cache, 9, &[3, 7, 9]), [] as [u64; 0]);
        // The next configuration goes on with it, or begins with nothing.
        let same = Cache::open(&config, Some(&cache)).unwrap();
        assert_eq!(asked(&same, 10, &[9, 10]), [10]);
        let larger = CacheConfig { memory: 2 << 20, ..config };
        let other = Cache::open(&larger, Some(&same)).unwrap();
        assert_eq!(asked(&other, 12, &[9, 10, 11]), [] as [u64; 0]);
    }

    #[test]
    fn a_disk_drops_what_was_said_while_nobody_used_it() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskConfig { path: folder.path().join("cache"), size: 1 << 30, slice: 1 << 16 };
        let config = CacheConfig { memory: 1 << 20, max_object: 1 << 16, disk: Some(disk) };
        let open = || Cache::open(&config, None).unwrap();
        let slice = folder.path().join("cache/slices/kept");
        let is_kept = || slice.exists();
        let keep = || std::fs::create_dir_all(&slice).unwrap();

        // One of which nothing is known goes as a whole.
        let cache = open();
        keep();
        assert_eq!((asked(&cache, 7, &[3, 7]), is_kept()), (vec![], false));
        drop(cache);
        let cache = open();
        keep();
        assert_eq!((asked(&cache, 8, &[3, 7]), is_kept()), (vec![], true));
        drop(cache);
        let cache = open();
        assert_eq!((asked(&cache, 10, &[3, 7, 9]), is_kept()), (vec![9], false));
        drop(cache);
        let cache = open();
        keep();
        assert_eq!((asked(&cache, 10, &[3, 7, 9]), is_kept()), (vec![], true));
        drop(cache);
        // Too much was forgotten to tell.
        let cache = open();
        let mut forgotten = purges(&[]);
        forgotten.forget(11);
        cache.keep_up(12, &forgotten, |_| Vec::new());
        assert!(!is_kept());
    }
}
