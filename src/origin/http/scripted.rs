//! Origins for tests: an honest file server, and servers that misbehave to order. Both speak raw
//! bytes over real sockets and tell what they saw.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// What a server did or saw, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It took a connection, the first being number 1.
    Accepted(usize),
    /// The peer closed or reset that connection.
    Gone(usize),
    /// A head arrived.
    Request(usize, String),
    /// So many bytes of an endless body are written, and the peer takes no more for now.
    Full(u64),
}

/// What to do about a request.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) bytes: Vec<u8>,
    pub(super) then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Close,
    /// Sends bytes until the peer has enough.
    Endless,
    /// Waits for the next request.
    KeepOpen,
    Reset,
    /// Says nothing more.
    Stall,
}

pub(super) fn script(bytes: impl Into<Vec<u8>>, then: Then) -> Script {
    Script { bytes: bytes.into(), then }
}

pub(super) type Answering = Arc<dyn Fn(usize, &str) -> Script + Send + Sync>;

/// A server that runs as long as this lives.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    events: mpsc::UnboundedReceiver<Event>,
    seen: Vec<Event>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// `answering` gets the number of the request over all connections, from 1, and its head.
    pub(super) async fn start(
        answering: impl Fn(usize, &str) -> Script + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Arc::new(answering), None).await
    }

    pub(super) async fn start_with(answering: Answering, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let asked = Arc::new(Mutex::new(0));
        let accepting = tokio::spawn(async move {
            for number in 1.. {
                let (tcp, _) = listener.accept().await.unwrap();
                let _ = sender.send(Event::Accepted(number));
                let serving = Serving {
                    number,
                    answering: answering.clone(),
                    events: sender.clone(),
                    asked: asked.clone(),
                };
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serving.serve_tcp(tcp).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(tcp).await {
                                serving.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, events, seen: Vec::new(), accepting }
    }

    /// Waits for an event.
    pub(super) async fn wait_for(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        if let Some(event) = self.seen.iter().find(|event| wanted(event)) {
            return event.clone();
        }
        loop {
            let event = self.events.recv().await.unwrap();
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
    }

    /// What has happened so far.
    pub(super) fn so_far(&mut self) -> &[Event] {
        while let Ok(event) = self.events.try_recv() {
            self.seen.push(event);
        }
        &self.seen
    }

    pub(super) fn connections(&mut self) -> usize {
        self.so_far().iter().filter(|event| matches!(event, Event::Accepted(_))).count()
    }

    pub(super) fn requests(&mut self) -> Vec<String> {
        let head = |event: &Event| match event {
            Event::Request(_, head) => Some(head.clone()),
            Event::Accepted(_) | Event::Gone(_) | Event::Full(_) => None,
        };
        self.so_far().iter().filter_map(head).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Serving {
    number: usize,
    answering: Answering,
    events: mpsc::UnboundedSender<Event>,
    asked: Arc<Mutex<usize>>,
}

impl Serving {
    async fn serve_tcp(self, tcp: TcpStream) {
        let mut tcp = tcp;
        match self.answer_requests(&mut tcp).await {
            Some(Then::Reset) => tcp.set_zero_linger().unwrap(),
            Some(Then::Endless) => self.write_endlessly(&tcp).await,
            Some(Then::Close | Then::KeepOpen | Then::Stall) | None => {}
        }
    }

    async fn serve(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.answer_requests(&mut stream).await;
        let _ = stream.shutdown().await;
    }

    /// Returns with what is left to do.
    async fn answer_requests(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> Option<Then> {
        loop {
            let Some(head) = read_head(stream).await else {
                let _ = self.events.send(Event::Gone(self.number));
                return None;
            };
            let asked = {
                let mut asked = self.asked.lock().unwrap();
                *asked += 1;
                *asked
            };
            let _ = self.events.send(Event::Request(self.number, head.clone()));
            let script = (self.answering)(asked, &head);
            if stream.write_all(&script.bytes).await.is_err() {
                let _ = self.events.send(Event::Gone(self.number));
                return None;
            }
            let _ = stream.flush().await;
            match script.then {
                Then::KeepOpen => {}
                Then::Stall => {
                    let _ = stream.read(&mut [0]).await;
                    let _ = self.events.send(Event::Gone(self.number));
                    return None;
                }
                then @ (Then::Close | Then::Endless | Then::Reset) => return Some(then),
            }
        }
    }

    async fn write_endlessly(&self, tcp: &TcpStream) {
        let mut written = 0;
        let bytes = vec![b'x'; 64 * 1024];
        loop {
            match tcp.try_write(&bytes) {
                Ok(more) => written += more as u64,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    let _ = self.events.send(Event::Full(written));
                    let _ = tcp.writable().await;
                }
                Err(_) => break,
            }
            // The runtime has one thread, and the reader needs it too.
            tokio::task::yield_now().await;
        }
        let _ = self.events.send(Event::Gone(self.number));
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// How an honest server treats ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ranges {
    Honoured,
    Ignored,
}

/// Answers as RFC 9110 says, one range at most.
pub(super) fn honest(objects: Vec<(&'static str, Bytes)>, ranges: Ranges) -> Answering {
    Arc::new(move |_, head| {
        let mut lines = head.split("\r\n");
        let mut start = lines.next().unwrap().split(' ');
        let (method, target) = (start.next().unwrap(), start.next().unwrap());
        let fields: HashMap<String, &str> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let name = percent_encoding::percent_decode_str(target.strip_prefix('/').unwrap())
            .decode_utf8()
            .unwrap();
        let object = objects.iter().position(|(known, _)| *known == name);
        let Some(index) = object else {
            let body = if method == "HEAD" { "" } else { "nothing" };
            let text = format!("HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n{body}");
            return script(text, Then::KeepOpen);
        };
        let content = &objects[index].1;
        let etag = format!("\"v{index}\"");
        let common = format!(
            "ETag: {etag}\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Date: Sun, 06 Nov 2022 08:49:37 GMT\r\nServer: secret/1.0\r\nSet-Cookie: a=b\r\n\
             Content-Type: text/plain\r\n"
        );
        if fields.get("if-match").is_some_and(|wanted| *wanted != etag) {
            return script(
                "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n",
                Then::KeepOpen,
            );
        }
        if fields.get("if-none-match").is_some_and(|known| *known == etag) {
            return script(format!("HTTP/1.1 304 Not Modified\r\n{common}\r\n"), Then::KeepOpen);
        }
        let applies = fields.get("if-range").is_none_or(|known| *known == etag);
        let wanted = fields.get("range").filter(|_| applies && ranges == Ranges::Honoured);
        let complete = content.len();
        let span = wanted.map(|text| {
            let (first, last) = text.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            match (first.parse::<usize>(), last.parse::<usize>()) {
                (Ok(first), Ok(last)) => first..last.saturating_add(1).min(complete),
                (Ok(first), Err(_)) => first..complete,
                (Err(_), Ok(length)) => complete.saturating_sub(length)..complete,
                (Err(_), Err(_)) => panic!("{text}"),
            }
        });
        let (status, bytes) = match span {
            None => ("200 OK\r\n".to_owned(), &content[..]),
            Some(span) if span.start >= span.end => {
                let text = format!("HTTP/1.1 416 Range Not Satisfiable\r\n{common}");
                return script(format!("{text}Content-Length: 0\r\n\r\n"), Then::KeepOpen);
            }
            Some(span) => {
                let (first, last) = (span.start, span.end - 1);
                let line = format!("Content-Range: bytes {first}-{last}/{complete}\r\n");
                (format!("206 Partial Content\r\n{line}"), &content[span])
            }
        };
        let length = bytes.len();
        let mut answer =
            format!("HTTP/1.1 {status}{common}Content-Length: {length}\r\n\r\n").into_bytes();
        if method != "HEAD" {
            answer.extend_from_slice(bytes);
        }
        script(answer, Then::KeepOpen)
    })
}
