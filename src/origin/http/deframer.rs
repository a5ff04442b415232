//! Where a body is in the bytes behind its head (RFC 9112 section 6.3). Without I/O.

use bytes::BytesMut;

use super::chunked::{ChunkRejection, Chunked, Decoded};
use super::head::Framing;

/// Takes the bytes of one body out of what has arrived.
#[derive(Debug)]
pub(super) struct Deframer(Left);

#[derive(Debug)]
enum Left {
    Bytes(u64),
    Chunks(Chunked),
    Nothing,
    UntilClose,
}

impl Deframer {
    pub(super) const fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Length(0) => Left::Nothing,
            Framing::Length(length) => Left::Bytes(length),
            Framing::Chunked => Left::Chunks(Chunked::new()),
            Framing::UntilClose => Left::UntilClose,
        })
    }

    /// How much is still to come; none where that is not stated.
    pub(super) const fn promised(&self) -> Option<u64> {
        match self.0 {
            Left::Bytes(length) => Some(length),
            Left::Nothing => Some(0),
            Left::Chunks(_) | Left::UntilClose => None,
        }
    }

    /// How much is still to come, where its length was stated and nothing is between its bytes.
    pub(super) const fn stated(&self) -> Option<u64> {
        match self.0 {
            Left::Bytes(length) => Some(length),
            Left::Chunks(_) | Left::Nothing | Left::UntilClose => None,
        }
    }

    /// So many of the bytes it stated went another way, fewer than all.
    pub(super) fn passed_by(&mut self, bytes: u64) {
        if let Left::Bytes(left) = &mut self.0 {
            *left = left.saturating_sub(bytes);
        }
    }

    /// Has its end been seen?
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.0, Left::Nothing)
    }

    /// The next bytes off the front of what has arrived.
    pub(super) fn take(&mut self, arrived: &mut BytesMut) -> Result<Decoded, ChunkRejection> {
        match &mut self.0 {
            Left::Nothing => Ok(Decoded::End),
            Left::Chunks(chunks) => {
                let decoded = chunks.decode(arrived)?;
                if decoded == Decoded::End {
                    self.0 = Left::Nothing;
                }
                Ok(decoded)
            }
            Left::Bytes(_) | Left::UntilClose if arrived.is_empty() => Ok(Decoded::More),
            Left::UntilClose => Ok(Decoded::Data(arrived.split().freeze())),
            Left::Bytes(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(arrived.len());
                *left = left.saturating_sub(taken as u64);
                if *left == 0 {
                    self.0 = Left::Nothing;
                }
                Ok(Decoded::Data(arrived.split_to(taken).freeze()))
            }
        }
    }

    /// The connection has ended: so has a body that shows its end by nothing else.
    pub(super) fn closed(&mut self) {
        if matches!(self.0, Left::UntilClose) {
            self.0 = Left::Nothing;
        }
    }
}
