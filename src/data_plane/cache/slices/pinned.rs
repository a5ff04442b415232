//! One version of an object, as its origin can be asked for it.

use std::sync::Arc;

use http::HeaderMap;

use super::super::super::origin_meter::OriginMeter;
use super::super::key::CacheKey;
use super::super::store::{PurgeCount, Store};
use crate::clock::UnixSeconds;
use crate::delivery::{Body, ByteRange, Filler, ObjectMeta};

/// See the module.
#[derive(Debug)]
pub(in super::super) struct Pinned {
    pub(in super::super) filler: Filler,
    pub(in super::super) meta: ObjectMeta,
    pub(in super::super) forwarded: HeaderMap,
    pub(in super::super) now: UnixSeconds,
    pub(in super::super) meter: OriginMeter,
    /// Where its description is.
    pub(in super::super) store: Arc<Store>,
    pub(in super::super) key: CacheKey,
}

impl Pinned {
    /// The bytes of a range, of this version or an error.
    pub(super) fn body(&self, span: ByteRange) -> Option<Body> {
        let object = self.filler.known(self.meta.clone(), &self.forwarded, self.now)?;
        Some(object.into_spans(&span.into()))
    }

    /// Its origin has another version.
    pub(super) fn forget(&self) {
        self.store.forget(&self.key);
    }

    pub(super) fn purge_count(&self) -> PurgeCount {
        self.store.purge_count()
    }
}
