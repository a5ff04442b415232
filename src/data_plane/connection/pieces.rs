//! How much of its answers an HTTP/2 connection keeps that has not left.
//!
//! What a stream was handed stays in memory until the client gives window for it and reads it, and
//! a client may do neither, on all of its streams at once. So the streams of a connection share
//! [`SHARED`] bytes, and each has an equal part of them in flight: up to 16 streams have pieces of a
//! whole frame, more have smaller ones. A stream that has nothing in flight may always have the
//! smallest, so that none waits for another that stalls: with 100 streams less than 656 KiB are kept,
//! whatever the client does.
//!
//! A piece is counted as long as it exists: the library drops it when its last byte was written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// Bytes that the streams of a connection share.
const SHARED: usize = 256 * 1024;

/// Bytes of the largest piece: a frame (RFC 9113 section 4.2).
const LARGEST: usize = 16 * 1024;

/// Bytes of the smallest piece, but for the last of an answer. Larger ones are multiples of it.
const SMALLEST: usize = 4 * 1024;

/// Bytes of the first piece where there are many streams.
const FIRST_OF_MANY: usize = 1024;

/// Bytes of the first piece of an answer, which is all that a client keeps waiting who never takes any:
/// `room` is what the next pieces may have.
pub(super) const fn first(room: usize) -> usize {
    if room < LARGEST { FIRST_OF_MANY } else { SMALLEST }
}

/// What all streams of a connection have in flight.
#[derive(Debug, Default)]
pub(super) struct ConnectionPieces {
    bytes: AtomicUsize,
    /// Streams that are being answered, or have been and not all of it has left.
    streams: AtomicUsize,
}

impl ConnectionPieces {
    /// For one more stream.
    pub(super) fn stream(self: &Arc<Self>) -> Arc<StreamPieces> {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Arc::new(StreamPieces { connection: Arc::clone(self), in_flight: Mutex::default() })
    }

    /// Bytes in flight.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes the next piece of a stream may have that has so many in flight; none before one of its
    /// pieces has left.
    fn room(&self, in_flight: usize) -> Option<usize> {
        let streams = self.streams.load(Ordering::Relaxed).max(1);
        let share = (SHARED / streams).max(SMALLEST);
        let piece = LARGEST.min(share - share % SMALLEST);
        let all = self.bytes.load(Ordering::Relaxed);
        if in_flight + piece <= share && all.saturating_add(piece) <= SHARED {
            Some(piece)
        } else {
            (in_flight == 0).then_some(SMALLEST)
        }
    }
}

/// What one stream has in flight.
#[derive(Debug)]
pub(super) struct StreamPieces {
    connection: Arc<ConnectionPieces>,
    in_flight: Mutex<InFlight>,
}

#[derive(Debug, Default)]
struct InFlight {
    bytes: usize,
    /// Of the task that waits for a piece to leave.
    waiting: Option<Waker>,
}

impl StreamPieces {
    /// Bytes the next piece may have, as soon as it may be handed over.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<usize> {
        let mut in_flight = self.in_flight();
        let room = self.connection.room(in_flight.bytes);
        if room.is_none() {
            in_flight.waiting = Some(cx.waker().clone());
        }
        room.map_or(Poll::Pending, Poll::Ready)
    }

    /// The same bytes, counted until they are dropped.
    pub(super) fn count(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        self.in_flight().bytes += bytes.len();
        self.connection.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Piece { bytes, stream: Arc::clone(self) })
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        // A count is whole after every statement.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPieces {
    fn drop(&mut self) {
        self.connection.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes in flight.
struct Piece {
    bytes: Bytes,
    stream: Arc<StreamPieces>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let length = self.bytes.len();
        self.stream.connection.bytes.fetch_sub(length, Ordering::Relaxed);
        let mut in_flight = self.stream.in_flight();
        in_flight.bytes = in_flight.bytes.saturating_sub(length);
        let waiting = in_flight.waiting.take();
        drop(in_flight);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes pieces until there is no room for another.
    fn fill(stream: &Arc<StreamPieces>) -> Vec<Bytes> {
        let cx = Context::from_waker(Waker::noop());
        let mut pieces = Vec::new();
        while let Poll::Ready(room) = stream.poll_room(&cx) {
            pieces.push(stream.count(vec![0; room].into()));
        }
        pieces
    }

    #[test]
    fn up_to_16_streams_have_pieces_of_a_frame() {
        let connection = Arc::new(ConnectionPieces::default());
        let streams: Vec<_> = (0..16).map(|_| connection.stream()).collect();
        for stream in &streams {
            assert_eq!(stream.poll_room(&Context::from_waker(Waker::noop())), Poll::Ready(LARGEST));
        }
        let all: Vec<_> = streams.iter().map(fill).collect();
        assert!(all.iter().flatten().all(|piece| piece.len() == LARGEST));
        assert_eq!(connection.bytes(), SHARED);
    }

    #[test]
    fn however_streams_come_a_connection_keeps_a_little_more_than_they_share() {
        let connection = Arc::new(ConnectionPieces::default());
        // One after the other, each filling what it finds; then all at once.
        let mut one_by_one = Vec::new();
        for _ in 0..100 {
            let stream = connection.stream();
            let pieces = fill(&stream);
            assert!(!pieces.is_empty(), "no stream waits for another's pieces");
            one_by_one.push((stream, pieces));
        }
        assert!(connection.bytes() < SHARED + 100 * SMALLEST, "{}", connection.bytes());
        drop(one_by_one);
        assert_eq!(connection.bytes(), 0);
        let streams: Vec<_> = (0..100).map(|_| connection.stream()).collect();
        let _all: Vec<_> = streams.iter().map(fill).collect();
        assert_eq!(connection.bytes(), 100 * SMALLEST);
    }

    #[test]
    fn who_waits_is_woken_when_a_piece_of_its_own_has_left() {
        let connection = Arc::new(ConnectionPieces::default());
        let streams: Vec<_> = (0..100).map(|_| connection.stream()).collect();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let cx = Context::from_waker(&waker);
        let mut pieces: Vec<_> = streams.iter().map(fill).collect();
        assert_eq!(streams[0].poll_room(&cx), Poll::Pending);
        pieces.remove(1);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        let mut own = pieces.remove(0).remove(0);
        // Whoever holds a part of it holds it.
        let rest = own.split_off(1);
        drop(own);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        drop(rest);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(streams[0].poll_room(&cx), Poll::Ready(SMALLEST));
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
