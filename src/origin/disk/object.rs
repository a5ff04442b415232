//! An open file and what its inode says about it.

use rustix::fd::OwnedFd;
use rustix::fs::Stat;
use sha2::{Digest, Sha256};

use super::super::validator::{EntityTag, HttpTime, SETTLED, Strength, Validators};
use crate::clock::UnixSeconds;

/// A regular file, open for reading.
#[derive(Debug)]
pub(in super::super) struct DiskObject {
    pub(super) file: OwnedFd,
}

impl DiskObject {
    pub(in super::super) fn new(file: OwnedFd) -> Self {
        Self { file }
    }
}

/// What the inode says, in our terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct InodeFacts {
    pub(super) length: u64,
    inode: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl InodeFacts {
    pub(super) fn new(stat: &Stat) -> Self {
        Self {
            length: number(stat.st_size),
            inode: number(stat.st_ino),
            modified: (number(stat.st_mtime), number(stat.st_mtime_nsec)),
            changed: (number(stat.st_ctime), number(stat.st_ctime_nsec)),
        }
    }

    /// The tag is a digest, so that it does not tell inode numbers to the world. It is weak while
    /// the file was touched less than two seconds ago, or will have been: a further change may
    /// then leave all the numbers in it as they are, for a file system's clock ticks coarsely.
    pub(super) fn validators(&self, now: UnixSeconds) -> Validators {
        let touched = self.modified.0.max(self.changed.0);
        let now_signed = i64::try_from(now.get()).unwrap_or(i64::MAX);
        let settled = now_signed.saturating_sub(touched) >= SETTLED.cast_signed();
        let strength = if settled { Strength::Strong } else { Strength::Weak };
        let modified = UnixSeconds::new(u64::try_from(self.modified.0).unwrap_or(0));
        Validators {
            etag: EntityTag::new(strength, &self.digest()),
            // RFC 9110 section 8.8.2.1: never later than the message itself.
            last_modified: HttpTime::new(modified.min(now)),
            stated_at: HttpTime::new(now),
        }
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.inode.to_le_bytes());
        hash.update(self.length.to_le_bytes());
        for (seconds, nanoseconds) in [self.modified, self.changed] {
            hash.update(seconds.to_le_bytes());
            hash.update(nanoseconds.to_le_bytes());
        }
        let digest = hash.finalize();
        hex::encode(digest.get(..12).unwrap_or_default())
    }
}

/// The fields of `Stat` have other widths on other architectures.
fn number<T: Default>(field: impl TryInto<T>) -> T {
    field.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: InodeFacts =
        InodeFacts { length: 5, inode: 7, modified: (1_000, 1), changed: (1_003, 2) };

    #[test]
    fn a_tag_is_weak_until_the_last_change_has_settled() {
        for (now, strength) in [
            (900, Strength::Weak),
            (1_003, Strength::Weak),
            (1_004, Strength::Weak),
            (1_005, Strength::Strong),
        ] {
            let etag = FACTS.validators(UnixSeconds::new(now)).etag.unwrap();
            assert_eq!(etag.strength(), strength, "{now}");
        }
    }

    #[test]
    fn each_number_makes_another_tag() {
        let others = [
            InodeFacts { length: 6, ..FACTS },
            InodeFacts { inode: 8, ..FACTS },
            InodeFacts { modified: (1_000, 3), ..FACTS },
            InodeFacts { modified: (999, 1), ..FACTS },
            InodeFacts { changed: (1_003, 3), ..FACTS },
        ];
        for other in others {
            assert_ne!(other.digest(), FACTS.digest(), "{other:?}");
        }
        assert_eq!(FACTS.digest(), FACTS.digest());
    }

    #[test]
    fn dates_are_held_between_the_epoch_and_now() {
        let modified = |seconds: i64, now| {
            InodeFacts { modified: (seconds, 0), ..FACTS }
                .validators(UnixSeconds::new(now))
                .last_modified
                .unwrap()
                .to_unix()
                .get()
        };
        assert_eq!(modified(1_000, 2_000), 1_000);
        assert_eq!(modified(3_000, 2_000), 2_000);
        assert_eq!(modified(-5, 2_000), 0);
    }
}
