//! A copy that differs from a file in a few places: how long it is, and what is where in it.

use bytes::Bytes;

use super::excerpt::Span;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where in the file.
    pub offset: u64,
    /// How many bytes of the file are left out there.
    pub removed: u64,
    /// What the copy has there instead.
    pub bytes: Bytes,
}

/// Edits that reach past the end of the file or into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the edits overlap or leave the file")]
pub struct NotOrderly(());

/// How a copy is made of a file. Holds the inserted bytes and some numbers, whatever the file's
/// length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplicePlan {
    edits: Vec<Placed>,
    origin_length: u64,
    length: u64,
}

/// A part of the copy: never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Literal(Bytes),
    /// These bytes of the file.
    Source(Span),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    /// Where in the copy its bytes begin.
    at: u64,
    /// The first byte of the file after them.
    resume: u64,
    bytes: Bytes,
}

impl Edit {
    /// Bytes that are put before that place of the file.
    pub fn insert(offset: u64, bytes: impl Into<Bytes>) -> Self {
        Self { offset, removed: 0, bytes: bytes.into() }
    }

    /// Bytes that stand where as many of the file did.
    pub fn overwrite(offset: u64, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { offset, removed: bytes.len() as u64, bytes }
    }
}

impl SplicePlan {
    /// The copy of a file of that length with these edits. Those of one place are kept in order.
    pub fn of(origin_length: u64, mut edits: Vec<Edit>) -> Result<Self, NotOrderly> {
        edits.sort_by_key(|edit| edit.offset);
        let (mut at, mut resume) = (0_u64, 0);
        let mut placed = Vec::with_capacity(edits.len());
        for Edit { offset, removed, bytes } in edits {
            let kept = offset.checked_sub(resume).ok_or(NotOrderly(()))?;
            at = at.checked_add(kept).ok_or(NotOrderly(()))?;
            resume = offset.checked_add(removed).ok_or(NotOrderly(()))?;
            if resume > origin_length {
                return Err(NotOrderly(()));
            }
            let after = at.checked_add(bytes.len() as u64).ok_or(NotOrderly(()))?;
            placed.push(Placed { at, resume, bytes });
            at = after;
        }
        let rest = origin_length.checked_sub(resume).ok_or(NotOrderly(()))?;
        let length = at.checked_add(rest).ok_or(NotOrderly(()))?;
        Ok(Self { edits: placed, origin_length, length })
    }

    /// Bytes of the copy.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of the file that the plan was made for; it is for no other.
    pub fn origin_length(&self) -> u64 {
        self.origin_length
    }

    /// Bytes that the plan holds.
    pub fn literal_bytes(&self) -> u64 {
        self.edits.iter().map(|edit| edit.bytes.len() as u64).sum()
    }

    /// What the span of the copy consists of, in order; where it reaches past the end, up to there.
    pub fn pieces(&self, span: Span) -> impl Iterator<Item = Piece> {
        let end = span.offset.saturating_add(span.length).min(self.length);
        let mut at = span.offset;
        std::iter::from_fn(move || {
            let piece = self.piece(at, end)?;
            at = at.checked_add(piece.length())?;
            Some(piece)
        })
    }

    /// What is at that place of the copy, up to `end` at the most.
    fn piece(&self, at: u64, end: u64) -> Option<Piece> {
        let most = end.checked_sub(at).filter(|most| *most > 0)?;
        let before = self.edits.partition_point(|edit| edit.at <= at);
        // Of edits that begin at one place all but the last insert nothing.
        let edit = before.checked_sub(1).and_then(|index| self.edits.get(index));
        let (after, resume) = match edit {
            None => (0, 0),
            Some(edit) => {
                let into = usize::try_from(at.checked_sub(edit.at)?).ok()?;
                if let Some(rest) = edit.bytes.get(into..).filter(|rest| !rest.is_empty()) {
                    let length = usize::try_from(most).map_or(rest.len(), |it| it.min(rest.len()));
                    let past = into.checked_add(length)?;
                    return Some(Piece::Literal(edit.bytes.slice(into..past)));
                }
                (edit.at.checked_add(edit.bytes.len() as u64)?, edit.resume)
            }
        };
        let next = self.edits.get(before).map_or(self.length, |edit| edit.at);
        let offset = resume.checked_add(at.checked_sub(after)?)?;
        let length = next.checked_sub(at)?.min(most);
        Some(Piece::Source(Span { offset, length }))
    }
}

impl Piece {
    /// Its bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Literal(bytes) => bytes.len() as u64,
            Self::Source(span) => span.length,
        }
    }
}
