//! The target for what an origin sends: the head, the framing and the body of an answer.

use super::input::{Input, chosen};
use crate::origin::{AskMethod, BodyEnd, NextAnswer, ReadApart, read_apart};

/// The method, the length of the pieces in which the rest arrives, and what the origin sends.
pub fn origin_reply(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let method = chosen(&[AskMethod::Get, AskMethod::Head], input.byte());
    let piece = usize::from(input.byte().max(1));
    let sent = input.rest();
    let read = read_apart(method, std::iter::once(sent));
    assert_eq!(read, read_apart(method, sent.chunks(piece)), "the pieces changed the answer");
    let ReadApart::Answer { status, body, end } = read else { return };
    let Some(plain) = Plain::read(sent, method) else { panic!("a head that is none: {status}") };
    assert_eq!(status, plain.status);
    match (end, plain.framing) {
        (BodyEnd::WithTheConnection, PlainFraming::UntilClose) => assert_eq!(body, plain.behind),
        (BodyEnd::Cut, PlainFraming::Length(length)) => {
            assert!(plain.behind.len() < length);
            assert_eq!(body, plain.behind);
        }
        (BodyEnd::Whole { behind, next }, framing) => {
            let consumed =
                plain.behind.len().checked_sub(behind).map(|it| plain.behind.split_at(it));
            let Some((consumed, _)) = consumed else { panic!("more behind than was sent") };
            match framing {
                PlainFraming::Length(length) => {
                    assert_eq!(body.len(), length);
                    assert_eq!(body, consumed);
                }
                PlainFraming::Chunked => assert_eq!(unchunk(consumed).as_ref(), Some(&body)),
                PlainFraming::UntilClose => panic!("an end that nothing states"),
            }
            let may = behind == 0 && !plain.closes;
            let expected = if may { NextAnswer::May } else { NextAnswer::MayNot };
            assert_eq!(next, expected);
        }
        (BodyEnd::Cut | BodyEnd::Refused, PlainFraming::Chunked) => {
            // No longer body than there could be.
            assert!(body.len() <= plain.behind.len());
        }
        (end, framing) => panic!("{end:?} of a body with {framing:?}"),
    }
}

/// A head, read as simply as the strict grammar lets it be read.
#[derive(Debug)]
struct Plain<'s> {
    status: u16,
    framing: PlainFraming,
    closes: bool,
    behind: &'s [u8],
}

#[derive(Clone, Copy, Debug)]
enum PlainFraming {
    Chunked,
    Length(usize),
    UntilClose,
}

impl<'s> Plain<'s> {
    fn read(sent: &'s [u8], method: AskMethod) -> Option<Self> {
        let end = sent.windows(4).position(|at| at == b"\r\n\r\n")?;
        let (head, rest) = sent.split_at(end);
        let behind = rest.get(4..)?;
        let head: String = head.iter().map(|byte| char::from(*byte)).collect();
        let mut lines = head.split("\r\n");
        let start = lines.next()?;
        let status: u16 = start.get(9..12)?.parse().ok()?;
        if (100..200).contains(&status) {
            return Self::read(behind, method);
        }
        let (mut lengths, mut codings, mut closes) = (Vec::new(), Vec::new(), false);
        for line in lines {
            assert!(!line.contains(['\r', '\n']), "a line in a line: {line:?}");
            let (name, value) = line.split_once(':')?;
            let value = value.trim_matches([' ', '\t']).to_ascii_lowercase();
            match &*name.to_ascii_lowercase() {
                "content-length" => lengths.push(value),
                "transfer-encoding" => codings.push(value),
                "connection" => {
                    closes |= !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
                    closes |= value.split(',').any(|option| option.trim() == "close");
                }
                _ => {}
            }
        }
        let framing = match (&*lengths, &*codings) {
            (_, _) if method == AskMethod::Head || matches!(status, 204 | 304) => {
                PlainFraming::Length(0)
            }
            ([length], []) => PlainFraming::Length(length.parse::<u64>().ok()?.try_into().ok()?),
            ([], [coding]) if coding == "chunked" => PlainFraming::Chunked,
            ([], []) => PlainFraming::UntilClose,
            (lengths, codings) => panic!("framed by {lengths:?} and {codings:?}"),
        };
        closes |= !start.starts_with("HTTP/1.1") || matches!(framing, PlainFraming::UntilClose);
        Some(Self { status, framing, closes, behind })
    }
}

/// A whole chunked body, trailers and all.
fn unchunk(coded: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut body) = (coded, Vec::new());
    loop {
        let end = rest.windows(2).position(|at| at == b"\r\n")?;
        let (line, data) = rest.split_at(end);
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let digits = str::from_utf8(line.get(..digits)?).ok()?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        let data = data.get(2..)?;
        if size == 0 {
            let ends = data == b"\r\n" || data.ends_with(b"\r\n\r\n");
            return ends.then_some(body);
        }
        body.extend_from_slice(data.get(..size)?);
        rest = data.get(size..)?.strip_prefix(b"\r\n")?;
    }
}
