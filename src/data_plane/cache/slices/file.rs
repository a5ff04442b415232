//! One slice as a file: a header, then the bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::{ReadWriteFlags, preadv2};
use sha2::{Digest, Sha256};

use super::key::SliceKey;

/// Also the version of what follows.
const MAGIC: &[u8; 8] = b"csslice1";

/// Magic, key, length, SHA-256 of the content.
pub(super) const HEADER: u64 = 8 + 52 + 8 + 32;

/// Read and hashed at once.
const CHUNK: usize = 128 * 1024;

/// How a file is opened: a link, or what waits for somebody, is none.
const FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);

/// Must the content be hashed before it is believed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It was hashed by this process, or written by it.
    Content,
    /// Only what is looked at now.
    Nothing,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// It is not what its name says, not whole, or changed.
    #[error("the content is not what was written")]
    Broken,
    /// There is none, or it cannot be read.
    #[error(transparent)]
    Unread(#[from] io::Error),
}

/// Writes a file that was not there.
pub(super) fn write(path: &Path, key: SliceKey, chunks: &[Bytes]) -> io::Result<()> {
    let mut hash = Sha256::new();
    let mut length = 0_u64;
    for chunk in chunks {
        hash.update(chunk);
        length += chunk.len() as u64;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&header(key, length, hash.finalize().as_ref()))?;
    for chunk in chunks {
        file.write_all(chunk)?;
    }
    Ok(())
}

/// Opens a file and makes sure of it.
pub(super) fn open(
    path: &Path,
    key: SliceKey,
    length: u64,
    trust: Trust,
) -> Result<File, Unusable> {
    let flags = FLAGS.bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() != length + HEADER {
        return Err(Unusable::Broken);
    }
    let mut found = Vec::new();
    (&mut file).take(HEADER).read_to_end(&mut found)?;
    let stated = found.split_off(found.len().saturating_sub(32));
    if found != header(key, length, &[]) {
        return Err(Unusable::Broken);
    }
    match trust {
        Trust::Content => {}
        Trust::Nothing => {
            if content_hash(&mut file)? != stated {
                return Err(Unusable::Broken);
            }
        }
    }
    Ok(file)
}

/// The same for a file whose content was hashed, where the kernel has its name and its header at hand;
/// none where it has not, or the file is not what it was: [`open`] waits for a disk, and says why.
pub(super) fn open_at_once(path: &Path, key: SliceKey, length: u64) -> Option<File> {
    let flags = FLAGS | OFlags::RDONLY | OFlags::CLOEXEC;
    let file = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()?;
    let status = fstat(&file).ok()?;
    let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
    if !is_file || u64::try_from(status.st_size).ok()? != length + HEADER {
        return None;
    }
    let expected = header(key, length, &[]);
    let mut found = vec![0; expected.len()];
    let read =
        preadv2(&file, &mut [IoSliceMut::new(&mut found)], 0, ReadWriteFlags::NOWAIT).ok()?;
    (read == found.len() && found == expected).then(|| file.into())
}

fn header(key: SliceKey, length: u64, hash: &[u8]) -> Vec<u8> {
    [&MAGIC[..], &key.to_bytes(), &length.to_le_bytes(), hash].concat()
}

fn content_hash(file: &mut File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(HEADER))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().to_vec()),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}
