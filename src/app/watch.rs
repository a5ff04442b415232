//! Which files a configuration was read from, and whether any of them changed.
//!
//! Files are looked at, not subscribed to: a look sees an atomic rename, a swapped symlink
//! anywhere on the way (as Kubernetes mounts do it), and a change on a network file system alike,
//! and costs a few system calls.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::config::Watched;

/// What a set of files looked like at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(BTreeMap<PathBuf, Option<FileLook>>);

/// What tells one content of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileLook {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    /// Looks at the files. One that is missing has a look of its own, so that its coming is seen.
    pub(super) fn of_files(files: &[PathBuf]) -> Self {
        Self(files.iter().cloned().map(look).collect())
    }

    /// Looks at the files and at whatever the patterns name now.
    pub(super) fn of(watched: &Watched) -> Self {
        let named = watched
            .patterns
            .iter()
            .filter_map(|pattern| glob::glob(&pattern.to_string_lossy()).ok())
            .flatten()
            .filter_map(Result::ok);
        Self(watched.files.iter().cloned().chain(named).map(look).collect())
    }
}

fn look(path: PathBuf) -> (PathBuf, Option<FileLook>) {
    let look = std::fs::metadata(&path).ok().map(|metadata| FileLook::of(&metadata));
    (path, look)
}

impl FileLook {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn renames_swapped_links_and_arrivals_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let watched = Watched {
            files: vec![path("file"), path("link/file"), path("late")],
            patterns: vec![path("lists/*.netset")],
        };
        let look = || Fingerprint::of(&watched);
        std::fs::write(path("file"), "1").unwrap();
        for version in ["v1", "v2"] {
            std::fs::create_dir(path(version)).unwrap();
            std::fs::write(path(version).join("file"), "same size").unwrap();
        }
        symlink("v1", path("link")).unwrap();
        let first = look();
        assert_eq!(look(), first);

        std::fs::write(path("new"), "2").unwrap();
        std::fs::rename(path("new"), path("file")).unwrap();
        let renamed = look();
        assert_ne!(renamed, first);

        symlink("v2", path("next")).unwrap();
        std::fs::rename(path("next"), path("link")).unwrap();
        let swapped = look();
        assert_ne!(swapped, renamed);

        std::fs::write(path("late"), "").unwrap();
        let arrived = look();
        assert_ne!(arrived, swapped);

        std::fs::create_dir(path("lists")).unwrap();
        std::fs::write(path("lists/new.netset"), "").unwrap();
        assert_ne!(look(), arrived);
    }
}
