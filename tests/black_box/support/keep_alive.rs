//! A client that asks again and again on one connection, and notices everything that is odd.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::raw_client::Answer;

/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection, made when it is first needed.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    edge: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    /// Connections made so far.
    pub(crate) connections: usize,
}

impl KeepAlive {
    pub(crate) fn new(edge: SocketAddr) -> Self {
        Self { edge, stream: None, connections: 0 }
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

    fn exchange(&mut self, target: &str) -> std::io::Result<Answer> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.edge)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            self.stream = Some(BufReader::new(stream));
            self.connections += 1;
        }
        let stream = self.stream.as_mut().unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        stream.get_mut().write_all(head.as_bytes())?;
        let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
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
