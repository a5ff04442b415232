//! Reading a file without ever making a worker wait for the disk.
//!
//! Bytes in the page cache are copied where we are (`preadv2` with `RWF_NOWAIT`). Bytes that are
//! not are read on a blocking thread, and the kernel reads on into the page cache. A chunk is read
//! when it is asked for, so that a reader that stops holds what it has asked for and no more; only
//! where the page cache cannot be asked is it one chunk that we read ahead.

use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::fd::OwnedFd;
use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};
use tokio::task::JoinHandle;

use super::super::error::{OriginError, OriginFault};
use super::super::range::{ByteRange, Spans};
use super::object::DiskObject;
use crate::splice::{COPIED_END, FilePart, Load, Outlet, WORTHWHILE};

/// Read at once: long enough to make the call cheap, short enough for the other connections of the
/// worker, and for the memory that thousands of readers that stopped may hold.
const LARGE_PIECE: u64 = 64 * 1024;

/// Asked of the disk at once, into the page cache: a thread's wake-up is dear, and so is a disk's.
const READ_AHEAD: NonZeroU64 = NonZeroU64::new(256 * 1024).unwrap();

/// The bytes of some ranges of a file.
#[derive(Debug)]
pub(in super::super) struct DiskBody {
    file: Arc<OwnedFd>,
    spans: VecDeque<ByteRange>,
    /// The read under way, for the start of the first span.
    reading: Option<JoinHandle<Result<Vec<u8>, Errno>>>,
    cache: PageCache,
    /// Bytes of the next chunk, at most.
    piece: u64,
}

/// May the page cache be tried?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageCache {
    /// This file system or kernel cannot tell.
    Opaque,
    Tried,
}

impl DiskBody {
    pub(in super::super) fn new(object: DiskObject, spans: &Spans) -> Self {
        Self {
            file: Arc::new(object.file),
            spans: spans.as_slice().iter().copied().collect(),
            reading: None,
            cache: PageCache::Tried,
            piece: LARGE_PIECE,
        }
    }

    /// From now on in pieces of at most so many bytes, and never of none.
    pub(in super::super) fn keep_pieces_within(&mut self, bytes: usize) {
        self.piece = u64::try_from(bytes).unwrap_or(LARGE_PIECE).clamp(1, LARGE_PIECE);
    }

    /// With an outlet, large parts are sent from there. The end of a span is not.
    pub(in super::super) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        outlet: Option<&Outlet>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                let bytes = match read {
                    Ok(Ok(bytes)) => self.took(bytes),
                    Ok(Err(errno)) => Err(OriginError::caused_by(OriginFault::ReadFailed, errno)),
                    Err(gone) => Err(OriginError::caused_by(OriginFault::ReadFailed, gone)),
                };
                if bytes.is_ok() && self.cache == PageCache::Opaque {
                    self.read_next();
                }
                return Poll::Ready(Some(bytes));
            }
            let Some(span) = self.spans.front().copied() else { return Poll::Ready(None) };
            if let Some(outlet) = outlet
                && span.length() >= WORTHWHILE
            {
                let wanted = span.length().saturating_sub(COPIED_END);
                let part = FilePart::new(Arc::clone(&self.file), span.first(), wanted);
                self.pass(part.left() as u64);
                let piece = outlet.hand_over(Load::File(part));
                return Poll::Ready(Some(piece.ok_or(OriginFault::BodyBroken.into())));
            }
            if self.cache == PageCache::Tried {
                match read_cached(&self.file, span, self.piece) {
                    Ok(bytes) => return Poll::Ready(Some(self.took(bytes))),
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                        self.cache = PageCache::Opaque;
                    }
                    Err(errno) => {
                        let error = OriginError::caused_by(OriginFault::ReadFailed, errno);
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
            self.read_next();
        }
    }

    fn read_next(&mut self) {
        if let Some(span) = self.spans.front().copied() {
            let file = Arc::clone(&self.file);
            let chunk = self.piece;
            self.reading = Some(tokio::task::spawn_blocking(move || read_cold(&file, span, chunk)));
        }
    }

    /// Books what was read from the start of the first span. Nothing was read: the file has
    /// become shorter than it was when it was opened.
    fn took(&mut self, bytes: Vec<u8>) -> Result<Bytes, OriginError> {
        if bytes.is_empty() {
            return Err(OriginFault::BodyBroken.into());
        }
        self.pass(bytes.len() as u64);
        Ok(bytes.into())
    }

    /// So many bytes of the first span are on their way.
    fn pass(&mut self, length: u64) {
        if let Some(span) = self.spans.pop_front()
            && let Some(rest) = ByteRange::new(span.first().saturating_add(length), span.last())
        {
            self.spans.push_front(rest);
        }
    }
}

fn read_cached(file: &OwnedFd, span: ByteRange, chunk: u64) -> Result<Vec<u8>, Errno> {
    let mut buffer = buffer(span, chunk);
    let slices = &mut [IoSliceMut::new(&mut buffer)];
    let read = preadv2(file, slices, span.first(), ReadWriteFlags::NOWAIT)?;
    buffer.truncate(read);
    Ok(buffer)
}

fn read_cold(file: &OwnedFd, span: ByteRange, chunk: u64) -> Result<Vec<u8>, Errno> {
    // Advice: what becomes of it shows in the time the next reads take.
    let _ = fadvise(file, span.first(), Some(READ_AHEAD), Advice::WillNeed);
    let mut buffer = buffer(span, chunk);
    let read = loop {
        match pread(file, &mut buffer, span.first()) {
            Err(Errno::INTR) => {}
            read => break read?,
        }
    };
    buffer.truncate(read);
    Ok(buffer)
}

fn buffer(span: ByteRange, at_most: u64) -> Vec<u8> {
    // Every chunk fits a `usize` anywhere.
    vec![0; usize::try_from(span.length().min(at_most)).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;

    use super::*;

    /// Asked for again before each, from the page cache and where it cannot be asked.
    #[tokio::test]
    async fn pieces_are_as_small_as_is_asked() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 100_000]).unwrap();
        let spans = Spans::coalesce([ByteRange::new(0, 99_999).unwrap()]).unwrap();
        for cache in [PageCache::Tried, PageCache::Opaque] {
            let file = file.try_clone().unwrap().into();
            let mut body = DiskBody::new(DiskObject { file }, &spans);
            body.cache = cache;
            let mut lengths = Vec::new();
            body.keep_pieces_within(4096);
            while let Some(bytes) = poll_fn(|cx| body.poll_bytes(cx, None)).await {
                lengths.push(bytes.unwrap().len());
                body.keep_pieces_within(16 * 1024);
            }
            // Where nothing can be told, the second was read ahead with the first.
            let expected = match cache {
                PageCache::Tried => [4096, 16384, 16384, 16384, 16384, 16384, 13_984].as_slice(),
                PageCache::Opaque => &[4096, 4096, 16384, 16384, 16384, 16384, 16384, 9888],
            };
            assert_eq!(lengths, expected, "{cache:?}");
        }
    }

    /// Where nothing can be told about the page cache every byte comes over the blocking threads,
    /// several chunks of it, each read ahead of the reader.
    #[tokio::test]
    async fn bytes_over_the_blocking_threads() {
        let content: Vec<u8> = (0_u32..200_000).flat_map(u32::to_le_bytes).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let ranges = [(3, 5), (100, 600_000), (700_000, 799_999)];
        let ranges = ranges.map(|(first, last)| ByteRange::new(first, last).unwrap());
        let mut body =
            DiskBody::new(DiskObject { file: file.into() }, &Spans::coalesce(ranges).unwrap());
        body.cache = PageCache::Opaque;
        let mut read = Vec::new();
        while let Some(bytes) = poll_fn(|cx| body.poll_bytes(cx, None)).await {
            read.extend_from_slice(&bytes.unwrap());
            assert_eq!(body.reading.is_none(), body.spans.is_empty());
        }
        let expected = [&content[3..=5], &content[100..=600_000], &content[700_000..]].concat();
        assert!(read == expected);
    }
}
