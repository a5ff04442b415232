//! The head of a request, as it is sent.

use std::fmt::Display;
use std::io::Write;

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use http::uri::PathAndQuery;

use super::super::ask::AskMethod;
use super::super::directives::SURROGATE_CAPABILITY;

/// See the module. It has no body, and one write sends it.
#[derive(Debug)]
pub(super) struct RequestHead {
    bytes: Vec<u8>,
    pub(super) method: AskMethod,
}

impl RequestHead {
    /// What every request says.
    pub(super) fn new(method: AskMethod, target: &PathAndQuery, host: &HeaderValue) -> Self {
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

    /// Adds a field. For texts that are visible ASCII by construction; another is not sent.
    pub(super) fn set(&mut self, name: &HeaderName, value: impl Display) {
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
