//! A stable address for a program that comes and goes, on ports of its own.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Passes connections on. Nothing behind it: they are closed at once.
#[derive(Clone)]
pub(crate) struct Relay {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    target: Option<SocketAddr>,
    open: Vec<TcpStream>,
    /// Of the connections there are: does anything pass?
    frozen: Arc<AtomicBool>,
}

impl Relay {
    /// With nothing behind it.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&relay.state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                accept(stream.unwrap(), &state);
            }
        });
        relay
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts something behind it.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.state.lock().unwrap().target = Some(target);
    }

    /// Lets nothing pass any more on the connections there are, which stay open. New ones are as
    /// before.
    pub(crate) fn freeze(&self) {
        let mut state = self.state.lock().unwrap();
        std::mem::take(&mut state.frozen).store(true, Ordering::SeqCst);
    }

    /// Breaks every connection off, and takes away what is behind it.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.target = None;
        for stream in state.open.drain(..) {
            // It may be gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(near: TcpStream, state: &Mutex<State>) {
    let mut state = state.lock().unwrap();
    let Some(far) = state.target.and_then(|target| TcpStream::connect(target).ok()) else { return };
    for (from, to) in [(&near, &far), (&far, &near)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let frozen = Arc::clone(&state.frozen);
        std::thread::spawn(move || pass(from, to, &frozen));
    }
    state.open.extend([near, far]);
}

fn pass(mut from: TcpStream, mut to: TcpStream, frozen: &AtomicBool) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if frozen.load(Ordering::SeqCst) {
            continue;
        }
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // The other end may be gone already.
    let _ = to.shutdown(Shutdown::Both);
}
