//! A client that reads and throws away, over each protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;

use crate::support::http2::{DATA, END_STREAM, HEADERS, PING, SETTINGS, frame, head, hello};
use crate::support::keep_alive::dial;
use crate::support::raw_client::Wire;
use crate::support::tls::{Certificate, TlsClient};

/// The name that links are for.
pub(crate) const HOST: &str = "localhost";

const PIECE: usize = 256 << 10;

const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;

/// How bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// HTTP/1.1 in the clear, where the edge may leave bytes to `splice(2)`.
    Plain,
    /// HTTP/1.1 over TLS.
    Tls,
    /// HTTP/2 over TLS.
    Http2,
}

/// Where an edge is.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a> {
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) certificate: &'a Certificate,
}

/// How much a client takes at once, of HTTP/2.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Window {
    /// All of every file.
    Widest,
    /// What a client grants that says nothing (RFC 9113, section 6.9.2).
    Usual,
}

/// One connection.
pub(crate) struct Client {
    way: Way,
    wire: BufReader<Box<dyn Wire>>,
    streams: u32,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "HTTP/1.1",
            Self::Tls => "HTTP/1.1, TLS",
            Self::Http2 => "HTTP/2, TLS",
        }
    }
}

impl Client {
    pub(crate) fn open(edge: Address<'_>, way: Way, window: Window) -> Self {
        let secure = |alpn| TlsClient::trusting([edge.certificate], alpn).dial(edge.tls, HOST);
        let dial = match way {
            Way::Plain => dial(edge.plain),
            Way::Tls => secure("http/1.1"),
            Way::Http2 => secure("h2"),
        };
        let mut client =
            Self { way, wire: BufReader::with_capacity(PIECE, dial().unwrap()), streams: 0 };
        match (way, window) {
            (Way::Plain | Way::Tls, _) => {}
            (Way::Http2, Window::Usual) => client.send(&hello(65_535)),
            (Way::Http2, Window::Widest) => {
                let widest = i32::MAX.unsigned_abs();
                client.send(&hello(widest));
                client.widen(widest - 65_535);
            }
        }
        client
    }

    /// Asks for this and throws it away. Gives the number of bytes of the answer's body, which has to
    /// be whole.
    pub(crate) fn get(&mut self, target: &str, range: Option<(u64, u64)>) -> u64 {
        self.ask("GET", target, range);
        match self.way {
            Way::Plain | Way::Tls => {
                let length = self.head();
                self.skip(length);
                length
            }
            Way::Http2 => {
                let length = self.stream(|_, _| true);
                self.widen(u32::try_from(length).unwrap());
                length
            }
        }
    }

    /// What a GET would give, by HTTP/1.1.
    pub(crate) fn length(&mut self, target: &str) -> u64 {
        self.ask("HEAD", target, None);
        self.head()
    }

    /// Asks for this and reads no more than how it begins: the rest waits for as long as this client
    /// is there.
    pub(crate) fn stall(mut self, target: &str) -> Self {
        self.ask("GET", target, None);
        match self.way {
            Way::Plain | Way::Tls => {
                self.head();
            }
            Way::Http2 => {
                self.stream(|kind, _| kind != DATA);
            }
        }
        self
    }

    fn ask(&mut self, method: &str, target: &str, range: Option<(u64, u64)>) {
        let range = range.map(|(first, last)| format!("bytes={first}-{last}"));
        match self.way {
            Way::Plain | Way::Tls => {
                let range = range.map_or_else(String::new, |it| format!("Range: {it}\r\n"));
                let head = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{range}\r\n");
                self.send(head.as_bytes());
            }
            Way::Http2 => {
                // Of a client, odd ones.
                self.streams += 1;
                let mut fields = vec![
                    (":method", method),
                    (":scheme", "https"),
                    (":authority", HOST),
                    (":path", target),
                ];
                fields.extend(range.as_deref().map(|range| ("range", range)));
                self.send(&head(2 * self.streams - 1, END_STREAM, &fields));
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let wire = self.wire.get_mut();
        wire.write_all(bytes).unwrap();
        wire.flush().unwrap();
    }

    fn widen(&mut self, by: u32) {
        self.send(&frame(WINDOW_UPDATE, 0, 0, &by.to_be_bytes()));
    }

    /// A head of HTTP/1.1, which must be of success: what it says of the length.
    fn head(&mut self) -> u64 {
        let (mut line, mut length) = (String::new(), None);
        self.wire.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 20"), "{line}");
        loop {
            line.clear();
            self.wire.read_line(&mut line).unwrap();
            let lower = line.trim_end().to_ascii_lowercase();
            match lower.strip_prefix("content-length: ") {
                Some(text) => length = Some(text.parse().unwrap()),
                None if lower.is_empty() => return length.expect("a length"),
                None => {}
            }
        }
    }

    /// Frames until the stream ends, or until one that is not to be gone on with. Gives the number of
    /// bytes of content.
    fn stream(&mut self, go_on: impl Fn(u8, u64) -> bool) -> u64 {
        let mut content = 0;
        loop {
            let mut header = [0; 9];
            self.wire.read_exact(&mut header).unwrap();
            let [l0, l1, l2, kind, flags, ..] = header;
            let length = u64::from(u32::from_be_bytes([0, l0, l1, l2]));
            let ended = flags & END_STREAM != 0;
            match kind {
                DATA => content += length,
                SETTINGS if flags & ACK == 0 => self.send(&frame(SETTINGS, ACK, 0, &[])),
                HEADERS | SETTINGS | WINDOW_UPDATE => {}
                PING => {
                    let mut payload = [0; 8];
                    self.wire.read_exact(&mut payload).unwrap();
                    self.send(&frame(PING, ACK, 0, &payload));
                    continue;
                }
                kind => panic!("a frame of type {kind} instead of the answer"),
            }
            self.skip(length);
            if matches!(kind, DATA | HEADERS) && (ended || !go_on(kind, length)) {
                return content;
            }
        }
    }

    fn skip(&mut self, mut length: u64) {
        while length > 0 {
            let here = self.wire.fill_buf().unwrap().len();
            assert!(here > 0, "broken off, {length} bytes before the end");
            let taken = usize::try_from(length).unwrap().min(here);
            self.wire.consume(taken);
            length -= taken as u64;
        }
    }
}
