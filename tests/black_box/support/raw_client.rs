//! Bytes in, bytes out: a client that sends whatever it is told.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// An edge that does not answer within this time has failed the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A stream of bytes both ways: TCP, or TLS on it.
pub(crate) trait Wire: Read + Write + Send {}

impl<S: Read + Write + Send> Wire for S {}

/// A connection that asks for several things, or for none.
pub(crate) struct Connection {
    wire: Box<dyn Wire>,
    unread: Vec<u8>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("unread", &self.unread.len()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn open(edge: SocketAddr) -> Self {
        Self::over(connect(edge))
    }

    /// None where nobody listens any more.
    pub(crate) fn open_if_heard(edge: SocketAddr) -> Option<Self> {
        match TcpStream::connect(edge) {
            Ok(stream) => Some(Self::over(patient(stream))),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// From an address of this machine, which Linux has all of 127/8 of.
    pub(crate) fn open_from(source: [u8; 4], edge: SocketAddr) -> Self {
        Self::over(connect_from(source, edge))
    }

    pub(crate) fn over(wire: impl Wire + 'static) -> Self {
        Self { wire: Box::new(wire), unread: Vec::new() }
    }

    /// Sends these bytes. The edge may have closed already, which the answer shows.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.wire.write_all(bytes.as_ref());
        let _ = self.wire.flush();
    }

    /// The next answer to a GET; none when the edge has closed.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head_answer()?;
        let length = match (answer.status, answer.header("content-length")) {
            (204 | 304, _) => 0,
            (_, Some(length)) => length.parse().unwrap(),
            (_, None) => panic!("an answer without a length: {answer:?}"),
        };
        while self.unread.len() < length {
            assert!(self.read_more(), "cut off: {answer:?}");
        }
        answer.body = self.unread.drain(..length).collect();
        Some(answer)
    }

    /// The next answer to a HEAD: nothing follows its head.
    pub(crate) fn head_answer(&mut self) -> Option<Answer> {
        loop {
            if let Some((answer, length)) = Answer::read_head(&self.unread) {
                self.unread.drain(..length);
                return Some(answer);
            }
            if !self.read_more() {
                assert!(self.unread.is_empty(), "half a head: {:?}", self.unread);
                return None;
            }
        }
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, head: &str) -> Answer {
        self.send(head);
        self.answer().unwrap_or_else(|| panic!("closed without an answer to {head:?}"))
    }

    /// Waits for the edge to close, and gives what came before.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        while self.read_more() {}
        self.unread
    }

    /// Exactly so many bytes; none when the edge has closed.
    pub(crate) fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.read_more() {
                return None;
            }
        }
        Some(self.unread.drain(..length).collect())
    }

    /// Sends the same bytes over and over until the edge closes; fails if it never does.
    pub(crate) fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        for sent in 0..most {
            match self.wire.write_all(bytes) {
                Ok(()) => {}
                Err(error) if is_closed(error.kind()) => return sent,
                Err(error) => panic!("neither taken nor closed: {error}"),
            }
        }
        panic!("still open after {most} times {} bytes", bytes.len());
    }

    /// Reads once. False: the edge has closed.
    fn read_more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.wire.read(&mut piece) {
            Ok(0) => false,
            Ok(read) => {
                self.unread.extend_from_slice(&piece[..read]);
                true
            }
            Err(error) if is_closed(error.kind()) => false,
            // A signal to this process, which serves in it too, ends a read that has a timeout.
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) => {
                let most = self.unread.len().min(2000);
                let unread = String::from_utf8_lossy(&self.unread[..most]);
                panic!("neither an answer nor an end: {error}; so far {unread:?}")
            }
        }
    }
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
    )
}

/// A socket that fails the test rather than wait for ever.
pub(crate) fn connect(edge: SocketAddr) -> TcpStream {
    patient(TcpStream::connect(edge).unwrap())
}

pub(crate) fn connect_from(source: [u8; 4], edge: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((IpAddr::from(source), 0)).into()).unwrap();
    socket.connect(&edge.into()).unwrap();
    patient(socket.into())
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// What came back on a connection until the edge closed it: send something that makes it close.
/// The client never closes its half first, for to the edge that is a client that went away.
pub(crate) fn exchange(edge: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut connection = Connection::open(edge);
    // An edge that refuses early may close while we still write.
    connection.send(bytes);
    connection.rest()
}

/// One answer, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of that name, lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The refusal's code.
    pub(crate) fn code(&self) -> Option<&str> {
        self.header("x-countersign-reason")
    }

    /// The head that these bytes begin with, and its length.
    fn read_head(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect();
        Some((Self { status, headers, body: Vec::new() }, end + 4))
    }
}

/// Sends one request, which asks for the end of the connection unless it speaks of it itself.
pub(crate) fn request(edge: SocketAddr, head: &str) -> Answer {
    let head = if head.contains("Connection:") {
        head.to_owned()
    } else {
        head.replacen("\r\n", "\r\nConnection: close\r\n", 1)
    };
    let bytes = exchange(edge, &head);
    let mut answers = answers(&bytes);
    assert_eq!(answers.len(), 1, "{head:?} got {:?}", String::from_utf8_lossy(&bytes));
    answers.pop().unwrap()
}

/// `GET target` with a host, as one request of a connection.
pub(crate) fn get(edge: SocketAddr, target: &str) -> Answer {
    request(edge, &format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
}

/// The answers in these bytes, each with a Content-Length or to the end.
pub(crate) fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some((mut answer, head)) = Answer::read_head(bytes) {
        let rest = &bytes[head..];
        let length = answer.header("content-length").map_or(rest.len(), |it| it.parse().unwrap());
        let length = length.min(rest.len());
        answer.body = rest[..length].to_vec();
        answers.push(answer);
        bytes = &rest[length..];
    }
    answers
}
