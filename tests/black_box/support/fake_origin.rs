//! An HTTP origin that does what it is told, and counts.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// A listening origin. Dropped, it takes no more connections.
pub(crate) struct FakeOrigin {
    address: SocketAddr,
    written: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// One request to it.
pub(crate) struct Asked {
    /// Its request line and header lines.
    head: Vec<String>,
    stream: TcpStream,
    written: Arc<AtomicU64>,
}

impl FakeOrigin {
    /// Answers each request on a thread of its own; a script that returns closes the connection.
    pub(crate) fn start(script: impl Fn(&mut Asked) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let written = Arc::new(AtomicU64::new(0));
        let ended = Arc::new(AtomicBool::new(false));
        let script = Arc::new(script);
        let thread = std::thread::spawn({
            let (written, ended) = (Arc::clone(&written), Arc::clone(&ended));
            move || {
                for stream in listener.incoming() {
                    if ended.load(Ordering::Acquire) {
                        return;
                    }
                    let (script, written) = (Arc::clone(&script), Arc::clone(&written));
                    std::thread::spawn(move || serve(stream.unwrap(), &*script, &written));
                }
            }
        });
        Self { address, written, ended, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes it could hand over so far, on all connections.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }
}

impl Drop for FakeOrigin {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the accept.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Asked {
    /// The path that was asked for.
    pub(crate) fn method(&self) -> &str {
        self.head[0].split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.head[0].split(' ').nth(1).unwrap()
    }

    /// The value of a header line of the request.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.iter().skip(1).filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1.trim())
    }

    /// Hands over bytes; false when the other end is gone.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = self.stream.write_all(bytes.as_ref()).is_ok();
        if sent {
            self.written.fetch_add(bytes.as_ref().len() as u64, Ordering::AcqRel);
        }
        sent
    }

    /// Says nothing more until the other end goes away.
    pub(crate) fn stall(&mut self) {
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }

    /// Breaks the connection off with a reset.
    pub(crate) fn reset(&mut self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
}

fn serve(stream: TcpStream, script: &dyn Fn(&mut Asked), written: &Arc<AtomicU64>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut head = Vec::new();
    loop {
        match lines.next() {
            Some(Ok(line)) if line.is_empty() => break,
            Some(Ok(line)) => head.push(line),
            Some(Err(_)) | None => return,
        }
    }
    let mut asked = Asked { head, stream, written: Arc::clone(written) };
    script(&mut asked);
    let linger = socket2::SockRef::from(&asked.stream).linger();
    if linger.is_ok_and(|it| it.is_none()) {
        let _ = asked.stream.shutdown(Shutdown::Both);
    }
}
