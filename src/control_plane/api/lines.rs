//! A body of lines (NDJSON), read as it comes: no more than a line is held.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// Most bytes of one line.
pub(super) const LINE_LIMIT: usize = 256 * 1024;

/// Between two parts of a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lines of a body.
#[derive(Debug)]
pub(super) struct Lines {
    body: Body,
    /// What came and was not given yet.
    rest: Bytes,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    number: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ended,
    /// The line that is being read is over the limit: it is read over.
    Overlong,
    Reading,
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its number, from 1, and its text without the end.
    Text(u64, Vec<u8>),
    /// One that is over the limit.
    TooLong(u64),
}

/// Why there are no more lines, though the body has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BrokenOff {
    /// The connection was.
    #[error("the body was broken off")]
    Cut,
    /// Nothing came for too long.
    #[error("nothing came for 30 seconds")]
    Stalled,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        let state = State::Reading;
        Self { body, rest: Bytes::new(), begun: Vec::new(), number: 0, state }
    }

    /// How many lines came so far.
    pub(super) fn count(&self) -> u64 {
        self.number
    }

    /// The next line that is not blank; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, BrokenOff> {
        loop {
            let line = match memchr::memchr(b'\n', &self.rest) {
                Some(end) => {
                    let part = self.rest.split_to(end + 1);
                    self.gather(part.strip_suffix(b"\n").unwrap_or(&part));
                    self.ended()
                }
                None if self.state == State::Ended => return Ok(None),
                None => {
                    let rest = std::mem::take(&mut self.rest);
                    self.gather(&rest);
                    if let Some(bytes) = self.more().await? {
                        self.rest = bytes;
                        continue;
                    }
                    if self.begun.is_empty() && self.state == State::Reading {
                        // What comes behind the last end of a line is one only if there is something.
                        self.state = State::Ended;
                        return Ok(None);
                    }
                    let last = self.ended();
                    self.state = State::Ended;
                    last
                }
            };
            match line {
                Line::Text(_, text) if text.iter().all(u8::is_ascii_whitespace) => {}
                line @ (Line::Text(..) | Line::TooLong(_)) => return Ok(Some(line)),
            }
        }
    }

    fn gather(&mut self, part: &[u8]) {
        if self.begun.len() + part.len() > LINE_LIMIT {
            self.state = State::Overlong;
            self.begun.clear();
        }
        if self.state == State::Reading {
            self.begun.extend_from_slice(part);
        }
    }

    fn ended(&mut self) -> Line {
        self.number += 1;
        let text = std::mem::take(&mut self.begun);
        match std::mem::replace(&mut self.state, State::Reading) {
            State::Overlong => Line::TooLong(self.number),
            State::Ended | State::Reading => Line::Text(self.number, text),
        }
    }

    async fn more(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await;
            match frame.map_err(|_| BrokenOff::Stalled)? {
                None => return Ok(None),
                Some(Err(_)) => return Err(BrokenOff::Cut),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod unit_tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures_core::Stream;

    use super::*;

    /// A body in parts of that many bytes; what is behind the last never comes.
    struct Parts {
        text: Vec<u8>,
        at_a_time: usize,
        ends: bool,
    }

    impl Stream for Parts {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            if self.text.is_empty() {
                return if self.ends { Poll::Ready(None) } else { Poll::Pending };
            }
            let length = self.at_a_time.min(self.text.len());
            let part: Vec<u8> = self.text.drain(..length).collect();
            Poll::Ready(Some(Ok(part.into())))
        }
    }

    async fn read(text: &[u8], at_a_time: usize) -> Vec<Line> {
        let parts = Parts { text: text.to_vec(), at_a_time, ends: true };
        let mut lines = Lines::new(Body::from_stream(parts));
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push(line);
        }
        read
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_come() {
        let line = |number, text: &str| Line::Text(number, text.as_bytes().to_vec());
        for at_a_time in [1, 2, 3, 100] {
            let read_in = async |text: &str| read(text.as_bytes(), at_a_time).await;
            assert_eq!(read_in("").await, []);
            assert_eq!(read_in("\n \r\n\n").await, []);
            assert_eq!(read_in("a\nbc").await, [line(1, "a"), line(2, "bc")]);
            assert_eq!(read_in("a\r\n\nbc\n").await, [line(1, "a\r"), line(3, "bc")]);
        }
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_read_over() {
        for at_a_time in [1_000, LINE_LIMIT, 3 * LINE_LIMIT] {
            let longest = "x".repeat(LINE_LIMIT);
            let text = format!("a\n{longest}x\nb\n{longest}\n{longest}{longest}");
            let lines = read(text.as_bytes(), at_a_time).await;
            let line = |number, text: &str| Line::Text(number, text.as_bytes().to_vec());
            let expected =
                [line(1, "a"), Line::TooLong(2), line(3, "b"), line(4, &longest), Line::TooLong(5)];
            assert!(lines == expected, "in parts of {at_a_time}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_left() {
        let parts = Parts { text: b"a\nb".to_vec(), at_a_time: 100, ends: false };
        let mut lines = Lines::new(Body::from_stream(parts));
        assert_eq!(lines.next().await, Ok(Some(Line::Text(1, b"a".to_vec()))));
        assert_eq!(lines.next().await, Err(BrokenOff::Stalled));
        assert_eq!(lines.count(), 1);
    }
}
