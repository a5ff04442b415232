//! Copying a file's bytes, by the kernel where it can: file systems that share extents copy none.

use rustix::fd::BorrowedFd;
use rustix::fs::copy_file_range;
use rustix::io::{Errno, pwrite};

use super::super::put::{PutError, Source};
use super::folder::writing_failure;

/// How much is copied until it is asked again whether anybody wants it.
const STEP: u64 = 32 * 1024 * 1024;
const BUFFER: usize = 256 * 1024;

/// Writes all of the source, as long as it is wanted.
pub(super) fn copy(
    source: &Source,
    to: BorrowedFd<'_>,
    wanted: impl Fn() -> Result<(), PutError>,
) -> Result<(), PutError> {
    let mut done = 0;
    while done < source.length() {
        wanted()?;
        let step = usize::try_from(STEP.min(source.length() - done)).unwrap_or(usize::MAX);
        let (mut from_here, mut to_here) = (done, done);
        let copied =
            copy_file_range(source.file(), Some(&mut from_here), to, Some(&mut to_here), step);
        match copied {
            Ok(more @ 1..) => done += u64::try_from(more).unwrap_or(u64::MAX),
            Err(Errno::INTR) => {}
            // Between these two files, or on this system, it cannot. Some say nothing of files
            // whose bytes are made when they are read.
            Ok(0)
            | Err(
                Errno::XDEV
                | Errno::INVAL
                | Errno::NOSYS
                | Errno::OPNOTSUPP
                | Errno::BADF
                | Errno::PERM
                | Errno::TXTBSY,
            ) => return read_and_write(source, to, done, wanted),
            Err(errno) => return Err(writing_failure(errno)),
        }
    }
    Ok(())
}

fn read_and_write(
    source: &Source,
    to: BorrowedFd<'_>,
    mut done: u64,
    wanted: impl Fn() -> Result<(), PutError>,
) -> Result<(), PutError> {
    let mut buffer = vec![0; BUFFER];
    while done < source.length() {
        wanted()?;
        let left = usize::try_from(source.length() - done).unwrap_or(usize::MAX);
        let piece = buffer.get_mut(..left.min(BUFFER)).unwrap_or_default();
        source.read_at(piece, done)?;
        let mut unwritten = &*piece;
        while !unwritten.is_empty() {
            match pwrite(to, unwritten, done) {
                Ok(0) => return Err(PutError::NoSpace),
                Ok(written) => {
                    done += u64::try_from(written).unwrap_or(u64::MAX);
                    unwritten = unwritten.get(written..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(writing_failure(errno)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};

    use rustix::fd::AsFd;

    use super::*;

    fn source(content: &[u8]) -> Source {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Source::new(file, content.len() as u64).unwrap()
    }

    #[test]
    fn both_ways_give_the_same_bytes() {
        let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let source = source(&content);
        let written = |by: &dyn Fn(BorrowedFd<'_>)| {
            let mut to = tempfile::tempfile().unwrap();
            by(to.as_fd());
            let mut got = Vec::new();
            to.rewind().unwrap();
            to.read_to_end(&mut got).unwrap();
            got
        };
        assert!(written(&|to| copy(&source, to, || Ok(())).unwrap()) == content);
        assert!(written(&|to| read_and_write(&source, to, 0, || Ok(())).unwrap()) == content);
    }

    #[test]
    fn a_full_disk_is_told() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let error = copy(&source(b"x"), full.as_fd(), || Ok(())).unwrap_err();
        assert!(matches!(error, PutError::NoSpace), "{error:?}");
    }

    #[test]
    fn what_nobody_wants_is_not_copied() {
        let to = tempfile::tempfile().unwrap();
        let unwanted = || Err(PutError::NotBegun);
        assert!(copy(&source(b"x"), to.as_fd(), unwanted).is_err());
        assert_eq!(to.metadata().unwrap().len(), 0);
    }
}
