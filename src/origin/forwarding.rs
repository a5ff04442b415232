//! Which headers travel between client and origin beyond those that the product understands.
//!
//! Nothing does unless the operator lists it. What carries credentials, frames a message or is the
//! product's own to say cannot be listed.

use http::header::{self, HeaderMap, HeaderName};

/// The headers of one origin that travel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// From a client's request into ours.
    pub requests: Box<[HeaderName]>,
    /// From the origin's answer into ours.
    pub responses: ResponseHeaders,
}

/// The headers of an answer that travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseHeaders {
    /// Every one that may be listed, but not what is said of keeping the answer.
    Every,
    /// These.
    Listed(Box<[HeaderName]>),
}

impl Default for ResponseHeaders {
    fn default() -> Self {
        Self::Listed(Box::default())
    }
}

/// Which way a header travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the origin.
    Request,
    /// Towards the client.
    Response,
}

/// May the operator let this header travel?
pub fn may_travel(name: &HeaderName, direction: Direction) -> bool {
    let name = name.as_str();
    let of_connection = [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let ours: &[&str] = match direction {
        Direction::Request => &[
            "accept-encoding",
            "authorization",
            "cdn-loop",
            "cookie",
            "cookie2",
            "expect",
            "forwarded",
            "host",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "range",
            "surrogate-capability",
            "x-request-id",
        ],
        Direction::Response => &[
            "accept-ranges",
            "age",
            "cache-status",
            "cdn-cache-control",
            "content-disposition",
            "content-encoding",
            "content-language",
            "content-length",
            "content-range",
            "content-type",
            "cross-origin-resource-policy",
            "date",
            "etag",
            "last-modified",
            "referrer-policy",
            "server",
            "set-cookie",
            "set-cookie2",
            "strict-transport-security",
            "surrogate-control",
            "vary",
            "x-content-type-options",
            "x-request-id",
        ],
    };
    let prefixes: &[&str] = match direction {
        Direction::Request => &["content-", "x-forwarded-"],
        Direction::Response => &["access-control-", "x-accel-", "x-countersign-"],
    };
    !of_connection.contains(&name)
        && !ours.contains(&name)
        && !prefixes.iter().any(|prefix| name.starts_with(prefix))
}

impl Forwarding {
    /// What of a client's request goes to the origin.
    pub fn of_request(&self, headers: &HeaderMap) -> HeaderMap {
        let listed = |name: &&HeaderName| !is_nominated(headers, name);
        copied(headers, self.requests.iter().filter(listed))
    }

    /// What of an origin's answer goes to the client.
    pub(super) fn of_response(&self, headers: &HeaderMap) -> HeaderMap {
        let travels = |name: &&HeaderName| !is_nominated(headers, name);
        match &self.responses {
            ResponseHeaders::Every => {
                let is_about_keeping = |name: &HeaderName| {
                    [header::CACHE_CONTROL, header::EXPIRES, header::PRAGMA].contains(name)
                };
                let every = headers.keys().filter(|name| {
                    may_travel(name, Direction::Response) && !is_about_keeping(name)
                });
                copied(headers, every.filter(travels))
            }
            ResponseHeaders::Listed(names) => copied(headers, names.iter().filter(travels)),
        }
    }
}

fn copied<'n>(headers: &HeaderMap, names: impl Iterator<Item = &'n HeaderName>) -> HeaderMap {
    let mut copied = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            copied.append(name.clone(), value.clone());
        }
    }
    copied
}

/// Does `Connection` name it, so that it ends here (RFC 9110 section 7.6.1)?
fn is_nominated(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(header::CONNECTION).iter().any(|value| {
        let options = value.to_str().unwrap_or_default().split(',').map(str::trim);
        options.into_iter().any(|option| option.eq_ignore_ascii_case(name.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn names(names: &[&'static str]) -> Box<[HeaderName]> {
        names.iter().map(|name| HeaderName::from_static(name)).collect()
    }

    #[test]
    fn only_what_is_listed_travels_and_what_connection_names_does_not() {
        let forwarding = Forwarding {
            requests: names(&["accept-language", "x-a"]),
            responses: ResponseHeaders::Listed(names(&["x-b", "x-c"])),
        };
        let request = headers(&[
            ("accept-language", "de"),
            ("accept-language", "en"),
            ("x-a", "1"),
            ("x-b", "2"),
            ("connection", "close, X-A"),
        ]);
        let sent = headers(&[("accept-language", "de"), ("accept-language", "en")]);
        assert_eq!(forwarding.of_request(&request), sent);
        let answer = headers(&[("x-a", "1"), ("x-b", "2"), ("x-c", "3"), ("connection", "x-c")]);
        assert_eq!(forwarding.of_response(&answer), headers(&[("x-b", "2")]));
        assert!(Forwarding::default().of_request(&request).is_empty());
    }

    #[test]
    fn every_is_every_one_that_may_be_listed() {
        let forwarding = Forwarding { responses: ResponseHeaders::Every, ..Forwarding::default() };
        let answer = headers(&[
            ("x-a", "1"),
            ("set-cookie", "a=b"),
            ("server", "x"),
            ("cache-control", "max-age=1"),
            ("content-length", "5"),
            ("content-location", "/a"),
            ("transfer-encoding", "chunked"),
        ]);
        let sent = headers(&[("x-a", "1"), ("content-location", "/a")]);
        assert_eq!(forwarding.of_response(&answer), sent);
    }

    #[test]
    fn credentials_and_framing_cannot_be_listed() {
        for (direction, refused) in [
            (Direction::Request, &["authorization", "cookie", "host", "content-length", "te"][..]),
            (Direction::Response, &["set-cookie", "content-type", "connection", "date", "vary"]),
        ] {
            for name in refused {
                assert!(!may_travel(&HeaderName::from_static(name), direction), "{name}");
            }
        }
        assert!(may_travel(&header::ACCEPT_LANGUAGE, Direction::Request));
        assert!(may_travel(&header::CACHE_CONTROL, Direction::Response));
    }
}
