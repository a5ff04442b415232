//! What an operator says of keeping answers between requests: for assets, and for each route.

/// May answers be kept for the next request, which is decided about like the first?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheRules {
    /// Each request is answered by the origin.
    Off,
    /// As far as the origin lets them.
    On(CacheTimes),
}

/// Seconds that stand where the origin says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTimes {
    /// For which an object is fresh; 0: a tenth of its age when it was asked for (RFC 9111
    /// section 4.2.2), if its origin tells that.
    pub default_ttl: u64,
    /// For which it is believed that there is no such object.
    pub negative_ttl: u64,
    /// For which a stale object stands in while its origin fails.
    pub stale_if_error: u64,
}

impl Default for CacheTimes {
    fn default() -> Self {
        Self { default_ttl: 0, negative_ttl: 3, stale_if_error: 3600 }
    }
}
