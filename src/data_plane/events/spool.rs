//! Downloads on the disk, until a control plane has them.
//!
//! A folder of files ([`Segment`]), the newest of which is written to. Each has an id of its own, by
//! which its events are numbered, and a process writes only to files that it made itself: whatever
//! became of the last lines of one that was killed, or of a folder that was copied, no number means
//! two events. A file goes when all of it was taken; the oldest goes when there are too many.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::event::{Event, EventBatch, SpoolId};
use crate::telemetry::ErrorChain;

use super::segment::{Opened, Segment};

/// Bytes of a file, after which another is begun.
const SEGMENT: u64 = 4 * 1024 * 1024;

/// Bytes of all files: some hundred thousand events.
const MOST: u64 = 256 * 1024 * 1024;

const PREFIX: &str = "events-";

/// The folder, which no other program writes to meanwhile.
#[derive(Debug)]
pub(in crate::data_plane) struct Spool {
    folder: PathBuf,
    room: Room,
    /// The oldest first.
    segments: VecDeque<Segment>,
    newest: Newest,
    /// Of the newest file's name.
    number: u64,
    lost: SpoolLosses,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    segment: u64,
    all: u64,
}

/// Is the newest file ours to write to?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newest {
    Closed,
    Open,
}

/// What a spool lost since it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::data_plane) struct SpoolLosses {
    /// Events that cannot be read.
    pub(in crate::data_plane) damaged: u64,
    /// Events that gave way to newer ones.
    pub(in crate::data_plane) full: u64,
}

impl Spool {
    /// Opens the folder, and makes it where there is none.
    pub(in crate::data_plane) fn open(folder: &Path) -> io::Result<Self> {
        Self::open_with(folder, Room { segment: SEGMENT, all: MOST })
    }

    fn open_with(folder: &Path, room: Room) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name();
            found.extend(name.to_str().and_then(|name| Some((read_name(name)?, name.to_owned()))));
        }
        found.sort();
        let mut spool = Self {
            folder: folder.to_owned(),
            room,
            segments: VecDeque::new(),
            newest: Newest::Closed,
            number: found.last().map_or(0, |((number, _), _)| *number),
            lost: SpoolLosses::default(),
        };
        for ((_, id), name) in found {
            match Segment::open(&folder.join(&name), id) {
                Ok(Opened { segment, damaged }) => {
                    spool.lost.damaged += damaged;
                    spool.segments.push_back(segment);
                }
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::error!(file = name, %error, "a file of the spool cannot be read");
                }
            }
        }
        spool.tidy()?;
        Ok(spool)
    }

    /// Events that no control plane has, as far as is known.
    pub(in crate::data_plane) fn waiting(&self) -> u64 {
        self.segments.iter().map(Segment::waiting).sum()
    }

    /// What was lost since this was asked last.
    pub(in crate::data_plane) fn take_losses(&mut self) -> SpoolLosses {
        std::mem::take(&mut self.lost)
    }

    /// Puts events on the disk. Where that fails, none of them is kept.
    pub(in crate::data_plane) fn append(&mut self, events: &[Event]) -> io::Result<()> {
        if self.newest == Newest::Open
            && self.segments.back().is_none_or(|newest| newest.length() >= self.room.segment)
        {
            self.newest = Newest::Closed;
            self.tidy()?;
        }
        if self.newest == Newest::Closed {
            self.begin()?;
        }
        match self.segments.back_mut() {
            Some(newest) => newest.append(events)?,
            None => return Err(io::Error::other("the spool has no file")),
        }
        if let Err(error) = self.make_room() {
            tracing::error!(error = %ErrorChain(&error), "a file of the spool cannot be removed");
        }
        Ok(())
    }

    /// The oldest events that were not taken.
    pub(in crate::data_plane) fn batch(&mut self) -> io::Result<Option<EventBatch>> {
        loop {
            let Some(oldest) = self.segments.front() else { return Ok(None) };
            if let Some(batch) = oldest.batch()? {
                return Ok(Some(batch));
            }
            if self.is_written_to(0) {
                return Ok(None);
            }
            // What is left of it cannot be read.
            self.lost.damaged += self.drop_oldest()?;
        }
    }

    /// A control plane has the events of that spool up to that number.
    pub(in crate::data_plane) fn take(&mut self, id: &SpoolId, taken: u64) -> io::Result<()> {
        if let Some(segment) = self.segments.iter_mut().find(|it| it.id() == id) {
            segment.take(taken)?;
        }
        self.tidy()
    }

    /// Removes files of which everything was taken.
    fn tidy(&mut self) -> io::Result<()> {
        while self.segments.front().is_some_and(|oldest| oldest.waiting() == 0)
            && !self.is_written_to(0)
        {
            self.drop_oldest()?;
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut chance = [0; 12];
        getrandom::fill(&mut chance).map_err(io::Error::other)?;
        let id = SpoolId::of_bytes(chance);
        let number = self.number + 1;
        let segment = Segment::create(&self.folder.join(name(number, &id)), id)?;
        File::open(&self.folder)?.sync_all()?;
        self.number = number;
        self.segments.push_back(segment);
        self.newest = Newest::Open;
        Ok(())
    }

    fn make_room(&mut self) -> io::Result<()> {
        while self.segments.iter().map(Segment::length).sum::<u64>() > self.room.all
            && !self.is_written_to(0)
        {
            self.lost.full += self.drop_oldest()?;
        }
        Ok(())
    }

    /// Gives how many events are lost with it.
    fn drop_oldest(&mut self) -> io::Result<u64> {
        self.segments.pop_front().map_or(Ok(0), Segment::remove)
    }

    fn is_written_to(&self, place: usize) -> bool {
        self.newest == Newest::Open && place + 1 == self.segments.len()
    }
}

fn name(number: u64, id: &SpoolId) -> String {
    format!("{PREFIX}{number:020}-{id}")
}

fn read_name(name: &str) -> Option<(u64, SpoolId)> {
    let (number, id) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some((number.parse().ok()?, SpoolId::parse(id)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;
    use crate::data_plane::events::queue::tests::event;

    const ROOM: Room = Room { segment: 4_096, all: 16 * 4_096 };

    fn spool(folder: &TempDir) -> Spool {
        Spool::open_with(&folder.path().join("events"), ROOM).unwrap()
    }

    fn append(spool: &mut Spool, times: impl IntoIterator<Item = u64>) {
        let events: Vec<_> = times.into_iter().map(event).collect();
        spool.append(&events).unwrap();
    }

    /// Takes everything, as a control plane that knows each spool; gives the times in order.
    fn taken(spool: &mut Spool) -> Vec<u64> {
        let mut times = Vec::new();
        while let Some(batch) = spool.batch().unwrap() {
            times.extend(batch.events.iter().map(|it| it.event.at().get()));
            let last = batch.events.last().unwrap().number;
            spool.take(&batch.spool, last).unwrap();
        }
        times
    }

    fn files(folder: &TempDir) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder.path().join("events")).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn what_was_not_taken_is_there_after_a_restart_and_comes_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = spool(&folder);
        assert_eq!(first.batch().unwrap(), None);
        for at in 0..100 {
            append(&mut first, [2 * at, 2 * at + 1]);
        }
        assert_eq!(first.waiting(), 200);
        let batch = first.batch().unwrap().unwrap();
        first.take(&batch.spool, 3).unwrap();
        drop(first);
        let mode = std::fs::metadata(&files(&folder)[0]).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let mut second = spool(&folder);
        assert_eq!(second.waiting(), 197);
        append(&mut second, 200..210);
        assert_eq!(taken(&mut second), (3..210).collect::<Vec<_>>());
        assert_eq!((second.waiting(), second.take_losses()), (0, SpoolLosses::default()));
        // One file stays: it is written to. Nothing of it comes again.
        assert_eq!(files(&folder).len(), 1);
        assert_eq!(spool(&folder).waiting(), 0);
        assert_eq!(files(&folder).len(), 0);
    }

    /// Numbers that one process gave are never given again, whatever is left of its file.
    #[test]
    fn a_torn_end_is_passed_over_and_its_number_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = spool(&folder);
        append(&mut first, 0..3);
        let id = first.batch().unwrap().unwrap().spool;
        drop(first);
        let file = &files(&folder)[0];
        let whole = std::fs::read(file).unwrap();
        let last = whole[..whole.len() - 1].iter().rposition(|it| *it == b'\n').unwrap() + 1;
        for length in [whole.len() - 1, last + 20, last + 1] {
            std::fs::write(file, &whole[..length]).unwrap();
            let mut torn = spool(&folder);
            assert_eq!(torn.take_losses(), SpoolLosses { damaged: 1, full: 0 });
            assert_eq!(torn.waiting(), 2);
            append(&mut torn, [7]);
            let batch = torn.batch().unwrap().unwrap();
            assert_eq!((&batch.spool, batch.events.len()), (&id, 2));
            torn.take(&batch.spool, 2).unwrap();
            assert_eq!(torn.take_losses(), SpoolLosses::default());
            let batch = torn.batch().unwrap().unwrap();
            assert_ne!(batch.spool, id);
            assert_eq!(batch.events[0].event.at().get(), 7);
            for file in files(&folder) {
                std::fs::remove_file(file).unwrap();
            }
        }
    }

    #[test]
    fn damage_costs_the_lines_it_is_in() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = spool(&folder);
        append(&mut first, 0..5);
        drop(first);
        let file = &files(&folder)[0];
        let whole = std::fs::read(file).unwrap();
        let ends: Vec<_> = (0..whole.len()).filter(|place| whole[*place] == b'\n').collect();
        // Within a line, a line end, and the head.
        for (place, expected, damaged) in [
            (ends[1] + 30, vec![0, 2, 3, 4], 1),
            (ends[1], vec![2, 3, 4], 1),
            (0, vec![0, 1, 2, 3, 4], 0),
        ] {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(file, bytes).unwrap();
            let mut spool = spool(&folder);
            assert_eq!(spool.take_losses().damaged, damaged, "{place}");
            assert_eq!(taken(&mut spool), expected, "{place}");
        }
        for bytes in [&b""[..], b"\0\0\0", &whole[..10], b"not a spool at all\n"] {
            std::fs::write(file, bytes).unwrap();
            let mut spool = spool(&folder);
            assert_eq!((spool.waiting(), taken(&mut spool)), (0, Vec::new()));
            assert_eq!(files(&folder).len(), 0);
        }
    }

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = spool(&folder);
        for at in 0..1_000 {
            append(&mut spool, [at]);
            let files = files(&folder);
            let size: u64 = files.iter().map(|it| std::fs::metadata(it).unwrap().len()).sum();
            assert!(size <= ROOM.all, "{size}");
        }
        let lost = spool.take_losses();
        let left = taken(&mut spool);
        assert_eq!(lost.damaged, 0);
        assert!(left.len() > 100, "{}", left.len());
        assert_eq!(left, (lost.full..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn batches_are_of_one_file_and_not_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room { segment: 1 << 20, all: 1 << 30 };
        let mut spool = Spool::open_with(&folder.path().join("events"), room).unwrap();
        append(&mut spool, 0..3_000);
        append(&mut spool, 3_000..3_001);
        let mut sizes = Vec::new();
        while let Some(batch) = spool.batch().unwrap() {
            assert!(serde_json::to_vec(&batch).unwrap().len() < 512 * 1024);
            sizes.push(batch.events.len());
            // Asked again, it is the same.
            assert_eq!(spool.batch().unwrap().as_ref(), Some(&batch));
            spool.take(&batch.spool, batch.events.last().unwrap().number).unwrap();
        }
        assert_eq!(sizes, [500, 500, 500, 500, 500, 500, 1]);
    }
}
