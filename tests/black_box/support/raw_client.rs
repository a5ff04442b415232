//! Bytes in, bytes out: a client that sends whatever it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An edge that does not answer within this time has failed the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back on a connection until the edge closed it: send something that makes it close.
/// The client never closes its half first, for to the edge that is a client that went away.
pub(crate) fn exchange(edge: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut stream = TcpStream::connect(edge).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // An edge that refuses early may close while we still write.
    let _ = stream.write_all(bytes.as_ref());
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return answer,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return answer,
            Err(error) => panic!("no end of the answer: {error}"),
        }
    }
}

/// One answer, taken apart.
#[derive(Debug)]
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
    while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect();
        let rest = &bytes[end + 4..];
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map_or(rest.len(), |(_, value)| value.parse().unwrap());
        let length = length.min(rest.len());
        answers.push(Answer { status, headers, body: rest[..length].to_vec() });
        bytes = &rest[length..];
    }
    answers
}
