//! An answer apart from any connection: on whatever bytes, as fuzzing has it.

use bytes::BytesMut;

use super::super::ask::AskMethod;
use super::chunked::Decoded;
use super::deframer::Deframer;
use super::head::{Framing, HeadReader, Reuse};

/// What an origin's bytes were read as.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadApart {
    /// The head was not whole when the bytes ended.
    HeadCut,
    /// No head that is believed.
    HeadRefused,
    /// A head, and what of its body there was.
    Answer { status: u16, body: Vec<u8>, end: BodyEnd },
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// With the connection, which was not the end it stated.
    Cut,
    /// With bytes that are no body.
    Refused,
    /// As stated; so many bytes were behind it.
    Whole { behind: usize, next: NextAnswer },
    /// With the connection, since it stated no end.
    WithTheConnection,
}

/// Would the connection have been used again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextAnswer {
    May,
    MayNot,
}

/// Reads one answer out of bytes that arrive in these pieces, after which the connection ends.
pub(crate) fn read_apart<'p>(
    method: AskMethod,
    pieces: impl Iterator<Item = &'p [u8]>,
) -> ReadApart {
    let mut pieces = pieces;
    let mut arrived = BytesMut::new();
    let mut reader = HeadReader::new(method);
    let head = loop {
        match reader.read(&mut arrived) {
            Ok(Some(head)) => break head,
            Ok(None) => match pieces.next() {
                Some(piece) => arrived.extend_from_slice(piece),
                None => return ReadApart::HeadCut,
            },
            Err(_) => return ReadApart::HeadRefused,
        }
    };
    let mut deframer = Deframer::new(head.framing);
    let mut body = Vec::new();
    let end = loop {
        match deframer.take(&mut arrived) {
            Ok(Decoded::Data(bytes)) => body.extend_from_slice(&bytes),
            Ok(Decoded::End) => {
                let behind = arrived.len() + pieces.map(<[u8]>::len).sum::<usize>();
                let clean = head.reuse == Reuse::Allowed && behind == 0;
                let next = if clean { NextAnswer::May } else { NextAnswer::MayNot };
                break BodyEnd::Whole { behind, next };
            }
            Ok(Decoded::More) => match pieces.next() {
                Some(piece) => arrived.extend_from_slice(piece),
                None if head.framing == Framing::UntilClose => break BodyEnd::WithTheConnection,
                None => break BodyEnd::Cut,
            },
            Err(_) => break BodyEnd::Refused,
        }
    };
    ReadApart::Answer { status: head.status.as_u16(), body, end }
}
