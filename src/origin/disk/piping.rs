//! Parts of a file into pipes, without ever making a worker wait for the disk.
//!
//! A part that the page cache has is moved where we are, any other on a blocking thread. Whether it
//! has it is asked at places no further apart than the kernel reads ahead at least.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fd::OwnedFd;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::JoinHandle;

use super::super::error::{OriginError, OriginFault};
use super::super::range::ByteRange;
use crate::splice::{COPIED_END, EmptyPipe, FullPipe, WORTHWHILE};

/// Put into a pipe at once.
const PART: u64 = 1024 * 1024;

/// See the module.
const PROBED: usize = 16 * 1024;

/// Fills the pipes of one body.
#[derive(Debug)]
pub(super) struct Piping {
    filling: Option<JoinHandle<io::Result<Option<FullPipe>>>>,
    pipes: Pipes,
}

/// May pipes be tried for?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pipes {
    /// None is to be had, or this file system does not splice.
    NoneLeft,
    Tried,
}

impl Piping {
    pub(super) const fn new() -> Self {
        Self { filling: None, pipes: Pipes::Tried }
    }

    /// The start of the span in a pipe; none where it is to be copied. The end always is.
    pub(super) fn poll_pipe(
        &mut self,
        file: &Arc<OwnedFd>,
        span: ByteRange,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<FullPipe, OriginError>>> {
        loop {
            if let Some(filling) = &mut self.filling {
                let filled = ready!(Pin::new(filling).poll(cx));
                self.filling = None;
                return Poll::Ready(self.settle(filled.map_err(io::Error::other).flatten()));
            }
            if self.pipes == Pipes::NoneLeft || span.length() < WORTHWHILE {
                return Poll::Ready(None);
            }
            let Some(pipe) = EmptyPipe::take() else {
                self.pipes = Pipes::NoneLeft;
                return Poll::Ready(None);
            };
            let (first, length) =
                (span.first(), span.length().saturating_sub(COPIED_END).min(PART));
            if is_cached(file, first, length) {
                return Poll::Ready(self.settle(pipe.fill_from_file(file, first, length)));
            }
            let file = Arc::clone(file);
            let filling = move || pipe.fill_from_file(&file, first, length);
            self.filling = Some(tokio::task::spawn_blocking(filling));
        }
    }

    fn settle(
        &mut self,
        filled: io::Result<Option<FullPipe>>,
    ) -> Option<Result<FullPipe, OriginError>> {
        match filled {
            Ok(Some(pipe)) => Some(Ok(pipe)),
            // The file has become shorter than it was when it was opened.
            Ok(None) => Some(Err(OriginFault::BodyBroken.into())),
            Err(error)
                if matches!(Errno::from_io_error(&error), Some(Errno::AGAIN | Errno::INVAL)) =>
            {
                self.pipes = Pipes::NoneLeft;
                None
            }
            Err(error) => Some(Err(OriginError::caused_by(OriginFault::ReadFailed, error))),
        }
    }
}

/// Would reading there not wait? Where that cannot be told it might.
fn is_cached(file: &OwnedFd, first: u64, length: u64) -> bool {
    let end = first.saturating_add(length);
    let last = end.saturating_sub(1);
    (first..end).step_by(PROBED).chain([last]).all(|at| {
        let mut byte = [0];
        let slices = &mut [IoSliceMut::new(&mut byte)];
        preadv2(file, slices, at, ReadWriteFlags::NOWAIT).is_ok()
    })
}
