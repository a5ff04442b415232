//! From changes to lines.

use sha2::{Digest, Sha256};

use super::change::Change;
use super::frame::{Frame, PROTOCOL};
use super::wire::WireChange;
use crate::clock::UnixSeconds;

/// Changes of one part.
const PART: usize = 256;

/// Where a reader of a feed is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which history the version counts.
    pub lineage: Box<str>,
    /// The version it has applied.
    pub version: u64,
}

/// Writes one batch, part by part: however much it says, little of it is in memory.
#[derive(Debug)]
pub struct BatchWriter {
    digest: Sha256,
    changes: u64,
    part: Vec<WireChange>,
    lines: Vec<u8>,
}

impl BatchWriter {
    /// A batch that says everything there is at a position.
    pub fn snapshot(at: &Position) -> Self {
        Self::begin(&Frame::Snapshot { lineage: at.lineage.clone(), version: at.version })
    }

    /// A batch that says what changed after a position, up to a version.
    pub fn versions(after: &Position, version: u64) -> Self {
        let Position { lineage, version: after } = after.clone();
        Self::begin(&Frame::Versions { lineage, after, version })
    }

    fn begin(frame: &Frame) -> Self {
        let mut writer =
            Self { digest: Sha256::new(), changes: 0, part: Vec::new(), lines: Vec::new() };
        writer.line(frame);
        writer
    }

    /// Says one thing more.
    pub fn push(&mut self, change: &Change) {
        self.part.push(change.into());
        self.changes += 1;
        if self.part.len() >= PART {
            self.end_part();
        }
    }

    /// The lines so far, as far as they were not taken.
    pub fn take_lines(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.lines)
    }

    /// Nothing more is said. Gives the lines that were not taken.
    pub fn end(mut self) -> Vec<u8> {
        self.end_part();
        let sha256 = hex::encode(std::mem::take(&mut self.digest).finalize()).into();
        let mut lines = std::mem::take(&mut self.lines);
        append(&mut lines, &Frame::End { changes: self.changes, sha256 });
        lines
    }

    fn end_part(&mut self) {
        let changes = std::mem::take(&mut self.part);
        if !changes.is_empty() {
            self.line(&Frame::Part { changes });
        }
    }

    fn line(&mut self, frame: &Frame) {
        let begins = self.lines.len();
        append(&mut self.lines, frame);
        self.digest.update(self.lines.get(begins..).unwrap_or_default());
    }
}

/// The line that a feed begins with.
pub fn hello() -> Vec<u8> {
    one(&Frame::Hello { protocol: PROTOCOL })
}

/// The line that says, at `now`, that there is nothing newer than this version.
pub fn heartbeat(now: UnixSeconds, version: u64) -> Vec<u8> {
    one(&Frame::heartbeat(now.get(), version))
}

fn one(frame: &Frame) -> Vec<u8> {
    let mut line = Vec::new();
    append(&mut line, frame);
    line
}

#[expect(clippy::expect_used, reason = "text, numbers and lists of them: nothing JSON cannot hold")]
fn append(lines: &mut Vec<u8>, frame: &Frame) {
    serde_json::to_writer(&mut *lines, frame).expect("a frame is JSON");
    lines.push(b'\n');
}
