//! HTTP/2 frames by hand (RFC 9113 section 4.1), for what no library would send.

use super::raw_client::Connection;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Fields of a head, in order.
pub(crate) type Fields<'f> = &'f [(&'f str, &'f str)];

/// A frame to send.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length, [kind, flags].as_slice(), &stream.to_be_bytes(), payload].concat()
}

/// The preface, and settings with this window for each stream.
pub(crate) fn hello(window: u32) -> Vec<u8> {
    // SETTINGS_INITIAL_WINDOW_SIZE (section 6.5.2).
    let setting = [&[0, 4], window.to_be_bytes().as_slice()].concat();
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &setting)].concat()
}

/// All the window there is for a connection as a whole, beyond what it begins with.
pub(crate) fn open_window() -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes())
}

/// Literals without indexing (RFC 7541 section 6.2.2), whatever the text.
pub(crate) fn block(fields: Fields<'_>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            write_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn write_length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// A whole head in one frame.
pub(crate) fn head(stream: u32, flags: u8, fields: Fields<'_>) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &block(fields))
}

/// A GET of a path of this host.
pub(crate) fn get(stream: u32, host: &str, path: &str) -> Vec<u8> {
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", host), (":path", path)];
    head(stream, END_STREAM, &fields)
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// The stream was reset, the connection left or closed.
    Cut,
}

/// A frame received.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// The next frame; none when the edge has closed.
pub(crate) fn next_frame(connection: &mut Connection) -> Option<Frame> {
    let head = connection.take(9)?;
    let [l0, l1, l2, kind, flags, stream @ ..] = <[u8; 9]>::try_from(head).unwrap();
    let length = u32::from_be_bytes([0, l0, l1, l2]);
    let payload = connection.take(usize::try_from(length).unwrap())?;
    Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
}

/// Waits for the end of a stream, which the edge must bring about.
pub(crate) fn outcome(connection: &mut Connection, stream: u32) -> Outcome {
    let mut status = None;
    while let Some(frame) = next_frame(connection) {
        // A connection is left with an error, or in peace, which cuts nothing off.
        if frame.kind == GOAWAY && !frame.payload[4..8].iter().all(|byte| *byte == 0) {
            break;
        }
        if frame.stream != stream {
            continue;
        }
        match frame.kind {
            HEADERS => status = Some(read_status(&frame.payload)),
            RST_STREAM => break,
            _ => {}
        }
        if matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0 {
            break;
        }
    }
    status.map_or(Outcome::Cut, Outcome::Status)
}

/// `:status` is the first field: of the static table (RFC 7541 appendix A), or a literal that the
/// dynamic table will hold, in digits of appendix B or as they are.
fn read_status(block: &[u8]) -> u16 {
    match *block {
        [indexed @ 0x88..=0x8e, ..] => {
            [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)]
        }
        [0x48, 3, a, b, c, ..] => std::str::from_utf8(&[a, b, c]).unwrap().parse().unwrap(),
        [0x48, length @ (0x82 | 0x83), ref rest @ ..] => {
            huffman_digits(&rest[..usize::from(length & 7)])
        }
        _ => panic!("an answer without a status: {block:?}"),
    }
}

fn huffman_digits(bytes: &[u8]) -> u16 {
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let value = |bits: &[u8]| bits.iter().fold(0, |value, bit| value << 1 | u16::from(*bit));
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        // 0 to 2 have five bits, 00000 and on; 3 to 9 have six, 011001 and on.
        let short = value(&bits[at..at + 5]);
        let (digit, length) =
            if short <= 2 { (short, 5) } else { (value(&bits[at..at + 6]) - 0b01_1001 + 3, 6) };
        number = number * 10 + digit;
        at += length;
    }
    number
}
