//! Reading back what an edge kept.
//!
//! A file of lines is good up to its last whole batch or heartbeat. What is behind that is the end
//! of a write that was interrupted, or damage; either way it is not believed.

use super::intake::{FeedError, Heard, Intake};
use crate::clock::UnixSeconds;

/// How far a file could be read.
#[derive(Debug, Default)]
pub struct Replay {
    intake: Intake,
    read: u64,
    whole: u64,
    heard: Option<UnixSeconds>,
}

/// What a file holds.
#[derive(Debug)]
pub struct Kept {
    /// What it says.
    pub intake: Intake,
    /// Bytes of it that are good.
    pub whole: u64,
    /// When a control plane was last heard, by the clock of whoever wrote the file.
    pub heard: Option<UnixSeconds>,
}

impl Replay {
    /// Takes the next line, with its end. After an error, the rest of the file is worth nothing.
    pub fn line(&mut self, line: &[u8]) -> Result<(), FeedError> {
        let heard = self.intake.line(line)?;
        self.read = self.read.saturating_add(line.len() as u64);
        match heard {
            Heard::Alive { now } => self.heard = self.heard.max(Some(now)),
            Heard::Known | Heard::Taken(_) => {}
            Heard::Begun(_) | Heard::Nothing => return Ok(()),
        }
        self.whole = self.read;
        // Nothing of it is in force yet.
        self.intake.give();
        Ok(())
    }

    /// What the lines so far amount to; none where not even a first snapshot is whole.
    pub fn finish(self) -> Option<Kept> {
        let Self { mut intake, read: _, whole, heard } = self;
        intake.position()?;
        intake.interrupted();
        Some(Kept { intake, whole, heard })
    }
}
