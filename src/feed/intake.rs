//! From lines to what an edge knows: the whole protocol of a reader, without a socket, a file or a
//! clock.
//!
//! A batch is applied at its end, as a whole, or not at all. Whatever is wrong with a line spoils
//! the connection it came by, and nothing that is known: after [`Intake::interrupted`] another
//! connection begins where the last batch ended.

use sha2::{Digest, Sha256};

use super::change::Change;
use super::frame::{Frame, PROTOCOL, check_of};
use super::replica::{Replica, TooOld};
use super::wire::{InvalidChange, WireChange};
use super::writer::Position;
use crate::catalog::Grants;
use crate::clock::UnixSeconds;

/// Changes of one batch: more than any store holds today, and less than fills a memory by mistake.
const MOST_CHANGES: u64 = 50_000_000;

/// What an edge knows, and what it is being told.
#[derive(Debug, Default)]
pub struct Intake {
    lineage: Option<Box<str>>,
    replica: Replica,
    /// What the last version opens in the catalog, until that version is in force.
    grants: Grants,
    greeted: bool,
    batch: Option<Batch>,
}

/// What a line amounted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing newer than what is known was there at that moment, by the writer's clock.
    Alive {
        /// When.
        now: UnixSeconds,
    },
    /// A batch began, of which `lines` so far are this one.
    Begun(BatchKind),
    /// A batch ended, and nothing of it was new.
    Known,
    /// A line that means something with others, or nothing.
    Nothing,
    /// A batch ended, and what is known is what it said.
    Taken(BatchKind),
}

/// What a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// Everything.
    Snapshot,
    /// What changed.
    Versions,
}

/// Why a feed cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// A batch or a heartbeat is not what was written.
    #[error("what came is not what was written: its checksum is another")]
    Checksum,
    /// There are versions between what is known and what came.
    #[error("the feed goes on after version {offered}, and {known} is known")]
    Gap {
        /// What came is after this version.
        offered: u64,
        /// The version that is known.
        known: u64,
    },
    /// A change says what cannot be.
    #[error("a change of the feed is not valid")]
    Invalid(#[source] InvalidChange),
    /// Versions of another history.
    #[error("the feed goes on in another history")]
    Lineage,
    /// It is no line of a feed.
    #[error("a line of the feed cannot be read")]
    Malformed(#[source] serde_json::Error),
    /// More than is to be believed.
    #[error("a batch has more than {MOST_CHANGES} changes")]
    TooMany,
    /// The feed is older than what is known.
    #[error(transparent)]
    TooOld(#[from] TooOld),
    /// A line that has no place here.
    #[error("a line of the feed has no place there: {0}")]
    Unexpected(&'static str),
    /// The other end speaks another version of this.
    #[error("the feed is of protocol {0}, and only {PROTOCOL} is known")]
    UnknownProtocol(u32),
}

#[derive(Debug)]
struct Batch {
    digest: Sha256,
    changes: u64,
    lineage: Box<str>,
    version: u64,
    says: Says,
}

#[derive(Debug)]
enum Says {
    /// What is known already.
    Known,
    /// Everything, in a replica of its own until the end.
    Snapshot(Box<Replica>),
    /// What changed.
    Versions(Vec<Change>),
}

impl Intake {
    /// Where to go on; none: nothing is known yet.
    pub fn position(&self) -> Option<Position> {
        let lineage = self.lineage.clone()?;
        Some(Position { lineage, version: self.replica.version() })
    }

    /// What is known.
    pub fn replica(&mut self) -> &mut Replica {
        &mut self.replica
    }

    /// What is known is in force: what it opens in the catalog is open from now on.
    pub fn give(&mut self) {
        std::mem::take(&mut self.grants).give();
    }

    /// The connection is gone: what is half said was not said.
    pub fn interrupted(&mut self) {
        self.greeted = false;
        self.batch = None;
    }

    /// Takes one line, with its end.
    pub fn line(&mut self, line: &[u8]) -> Result<Heard, FeedError> {
        if line == b"\n" {
            return Ok(Heard::Nothing);
        }
        let frame: Frame = serde_json::from_slice(line).map_err(FeedError::Malformed)?;
        if !self.greeted {
            return self.greet(&frame);
        }
        match (self.batch.take(), frame) {
            (None, Frame::Snapshot { lineage, version }) => {
                self.begin_snapshot(line, lineage, version)
            }
            (None, Frame::Versions { lineage, after, version }) => {
                self.begin_versions(line, lineage, after, version)
            }
            (None, Frame::Heartbeat { now, version, check }) if check == check_of(now, version) => {
                self.heartbeat(now, version)
            }
            (None, Frame::Heartbeat { .. }) => Err(FeedError::Checksum),
            (Some(mut batch), Frame::Part { changes }) => {
                batch.part(line, changes)?;
                self.batch = Some(batch);
                Ok(Heard::Nothing)
            }
            (Some(batch), Frame::End { changes, sha256 }) => self.end(batch, changes, &sha256),
            (None, frame @ (Frame::Hello { .. } | Frame::Part { .. } | Frame::End { .. }))
            | (
                Some(_),
                frame @ (Frame::Hello { .. }
                | Frame::Snapshot { .. }
                | Frame::Versions { .. }
                | Frame::Heartbeat { .. }),
            ) => Err(FeedError::Unexpected(frame.name())),
        }
    }

    fn greet(&mut self, frame: &Frame) -> Result<Heard, FeedError> {
        match frame {
            Frame::Hello { protocol: PROTOCOL } => {
                self.greeted = true;
                Ok(Heard::Nothing)
            }
            Frame::Hello { protocol } => Err(FeedError::UnknownProtocol(*protocol)),
            Frame::Snapshot { .. }
            | Frame::Versions { .. }
            | Frame::Part { .. }
            | Frame::End { .. }
            | Frame::Heartbeat { .. } => Err(FeedError::Unexpected(frame.name())),
        }
    }

    /// A snapshot of what is known already is taken: who asks for one gets it.
    fn begin_snapshot(
        &mut self,
        line: &[u8],
        lineage: Box<str>,
        version: u64,
    ) -> Result<Heard, FeedError> {
        let known = self.replica.version();
        if self.lineage.as_ref() == Some(&lineage) && version < known {
            return Err(TooOld { offered: version, known }.into());
        }
        let says = Says::Snapshot(Box::default());
        self.batch = Some(Batch::begin(line, lineage, version, says));
        Ok(Heard::Begun(BatchKind::Snapshot))
    }

    fn begin_versions(
        &mut self,
        line: &[u8],
        lineage: Box<str>,
        after: u64,
        version: u64,
    ) -> Result<Heard, FeedError> {
        let known = self.replica.version();
        if self.lineage.as_ref() != Some(&lineage) {
            return Err(FeedError::Lineage);
        }
        if after > known {
            return Err(FeedError::Gap { offered: after, known });
        }
        let says = if version <= known { Says::Known } else { Says::Versions(Vec::new()) };
        self.batch = Some(Batch::begin(line, lineage, version, says));
        Ok(Heard::Begun(BatchKind::Versions))
    }

    fn heartbeat(&mut self, now: u64, version: u64) -> Result<Heard, FeedError> {
        let known = self.replica.version();
        if self.lineage.is_none() || version > known {
            return Err(FeedError::Gap { offered: version, known });
        }
        Ok(Heard::Alive { now: UnixSeconds::new(now) })
    }

    fn end(&mut self, batch: Batch, changes: u64, sha256: &str) -> Result<Heard, FeedError> {
        let Batch { digest, changes: counted, lineage, version, says } = batch;
        // A checksum against damage, not a signature: whoever can write lines is believed.
        if hex::encode(digest.finalize()) != sha256 || changes != counted {
            return Err(FeedError::Checksum);
        }
        match says {
            Says::Known => Ok(Heard::Known),
            Says::Snapshot(replica) => {
                // They are of a catalog that is replaced.
                self.give();
                self.replica = replica.at_version(version);
                self.replica.set_lineage(&lineage);
                self.lineage = Some(lineage);
                Ok(Heard::Taken(BatchKind::Snapshot))
            }
            Says::Versions(changes) => {
                // Whoever put the version before in force has given these; else they come now, for
                // those who know that version, and never after what closes them again.
                self.give();
                self.grants = self.replica.apply(version, changes)?;
                Ok(Heard::Taken(BatchKind::Versions))
            }
        }
    }
}

impl Batch {
    fn begin(line: &[u8], lineage: Box<str>, version: u64, says: Says) -> Self {
        let digest = Sha256::new_with_prefix(line);
        Self { digest, changes: 0, lineage, version, says }
    }

    fn part(&mut self, line: &[u8], changes: Vec<WireChange>) -> Result<(), FeedError> {
        self.digest.update(line);
        self.changes = self.changes.saturating_add(changes.len() as u64);
        if self.changes > MOST_CHANGES {
            return Err(FeedError::TooMany);
        }
        for change in changes {
            let change = Change::try_from(change).map_err(FeedError::Invalid)?;
            match &mut self.says {
                Says::Known => {}
                Says::Snapshot(replica) => replica.extend([change]),
                Says::Versions(said) => said.push(change),
            }
        }
        Ok(())
    }
}
