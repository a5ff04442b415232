//! What an HTTP/2 client has made us do, against what explains it.
//!
//! A client can make work without ever asking for anything: by streams it cancels, and by frames
//! that no request and no answer explain. A frame costs about as much however short it is, and most
//! kinds are answered; so both their bytes and their number are weighed.
//!
//! Which frames they are is not looked at. Honest clients send two window updates for each half of
//! a window they read, a few pings, and beside a request its priorities and a reset; what is allowed
//! is several times that.

use super::frame_count::FrameCount;

/// Streams a client may cancel beyond as many as it let finish (CVE-2023-44487). Players that seek
/// cancel nearly every request, some dozen in a session.
const CANCELLATIONS: u64 = 100;

/// Bytes a client may send that no request explains: its preface, settings, priorities.
const UNEXPLAINED_BYTES: u64 = 256 * 1024;

/// Bytes that a request explains: the largest head and the largest body, with their framing.
const BYTES_PER_REQUEST: u64 = 128 * 1024;

/// Frames a client may send that no request explains. With a handshake before them they cost us
/// less than the handshake did.
const UNEXPLAINED_FRAMES: u64 = 500;

/// Frames that a request explains.
const FRAMES_PER_REQUEST: u64 = 64;

/// Bytes we write that explain a frame. Two window updates for each 512 bytes that are read are what
/// a window of 1 KiB makes of it; an answer to a ping is a tenth of this.
const BYTES_WRITTEN_PER_FRAME: u64 = 256;

/// The account of one connection.
#[derive(Debug)]
pub(super) struct Balance {
    pub(super) requests: u64,
    pub(super) finished: u64,
    pub(super) cancelled: u64,
    pub(super) bytes_written: u64,
    bytes_read: u64,
    frames: FrameCount,
}

impl Balance {
    /// Of a connection that begins now.
    pub(super) const fn new() -> Self {
        Self {
            requests: 0,
            finished: 0,
            cancelled: 0,
            bytes_written: 0,
            bytes_read: 0,
            frames: FrameCount::new(),
        }
    }

    /// Further bytes of the client's.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        self.bytes_read = self.bytes_read.saturating_add(bytes.len() as u64);
        self.frames.read(bytes);
    }

    /// Is there more than is explained?
    pub(super) const fn is_flood(&self) -> bool {
        // Half of what we write, for window updates: answering a ping costs as much as sending it.
        let bytes = self
            .requests
            .saturating_mul(BYTES_PER_REQUEST)
            .saturating_add(self.bytes_written / 2)
            .saturating_add(UNEXPLAINED_BYTES);
        let frames = self
            .requests
            .saturating_mul(FRAMES_PER_REQUEST)
            .saturating_add(self.bytes_written / BYTES_WRITTEN_PER_FRAME)
            .saturating_add(UNEXPLAINED_FRAMES);
        self.cancelled > self.finished.saturating_add(CANCELLATIONS)
            || self.bytes_read > bytes
            || self.frames.frames() > frames
    }
}
