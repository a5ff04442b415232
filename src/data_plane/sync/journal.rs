//! What control planes said, on the disk.
//!
//! A folder holds up to three files; each begins with a snapshot and goes on with what changed
//! since. A file gets its name when its snapshot is whole and on the disk; what changes is appended
//! to the newest and on the disk before it is in force. At a start the newest file that can be read
//! is gone by, up to its last whole batch.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::feed::{Kept, MAX_LINE, Record, Replay};
use crate::telemetry::ErrorChain;

/// Files that are kept.
const FILES: usize = 3;

/// What follows a snapshot may grow so large; longer, another snapshot is cheaper to read.
const LOG: u64 = 64 * 1024 * 1024;

/// Bytes that wait for a disk to take them again.
const MOST_UNSAVED: usize = 64 * 1024 * 1024;

const PREFIX: &str = "snapshot-";
const DRAFT: &str = "draft";

/// The folder, which no other program writes to meanwhile.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    /// Of the newest file.
    number: u64,
    newest: Option<Newest>,
    draft: Option<BufWriter<File>>,
    _lock: File,
}

#[derive(Debug)]
struct Newest {
    file: File,
    /// Of it, what is known to be good.
    length: u64,
    /// Of that, the snapshot.
    snapshot: u64,
    /// What is to follow and could not be written yet.
    unsaved: Vec<u8>,
}

impl Journal {
    /// Opens the folder, makes it where there is none, and reads the newest file that can be read.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Option<Kept>)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = private().write(true).create(true).truncate(false).open(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::Error::other("another program keeps its state there"),
        })?;
        let mut journal =
            Self { folder: folder.to_owned(), number: 0, newest: None, draft: None, _lock: lock };
        let numbers = numbers(&journal.folder)?;
        journal.number = numbers.last().copied().unwrap_or(0);
        for number in numbers.into_iter().rev() {
            match journal.read(number) {
                Ok(Some(kept)) => return Ok((journal, Some(kept))),
                Ok(None) => {
                    tracing::error!(number, "a file of the state is damaged: the one before it");
                }
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::error!(number, %error, "a file of the state cannot be read");
                }
            }
        }
        Ok((journal, None))
    }

    /// Does what is to be done.
    pub(super) fn keep(&mut self, record: Record) -> io::Result<()> {
        match record {
            Record::Append(bytes) => self.append(&bytes),
            Record::Begin(bytes) => {
                let draft = private()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(self.folder.join(DRAFT))?;
                self.draft.insert(BufWriter::new(draft)).write_all(&bytes)
            }
            Record::Continue(bytes) => match &mut self.draft {
                Some(draft) => draft.write_all(&bytes),
                None => Err(io::Error::other("the snapshot was not begun")),
            },
            Record::Finish(bytes) => {
                // Whatever follows is not of the files there are.
                self.newest = None;
                self.finish(&bytes)
            }
            Record::Nothing => Ok(()),
        }
    }

    /// Would another snapshot be good to have: because there is none on the disk, or to begin a
    /// shorter file?
    pub(super) fn wants_snapshot(&self) -> bool {
        self.newest.as_ref().is_none_or(|newest| {
            let log = newest.length.saturating_sub(newest.snapshot);
            log > LOG.max(newest.snapshot) || newest.unsaved.len() > MOST_UNSAVED
        })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(newest) = &mut self.newest else {
            return Err(io::Error::other("there is no snapshot on the disk"));
        };
        newest.unsaved.extend_from_slice(bytes);
        // Where the last write broke off, so that no gap is left.
        newest.file.write_all_at(&newest.unsaved, newest.length)?;
        newest.file.sync_data()?;
        newest.length += newest.unsaved.len() as u64;
        newest.unsaved.clear();
        Ok(())
    }

    fn finish(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(mut draft) = self.draft.take() else {
            return Err(io::Error::other("the snapshot was not begun"));
        };
        draft.write_all(bytes)?;
        let file = draft.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let number = self.number + 1;
        std::fs::rename(self.folder.join(DRAFT), self.path(number))?;
        File::open(&self.folder)?.sync_all()?;
        self.number = number;
        let length = file.metadata()?.len();
        self.newest = Some(Newest { file, length, snapshot: length, unsaved: Vec::new() });
        let numbers = numbers(&self.folder)?;
        for old in numbers.iter().rev().skip(FILES) {
            std::fs::remove_file(self.path(*old))?;
        }
        Ok(())
    }

    fn read(&mut self, number: u64) -> io::Result<Option<Kept>> {
        let file = private().read(true).write(true).open(self.path(number))?;
        let length = file.metadata()?.len();
        let Some(kept) = replayed(&file, number)? else { return Ok(None) };
        if kept.whole < length {
            file.set_len(kept.whole)?;
        }
        // How much of it the snapshot is does not matter much: it is read all the same.
        self.newest = Some(Newest { file, length: kept.whole, snapshot: 0, unsaved: Vec::new() });
        Ok(Some(kept))
    }

    fn path(&self, number: u64) -> PathBuf {
        path(&self.folder, number)
    }
}

/// What the newest file says that can be read. Nothing is changed, and another program may be writing
/// there.
pub(super) fn look(folder: &Path) -> io::Result<Option<Kept>> {
    for number in numbers(folder)?.into_iter().rev() {
        if let Some(kept) = replayed(&File::open(path(folder, number))?, number)? {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

/// Goes by a file, up to its last whole batch; none, if it has none.
fn replayed(file: &File, number: u64) -> io::Result<Option<Kept>> {
    let mut replay = Replay::default();
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = MAX_LINE as u64 + 1;
        io::Read::take(&mut reader, most).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        if let Err(error) = replay.line(&line) {
            let error = ErrorChain(&error);
            tracing::warn!(number, %error, "the end of a file of the state is not whole");
            break;
        }
    }
    Ok(replay.finish())
}

/// Of the files there are, the oldest first.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        numbers.extend::<Option<u64>>(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number:020}"))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::asset::TenantId;
    use crate::clock::UnixSeconds;
    use crate::feed::{BatchWriter, Change, Intake, Position, Recorder, hello};

    const NOW: UnixSeconds = UnixSeconds::new(1_000);

    fn at(version: u64) -> Position {
        Position { lineage: "l".into(), version }
    }

    fn snapshot(version: u64) -> Vec<u8> {
        BatchWriter::snapshot(&at(version)).end()
    }

    fn versions(after: u64, version: u64) -> Vec<u8> {
        let mut writer = BatchWriter::versions(&at(after), version);
        writer.push(&Change::TenantRemoved { tenant: TenantId(version) });
        writer.end()
    }

    /// A connection that says these batches.
    struct Told {
        journal: Journal,
        intake: Intake,
        recorder: Recorder,
    }

    impl Told {
        fn open(folder: &Path) -> (Self, Option<u64>) {
            let (journal, kept) = Journal::open(folder).unwrap();
            let mut intake = kept.map(|kept| kept.intake).unwrap_or_default();
            let version = intake.position().map(|at| at.version);
            intake.line(&hello()).unwrap();
            (Self { journal, intake, recorder: Recorder::default() }, version)
        }

        fn hear(&mut self, lines: &[u8]) -> io::Result<()> {
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                let heard = self.intake.line(line).unwrap();
                let record = self.recorder.record(line, heard, &self.intake, NOW);
                self.journal.keep(record)?;
            }
            Ok(())
        }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|it| it.to_str().unwrap().contains(PREFIX)).collect();
        files.sort();
        files
    }

    #[test]
    fn what_was_kept_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut told, found) = Told::open(folder.path());
        assert_eq!(found, None);
        assert!(told.journal.wants_snapshot());
        told.hear(&snapshot(4)).unwrap();
        assert!(!told.journal.wants_snapshot());
        told.hear(&versions(4, 5)).unwrap();
        let another = Journal::open(folder.path()).unwrap_err();
        assert!(another.to_string().contains("another program"), "{another}");
        drop(told);
        let (mut told, found) = Told::open(folder.path());
        assert_eq!(found, Some(5));
        told.hear(&versions(5, 9)).unwrap();
        drop(told);
        let (told, found) = Told::open(folder.path());
        assert_eq!(found, Some(9));
        drop(told);
        // Who looks needs no lock, and changes nothing.
        let mut end = OpenOptions::new().append(true).open(&files(folder.path())[0]).unwrap();
        end.write_all(b"half a line").unwrap();
        let told = Told::open(folder.path());
        let looked = look(folder.path()).unwrap().unwrap();
        assert_eq!(looked.intake.position().map(|at| at.version), Some(9));
        drop(told);
        let (_, kept) = Journal::open(folder.path()).unwrap();
        assert_eq!(kept.unwrap().heard, Some(NOW));
        for file in files(folder.path()) {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn three_files_are_kept_and_a_damaged_one_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (mut told, _) = Told::open(folder.path());
        for version in 1..=5 {
            told.hear(&snapshot(version)).unwrap();
        }
        drop(told);
        let kept = files(folder.path());
        assert_eq!(kept.len(), 3);
        std::fs::write(&kept[2], "damaged").unwrap();
        let (told, found) = Told::open(folder.path());
        assert_eq!(found, Some(4));
        drop(told);
        // Half of the next: the one before that.
        let whole = std::fs::read(&kept[1]).unwrap();
        std::fs::write(&kept[1], &whole[..whole.len() / 2]).unwrap();
        let (mut told, found) = Told::open(folder.path());
        assert_eq!(found, Some(3));
        // The next is newer than any there is.
        told.hear(&snapshot(6)).unwrap();
        drop(told);
        let (told, found) = Told::open(folder.path());
        assert_eq!(found, Some(6));
        drop(told);
        for file in files(folder.path()) {
            std::fs::write(file, "").unwrap();
        }
        assert_eq!(Told::open(folder.path()).1, None);
    }

    #[test]
    fn an_interrupted_write_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (mut told, _) = Told::open(folder.path());
        told.hear(&snapshot(1)).unwrap();
        told.hear(&versions(1, 2)).unwrap();
        drop(told);
        let file = files(folder.path()).pop().unwrap();
        let whole = std::fs::read(&file).unwrap();
        let broken = [&whole[..], &versions(2, 3)[..50]].concat();
        std::fs::write(&file, broken).unwrap();
        let (mut told, found) = Told::open(folder.path());
        assert_eq!(found, Some(2));
        assert_eq!(std::fs::read(&file).unwrap(), whole);
        told.hear(&versions(2, 3)).unwrap();
        drop(told);
        assert_eq!(Told::open(folder.path()).1, Some(3));
    }

    #[test]
    fn what_a_disk_did_not_take_follows_later_and_without_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let (mut told, _) = Told::open(folder.path());
        told.hear(&snapshot(1)).unwrap();
        let path = files(folder.path()).pop().unwrap();
        let newest = told.journal.newest.as_mut().unwrap();
        // A descriptor that takes nothing, as a full disk does not.
        newest.file = File::open(&path).unwrap();
        assert!(told.hear(&versions(1, 2)).is_err());
        told.journal.newest.as_mut().unwrap().file =
            OpenOptions::new().write(true).open(&path).unwrap();
        told.hear(&versions(2, 3)).unwrap();
        drop(told);
        assert_eq!(Told::open(folder.path()).1, Some(3));
    }
}
