//! What a server answers: three digits and text, perhaps over several lines (RFC 5321 section 4.2).

use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes of an answer: 512 a line are allowed, and `EHLO` has some dozens.
const MOST: usize = 16 * 1024;

/// Characters of it that are told.
const TOLD: usize = 500;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Its lines, without the digits.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Was what was asked done, or may one go on?
    pub(super) fn is_good(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    /// As one line, in which nothing is but text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.lines.join(" ");
        let text: String = text.chars().filter(|it| !it.is_control()).take(TOLD).collect();
        write!(f, "{} {text}", self.code)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoReply {
    #[error("the server closed the connection")]
    Closed,
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("what answered does not speak SMTP")]
    NotOne,
}

/// Reads answers, and keeps what came after one.
#[derive(Debug, Default)]
pub(super) struct Replies {
    held: Vec<u8>,
}

impl Replies {
    /// Did something come that nobody asked for yet?
    pub(super) fn holds_more(&self) -> bool {
        !self.held.is_empty()
    }

    /// The next answer.
    pub(super) async fn next<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<Reply, NoReply> {
        loop {
            if let Some((reply, length)) = parse(&self.held)? {
                self.held.drain(..length);
                return Ok(reply);
            }
            if self.held.len() >= MOST {
                return Err(NoReply::NotOne);
            }
            let mut bytes = [0; 1024];
            let read = stream.read(&mut bytes).await?;
            let read = bytes.get(..read).filter(|it| !it.is_empty()).ok_or(NoReply::Closed)?;
            self.held.extend_from_slice(read);
        }
    }
}

/// The answer that the bytes begin with, and its length; none where more is needed.
fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, NoReply> {
    let mut lines = Vec::new();
    let mut length = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(text) = line.strip_suffix(b"\n") else { return Ok(None) };
        length += line.len();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (digits, rest) = text.split_at_checked(3).ok_or(NoReply::NotOne)?;
        let code = std::str::from_utf8(digits).ok().and_then(|it| it.parse::<u16>().ok());
        let code = code.filter(|code| (200..600).contains(code)).ok_or(NoReply::NotOne)?;
        let (goes_on, said) = match rest.split_first() {
            None => (false, rest),
            Some((b' ', said)) => (false, said),
            Some((b'-', said)) => (true, said),
            Some(_) => return Err(NoReply::NotOne),
        };
        lines.push(String::from_utf8_lossy(said).into_owned());
        if !goes_on {
            return Ok(Some((Reply { code, lines }, length)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let (reply, length) = parse(b"250-a\r\n250-AUTH PLAIN\r\n250 \r\n220 x").unwrap().unwrap();
        assert_eq!(
            (reply.code, &*reply.lines),
            (250, &["a", "AUTH PLAIN", ""].map(String::from)[..])
        );
        assert_eq!(length, 7 + 16 + 6);
        for more in ["", "2", "250", "250-a\r\n", "250-a\r\n250"] {
            assert!(parse(more.as_bytes()).unwrap().is_none(), "{more:?}");
        }
        for wrong in ["HTTP/1.1 400\r\n", "25\n", "2500\r\n", "+12 a\r\n", "199 a\r\n", "\r\n"] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert_eq!(parse(b"354\r\n").unwrap().unwrap().0.code, 354);
    }

    #[test]
    fn what_is_told_of_it_is_text() {
        let reply = Reply { code: 550, lines: vec!["5.1.1 \u{1b}[31mno".into(), "x".repeat(900)] };
        let told = reply.to_string();
        assert!(told.starts_with("550 5.1.1 [31mno xxx"), "{told}");
        assert_eq!(told.chars().count(), 504);
    }

    #[tokio::test]
    async fn what_never_ends_is_given_up() {
        let endless = "250-a\r\n".repeat(MOST);
        let error = Replies::default().next(&mut endless.as_bytes()).await.unwrap_err();
        assert!(matches!(error, NoReply::NotOne), "{error:?}");
        let mut replies = Replies::default();
        let mut two: &[u8] = b"220 a\r\n250 b\r\n";
        assert_eq!(replies.next(&mut two).await.unwrap().code, 220);
        assert!(replies.holds_more());
        assert_eq!(replies.next(&mut two).await.unwrap().code, 250);
        assert!(matches!(replies.next(&mut two).await, Err(NoReply::Closed)));
    }
}
