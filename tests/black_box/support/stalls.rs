//! Connections whose streams stall in the midst of their answers (security page, part 2).

use super::http2::{DATA, get, hello, next_frame, open_window};
use super::raw_client::Connection;

/// Streams of one connection: as many as an edge takes.
pub(crate) const STREAMS: u32 = 100;

/// What makes them stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    /// There is no window from the start.
    NoWindow,
    /// There is none after the 64 KiB that a stream begins with, and the connection has more.
    WindowUsedUp,
    /// There is all the window there can be, and nobody reads.
    Unread,
}

impl Stall {
    /// Every kind.
    pub(crate) const ALL: [Self; 3] = [Self::NoWindow, Self::WindowUsedUp, Self::Unread];

    /// Asks for this large file on every stream, and goes on until all of them stall.
    pub(crate) fn begin(self, connection: &mut Connection, host: &str, path: &str) {
        let window = match self {
            Self::NoWindow => 0,
            Self::WindowUsedUp => 65_535,
            Self::Unread => 0x7fff_ffff,
        };
        connection.send([hello(window), open_window()].concat());
        for stream in 0..STREAMS {
            connection.send(get(2 * stream + 1, host, path));
        }
        let taken = if self == Self::WindowUsedUp { window } else { 0 };
        let mut left = usize::try_from(STREAMS * taken).unwrap();
        while left > 0 {
            let received = next_frame(connection).expect("served until its window is used up");
            if received.kind == DATA {
                left -= received.payload.len();
            }
        }
    }
}
