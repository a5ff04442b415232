//! The newest part of the feed, as lines, for whoever is nearly up to date.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::feed::Position;

/// Bytes of lines that are kept; the newest batch is kept whatever its length.
const KEPT: usize = 16 * 1024 * 1024;

/// Batches that follow each other, up to the head.
#[derive(Debug)]
pub(super) struct Recent {
    head: Position,
    batches: VecDeque<Batch>,
    bytes: usize,
}

#[derive(Debug)]
struct Batch {
    after: u64,
    version: u64,
    lines: Bytes,
}

/// What a reader gets next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Too far behind, or in another history: not from here.
    Elsewhere,
    /// These lines, which lead to that version.
    Lines {
        /// The lines.
        lines: Bytes,
        /// The version.
        version: u64,
    },
    /// There is nothing newer.
    UpToDate,
}

impl Recent {
    pub(super) fn at(head: Position) -> Self {
        Self { head, batches: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn head(&self) -> &Position {
        &self.head
    }

    /// The batch that leads from the head to a version.
    pub(super) fn push(&mut self, version: u64, lines: Bytes) {
        self.bytes += lines.len();
        self.batches.push_back(Batch { after: self.head.version, version, lines });
        self.head.version = version;
        while self.bytes > KEPT && self.batches.len() > 1 {
            self.bytes -= self.batches.pop_front().map_or(0, |batch| batch.lines.len());
        }
    }

    /// What comes after a position. A batch may begin before it: what is known already does no
    /// harm.
    pub(super) fn after(&self, reader: &Position) -> Next {
        if reader.lineage != self.head.lineage {
            return Next::Elsewhere;
        }
        if reader.version >= self.head.version {
            return Next::UpToDate;
        }
        let next = self.batches.partition_point(|batch| batch.version <= reader.version);
        match self.batches.get(next) {
            Some(Batch { after, version, lines }) if *after <= reader.version => {
                Next::Lines { lines: lines.clone(), version: *version }
            }
            Some(_) | None => Next::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lineage: &str, version: u64) -> Position {
        Position { lineage: lineage.into(), version }
    }

    #[test]
    fn readers_get_what_follows_or_are_sent_elsewhere() {
        let mut recent = Recent::at(at("l", 4));
        assert_eq!(recent.after(&at("l", 3)), Next::Elsewhere);
        for version in [5, 8] {
            recent.push(version, Bytes::from(version.to_string()));
        }
        let lines = |text: &'static str, version| Next::Lines { lines: text.into(), version };
        for (reader, expected) in [
            (at("l", 3), Next::Elsewhere),
            (at("l", 4), lines("5", 5)),
            (at("l", 5), lines("8", 8)),
            (at("l", 6), lines("8", 8)),
            (at("l", 8), Next::UpToDate),
            (at("l", 9), Next::UpToDate),
            (at("other", 8), Next::Elsewhere),
        ] {
            assert_eq!(recent.after(&reader), expected, "{reader:?}");
        }
    }

    #[test]
    fn what_is_old_is_let_go() {
        let mut recent = Recent::at(at("l", 0));
        let half = Bytes::from(vec![b'x'; KEPT / 2]);
        for version in 1..=3 {
            recent.push(version, half.clone());
        }
        assert_eq!(recent.after(&at("l", 0)), Next::Elsewhere);
        assert!(matches!(recent.after(&at("l", 1)), Next::Lines { version: 2, .. }));
        recent.push(4, vec![b'x'; 2 * KEPT].into());
        assert_eq!(recent.after(&at("l", 2)), Next::Elsewhere);
        assert!(matches!(recent.after(&at("l", 3)), Next::Lines { version: 4, .. }));
    }
}
