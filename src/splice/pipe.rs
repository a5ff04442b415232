//! Pipes, as types that say whether there is something in them.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::zone::LONGEST;

/// Most pipes at once, of all workers. Each takes two descriptors and keeps up to 1 MiB of the
/// kernel's memory.
pub const MOST_PIPES: usize = 128;

/// Most that wait for their next use.
const MOST_IDLE: usize = 16;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Taken twice for what may be a megabyte: of no weight.
static IDLE: Mutex<Vec<Pipe>> = Mutex::new(Vec::new());

fn idle() -> MutexGuard<'static, Vec<Pipe>> {
    // Nothing in a critical section panics.
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counted as long as it is open.
#[derive(Debug)]
struct Counted;

impl Counted {
    fn one_more() -> Option<Self> {
        let below = |open| (open < MOST_PIPES).then_some(open + 1);
        OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).ok().map(|_| Self)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    _counted: Counted,
}

impl Pipe {
    /// None where there are as many as there may be, no descriptor is left, or the kernel gives this
    /// user no pipe of that size any more (`pipe-user-pages-soft`).
    fn open() -> Option<Self> {
        let counted = Counted::one_more()?;
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        let room = fcntl_setpipe_size(&write, LONGEST).ok()?;
        (room >= LONGEST).then_some(Self { read, write, _counted: counted })
    }
}

/// A pipe with nothing in it. Dropped, it waits for its next use.
#[derive(Debug)]
pub struct EmptyPipe(Option<Pipe>);

impl EmptyPipe {
    /// One that waits, or a new one; none where there is none to be had.
    pub fn take() -> Option<Self> {
        let waiting = idle().pop();
        waiting.or_else(Pipe::open).map(|pipe| Self(Some(pipe)))
    }

    /// Fills it with what has arrived on a socket. None: the other end has closed its side.
    pub fn fill_from_socket(self, socket: &TcpStream, most: u64) -> io::Result<Option<FullPipe>> {
        self.fill(|pipe| {
            let moved = || {
                let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
                Ok(splice(socket, None, pipe, None, capped(most), flags)?)
            };
            socket.try_io(Interest::READABLE, moved)
        })
    }

    fn fill(
        mut self,
        move_into: impl FnOnce(&OwnedFd) -> io::Result<usize>,
    ) -> io::Result<Option<FullPipe>> {
        let Some(pipe) = self.0.take() else { return Err(Errno::BADF.into()) };
        match move_into(&pipe.write) {
            Ok(0) => {
                self.0 = Some(pipe);
                Ok(None)
            }
            Ok(left) => Ok(Some(FullPipe { pipe, left })),
            Err(error) => {
                // A call that fails has moved nothing.
                self.0 = Some(pipe);
                Err(error)
            }
        }
    }
}

fn capped(most: u64) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX).min(LONGEST)
}

impl Drop for EmptyPipe {
    fn drop(&mut self) {
        let Some(pipe) = self.0.take() else { return };
        let mut idle = idle();
        if idle.len() < MOST_IDLE {
            idle.push(pipe);
        }
    }
}

/// A pipe with bytes in it. Dropped, it is closed, and the bytes are gone.
#[derive(Debug)]
pub struct FullPipe {
    pipe: Pipe,
    left: usize,
}

impl FullPipe {
    /// How many bytes there are; never none while it is in anybody's hands.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Moves bytes into a socket, as many as it takes, no more than `most`.
    pub(super) fn drain(&mut self, socket: &TcpStream, most: usize) -> io::Result<usize> {
        let most = most.min(self.left);
        let moved = socket.try_io(Interest::WRITABLE, || {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            Ok(splice(&self.pipe.read, None, socket, None, most, flags)?)
        })?;
        self.left = self.left.saturating_sub(moved);
        Ok(moved)
    }

    /// It is, where nothing is left.
    pub(super) fn into_empty(self) -> Option<EmptyPipe> {
        (self.left == 0).then(|| EmptyPipe(Some(self.pipe)))
    }
}
