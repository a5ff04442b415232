//! The head of an answer: its syntax, its framing, and whether its connection may serve again.
//!
//! A pure reading of bytes, strict where two readers could differ: what it refuses ends the
//! connection. What the fields mean for us is read from them in `reply`.

use std::mem::MaybeUninit;

use bytes::{Buf, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{StatusCode, Version};

use super::super::ask::AskMethod;
use super::super::error::OriginFault;
use super::lines::{LineBroken, SectionEnd};

/// Largest head of an answer, interim answers before it included. security.md part 5, "Origins".
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Most fields of one.
const MAX_FIELDS: usize = 100;

/// A final answer's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    pub(super) reuse: Reuse,
}

/// How the end of a body shows (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes; none where there is no body at all.
    Length(u64),
    /// In its own coding.
    Chunked,
    /// When the connection ends, which also looks like that when it breaks.
    UntilClose,
}

/// May another request follow on this connection?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    Allowed,
    Refused,
}

/// Why bytes are no head we believe.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadRejection {
    /// More than one `Content-Length`, or one that is no number.
    #[error("Content-Length is no single number")]
    ContentLength,
    /// Two framings at once, of which another reader may take the other (RFC 9112 section 6.1).
    #[error("Transfer-Encoding beside Content-Length, or in HTTP/1.0")]
    FramingAmbiguous,
    #[error(transparent)]
    Line(#[from] LineBroken),
    #[error("a field that no head may have")]
    Field(#[from] http::Error),
    #[error("the status line or a field is malformed")]
    Syntax(#[from] httparse::Error),
    /// Nobody asked for another protocol.
    #[error("the answer switches protocols")]
    SwitchesProtocols,
    #[error("the head is larger than {MAX_HEAD} bytes")]
    TooLarge,
    /// A coding we did not ask for (`TE`).
    #[error("Transfer-Encoding is not \"chunked\"")]
    TransferCoding,
}

impl HeadRejection {
    pub(super) const fn fault(&self) -> OriginFault {
        match self {
            Self::ContentLength
            | Self::FramingAmbiguous
            | Self::Line(_)
            | Self::Field(_)
            | Self::Syntax(_)
            | Self::TooLarge => OriginFault::HeadMalformed,
            Self::SwitchesProtocols => OriginFault::StatusUnexpected,
            Self::TransferCoding => OriginFault::FramingUnbounded,
        }
    }
}

/// Reads heads off a connection until the final one.
#[derive(Debug)]
pub(super) struct HeadReader {
    method: AskMethod,
    end: SectionEnd,
    /// Bytes of interim answers.
    passed_over: usize,
}

impl HeadReader {
    /// For the answer to a request of this method.
    pub(super) fn new(method: AskMethod) -> Self {
        Self { method, end: SectionEnd::default(), passed_over: 0 }
    }

    /// Takes the final answer's head off the front of what has arrived; none as long as it is not
    /// whole. Interim answers (RFC 9110 section 15.2) are passed over.
    pub(super) fn read(&mut self, arrived: &mut BytesMut) -> Result<Option<Head>, HeadRejection> {
        loop {
            let end = self.end.find(arrived)?;
            if self.passed_over.saturating_add(end.unwrap_or(arrived.len())) > MAX_HEAD {
                return Err(HeadRejection::TooLarge);
            }
            let Some(end) = end else { return Ok(None) };
            let head = parse(arrived.get(..end).unwrap_or_default(), self.method)?;
            arrived.advance(end);
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(HeadRejection::SwitchesProtocols);
            }
            if !head.status.is_informational() {
                return Ok(Some(head));
            }
            self.passed_over = self.passed_over.saturating_add(end);
            self.end = SectionEnd::default();
        }
    }
}

fn parse(bytes: &[u8], method: AskMethod) -> Result<Head, HeadRejection> {
    let mut room = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut room,
    )?;
    // An empty line ends the bytes and nothing before it does.
    if parsed != httparse::Status::Complete(bytes.len()) {
        return Err(httparse::Error::NewLine.into());
    }
    let status =
        StatusCode::from_u16(response.code.unwrap_or_default()).map_err(http::Error::from)?;
    let version = match response.version {
        Some(1) => Version::HTTP_11,
        Some(_) | None => Version::HTTP_10,
    };
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(http::Error::from)?;
        // A copy, so that a field that is kept keeps no buffer.
        let value = HeaderValue::from_bytes(field.value).map_err(http::Error::from)?;
        headers.append(name, value);
    }
    let framing = framing(&headers, version)?;
    let bodiless = method == AskMethod::Head
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let framing = if bodiless { Framing::Length(0) } else { framing };
    let reuse = reuse(&headers, version, framing);
    Ok(Head { status, headers, framing, reuse })
}

/// RFC 9112 section 6.3, without what it tolerates.
fn framing(headers: &HeaderMap, version: Version) -> Result<Framing, HeadRejection> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (Some(length), None) => Some(number(length).ok_or(HeadRejection::ContentLength)?),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(HeadRejection::ContentLength),
    };
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(length.map_or(Framing::UntilClose, Framing::Length)),
        (Some(_), _) if length.is_some() || version != Version::HTTP_11 => {
            Err(HeadRejection::FramingAmbiguous)
        }
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(Framing::Chunked)
        }
        (Some(_), _) => Err(HeadRejection::TransferCoding),
    }
}

fn number(value: &HeaderValue) -> Option<u64> {
    let digits = value.to_str().ok()?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

/// RFC 9112 section 9.3. HTTP/1.0 servers may ask to be kept; we do not ask them.
fn reuse(headers: &HeaderMap, version: Version, framing: Framing) -> Reuse {
    let closes = headers.get_all(CONNECTION).iter().any(|value| {
        value.to_str().map_or(true, |options| {
            options.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"))
        })
    });
    if closes || version != Version::HTTP_11 || framing == Framing::UntilClose {
        Reuse::Refused
    } else {
        Reuse::Allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Head>, HeadRejection> {
        HeadReader::new(AskMethod::Get).read(&mut BytesMut::from(text))
    }

    fn head(lines: &str) -> Head {
        read(&format!("{lines}\r\n\r\n")).unwrap().unwrap()
    }

    #[test]
    fn framing_and_reuse() {
        use Framing::{Chunked, Length, UntilClose};
        use Reuse::{Allowed, Refused};

        for (lines, framing, reuse) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5", Length(5), Allowed),
            ("HTTP/1.1 200 \r\ncontent-length:\t 5 ", Length(5), Allowed),
            ("HTTP/1.1 200\r\nContent-Length: 0", Length(0), Allowed),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", Chunked, Allowed),
            ("HTTP/1.1 200 OK", UntilClose, Refused),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5", Length(0), Allowed),
            ("HTTP/1.1 204 No Content", Length(0), Allowed),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5", Length(5), Refused),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive", Length(5), Refused),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close", Length(5), Refused),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: \u{ff}", Length(5), Refused),
        ] {
            let head = head(lines);
            assert_eq!((head.framing, head.reuse), (framing, reuse), "{lines}");
        }
        let mut to_head = HeadReader::new(AskMethod::Head);
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let head = to_head.read(&mut BytesMut::from(text)).unwrap().unwrap();
        assert_eq!(head.framing, Length(0));
    }

    #[test]
    fn what_is_no_head() {
        let many = "A: b\r\n".repeat(MAX_FIELDS + 1);
        for lines in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5",
            "HTTP/1.1 200 OK\r\nContent-Length: +5",
            "HTTP/1.1 200 OK\r\nContent-Length: ",
            "HTTP/1.1 200 OK\r\nContent-Length: 0x5",
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
            "HTTP/1.1 200 OK\r\nA: b\r\n c",
            "HTTP/1.1 200 OK\r\nA: b\rc",
            "HTTP/1.1 200 OK\nA: b",
            "HTTP/1.1 200 OK\r\nA : b",
            "HTTP/1.1 200 OK\r\nA\r\nB: c",
            "HTTP/1.1 200 OK\r\nA: \0",
            "HTTP/1.1 200 OK\r\n: b",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 099 OK",
            "HTTP/2 200 OK",
            "http/1.1 200 OK",
            "ICY 200 OK",
            " HTTP/1.1 200 OK",
            &format!("HTTP/1.1 200 OK\r\n{many}X: y"),
        ] {
            let rejection = read(&format!("{lines}\r\n\r\n")).unwrap_err();
            assert_eq!(rejection.fault(), OriginFault::HeadMalformed, "{lines}");
        }
        for coding in [
            "gzip",
            "gzip, chunked",
            "chunked, chunked",
            "chunked\r\nTransfer-Encoding: chunked",
            "",
        ] {
            let lines = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n");
            assert_eq!(
                read(&lines).unwrap_err().fault(),
                OriginFault::FramingUnbounded,
                "{coding}"
            );
        }
        let upgrade = read("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").unwrap_err();
        assert_eq!(upgrade.fault(), OriginFault::StatusUnexpected);
    }

    #[test]
    fn heads_are_bounded_interim_ones_included() {
        let long = |bytes: usize| format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(bytes));
        // Refused before its end is there.
        assert!(matches!(read(&long(MAX_HEAD)), Err(HeadRejection::TooLarge)));
        assert!(read(&long(MAX_HEAD - 100)).unwrap().is_none());
        let text = format!("{}\r\n\r\n", long(MAX_HEAD - 24));
        assert_eq!(text.len(), MAX_HEAD);
        assert!(read(&text).unwrap().is_some());

        let hint = "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n";
        let few = hint.repeat(3) + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(read(&few).unwrap().unwrap().status, StatusCode::OK);
        assert!(matches!(read(&hint.repeat(3_000)), Err(HeadRejection::TooLarge)));
    }
}
