//! Parts of files, sent by sendfile(2) without ever making a worker wait for the disk.
//!
//! Just before a part is sent it is asked whether the page cache has it. What it has not is read on a
//! blocking thread, and sent once it is there. An answer holds for a moment only: who reads slowly
//! gives the kernel time to forget pages.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{Advice, fadvise, sendfile};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::zone::LONGEST;

/// How far apart the places are at which the page cache is asked: as far as Linux reads ahead unless it
/// is told otherwise. What can lie unseen between two that are there is less than one such read.
const ASKED_EVERY: usize = 128 * 1024;

/// For how long its answer holds.
const HOLDS: Duration = Duration::from_millis(250);

/// Read at once, of what is not there, or copied where files cannot be sent.
const COPIED: usize = 64 * 1024;

/// A part of a file that is to be sent.
#[derive(Debug)]
pub struct FilePart {
    file: Arc<OwnedFd>,
    at: u64,
    left: usize,
    /// When the page cache had all of it.
    seen: Option<Instant>,
    reading: Option<JoinHandle<Result<(), Errno>>>,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// This file system does not do it otherwise.
    Copied,
    Sent,
}

impl FilePart {
    /// The bytes from there on, as many as are wanted and are sent as one part.
    pub fn new(file: Arc<OwnedFd>, first: u64, wanted: u64) -> Self {
        let left = usize::try_from(wanted).unwrap_or(usize::MAX).min(LONGEST);
        Self { file, at: first, left, seen: None, reading: None, way: Way::Sent }
    }

    /// How many bytes there are.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Ready when sending would not wait for the disk.
    pub(super) fn poll_in_memory(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                read.map_err(io::Error::other)??;
                // Not asked again: where memory is so short that it is gone already, it would not end.
                self.seen = Some(Instant::now());
            }
            if self.seen.is_some_and(|seen| seen.elapsed() < HOLDS) {
                return Poll::Ready(Ok(()));
            }
            if is_cached(&self.file, self.at, self.left) {
                self.seen = Some(Instant::now());
            } else {
                let (file, first, length) = (Arc::clone(&self.file), self.at, self.left);
                let read = move || read_in(&file, first, length);
                self.reading = Some(tokio::task::spawn_blocking(read));
            }
        }
    }

    /// Sends some of it. The file must not have become shorter.
    pub(super) fn send(&mut self, socket: &TcpStream, most: usize) -> io::Result<usize> {
        let most = most.min(self.left);
        let sent = socket.try_io(Interest::WRITABLE, || {
            if self.way == Way::Sent {
                match sendfile(socket, &self.file, Some(&mut self.at.clone()), most) {
                    Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.way = Way::Copied,
                    Ok(0) => return Err(FileTooShort.into()),
                    sent => return Ok(sent?),
                }
            }
            let mut buffer = vec![0; most.min(COPIED)];
            let read = pread(&self.file, &mut buffer, self.at)?;
            buffer.truncate(read);
            if buffer.is_empty() {
                return Err(FileTooShort.into());
            }
            Ok(rustix::io::write(socket, &buffer)?)
        })?;
        self.at = self.at.saturating_add(sent as u64);
        self.left = self.left.saturating_sub(sent);
        Ok(sent)
    }
}

/// A file has become shorter than it was when its answer began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has become shorter while it was sent")]
pub struct FileTooShort;

impl From<FileTooShort> for io::Error {
    fn from(short: FileTooShort) -> Self {
        Self::other(short)
    }
}

/// Would reading there not wait? Where that cannot be told it might.
fn is_cached(file: &OwnedFd, first: u64, length: usize) -> bool {
    let end = first.saturating_add(length as u64);
    (first..end).step_by(ASKED_EVERY).chain([end.saturating_sub(1)]).all(|at| {
        let mut byte = [0];
        let slices = &mut [IoSliceMut::new(&mut byte)];
        preadv2(file, slices, at, ReadWriteFlags::NOWAIT).is_ok()
    })
}

/// Waits until the page cache has it, as far as the file goes.
fn read_in(file: &OwnedFd, first: u64, length: usize) -> Result<(), Errno> {
    // Advice: what becomes of it shows in the time the reads take.
    let _ = fadvise(file, first, std::num::NonZeroU64::new(length as u64), Advice::WillNeed);
    let end = first.saturating_add(length as u64);
    let mut buffer = vec![0; length.min(COPIED)];
    let mut at = first;
    while at < end {
        match pread(file, &mut buffer, at) {
            Ok(0) => return Ok(()),
            Ok(read) => at = at.saturating_add(read as u64),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::future::poll_fn;
    use std::io::Write;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    const LENGTH: usize = 300_000;

    async fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    fn content() -> Vec<u8> {
        (0..LENGTH).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    async fn send_all(part: &mut FilePart, socket: &TcpStream) -> io::Result<()> {
        while part.left() > 0 {
            poll_fn(|cx| part.poll_in_memory(cx)).await?;
            socket.writable().await?;
            match part.send(socket, usize::MAX) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => assert!(sent? > 0),
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn parts_arrive_by_every_way() {
        let content = content();
        for (way, cached) in [(Way::Sent, true), (Way::Sent, false), (Way::Copied, true)] {
            let (near, mut far) = sockets().await;
            let file = file(&content);
            if !cached {
                file.sync_all().unwrap();
                fadvise(&file, 0, None, Advice::DontNeed).unwrap();
            }
            let mut part = FilePart::new(Arc::new(file.into()), 3, LENGTH as u64 - 10);
            part.way = way;
            let mut got = vec![0; LENGTH - 10];
            let (sent, read) = tokio::join!(send_all(&mut part, &near), far.read_exact(&mut got));
            sent.unwrap();
            read.unwrap();
            assert!(got == content[3..LENGTH - 7], "{way:?}, cached: {cached}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_shortened_is_an_error_by_every_way() {
        for way in [Way::Sent, Way::Copied] {
            let (near, _far) = sockets().await;
            let file = file(&content());
            let mut part =
                FilePart::new(Arc::new(file.try_clone().unwrap().into()), 0, LENGTH as u64);
            part.way = way;
            file.set_len(0).unwrap();
            let error = send_all(&mut part, &near).await.unwrap_err();
            assert!(error.get_ref().unwrap().is::<FileTooShort>(), "{error}");
        }
    }

    /// What the page cache had once it is asked about again.
    #[tokio::test(start_paused = true)]
    async fn an_answer_of_the_page_cache_grows_old() {
        let file = Arc::new(OwnedFd::from(file(&content())));
        let mut part = FilePart::new(file, 0, LENGTH as u64);
        poll_fn(|cx| part.poll_in_memory(cx)).await.unwrap();
        let first = part.seen;
        poll_fn(|cx| part.poll_in_memory(cx)).await.unwrap();
        assert_eq!(part.seen, first);
        tokio::time::advance(HOLDS).await;
        poll_fn(|cx| part.poll_in_memory(cx)).await.unwrap();
        assert_ne!(part.seen, first);
    }
}
