//! HTTP/2 frames by hand (RFC 9113 section 4.1), for what no library would send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::toy::Client;

pub(in super::super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(in super::super) const SETTINGS: u8 = 4;
pub(in super::super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(in super::super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// `SETTINGS_INITIAL_WINDOW_SIZE` (section 6.5.2).
const INITIAL_WINDOW_SIZE: u8 = 4;

/// A frame received.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A frame to send.
pub(in super::super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length, [kind, flags].as_slice(), &stream.to_be_bytes(), payload].concat()
}

/// The preface, and settings with this window for each stream.
pub(super) fn hello(window: u32) -> Vec<u8> {
    let setting = [&[0, INITIAL_WINDOW_SIZE], window.to_be_bytes().as_slice()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()
}

/// The block of a GET's head (RFC 7541): indexed fields of the static table, and two literals.
pub(super) fn get_block(path: &str) -> Vec<u8> {
    let literal = |index: u8, value: &str| {
        [&[0x40 | index, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
    };
    [[0x82, 0x87].as_slice(), &literal(4, path), &literal(1, "media.example")].concat()
}

/// A whole GET.
pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &get_block(path))
}

impl Client {
    /// The next frame; none when the server has closed.
    pub(super) async fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [l0, l1, l2, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame that is about a stream or ends the connection.
    pub(super) async fn telling_frame(&mut self) -> Option<Frame> {
        loop {
            let frame = self.frame().await?;
            if frame.stream != 0 || frame.kind == GOAWAY {
                return Some(frame);
            }
        }
    }

    /// Sends the same bytes over and over, reading all the while, until the server closes. Gives
    /// how often they were sent; fails if that is `most`.
    pub(super) async fn flood(self, bytes: &[u8], most: usize) -> usize {
        let (mut reading, mut writing) = tokio::io::split(self.0);
        let reading =
            tokio::spawn(
                async move { tokio::io::copy(&mut reading, &mut tokio::io::sink()).await },
            );
        for sent in 0..most {
            if writing.write_all(bytes).await.is_err() {
                reading.abort();
                return sent;
            }
        }
        panic!("still open after {most} times {} bytes", bytes.len());
    }
}
