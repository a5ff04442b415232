//! One file of the spool: a line that says how far it was taken, and a line an event.
//!
//! ```text
//! taken 00000000000000000042
//! 8c736521 1 {"at":…}
//! ```
//!
//! Before an event stand a CRC-32 of what follows it in its line, and its number. A line that does
//! not fit its checksum is passed over, wherever it stands: the end of a write that was interrupted,
//! or damage. The first line is written in its place and matters little: what is sent again is
//! taken once.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::event::{Event, EventBatch, MOST_OF_A_BATCH, NumberedEvent, SpoolId};

/// Bytes of a batch: less than a control plane reads at once.
const BATCH: u64 = 256 * 1024;

/// Bytes of the first line.
const HEAD_BYTES: usize = "taken \n".len() + 20;
const HEAD: u64 = HEAD_BYTES as u64;

/// A file that is read from its beginning on, and written to at its end while it is the newest.
#[derive(Debug)]
pub(super) struct Segment {
    id: SpoolId,
    path: PathBuf,
    file: File,
    /// Bytes that are known to be good, or to be passed over.
    length: u64,
    /// The number of the last event.
    last: u64,
    /// Up to here it was taken.
    taken: u64,
    /// Where what was not taken begins.
    offset: u64,
    /// Events that were not taken.
    waiting: u64,
}

/// A file that was opened, and how many of its lines are damaged.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) segment: Segment,
    pub(super) damaged: u64,
}

impl Segment {
    /// Makes a file.
    pub(super) fn create(path: &Path, id: SpoolId) -> io::Result<Self> {
        let file = private().read(true).write(true).create_new(true).open(path)?;
        let mut segment = Self {
            id,
            path: path.to_owned(),
            file,
            length: HEAD,
            last: 0,
            taken: 0,
            offset: HEAD,
            waiting: 0,
        };
        segment.write_head()?;
        segment.file.sync_all()?;
        Ok(segment)
    }

    /// Opens a file that another process left.
    pub(super) fn open(path: &Path, id: SpoolId) -> io::Result<Opened> {
        let file = private().read(true).write(true).open(path)?;
        let length = file.metadata()?.len();
        let taken = read_head(&file)?;
        let (mut last, mut waiting, mut damaged) = (taken, 0, 0);
        let mut offset = HEAD.min(length);
        for line in Lines::of(&file, offset, length) {
            let Line { end, said } = line?;
            match said {
                Some((number, _)) if number <= taken => offset = end,
                Some((number, _)) => {
                    last = number;
                    waiting += 1;
                }
                None => damaged += 1,
            }
        }
        let path = path.to_owned();
        let segment = Self { id, path, file, length, last, taken, offset, waiting };
        Ok(Opened { segment, damaged })
    }

    pub(super) fn id(&self) -> &SpoolId {
        &self.id
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Writes events behind the others, onto the disk. Where that fails, none of them is there.
    pub(super) fn append(&mut self, events: &[Event]) -> io::Result<()> {
        let mut lines = Vec::new();
        let mut last = self.last;
        for event in events {
            last += 1;
            line(&mut lines, last, event)?;
        }
        let written = self.file.write_all_at(&lines, self.length);
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // What half of it there is shall not stand behind what is written next.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += lines.len() as u64;
        self.last = last;
        self.waiting += events.len() as u64;
        Ok(())
    }

    /// The first events that were not taken; none where there are none, or none can be read.
    pub(super) fn batch(&self) -> io::Result<Option<EventBatch>> {
        let mut events = Vec::new();
        for line in Lines::of(&self.file, self.offset, self.length) {
            let Line { end, said } = line?;
            if let Some((number, text)) = said
                && number > self.taken
                && let Ok(event) = serde_json::from_slice(&text)
            {
                events.push(NumberedEvent { number, event });
            }
            let is_full = events.len() >= MOST_OF_A_BATCH || end - self.offset >= BATCH;
            if is_full && !events.is_empty() {
                break;
            }
        }
        let batch = EventBatch { spool: self.id.clone(), events };
        Ok((!batch.events.is_empty()).then_some(batch))
    }

    /// What is up to that number need not be sent any more.
    pub(super) fn take(&mut self, taken: u64) -> io::Result<()> {
        self.taken = taken.max(self.taken);
        let mut offset = self.offset;
        for line in Lines::of(&self.file, offset, self.length) {
            let Line { end, said } = line?;
            match said {
                Some((number, _)) if number > self.taken => break,
                Some(_) => self.waiting = self.waiting.saturating_sub(1),
                None => {}
            }
            offset = end;
        }
        self.offset = offset;
        self.write_head()
    }

    /// Removes the file. Gives how many events are lost with it.
    pub(super) fn remove(self) -> io::Result<u64> {
        std::fs::remove_file(&self.path)?;
        Ok(self.waiting)
    }

    fn write_head(&mut self) -> io::Result<()> {
        self.file.write_all_at(format!("taken {:020}\n", self.taken).as_bytes(), 0)
    }
}

/// A line, and where it ends; what it says is none where that is damaged.
struct Line {
    end: u64,
    said: Option<(u64, Vec<u8>)>,
}

/// The lines of a part of a file.
struct Lines<'f> {
    reader: BufReader<Part<'f>>,
    at: u64,
}

/// A part of a file. The file's own place is nobody's.
struct Part<'f> {
    file: &'f File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = into.len().min(left);
        let into = into.get_mut(..most).unwrap_or_default();
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<'f> Lines<'f> {
    fn of(file: &'f File, at: u64, end: u64) -> Self {
        let part = Part { file, at, end };
        Self { reader: BufReader::with_capacity(64 * 1024, part), at }
    }
}

impl Iterator for Lines<'_> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(read) => {
                self.at += read as u64;
                Some(Ok(Line { end: self.at, said: said(&line) }))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Appends an event's line.
fn line(lines: &mut Vec<u8>, number: u64, event: &Event) -> io::Result<()> {
    let said = format!("{number} {}", serde_json::to_string(event)?);
    lines
        .extend_from_slice(format!("{:08x} {said}\n", crc32fast::hash(said.as_bytes())).as_bytes());
    Ok(())
}

/// A line's number and event, if it is whole.
fn said(line: &[u8]) -> Option<(u64, Vec<u8>)> {
    let line = line.strip_suffix(b"\n")?;
    let (check, said) = line.split_at_checked(9)?;
    let check = std::str::from_utf8(check).ok()?.strip_suffix(' ')?;
    if u32::from_str_radix(check, 16).ok()? != crc32fast::hash(said) {
        return None;
    }
    let space = memchr::memchr(b' ', said)?;
    let (number, event) = said.split_at_checked(space)?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, event.get(1..)?.to_vec()))
}

/// How far the file was taken, as far as it says so.
fn read_head(file: &File) -> io::Result<u64> {
    let mut head = [0; HEAD_BYTES];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
        Err(error) => return Err(error),
    }
    let text = std::str::from_utf8(&head).ok();
    let number = text.and_then(|text| text.strip_prefix("taken ")?.strip_suffix('\n'));
    Ok(number.and_then(|number| number.parse().ok()).unwrap_or(0))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}
