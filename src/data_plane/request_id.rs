//! A name for every request, the same in log and answer.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderValue};

use super::response::REQUEST_ID_HEADER;

/// Longest id that is taken over from a trusted proxy.
const MAX_FOREIGN: usize = 64;

/// Is the other end of a connection believed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It speaks for itself.
    None,
    /// It speaks for others: a trusted proxy.
    Proxy,
}

/// Makes ids: a random part a process, then a count.
#[derive(Debug)]
pub(super) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    /// A new series.
    pub(super) fn new() -> Self {
        // Without randomness ids would only be less unlikely to meet those of another process.
        let process = getrandom::u64().unwrap_or_default();
        Self { prefix: format!("{process:016x}-"), next: AtomicU64::new(1) }
    }

    /// The id of a request: a trusted proxy's own, or a new one.
    pub(super) fn of(&self, headers: &HeaderMap, trust: Trust) -> HeaderValue {
        let foreign = headers.get(REQUEST_ID_HEADER).filter(|id| is_plain(id.as_bytes()));
        if let Some(id) = foreign.filter(|_| trust == Trust::Proxy) {
            return id.clone();
        }
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let text = [&self.prefix, itoa::Buffer::new().format(count)].concat();
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unnamed"))
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

fn is_plain(id: &[u8]) -> bool {
    (1..=MAX_FOREIGN).contains(&id.len())
        && id.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-_.:=+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_new_unless_a_trusted_proxy_names_one() {
        let ids = RequestIds::new();
        let mut headers = HeaderMap::new();
        assert_ne!(ids.of(&headers, Trust::None), ids.of(&headers, Trust::None));
        headers.insert(REQUEST_ID_HEADER, HeaderValue::from_static("trace-1"));
        assert_eq!(ids.of(&headers, Trust::Proxy), "trace-1");
        assert_ne!(ids.of(&headers, Trust::None), "trace-1");
        headers.insert(REQUEST_ID_HEADER, HeaderValue::from_static("<script>"));
        assert_ne!(ids.of(&headers, Trust::Proxy), "<script>");
    }
}
