//! Opening files such that no name leads out of the root.
//!
//! With `openat2` (Linux 5.6) the kernel refuses, at each step of the resolution, what leaves the
//! root. Where that call is missing or filtered, names are walked one by one and links are refused
//! by the kernel at each; links that may be followed need `openat2`.

use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    FileType, Mode, OFlags, ResolveFlags, Stat, fstat, fstatfs, open, openat, openat2,
};
use rustix::io::Errno;

use super::super::config::OriginSetupError;
use super::familiar::FamiliarNames;
use super::unfinished::UNFINISHED;

/// What happens at a symbolic link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// It is followed as long as it stays beneath the root.
    Beneath,
    /// There is no such file.
    #[default]
    Refuse,
}

/// A folder nothing leads out of.
#[derive(Debug)]
pub(super) struct Jail {
    root: OwnedFd,
    guard: Guard,
    symlinks: Symlinks,
    caches: Caches,
    familiar: FamiliarNames,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// `openat2` with these flags.
    Kernel(ResolveFlags),
    /// `openat` name by name.
    Walk,
}

/// Does what the kernel has cached suffice to open a file?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caches {
    /// No, or nobody knows: on NFS or FUSE, opening asks a server even for a cached name.
    Partial,
    /// Yes: a local file system.
    Sufficient,
}

impl Caches {
    /// Magic numbers of statfs(2): ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, overlayfs, ZFS.
    const LOCAL: [u32; 7] =
        [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1];

    fn of(root: &OwnedFd) -> Self {
        let kind = fstatfs(root).ok().and_then(|facts| u32::try_from(facts.f_type).ok());
        match kind {
            Some(kind) if Self::LOCAL.contains(&kind) => Self::Sufficient,
            Some(_) | None => Self::Partial,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    NeedsOpenat2,
    Unusable(Errno),
}

/// May a look-up wait for the disk?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// No: it is answered from the kernel's caches or not at all.
    Cached,
    /// Yes.
    Waiting,
}

/// Why a look-up gave no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupFailure {
    /// The system failed.
    Failed(Errno),
    /// There is no such regular file beneath the root.
    NotFound,
    /// There is one, and this process may not read it.
    PermissionDenied,
    /// It cannot be told without waiting for the disk.
    WouldWait,
}

impl Jail {
    /// Opens the root and finds out how files beneath it are opened.
    pub(super) fn open(path: &Path, symlinks: Symlinks) -> Result<Self, OriginSetupError> {
        let unusable = |errno: Errno| OriginSetupError::RootUnusable {
            path: path.to_owned(),
            source: errno.into(),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(path, flags, Mode::empty()).map_err(unusable)?;
        let resolve = kernel_flags(symlinks);
        let probe = openat2(&root, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve);
        Self::choose(root, symlinks, probe.map(drop)).map_err(|refused| match refused {
            Refused::NeedsOpenat2 => OriginSetupError::SymlinksNeedOpenat2,
            Refused::Unusable(errno) => unusable(errno),
        })
    }

    fn choose(
        root: OwnedFd,
        symlinks: Symlinks,
        probe: Result<(), Errno>,
    ) -> Result<Self, Refused> {
        let resolve = kernel_flags(symlinks);
        let guard = match (probe, symlinks) {
            (Ok(()), _) => Guard::Kernel(resolve),
            (Err(Errno::NOSYS | Errno::PERM | Errno::INVAL), Symlinks::Refuse) => Guard::Walk,
            (Err(Errno::NOSYS | Errno::PERM | Errno::INVAL), Symlinks::Beneath) => {
                return Err(Refused::NeedsOpenat2);
            }
            (Err(errno), _) => return Err(Refused::Unusable(errno)),
        };
        let caches = Caches::of(&root);
        Ok(Self { root, guard, symlinks, caches, familiar: FamiliarNames::new() })
    }

    /// Opens a regular file for reading.
    ///
    /// The key is segments joined by `/`. An empty segment, `.`, `..`, a NUL or the name of a file
    /// that is still written names nothing.
    /// What is no regular file is looked at but never opened; see `familiar`.
    pub(super) fn open_file(
        &self,
        key: &str,
        lookup: Lookup,
    ) -> Result<(OwnedFd, Stat), LookupFailure> {
        let odd = |segment: &str| {
            matches!(segment, "" | "." | "..")
                || segment.contains('\0')
                || segment.starts_with(UNFINISHED)
        };
        if key.split('/').any(odd) {
            return Err(LookupFailure::NotFound);
        }
        if !self.familiar.knows(key) {
            let looked_at = self.reach(key, OFlags::PATH, lookup)?;
            regular(looked_at.as_fd())?;
            self.familiar.remember(key);
        }
        // NONBLOCK: what was regular may be a FIFO at the next system call.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.reach(key, flags, lookup);
        match opened.and_then(|file| regular(file.as_fd()).map(|stat| (file, stat))) {
            Err(LookupFailure::NotFound) => {
                self.familiar.forget(key);
                Err(LookupFailure::NotFound)
            }
            opened => opened,
        }
    }

    fn reach(&self, key: &str, flags: OFlags, lookup: Lookup) -> Result<OwnedFd, LookupFailure> {
        let flags = flags | OFlags::CLOEXEC;
        match (self.guard, lookup) {
            (Guard::Walk, Lookup::Cached) => Err(LookupFailure::WouldWait),
            (Guard::Kernel(_), Lookup::Cached) if self.caches == Caches::Partial => {
                Err(LookupFailure::WouldWait)
            }
            (Guard::Kernel(resolve), Lookup::Cached) => {
                // NO_XDEV: what is mounted beneath the root may be another kind of file system.
                let resolve = resolve | ResolveFlags::CACHED | ResolveFlags::NO_XDEV;
                openat2(&self.root, key, flags, Mode::empty(), resolve).map_err(|errno| {
                    match errno {
                        // INVAL: a kernel before 5.12 does not know the flag.
                        Errno::AGAIN | Errno::INVAL | Errno::XDEV => LookupFailure::WouldWait,
                        errno => failure(errno),
                    }
                })
            }
            (Guard::Kernel(_) | Guard::Walk, Lookup::Waiting) => {
                self.resolve(key, flags).map_err(failure)
            }
        }
    }

    /// Opens whatever is there, however long that takes. The path is segments joined by `/`, or `.`
    /// for the root.
    pub(super) fn resolve(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        match self.guard {
            Guard::Kernel(resolve) => openat2(&self.root, path, flags, Mode::empty(), resolve),
            Guard::Walk => walk(self.root.as_fd(), path, flags),
        }
    }

    /// Are links names of what they lead to?
    pub(super) const fn symlinks(&self) -> Symlinks {
        self.symlinks
    }
}

fn kernel_flags(symlinks: Symlinks) -> ResolveFlags {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match symlinks {
        Symlinks::Beneath => beneath,
        Symlinks::Refuse => beneath | ResolveFlags::NO_SYMLINKS,
    }
}

fn walk(root: BorrowedFd<'_>, key: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let (folders, name) = key.rsplit_once('/').map_or((None, key), |(a, b)| (Some(a), b));
    let mut folder: Option<OwnedFd> = None;
    for segment in folders.into_iter().flat_map(|folders| folders.split('/')) {
        let at = folder.as_ref().map_or(root, AsFd::as_fd);
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        folder = Some(openat(at, segment, step, Mode::empty())?);
    }
    let at = folder.as_ref().map_or(root, AsFd::as_fd);
    openat(at, name, flags | OFlags::NOFOLLOW, Mode::empty())
}

/// With NOFOLLOW and PATH together a link itself is what is opened; it is not regular either.
fn regular(file: BorrowedFd<'_>) -> Result<Stat, LookupFailure> {
    let stat = fstat(file).map_err(LookupFailure::Failed)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        FileType::BlockDevice
        | FileType::CharacterDevice
        | FileType::Directory
        | FileType::Fifo
        | FileType::Socket
        | FileType::Symlink
        | FileType::Unknown => Err(LookupFailure::NotFound),
    }
}

fn failure(errno: Errno) -> LookupFailure {
    match errno {
        // LOOP: a link where none is allowed. XDEV: a link that leads out. NXIO: a FIFO or socket
        // took the file's place. INVAL and ILSEQ: a name this file system cannot have.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::ISDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NXIO
        | Errno::NAMETOOLONG
        | Errno::INVAL
        | Errno::ILSEQ => LookupFailure::NotFound,
        Errno::ACCESS | Errno::PERM => LookupFailure::PermissionDenied,
        errno => LookupFailure::Failed(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, mknodat};
    use tempfile::TempDir;

    use super::*;

    /// A root with a file, a folder, every odd kind of file, and links in and out.
    fn site() -> (TempDir, std::path::PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(root.join("folder/file"), "inside").unwrap();
        fs::write(outer.path().join("secret"), "outside").unwrap();
        symlink("file", root.join("folder/link-beneath")).unwrap();
        symlink("folder", root.join("folder-link")).unwrap();
        symlink("../secret", root.join("link-out")).unwrap();
        symlink(outer.path().join("secret"), root.join("link-absolute")).unwrap();
        symlink("/proc/self/root", root.join("link-magic")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("..", root.join("link-up")).unwrap();
        mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        UnixListener::bind(root.join("socket")).unwrap();
        (outer, root)
    }

    fn jails(root: &Path, symlinks: Symlinks) -> Vec<Jail> {
        let mut jails = vec![Jail::open(root, symlinks).unwrap()];
        if symlinks == Symlinks::Refuse {
            let root = open(root, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
            let walking = Jail::choose(root, symlinks, Err(Errno::NOSYS)).unwrap();
            assert_eq!(walking.guard, Guard::Walk);
            jails.push(walking);
        }
        jails
    }

    fn outcome(jail: &Jail, key: &str) -> Result<i64, LookupFailure> {
        let waiting = jail.open_file(key, Lookup::Waiting).map(|(_, stat)| stat.st_size);
        match jail.open_file(key, Lookup::Cached) {
            Err(LookupFailure::WouldWait) => {}
            cached => assert_eq!(cached.map(|(_, stat)| stat.st_size), waiting, "{key}"),
        }
        waiting
    }

    #[test]
    fn only_regular_files_beneath_the_root() {
        let (_outer, root) = site();
        for symlinks in [Symlinks::Refuse, Symlinks::Beneath] {
            for jail in jails(&root, symlinks) {
                assert_eq!(outcome(&jail, "folder/file"), Ok(6));
                for key in [
                    "",
                    "/",
                    "folder",
                    "folder/",
                    "/folder/file",
                    "folder//file",
                    "./folder/file",
                    "folder/./file",
                    "..",
                    "../secret",
                    "folder/../../secret",
                    "folder/../fifo",
                    "folder/file/",
                    "folder/file/x",
                    "absent",
                    "absent/x",
                    "fifo",
                    "socket",
                    "link-out",
                    "link-absolute",
                    "link-magic",
                    "link-magic/etc/passwd",
                    "loop",
                    "link-up/secret",
                    "link-up/root/folder/file",
                    "folder/file\0",
                    "\0",
                    &"x".repeat(300),
                    &"x/".repeat(3_000),
                ] {
                    assert_eq!(outcome(&jail, key), Err(LookupFailure::NotFound), "{key:?}");
                }
            }
        }
    }

    /// A name that was a file is looked at all the same, and its next file is found.
    #[test]
    fn what_takes_the_place_of_a_file_is_not_taken_for_one() {
        let (outer, root) = site();
        let path = root.join("folder/file");
        for jail in jails(&root, Symlinks::Refuse) {
            let put: [&dyn Fn(); 4] = [
                &|| mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
                &|| symlink(outer.path().join("secret"), &path).unwrap(),
                &|| drop(UnixListener::bind(&path).unwrap()),
                &|| (),
            ];
            for put in put {
                assert_eq!(outcome(&jail, "folder/file"), Ok(6));
                assert!(jail.familiar.knows("folder/file"));
                fs::remove_file(&path).unwrap();
                put();
                assert_eq!(outcome(&jail, "folder/file"), Err(LookupFailure::NotFound));
                assert!(!jail.familiar.knows("folder/file"));
                let _ = fs::remove_file(&path);
                fs::write(&path, "inside").unwrap();
            }
        }
    }

    #[test]
    fn links_beneath_the_root_are_followed_only_where_asked() {
        let (_outer, root) = site();
        for key in ["folder/link-beneath", "folder-link/file", "folder-link/link-beneath"] {
            for jail in jails(&root, Symlinks::Refuse) {
                assert_eq!(outcome(&jail, key), Err(LookupFailure::NotFound), "{key}");
            }
            for jail in jails(&root, Symlinks::Beneath) {
                assert_eq!(outcome(&jail, key), Ok(6), "{key}");
            }
        }
    }

    #[test]
    fn the_root_is_the_folder_that_was_opened() {
        let (outer, root) = site();
        let jail = Jail::open(&root, Symlinks::Refuse).unwrap();
        fs::rename(&root, outer.path().join("moved")).unwrap();
        symlink("/", &root).unwrap();
        assert_eq!(outcome(&jail, "folder/file"), Ok(6));
        assert_eq!(outcome(&jail, "etc/passwd"), Err(LookupFailure::NotFound));
    }

    /// The short cut must be one: it answers what the long way answers, and does answer.
    #[test]
    fn cached_names_are_answered_without_waiting_on_local_file_systems() {
        let (_outer, root) = site();
        let jail = Jail::open(&root, Symlinks::Refuse).unwrap();
        outcome(&jail, "folder/file").unwrap();
        let cached = jail.open_file("folder/file", Lookup::Cached).map(|(_, stat)| stat.st_size);
        let expected = match jail.caches {
            Caches::Sufficient => Ok(6),
            Caches::Partial => Err(LookupFailure::WouldWait),
        };
        assert_eq!(cached, expected);
        let elsewhere = Jail::open(Path::new("/proc"), Symlinks::Refuse).unwrap();
        assert_eq!(elsewhere.caches, Caches::Partial);
        let cached = elsewhere.open_file("version", Lookup::Cached).map(drop);
        assert_eq!(cached, Err(LookupFailure::WouldWait));
        assert!(elsewhere.open_file("version", Lookup::Waiting).is_ok());
    }

    #[test]
    fn without_openat2_links_cannot_be_followed() {
        let (_outer, root) = site();
        for errno in [Errno::NOSYS, Errno::PERM] {
            let root = open(&root, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
            let refused = Jail::choose(root, Symlinks::Beneath, Err(errno)).unwrap_err();
            assert_eq!(refused, Refused::NeedsOpenat2);
        }
    }

    #[test]
    fn a_root_that_is_no_folder_is_an_error() {
        let (_outer, root) = site();
        for path in [root.join("absent"), root.join("folder/file")] {
            let error = Jail::open(&path, Symlinks::Refuse).unwrap_err();
            assert!(matches!(error, OriginSetupError::RootUnusable { .. }), "{error}");
        }
    }

    #[test]
    fn a_file_that_may_not_be_read_is_not_missing() {
        let (_outer, root) = site();
        let file = root.join("folder/file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read everything; then there is nothing to see here.
        let expected =
            if fs::read(&file).is_ok() { Ok(6) } else { Err(LookupFailure::PermissionDenied) };
        for jail in jails(&root, Symlinks::Refuse) {
            assert_eq!(outcome(&jail, "folder/file"), expected);
        }
    }
}
