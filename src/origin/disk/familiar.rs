//! Names that have led to a regular file.
//!
//! What is no regular file is never opened, since opening a device can have effects; so a name is looked
//! at before it is opened, which takes as long again. A name that has been a regular file is opened at
//! once: what it leads to is looked at then, each time, and the name is forgotten where that is
//! something else. Who can put a device in the place of a file can have its effects anyway.
//!
//! Lossy and of a fixed size: names that share a place push each other out.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Places; 64 KiB of them.
const PLACES: usize = 8 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct FamiliarNames {
    /// Of each, the digest of the last name there; 0: none.
    places: Box<[AtomicU64]>,
    digests: RandomState,
}

impl FamiliarNames {
    pub(super) fn new() -> Self {
        let places = std::iter::repeat_with(AtomicU64::default).take(PLACES).collect();
        Self { places, digests: RandomState::new() }
    }

    /// Has that name led to a regular file, as far as is remembered?
    pub(super) fn knows(&self, name: &str) -> bool {
        let digest = self.digest(name);
        self.place(digest).is_some_and(|place| place.load(Ordering::Relaxed) == digest)
    }

    pub(super) fn remember(&self, name: &str) {
        let digest = self.digest(name);
        if let Some(place) = self.place(digest) {
            place.store(digest, Ordering::Relaxed);
        }
    }

    pub(super) fn forget(&self, name: &str) {
        let digest = self.digest(name);
        if let Some(place) = self.place(digest) {
            let _ = place.compare_exchange(digest, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Never 0. With a key of this process's own: nobody makes names collide on purpose.
    fn digest(&self, name: &str) -> u64 {
        self.digests.hash_one(name) | 1
    }

    fn place(&self, digest: u64) -> Option<&AtomicU64> {
        usize::try_from(digest >> 1).ok().and_then(|at| self.places.get(at % PLACES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_remembered_until_they_are_forgotten_or_pushed_out() {
        let names = FamiliarNames::new();
        assert!(!names.knows("a/b"));
        names.remember("a/b");
        assert!(names.knows("a/b") && !names.knows("a/c") && !names.knows(""));
        names.forget("a/c");
        assert!(names.knows("a/b"));
        names.forget("a/b");
        assert!(!names.knows("a/b"));
        let many: Vec<String> = (0..3 * PLACES).map(|number| number.to_string()).collect();
        for name in &many {
            names.remember(name);
        }
        let known = many.iter().filter(|name| names.knows(name)).count();
        assert!((PLACES / 2..=PLACES).contains(&known), "{known}");
    }
}
