//! What shows that a request came through a CDN.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::policy::Way;

/// Each CDN that follows RFC 8586 names itself there.
const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// Headers that CDNs add to requests: `CDN-Loop`, and what an operator names of others. A client
/// that adds one by itself is refused what it could have had: no harm to anybody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CdnMarkers(Box<[HeaderName]>);

impl CdnMarkers {
    /// `CDN-Loop`, and these.
    pub fn new(named: impl IntoIterator<Item = HeaderName>) -> Self {
        Self(named.into_iter().collect())
    }

    /// How a request with these headers came.
    pub fn way(&self, headers: &HeaderMap) -> Way {
        let marked = self.0.iter().any(|name| headers.contains_key(name));
        if marked || headers.contains_key(CDN_LOOP) { Way::Cdn } else { Way::Direct }
    }

    /// Has whoever is asked for a client know that their request came through a CDN, wherever that is
    /// and whatever its own markers are. Nothing of what they sent is in it.
    pub fn pass_on(&self, theirs: &HeaderMap, ours: &mut HeaderMap) {
        if self.way(theirs) == Way::Cdn {
            ours.insert(CDN_LOOP, HeaderValue::from_static("edge"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_for_a_client_is_told_of_a_cdn() {
        let markers = CdnMarkers::new([HeaderName::from_static("x-edge-hop")]);
        for (name, expected) in
            [("cdn-loop", Way::Cdn), ("x-edge-hop", Way::Cdn), ("via", Way::Direct)]
        {
            let value = HeaderValue::from_static("theirs");
            let theirs = HeaderMap::from_iter([(HeaderName::from_static(name), value)]);
            let mut ours = HeaderMap::new();
            markers.pass_on(&theirs, &mut ours);
            assert_eq!(CdnMarkers::default().way(&ours), expected, "{name}");
            assert!(!ours.values().any(|value| value == "theirs"));
        }
    }

    #[test]
    fn a_cdn_is_known_by_its_headers() {
        let markers = CdnMarkers::new([HeaderName::from_static("x-edge-hop")]);
        for (name, expected) in [
            ("cdn-loop", Way::Cdn),
            ("x-edge-hop", Way::Cdn),
            ("x-edge-hops", Way::Direct),
            ("via", Way::Direct),
        ] {
            let value = HeaderValue::from_static("");
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value)]);
            assert_eq!(markers.way(&headers), expected, "{name}");
        }
        assert_eq!(CdnMarkers::default().way(&HeaderMap::new()), Way::Direct);
    }
}
