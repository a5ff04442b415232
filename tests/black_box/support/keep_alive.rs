//! A client that asks again and again on one connection, and notices everything that is odd.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::raw_client::{Answer, Wire};

/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes a connection.
pub(crate) type Dial = Arc<dyn Fn() -> io::Result<Box<dyn Wire>> + Send + Sync>;

/// Plain TCP to this address.
pub(crate) fn dial(edge: SocketAddr) -> Dial {
    Arc::new(move || Ok(Box::new(tcp(edge)?)))
}

/// A socket on which no wait is endless.
pub(crate) fn tcp(edge: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(edge)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One connection, made when it is first needed.
pub(crate) struct KeepAlive {
    dial: Dial,
    stream: Option<BufReader<Box<dyn Wire>>>,
    /// Connections made so far.
    pub(crate) connections: usize,
}

impl KeepAlive {
    pub(crate) fn new(dial: Dial) -> Self {
        Self { dial, stream: None, connections: 0 }
    }

    /// Leaves the connection: the next question is asked on a new one.
    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Did the other end say with its last answer that it would be the last?
    pub(crate) fn ended(&self) -> bool {
        self.connections > 0 && self.stream.is_none()
    }

    /// Asks for this; anything but a whole answer is an error.
    pub(crate) fn get(&mut self, target: &str) -> Result<Answer, String> {
        let answer = self.exchange(target).map_err(|error| format!("{target}: {error}"));
        if answer.as_ref().is_ok_and(|it| it.header("connection") != Some("close")) {
            return answer;
        }
        self.stream = None;
        answer
    }

    fn exchange(&mut self, target: &str) -> io::Result<Answer> {
        if self.stream.is_none() {
            self.stream = Some(BufReader::new((self.dial)()?));
            self.connections += 1;
        }
        let stream = self.stream.as_mut().unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        stream.get_mut().write_all(head.as_bytes())?;
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(broken)?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(broken)?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|it| it.parse().ok());
        answer.body.resize(length.ok_or_else(broken)?, 0);
        stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}
