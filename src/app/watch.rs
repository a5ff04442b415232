//! Which files a configuration was read from, and whether any of them changed.
//!
//! Files are looked at, not subscribed to: a look sees an atomic rename, a swapped symlink
//! anywhere on the way (as Kubernetes mounts do it), and a change on a network file system alike,
//! and costs a few system calls.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::config::Watched;

/// What a set of files looked like at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(BTreeMap<PathBuf, PathLook>);

/// Links in one path that are followed; the kernel follows as many (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// A file and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PathLook {
    file: Option<FileLook>,
    /// The links on the way: one that was swapped there and back leads to the same file, and is
    /// another link.
    links: Vec<FileLook>,
}

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

    /// Was any of it changed in the time before `now` (since the epoch)? Its time stamp does not
    /// tell it from a change that follows at once, for a file system's clock goes in ticks.
    pub(super) fn is_fresh(&self, now: Duration, time: Duration) -> bool {
        self.0.values().flat_map(|look| look.links.iter().chain(&look.file)).any(|look| {
            let (seconds, nanos) = look.changed;
            let changed = u64::try_from(seconds).ok().zip(u32::try_from(nanos).ok());
            let changed = changed.map(|(seconds, nanos)| Duration::new(seconds, nanos));
            // One from the future is of another machine's clock, and says nothing.
            changed.and_then(|changed| now.checked_sub(changed)).is_some_and(|age| age < time)
        })
    }
}

fn look(path: PathBuf) -> (PathBuf, PathLook) {
    let file = std::fs::metadata(&path).ok().map(|metadata| FileLook::of(&metadata));
    let links = links_on_the_way(&path);
    (path, PathLook { file, links })
}

/// Walks a path as the kernel does, and collects the links.
fn links_on_the_way(path: &Path) -> Vec<FileLook> {
    let steps = |path: &Path| -> Vec<PathBuf> {
        path.components().rev().map(|step| PathBuf::from(step.as_os_str())).collect()
    };
    let mut links = Vec::new();
    let mut walked = PathBuf::new();
    let mut left = steps(path);
    while let Some(step) = left.pop() {
        if step.components().next() == Some(Component::ParentDir) {
            // What was walked holds no link any more, so this is the parent.
            walked.pop();
            continue;
        }
        walked.push(&step);
        let Ok(metadata) = walked.symlink_metadata() else { break };
        if !metadata.is_symlink() {
            continue;
        }
        links.push(FileLook::of(&metadata));
        let Ok(target) = walked.read_link() else { break };
        if links.len() == MOST_LINKS {
            break;
        }
        walked.pop();
        left.extend(steps(&target));
    }
    links
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
    fn a_link_swapped_there_and_back_is_seen_wherever_it_is_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for version in ["mount/..v1", "mount/..v2"] {
            std::fs::create_dir_all(path(version)).unwrap();
            std::fs::write(path(version).join("file"), version).unwrap();
        }
        let swap = |to: &str| {
            symlink(to, path("mount/..next")).unwrap();
            std::fs::rename(path("mount/..next"), path("mount/..data")).unwrap();
        };
        swap("..v1");
        symlink("..data/file", path("mount/file")).unwrap();
        symlink(path("mount/../mount"), path("etc")).unwrap();
        let watched = Watched { files: vec![path("etc/file")], patterns: Vec::new() };
        let first = Fingerprint::of(&watched);
        assert_eq!(Fingerprint::of(&watched), first);
        assert_eq!(first.0[&path("etc/file")].links.len(), 3);
        // A link kept open by another name keeps its inode from being given to the next.
        std::fs::hard_link(path("mount/..data"), path("kept")).unwrap();
        swap("..v2");
        swap("..v1");
        let back = Fingerprint::of(&watched);
        assert_eq!(back.0[&path("etc/file")].file, first.0[&path("etc/file")].file);
        assert_ne!(back, first);
        symlink("loop", path("loop")).unwrap();
        assert_eq!(links_on_the_way(&path("loop/file")).len(), MOST_LINKS);
    }

    #[test]
    fn what_changed_a_moment_ago_is_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "1").unwrap();
        let metadata = std::fs::metadata(&file).unwrap();
        let changed = Duration::new(
            u64::try_from(metadata.ctime()).unwrap(),
            u32::try_from(metadata.ctime_nsec()).unwrap(),
        );
        let look = Fingerprint::of_files(&[file]);
        let (tick, moment) = (Duration::from_millis(20), Duration::from_nanos(1));
        assert!(look.is_fresh(changed, tick));
        assert!(look.is_fresh(changed + tick.saturating_sub(moment), tick));
        assert!(!look.is_fresh(changed + tick, tick));
        assert!(!look.is_fresh(changed.saturating_sub(moment), tick));
        assert!(!Fingerprint::default().is_fresh(changed, tick));
    }

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
