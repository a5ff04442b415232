//! Which header fields pass the door, each way.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_TYPE, COOKIE, HOST, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, ORIGIN, PROXY_AUTHENTICATE,
    RANGE, REFERRER_POLICY, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::response::REQUEST_ID_HEADER;

/// What of a visitor's request reaches the desk. Credentials do not, but for cookies; nor does what
/// says where they came from, which may have a share's address in it.
const ASKED: [HeaderName; 12] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CONTENT_TYPE,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    ORIGIN,
    RANGE,
    USER_AGENT,
];

/// The same of what the W3C's Fetch Metadata says of who made the browser ask.
const FETCHED: [HeaderName; 3] = [
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
];

/// What is about one connection and goes no further (RFC 9110 section 7.6.1), beside what
/// `Connection` names.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The fields of a request as the desk has them.
pub(super) fn asked(visitors: &HeaderMap, host: &str, request_id: &HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in ASKED.iter().chain(&FETCHED) {
        for value in visitors.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    // HTTP/2 may send each cookie by itself (RFC 9113 section 8.2.3).
    let cookies: Vec<_> = visitors.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookies) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
        && !cookies.is_empty()
    {
        headers.insert(COOKIE, cookies);
    }
    if let Ok(host) = HeaderValue::from_str(host) {
        headers.insert(HOST, host);
    }
    headers.insert(REQUEST_ID_HEADER, request_id.clone());
    headers
}

/// Leaves of an answer what is for the client. A page that says nothing of them is hardened as every
/// answer.
pub(super) fn answered(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in OF_THE_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address that leads here opens it.
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn told(headers: &HeaderMap) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let mut told: Vec<_> =
            headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        told.sort();
        told
    }

    #[test]
    fn what_a_visitor_says_of_themselves_or_of_us_stays_outside() {
        let visitors = map(&[
            ("host", "other.example"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("accept-language", "it"),
            ("range", "bytes=0-1"),
            ("if-none-match", "\"x\""),
            ("sec-fetch-site", "same-origin"),
            ("authorization", "Bearer csn_x"),
            ("countersign-visitor-address", "192.0.2.66"),
            ("countersign-visitor-tenant", "9"),
            ("connection", "x-a"),
            ("x-a", "1"),
            ("x-forwarded-for", "192.0.2.66"),
            ("x-request-id", "theirs"),
            ("referer", "https://a.example/s/abc"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("expect", "100-continue"),
        ]);
        let asked = asked(&visitors, "a.example:8443", &HeaderValue::from_static("r1"));
        let expected = [
            ("accept-language", "it"),
            ("cookie", "a=1; b=2"),
            ("host", "a.example:8443"),
            ("if-none-match", "\"x\""),
            ("range", "bytes=0-1"),
            ("sec-fetch-site", "same-origin"),
            ("x-request-id", "r1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(told(&asked), expected);
    }

    #[test]
    fn of_an_answer_passes_what_is_not_about_its_connection() {
        let mut headers = map(&[
            ("connection", "close, X-Internal"),
            ("x-internal", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x"),
            ("upgrade", "h2c"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("content-length", "5"),
            ("referrer-policy", "same-origin"),
            ("content-security-policy", "default-src 'self'"),
        ]);
        answered(&mut headers);
        let expected = [
            ("content-length", "5"),
            ("content-security-policy", "default-src 'self'"),
            ("referrer-policy", "same-origin"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-content-type-options", "nosniff"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(told(&headers), expected);
        let mut bare = HeaderMap::new();
        answered(&mut bare);
        assert_eq!(bare[REFERRER_POLICY], "no-referrer");
    }
}
