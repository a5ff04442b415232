//! What of a feed goes into the file in which an edge keeps it.
//!
//! A snapshot begins a file of its own, written beside the others until it is whole. What changed
//! is appended to the newest file, a whole batch at a time. Behind each batch stands when it came,
//! by the edge's own clock.

use super::intake::{BatchKind, Heard, Intake};
use super::writer::{heartbeat, hello};
use crate::clock::UnixSeconds;

/// Collects the lines of one connection.
#[derive(Debug, Default)]
pub struct Recorder {
    batch: Vec<u8>,
    kind: Option<BatchKind>,
}

/// What is to be done with files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Append this to the newest file.
    Append(Vec<u8>),
    /// Begin another file, with this.
    Begin(Vec<u8>),
    /// Write this to the file that was begun.
    Continue(Vec<u8>),
    /// Write this to the file that was begun; it is whole then, and the newest.
    Finish(Vec<u8>),
    /// Nothing.
    Nothing,
}

impl Recorder {
    /// What is to be done about a line that the intake took just now.
    pub fn record(
        &mut self,
        line: &[u8],
        heard: Heard,
        intake: &Intake,
        now: UnixSeconds,
    ) -> Record {
        let came = || intake.position().map(|at| heartbeat(now, at.version)).unwrap_or_default();
        match (heard, self.kind) {
            (Heard::Begun(kind), _) => {
                self.kind = Some(kind);
                match kind {
                    BatchKind::Snapshot => Record::Begin([hello().as_slice(), line].concat()),
                    BatchKind::Versions => {
                        self.batch = line.to_vec();
                        Record::Nothing
                    }
                }
            }
            (Heard::Nothing, Some(BatchKind::Snapshot)) => Record::Continue(line.to_vec()),
            (Heard::Nothing, Some(BatchKind::Versions)) => {
                self.batch.extend_from_slice(line);
                Record::Nothing
            }
            (Heard::Taken(kind), _) => {
                self.kind = None;
                let end = [line, &came()].concat();
                match kind {
                    BatchKind::Snapshot => Record::Finish(end),
                    BatchKind::Versions => {
                        let mut batch = std::mem::take(&mut self.batch);
                        batch.extend_from_slice(&end);
                        Record::Append(batch)
                    }
                }
            }
            (Heard::Known, _) => {
                self.kind = None;
                self.batch.clear();
                Record::Nothing
            }
            (Heard::Alive { .. }, _) | (Heard::Nothing, None) => Record::Nothing,
        }
    }
}
