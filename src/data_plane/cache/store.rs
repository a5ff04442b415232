//! What is kept, bounded in bytes, for all workers.
//!
//! Objects and verdicts (there is none; it is not to be kept) are apart, so that a scan of missing
//! files cannot push objects out. moka admits by frequency (`TinyLFU`) and does its housekeeping
//! within the calls: it has no threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::key::{CacheKey, CacheKeyRef, PurgeScope};
use super::status::{Absent, NotStored};
use super::stored::Stored;
use crate::policy::PurgeMark;

/// Variants of one object; the oldest gives way.
const MOST_VARIANTS: usize = 16;

/// Of the memory, what verdicts get.
const VERDICTS_PART: u64 = 16;

/// What a verdict costs beside its key.
const VERDICT_OVERHEAD: usize = 256;

/// For how long it is remembered that an object is not to be kept, so that nobody waits to see
/// whether it is (Varnish's "hit for miss" has the same).
const REMEMBERED: Duration = Duration::from_mins(2);

type Variants = Arc<[Arc<Stored>]>;

/// See the module.
#[derive(Debug)]
pub(super) struct Store {
    memory: u64,
    objects: moka::sync::Cache<CacheKey, Variants>,
    verdicts: moka::sync::Cache<CacheKey, Verdict>,
    /// Raised by each purge.
    purges: AtomicU64,
    /// Up to where what control planes said was dropped; none while nobody said anything.
    mark: Mutex<Option<PurgeMark>>,
}

/// What is known of a key without an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) finding: Finding,
    pub(super) until: Instant,
}

/// See [`Verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Its origin has no such object.
    Missing,
    /// It is not to be kept, for this reason.
    NotStored(NotStored),
}

impl Verdict {
    /// One that holds for the usual time.
    pub(super) fn lasting(finding: Finding) -> Self {
        Self { finding, until: Instant::now() + REMEMBERED }
    }
}

/// A moment between two purges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PurgeCount(u64);

impl Store {
    pub(super) fn new(memory: u64) -> Self {
        let for_verdicts = memory / VERDICTS_PART;
        let objects = moka::sync::Cache::builder()
            .max_capacity(memory - for_verdicts)
            .weigher(|key: &CacheKey, variants: &Variants| {
                let objects: usize = variants.iter().map(|it| it.weight()).sum();
                u32::try_from(key.weight() + objects).unwrap_or(u32::MAX)
            })
            .build();
        let verdicts = moka::sync::Cache::builder()
            .max_capacity(for_verdicts)
            .weigher(|key: &CacheKey, _: &Verdict| {
                u32::try_from(key.weight() + VERDICT_OVERHEAD).unwrap_or(u32::MAX)
            })
            .build();
        Self { memory, objects, verdicts, purges: AtomicU64::new(0), mark: Mutex::default() }
    }

    /// The bytes that it may hold.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// The newest variant for a request that these headers travel on of.
    pub(super) fn select(
        &self,
        key: CacheKeyRef<'_>,
        forwarded: &HeaderMap,
    ) -> Result<Arc<Stored>, Absent> {
        let variants = self.objects.get(&key).ok_or(Absent::Uri)?;
        let variant = variants.iter().find(|it| it.answers(forwarded));
        variant.map(Arc::clone).ok_or(Absent::Variant)
    }

    /// What is known of a key that has no object.
    pub(super) fn verdict(&self, key: CacheKeyRef<'_>, at: Instant) -> Option<Finding> {
        let verdict = self.verdicts.get(&key)?;
        (at < verdict.until).then_some(verdict.finding)
    }

    /// Up to where what control planes said was dropped.
    pub(super) fn mark(&self) -> Option<PurgeMark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It was dropped up to there.
    pub(super) fn set_mark(&self, mark: PurgeMark) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
    }

    /// Now, as far as purges go.
    pub(super) fn purge_count(&self) -> PurgeCount {
        PurgeCount(self.purges.load(Ordering::SeqCst))
    }

    /// Keeps a variant in place of the one it supersedes, unless something was purged since
    /// `begun`: what was asked for before may be what was to be forgotten.
    pub(super) fn insert(
        &self,
        key: &CacheKey,
        stored: &Arc<Stored>,
        begun: PurgeCount,
    ) -> Result<(), NotStored> {
        if self.purge_count() != begun {
            return Err(NotStored::Purged);
        }
        self.verdicts.invalidate(key);
        self.objects.entry_by_ref(key).and_upsert_with(|known| {
            let known = known.map(moka::Entry::into_value).unwrap_or_default();
            let others = known.iter().filter(|it| !it.is_variant_of(stored)).map(Arc::clone);
            std::iter::once(Arc::clone(stored)).chain(others).take(MOST_VARIANTS).collect()
        });
        // One that came between the look above and the insertion did not see it.
        if self.purge_count() == begun {
            Ok(())
        } else {
            self.objects.invalidate(key);
            Err(NotStored::Purged)
        }
    }

    /// Puts one in the place of the very one it was made from, if that is still here.
    pub(super) fn replace(&self, key: &CacheKey, known: &Arc<Stored>, with: Stored) {
        let with = Arc::new(with);
        self.objects.entry_by_ref(key).and_compute_with(|entry| {
            let Some(variants) = entry.map(moka::Entry::into_value) else {
                return moka::ops::compute::Op::Nop;
            };
            if !variants.iter().any(|it| Arc::ptr_eq(it, known)) {
                return moka::ops::compute::Op::Nop;
            }
            let replaced = variants
                .iter()
                .map(|it| Arc::clone(if Arc::ptr_eq(it, known) { &with } else { it }));
            moka::ops::compute::Op::Put(replaced.collect())
        });
    }

    /// Lets go of an object, and remembers why there is none.
    pub(super) fn judge(&self, key: &CacheKey, verdict: Verdict, begun: PurgeCount) {
        self.objects.invalidate(key);
        if self.purge_count() == begun {
            self.verdicts.insert(key.clone(), verdict);
        }
        // As above.
        if self.purge_count() != begun {
            self.verdicts.invalidate(key);
        }
    }

    /// Lets go of an object.
    pub(super) fn forget(&self, key: &CacheKey) {
        self.objects.invalidate(key);
    }

    /// Forgets what is in the scope. What is being asked for meanwhile is not kept.
    pub(super) fn purge(&self, scope: &PurgeScope) {
        self.purges.fetch_add(1, Ordering::SeqCst);
        for (key, _) in &self.objects {
            if key.is_in(scope) {
                // Not `invalidate`, which does not wait: a replacement that has seen the object by
                // now would put it back. Of computations for one key one follows the other.
                self.objects
                    .entry_by_ref(&*key)
                    .and_compute_with(|_| moka::ops::compute::Op::Remove);
            }
        }
        for (key, _) in &self.verdicts {
            if key.is_in(scope) {
                self.verdicts.invalidate(&*key);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn weight(&self) -> u64 {
        self.objects.run_pending_tasks();
        self.verdicts.run_pending_tasks();
        self.objects.weighted_size() + self.verdicts.weighted_size()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::asset::OriginKey;
    use crate::clock::UnixSeconds;
    use crate::delivery::{Caching, ObjectMeta, OriginIdentity, Validators, Vary};
    use crate::policy::CacheTimes;

    use super::super::freshness::Freshness;

    fn key(origin: OriginIdentity, text: &str) -> CacheKey {
        CacheKey::of_parts(origin, OriginKey::Target(text.into()))
    }

    fn identities() -> [OriginIdentity; 2] {
        [(); 2].map(|()| OriginIdentity::new())
    }

    fn stored(length: usize, language: Option<&'static str>) -> Arc<Stored> {
        let name = HeaderName::from_static("accept-language");
        let mut forwarded = HeaderMap::new();
        if let Some(language) = language {
            forwarded.insert(name.clone(), HeaderValue::from_static(language));
        }
        let caching =
            Caching { vary: Vary::On([name].into()), lifetime: Some(60), ..Caching::UNSTATED };
        let meta = ObjectMeta {
            complete_length: None,
            validators: Validators::default(),
            content_type: HeaderValue::from_static("text/plain"),
            content_language: None,
            content_encoding: None,
            caching,
            forwarded: HeaderMap::new(),
        };
        let freshness = Freshness::new(
            &meta.caching,
            &meta.validators,
            CacheTimes::default(),
            Instant::now(),
            UnixSeconds::new(0),
        );
        let bytes = Bytes::from(vec![b'x'; length]);
        Arc::new(Stored::in_memory(meta, bytes, freshness, &forwarded))
    }

    fn find(store: &Store, key: &CacheKey, language: Option<&'static str>) -> Option<Arc<Stored>> {
        let headers = language.map(|it| ("accept-language".to_owned(), it.to_owned()));
        let headers: HashMap<_, _> = headers.into_iter().collect();
        store.select(key.as_ref(), &(&headers).try_into().unwrap()).ok()
    }

    #[tokio::test]
    async fn no_more_is_kept_than_the_memory_holds() {
        let [origin, _] = identities();
        let memory = 1 << 20;
        let store = Store::new(memory);
        let mut rest = 0;
        for number in 0..5000_u32 {
            let object = key(origin, &format!("/{number}"));
            store.insert(&object, &stored(2048, None), store.purge_count()).unwrap();
            let missing = key(origin, &format!("/missing/{number}/{}", "x".repeat(1000)));
            store.judge(&missing, Verdict::lasting(Finding::Missing), store.purge_count());
            rest = store.weight();
            assert!(rest <= memory, "{rest} after {number}");
        }
        assert!(rest > memory / 2, "{rest}");
    }

    #[tokio::test]
    async fn variants_are_found_by_what_was_sent_and_are_few() {
        let [origin, _] = identities();
        let store = Store::new(1 << 20);
        let key = key(origin, "/a");
        let languages = [None, Some("de"), Some("en")];
        for (length, language) in languages.into_iter().enumerate() {
            store.insert(&key, &stored(length, language), store.purge_count()).unwrap();
        }
        let superseding = stored(9, Some("de"));
        store.insert(&key, &superseding, store.purge_count()).unwrap();
        assert!(Arc::ptr_eq(&find(&store, &key, Some("de")).unwrap(), &superseding));
        assert!(find(&store, &key, None).is_some() && find(&store, &key, Some("en")).is_some());
        assert!(find(&store, &key, Some("fr")).is_none());
        for number in 0..3 * MOST_VARIANTS {
            let language: &'static str = format!("x{number}").leak();
            store.insert(&key, &stored(1, Some(language)), store.purge_count()).unwrap();
        }
        assert_eq!(store.objects.get(&key).unwrap().len(), MOST_VARIANTS);
        assert!(find(&store, &key, Some("de")).is_none());
    }

    #[tokio::test]
    async fn a_purge_forgets_its_scope_and_what_is_on_its_way() {
        let [one, other] = identities();
        let store = Store::new(1 << 20);
        let keys =
            [(one, "/a/1"), (one, "/a/2"), (one, "/b"), (other, "/a/1")].map(|it| key(it.0, it.1));
        let present =
            |store: &Store| keys.each_ref().map(|key| u8::from(find(store, key, None).is_some()));
        let object = OriginKey::Target("/a/1".into());
        for (scope, expected) in [
            (PurgeScope::Object(one, object), [0, 1, 1, 1]),
            (PurgeScope::Prefix(one, "/a/".into()), [0, 0, 1, 1]),
            (PurgeScope::Origin(one), [0, 0, 0, 1]),
            (PurgeScope::Everything, [0, 0, 0, 0]),
        ] {
            for key in &keys {
                store.insert(key, &stored(5, None), store.purge_count()).unwrap();
            }
            assert_eq!(present(&store), [1; 4]);
            let begun = store.purge_count();
            store.purge(&scope);
            assert_eq!(present(&store), expected, "{scope:?}");
            let late = store.insert(&keys[0], &stored(5, None), begun);
            assert_eq!(late, Err(NotStored::Purged));
            assert_eq!(present(&store), expected, "{scope:?}");
        }
        store.judge(&keys[0], Verdict::lasting(Finding::Missing), store.purge_count());
        assert!(store.verdict(keys[0].as_ref(), Instant::now()).is_some());
        store.purge(&PurgeScope::Origin(one));
        assert!(store.verdict(keys[0].as_ref(), Instant::now()).is_none());
    }

    #[tokio::test]
    async fn what_is_replaced_while_it_is_purged_is_gone() {
        let [origin, _] = identities();
        let store = Store::new(1 << 20);
        let key = key(origin, "/a");
        let (known, with) = (stored(5, None), stored(6, None));
        let failing = |it: &Stored| it.failing(Instant::now());
        let replacements: Vec<_> = (0..5000).map(|_| failing(&with)).collect();
        let (begin, end) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        let mut left = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for with in replacements {
                    begin.wait();
                    store.replace(&key, &known, with);
                    end.wait();
                }
            });
            for round in 0..5000 {
                store.insert(&key, &known, store.purge_count()).unwrap();
                begin.wait();
                store.purge(&PurgeScope::Everything);
                end.wait();
                if find(&store, &key, None).is_some() {
                    left.push(round);
                }
            }
        });
        assert_eq!(left, [0; 0]);
    }

    #[tokio::test]
    async fn only_the_very_one_is_replaced() {
        let [origin, _] = identities();
        let store = Store::new(1 << 20);
        let key = key(origin, "/a");
        let (first, second) = (stored(1, None), stored(2, None));
        store.insert(&key, &first, store.purge_count()).unwrap();
        store.insert(&key, &second, store.purge_count()).unwrap();
        store.replace(&key, &first, first.failing(Instant::now()));
        assert!(Arc::ptr_eq(&find(&store, &key, None).unwrap(), &second));
        store.replace(&key, &second, second.failing(Instant::now()));
        assert!(find(&store, &key, None).unwrap().failing_until().is_some());
    }
}
