//! A file that is still written.
//!
//! It has no name (`O_TMPFILE`): whatever becomes of this process, nothing is left. On file systems
//! that know no such files it has one that no key can name, derived from the put's handle, so that
//! whoever aborts the put finds it.

use std::os::fd::AsRawFd;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    Access, AtFlags, CWD, Mode, OFlags, RenameFlags, XattrFlags, access, fsetxattr, fsync, linkat,
    openat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::super::put::{PutError, PutHandle};
use super::folder::{Place, naming_failure, unfinished_name, writing_failure};

/// What names of files that are still written begin with.
pub(super) const UNFINISHED: &str = ".countersign-put.";

/// The extended attribute that says which put a file is of.
pub(super) const MARK: &str = "user.countersign.put";

/// When does a file get a name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// When it is whole; where the file system cannot do that, at once.
    WhenWhole,
    /// At once, and another when it is whole.
    #[cfg(test)]
    AtOnce,
}

#[derive(Debug)]
pub(super) struct Unfinished<'a> {
    place: &'a Place<'a>,
    file: OwnedFd,
    name: Option<String>,
}

impl<'a> Unfinished<'a> {
    /// An empty one.
    pub(super) fn create(
        place: &'a Place<'a>,
        handle: &PutHandle,
        naming: Naming,
    ) -> Result<Self, PutError> {
        match naming {
            Naming::WhenWhole => match Self::unnamed(place) {
                // These say, each on some system, that there are no files without names.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                    Self::named(place, handle)
                }
                created => created,
            },
            #[cfg(test)]
            Naming::AtOnce => Self::named(place, handle),
        }
        .map_err(naming_failure)
    }

    fn unnamed(place: &'a Place<'a>) -> Result<Self, Errno> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(&place.folder, ".", flags, Mode::from_raw_mode(0o666))?;
        // It will be given its name by this one.
        access(own_path(file.as_fd()), Access::EXISTS)?;
        Ok(Self { place, file, name: None })
    }

    fn named(place: &'a Place<'a>, handle: &PutHandle) -> Result<Self, Errno> {
        let name = unfinished_name(handle);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let create = || openat(&place.folder, &*name, flags, Mode::from_raw_mode(0o666));
        let file = match create() {
            // What a killed process left.
            Err(Errno::EXIST) => {
                unlinkat(&place.folder, &*name, AtFlags::empty())?;
                create()
            }
            created => created,
        }?;
        Ok(Self { place, file, name: Some(name) })
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Marks it, and has it on the disk before anybody can see it.
    pub(super) fn seal(&self, handle: &PutHandle) -> Result<(), PutError> {
        // Not every file system has these, and a file without is one as well.
        let _ = fsetxattr(&self.file, MARK, handle.mark().as_bytes(), XattrFlags::empty());
        fsync(&self.file).map_err(writing_failure)
    }

    /// Gives it its name, if nothing has it.
    pub(super) fn publish(mut self) -> Result<(), PutError> {
        let Place { folder, name, .. } = self.place;
        let Some(own) = &self.name else {
            return linkat(CWD, own_path(self.file()), folder, *name, AtFlags::SYMLINK_FOLLOW)
                .map_err(naming_failure);
        };
        match renameat_with(folder, own, folder, *name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.name = None;
                Ok(())
            }
            // Where renaming would replace (NFS) a link does not; the other name goes with the drop.
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(folder, own, folder, *name, AtFlags::empty()).map_err(naming_failure)
            }
            Err(errno) => Err(naming_failure(errno)),
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // If it cannot be removed, an abort will try again.
            let _ = unlinkat(&self.place.folder, name, AtFlags::empty());
        }
    }
}

/// The way to an open file without privileges.
fn own_path(file: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
