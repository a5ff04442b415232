//! What browsers say of a request: on what they came, and whether a page of ours sent it.

use http::header::{HOST, HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// Plain HTTP.
    Plain,
    /// TLS, here or at a proxy that is trusted.
    Secured,
}

/// Was the request sent by a page of this host? A browser says so; whoever says nothing is none that
/// has a form of ours.
pub(super) fn is_own(headers: &HeaderMap, uri: &Uri, public_url: Option<&str>) -> bool {
    let one = |name: HeaderName| {
        let mut lines = headers.get_all(name).iter();
        let first = lines.next()?.to_str().ok();
        if lines.next().is_some() { Some("") } else { first.or(Some("")) }
    };
    if let Some(site) = one(FETCH_SITE) {
        return site == "same-origin";
    }
    let Some(origin) = one(ORIGIN) else { return false };
    let asked = uri.authority().map(Authority::as_str).or_else(|| one(HOST));
    is_here(origin, asked, public_url)
}

/// Is that the origin of pages which were asked for at that host, or are found at `public_url`?
pub(super) fn is_here(origin: &str, asked: Option<&str>, public_url: Option<&str>) -> bool {
    if public_url.is_some_and(|url| origin_of(url) == Some(origin)) {
        return true;
    }
    let sent_by = origin.split_once("://").map(|(_, host)| host);
    sent_by.is_some_and(|host| asked.is_some_and(|asked| asked.eq_ignore_ascii_case(host)))
}

/// `https://host:port` of an address.
pub(super) fn origin_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    url.get(..scheme.len() + "://".len() + host.len())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn own(headers: &[(&'static str, &str)], public_url: Option<&str>) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        is_own(&headers.collect(), &Uri::from_static("/console/login"), public_url)
    }

    #[test]
    fn a_form_comes_from_a_page_of_this_host() {
        for (headers, expected) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "none")], false),
            (
                vec![("sec-fetch-site", "cross-site"), ("origin", "http://c:1"), ("host", "c:1")],
                false,
            ),
            (vec![("origin", "http://c:1"), ("host", "c:1")], true),
            (vec![("origin", "http://c:1"), ("host", "c")], false),
            (vec![("origin", "http://evil"), ("host", "c:1")], false),
            (vec![("origin", "null"), ("host", "null")], false),
            (vec![("origin", "http://c:1")], false),
            (vec![("host", "c:1")], false),
            (vec![], false),
        ] {
            assert_eq!(own(&headers, None), expected, "{headers:?}");
        }
        let behind = [("origin", "https://files.example"), ("host", "10.0.0.1:8081")];
        assert!(!own(&behind, None));
        assert!(own(&behind, Some("https://files.example")));
        assert!(own(&behind, Some("https://files.example/under")));
        assert!(!own(&behind, Some("https://files.example.org")));
        assert!(!own(&behind, Some("http://files.example")));
    }
}
