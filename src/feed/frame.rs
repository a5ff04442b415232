//! The lines of which a feed consists: one JSON object each, with a line feed behind it.
//!
//! ```text
//! hello  (snapshot | versions)  part*  end   heartbeat   versions  part*  end   …
//! ```
//!
//! A *batch* is a `snapshot` or `versions` line, its parts and its end. A snapshot says everything
//! that is so at a version of a history (the *lineage*); `versions` says what changed after one
//! version up to another. Its end carries the number of its changes and a SHA-256 over its lines,
//! and nothing of a batch means anything before that. A heartbeat says that whoever has applied
//! what came before it is where the control plane was at that moment. Empty lines keep a connection
//! alive and say nothing.
//!
//! A file in which an edge keeps what it knows consists of the same lines.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::wire::WireChange;

/// The version of these lines. A reader refuses any other.
pub(super) const PROTOCOL: u32 = 1;

/// Bytes of one line. Parts are far shorter; one change may be long.
pub const MAX_LINE: usize = 16 * 1024 * 1024;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Frame {
    Hello { protocol: u32 },
    Snapshot { lineage: Box<str>, version: u64 },
    Versions { lineage: Box<str>, after: u64, version: u64 },
    Part { changes: Vec<WireChange> },
    End { changes: u64, sha256: Box<str> },
    Heartbeat { now: u64, version: u64, check: Box<str> },
}

impl Frame {
    pub(super) fn heartbeat(now: u64, version: u64) -> Self {
        Self::Heartbeat { now, version, check: check_of(now, version) }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Snapshot { .. } => "snapshot",
            Self::Versions { .. } => "versions",
            Self::Part { .. } => "part",
            Self::End { .. } => "end",
            Self::Heartbeat { .. } => "heartbeat",
        }
    }
}

/// Part of a digest: enough to tell damage, for a time of tomorrow would keep a file fresh that is of
/// last year.
pub(super) fn check_of(now: u64, version: u64) -> Box<str> {
    let digest = Sha256::digest(format!("{now} {version}"));
    hex::encode(digest.iter().take(8).copied().collect::<Vec<_>>()).into()
}
