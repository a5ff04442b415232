//! The folder of a file that is put or taken away.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fgetxattr, fsync, mkdirat, openat, statat, unlinkat,
};
use rustix::io::Errno;

use super::super::put::{Occupant, PutError, PutHandle};
use super::jail::{Jail, Symlinks};
use super::unfinished::{MARK, UNFINISHED};

/// A folder of the jail, and a name in it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) folder: OwnedFd,
    pub(super) name: &'a str,
    symlinks: Symlinks,
}

/// Reading it is needed to make what happens in it durable.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

impl<'a> Place<'a> {
    /// The place of this key; none where its folder does not exist.
    pub(super) fn find(jail: &Jail, key: &'a str) -> Result<Option<Self>, PutError> {
        match Self::look(jail, key)? {
            Ok(place) => Ok(Some(place)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(naming_failure(errno)),
        }
    }

    /// The place of this key, if a file can be there.
    pub(super) fn find_any(jail: &Jail, key: &'a str) -> Result<Option<Self>, PutError> {
        match Self::look(jail, key)? {
            Ok(place) => Ok(Some(place)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => Ok(None),
            Err(errno) => Err(naming_failure(errno)),
        }
    }

    fn look(jail: &Jail, key: &'a str) -> Result<Result<Self, Errno>, PutError> {
        let (path, name) = split(key)?;
        let symlinks = jail.symlinks();
        Ok(jail.resolve(path, FOLDER).map(|folder| Self { folder, name, symlinks }))
    }

    /// The place of this key. Folders on the way to it are made, and are durable.
    pub(super) fn make(jail: &Jail, key: &'a str) -> Result<Self, PutError> {
        if let Some(found) = Self::find(jail, key)? {
            return Ok(found);
        }
        let (path, name) = split(key)?;
        let mut folder = jail.resolve(".", FOLDER).map_err(naming_failure)?;
        let mut reached = String::new();
        for segment in path.split('/') {
            if !reached.is_empty() {
                reached.push('/');
            }
            reached.push_str(segment);
            folder = match jail.resolve(&reached, FOLDER) {
                Err(Errno::NOENT) => {
                    // Links are not followed by this, and what it makes is reached like all else.
                    match mkdirat(&folder, segment, Mode::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(naming_failure(errno)),
                    }
                    fsync(&folder).map_err(writing_failure)?;
                    jail.resolve(&reached, FOLDER)
                }
                resolved => resolved,
            }
            .map_err(naming_failure)?;
        }
        Ok(Self { folder, name, symlinks: jail.symlinks() })
    }

    /// What has the name.
    pub(super) fn occupant(&self, handle: &PutHandle) -> Result<Occupant, PutError> {
        match statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => {}
            Err(Errno::NOENT) => return Ok(Occupant::None),
            Err(errno) => return Err(naming_failure(errno)),
        }
        // NONBLOCK: it may be a FIFO.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut mark = [0; 64];
        let read = openat(&self.folder, self.name, flags, Mode::empty())
            .and_then(|file| fgetxattr(file, MARK, &mut mark));
        // What cannot be looked at, or is not marked, is nobody's whom we know.
        let ours =
            read.ok().and_then(|length| mark.get(..length)) == Some(handle.mark().as_bytes());
        Ok(if ours { Occupant::Ours } else { Occupant::Other })
    }

    /// Takes away the file of this name, durably. A folder stays, and so does a link where links are
    /// no files.
    pub(super) fn remove(&self) -> Result<(), PutError> {
        let stat = match statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(naming_failure(errno)),
        };
        let is_file = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => true,
            FileType::Symlink => self.symlinks == Symlinks::Beneath,
            FileType::BlockDevice
            | FileType::CharacterDevice
            | FileType::Directory
            | FileType::Fifo
            | FileType::Socket
            | FileType::Unknown => false,
        };
        if is_file {
            self.unlink(self.name)?;
        }
        Ok(())
    }

    /// Takes away what a put with this handle left, durably.
    pub(super) fn remove_unfinished(&self, handle: &PutHandle) -> Result<(), PutError> {
        self.unlink(&unfinished_name(handle))
    }

    fn unlink(&self, name: &str) -> Result<(), PutError> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) => self.sync(),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(naming_failure(errno)),
        }
    }

    /// What happened to names in it is durable.
    pub(super) fn sync(&self) -> Result<(), PutError> {
        fsync(self.folder.as_fd()).map_err(writing_failure)
    }
}

/// What a file is called while it is written, where it needs a name. Lists pass over it, for it
/// begins with a dot, and no key can name it.
pub(super) fn unfinished_name(handle: &PutHandle) -> String {
    format!("{UNFINISHED}{}", handle.mark())
}

/// Folder and name.
fn split(key: &str) -> Result<(&str, &str), PutError> {
    if key.split('/').any(|segment| segment.starts_with(UNFINISHED)) {
        return Err(PutError::KeyForm);
    }
    Ok(key.rsplit_once('/').unwrap_or((".", key)))
}

/// Why a name is not found, made or removed.
pub(super) fn naming_failure(errno: Errno) -> PutError {
    match errno {
        // LOOP: a link where none is allowed. XDEV: a link that leads out. INVAL and ILSEQ: a name
        // this file system cannot have.
        Errno::NOTDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NAMETOOLONG
        | Errno::INVAL
        | Errno::ILSEQ => PutError::KeyForm,
        Errno::EXIST => PutError::Exists,
        errno => writing_failure(errno),
    }
}

/// Why bytes are not written, or not durable.
pub(super) fn writing_failure(errno: Errno) -> PutError {
    match errno {
        Errno::ACCESS | Errno::PERM => PutError::PermissionDenied,
        Errno::ROFS => PutError::ReadOnly,
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => PutError::NoSpace,
        errno => PutError::unavailable(errno),
    }
}
