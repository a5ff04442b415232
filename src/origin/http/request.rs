//! The head of a request, as it is sent.

use std::fmt::Display;
use std::io::Write;

use http::header::{HeaderMap, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method};

use super::super::ask::AskMethod;
use super::super::directives::SURROGATE_CAPABILITY;

/// See the module. It has no body, and one write sends it.
#[derive(Clone, Debug)]
pub(in super::super) struct RequestHead {
    bytes: Vec<u8>,
    pub(super) method: AskMethod,
}

impl RequestHead {
    /// What every request says.
    pub(in super::super) fn new(
        method: AskMethod,
        target: &PathAndQuery,
        host: &HeaderValue,
    ) -> Self {
        let word: &[u8] = match method {
            AskMethod::Get => b"GET ",
            AskMethod::Head => b"HEAD ",
        };
        let mut bytes = Vec::with_capacity(512);
        let rest = b"\r\naccept-encoding: identity\r\nsurrogate-capability: ";
        for part in
            [word, target.as_str().as_bytes(), b" HTTP/1.1\r\nhost: ", host.as_bytes(), rest]
                .into_iter()
                .chain([SURROGATE_CAPABILITY.as_bytes(), b"\r\n"])
        {
            bytes.extend_from_slice(part);
        }
        Self { bytes, method }
    }

    /// The method.
    pub(in super::super) fn method(&self) -> Method {
        match self.method {
            AskMethod::Get => Method::GET,
            AskMethod::Head => Method::HEAD,
        }
    }

    /// What is asked for.
    pub(in super::super) fn target(&self) -> &str {
        let line = self.lines().next().unwrap_or_default();
        line.split(' ').nth(1).unwrap_or_default()
    }

    /// What a field says that was set here.
    pub(in super::super) fn field(&self, name: &HeaderName) -> Option<&str> {
        let mut fields = self.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(known, _)| *known == name.as_str()).map(|(_, value)| value)
    }

    /// Asks for something else.
    pub(in super::super) fn retarget(&mut self, target: &PathAndQuery) {
        let from = self.bytes.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
        let to = from + self.target().len();
        self.bytes.splice(from..to, target.as_str().bytes());
    }

    /// Its lines, those with other bytes than UTF-8 (a client's fields may have them) left out.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok())
    }

    /// Adds a field. For texts that are visible ASCII by construction; another is not sent.
    pub(in super::super) fn set(&mut self, name: &HeaderName, value: impl Display) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(name.as_str().as_bytes());
        self.bytes.extend_from_slice(b": ");
        let value_from = self.bytes.len();
        // Writing to a `Vec` cannot fail.
        let _ = write!(self.bytes, "{value}");
        let value = self.bytes.get(value_from..).unwrap_or_default();
        if value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.bytes.extend_from_slice(b"\r\n");
        } else {
            self.bytes.truncate(before);
        }
    }

    /// Adds a client's fields that travel, which say nothing that is said here.
    pub(super) fn forward(&mut self, fields: &HeaderMap) {
        for (name, value) in fields {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                self.bytes.extend_from_slice(part);
            }
        }
    }

    /// All of it.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn what_was_set_can_be_read_again_and_the_target_be_another() {
        let host = HeaderValue::from_static("origin.example");
        let target = PathAndQuery::from_static("/a?b");
        let mut head = RequestHead::new(AskMethod::Get, &target, &host);
        head.forward(&HeaderMap::from_iter([(
            header::ACCEPT_LANGUAGE,
            HeaderValue::from_bytes(b"\xff").unwrap(),
        )]));
        head.set(&header::RANGE, "bytes=0-1");
        assert_eq!((head.method(), head.target()), (Method::GET, "/a?b"));
        assert_eq!(head.field(&header::RANGE), Some("bytes=0-1"));
        assert_eq!(head.field(&header::IF_MATCH), None);
        head.retarget(&PathAndQuery::from_static("/longer?x=y"));
        assert_eq!(head.target(), "/longer?x=y");
        assert_eq!(head.field(&header::RANGE), Some("bytes=0-1"));
        assert!(head.into_bytes().starts_with(b"GET /longer?x=y HTTP/1.1\r\nhost: "));
    }

    #[test]
    fn nothing_breaks_out_of_a_field() {
        let host = HeaderValue::from_static("origin.example");
        let target = PathAndQuery::from_static("/a?b");
        let mut head = RequestHead::new(AskMethod::Head, &target, &host);
        head.set(&header::RANGE, "bytes=0-1");
        head.set(&header::IF_MATCH, "\"a\r\nx: y\"");
        head.set(&header::IF_MATCH, "\"é\"");
        let expected = "HEAD /a?b HTTP/1.1\r\nhost: origin.example\r\naccept-encoding: identity\r\n\
             surrogate-capability: countersign=\"Surrogate/1.0\"\r\nrange: bytes=0-1\r\n\r\n";
        assert_eq!(String::from_utf8(head.into_bytes()).unwrap(), expected);
    }
}
