//! Pictures with marks of their own (requirement K.4): made away from requests, a few at a time, and
//! kept for whoever comes for the next part.
//!
//! A mark is reckoned out of the whole picture, and takes a processor for a while and memory for every
//! pixel. So one is made at a time; those who want the same wait for it together, some others wait
//! behind it, and whoever finds too many waiting is told to come again. Whoever goes away meanwhile
//! leaves the picture to those who come after.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::redeemed::OriginIdentity;
use crate::asset::OriginKey;
use crate::forensic::{Layers, MarkKey, SightedTag, Unmarkable, mark};
use crate::origin::{OriginError, OriginFault};
use crate::policy::ImageMarkKeys;

/// Bytes of marked pictures that are kept, all together.
const MOST_KEPT: u64 = 128 << 20;

/// Bytes of marked pictures that are in memory, those on their way out among them.
const MOST_HELD: usize = 512 << 20;

/// They are counted by so many.
const COUNTED_BY: usize = 1 << 10;

/// Beside its bytes, what is kept of a picture costs about so much.
const OVERHEAD: u64 = 1 << 10;

/// Pictures that are marked at once: one of the largest takes more than a gigabyte meanwhile.
const AT_ONCE: usize = 1;

/// Who may wait, those at work among them.
const WAITING: usize = 32;

/// What a copy is made with.
#[derive(Clone, Debug)]
pub(super) enum CopyMeans {
    /// Its tag.
    Tag,
    /// Its tag, and where it is a picture that takes one, a mark.
    TagAndMark(MarkKey),
    /// It is to have a mark, and nobody said what makes it.
    KeyUnknown,
}

impl CopyMeans {
    /// What its id says.
    pub(super) fn of(id: [u8; 16], keys: &ImageMarkKeys) -> Self {
        let tag = SightedTag::from_bytes(id);
        match tag.layers() {
            Some(Layers::Container) => Self::Tag,
            None => Self::KeyUnknown,
            Some(Layers::Image) => keys
                .of(tag.named_key().0)
                .map_or(Self::KeyUnknown, |material| Self::TagAndMark(MarkKey::of(material))),
        }
    }
}

/// One version of a picture, and whose copy of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MarkedName {
    pub(super) origin: OriginIdentity,
    pub(super) key: OriginKey,
    /// What tells the version from others; none where that is not sure: it is made for each who asks.
    pub(super) version: Option<Box<str>>,
    pub(super) id: [u8; 16],
}

/// What became of a picture.
#[derive(Clone, Debug)]
pub(super) enum Marked {
    /// It shows the mark.
    Picture(Bytes),
    /// It takes none, and is given with its tag alone.
    TakesNone,
}

/// Marks pictures. See the module.
#[derive(Debug)]
pub(super) struct Marking {
    kept: Cache<MarkedName, Marked>,
    /// Those that are under way.
    under_way: Mutex<HashMap<MarkedName, Weak<tokio::sync::Mutex<()>>>>,
    waiting: Arc<Semaphore>,
    at_work: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// A picture, and the room that it takes until nobody has it any more.
struct Held {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for Marking {
    fn default() -> Self {
        let weight = |_: &MarkedName, marked: &Marked| {
            let bytes = match marked {
                Marked::Picture(bytes) => bytes.len() as u64,
                Marked::TakesNone => 0,
            };
            u32::try_from(bytes.saturating_add(OVERHEAD)).unwrap_or(u32::MAX)
        };
        Self {
            // What was asked for last is kept: the next part of it comes soon.
            kept: Cache::builder()
                .max_capacity(MOST_KEPT)
                .weigher(weight)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            under_way: Mutex::default(),
            waiting: Arc::new(Semaphore::new(WAITING)),
            at_work: Arc::new(Semaphore::new(AT_ONCE)),
            room: Arc::new(Semaphore::new(MOST_HELD / COUNTED_BY)),
        }
    }
}

impl Marking {
    /// What is kept of it.
    pub(super) fn kept(&self, name: &MarkedName) -> Option<Marked> {
        name.version.as_ref().and_then(|_| self.kept.get(name))
    }

    /// The picture with its mark. `read` gives the picture, and is asked for it at most once.
    pub(super) async fn marked<R>(
        &self,
        name: MarkedName,
        key: &MarkKey,
        read: impl FnOnce() -> R,
    ) -> Result<Marked, OriginError>
    where
        R: Future<Output = Result<Bytes, OriginError>>,
    {
        let not_made = |why: &'static str| OriginError::caused_by(OriginFault::CopyNotMade, why);
        let alone = self.alone(&name).lock_owned().await;
        if let Some(marked) = self.kept(&name) {
            return Ok(marked);
        }
        let place = Arc::clone(&self.waiting).try_acquire_owned();
        let place = place.map_err(|_| not_made("too many pictures wait for their marks"))?;
        let work = Arc::clone(&self.at_work).acquire_owned().await;
        let work = work.map_err(|_| not_made("no pictures are marked any more"))?;
        let (picture, key, kept) = (read().await?, key.clone(), self.kept.clone());
        let room = Arc::clone(&self.room);
        let making = spawn_blocking(move || {
            // Whoever asked may be gone: until it is made nobody else begins it.
            let _held = (place, alone, work);
            let made = mark(&picture, &key, SightedTag::from_bytes(name.id));
            let marked = match made {
                Ok(bytes) => Marked::Picture(held(bytes, &room)?),
                Err(refusal) => {
                    told(&refusal, &name);
                    Marked::TakesNone
                }
            };
            if name.version.is_some() {
                kept.insert(name, marked.clone());
            }
            Some(marked)
        });
        let made = making.await;
        let made = made.map_err(|error| OriginError::caused_by(OriginFault::CopyNotMade, error))?;
        made.ok_or_else(|| not_made("too many marked pictures are on their way out"))
    }

    /// Has whoever makes that one make it alone.
    fn alone(&self, name: &MarkedName) -> Arc<tokio::sync::Mutex<()>> {
        let mut under_way = self.under_way();
        if let Some(known) = under_way.get(name).and_then(Weak::upgrade) {
            return known;
        }
        under_way.retain(|_, known| known.strong_count() > 0);
        let new = Arc::default();
        under_way.insert(name.clone(), Arc::downgrade(&new));
        new
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<MarkedName, Weak<tokio::sync::Mutex<()>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes, as long as there is room for them.
fn held(bytes: Vec<u8>, room: &Arc<Semaphore>) -> Option<Bytes> {
    let places = u32::try_from(bytes.len().div_ceil(COUNTED_BY)).ok()?;
    let room = Arc::clone(room).try_acquire_many_owned(places).ok()?;
    Some(Bytes::from_owner(Held { bytes, _room: room }))
}

/// What takes no mark for another reason than that it is small may be worth a look.
fn told(refusal: &Unmarkable, name: &MarkedName) {
    let key = match &name.key {
        OriginKey::Object(key) | OriginKey::Target(key) => key,
    };
    tracing::info!(%key, why = %refusal, "a picture takes no mark: its copies have their tags alone");
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;

    fn name(version: &str) -> MarkedName {
        MarkedName {
            origin: OriginIdentity::new(),
            key: OriginKey::Object("a.png".into()),
            version: Some(version.into()),
            id: [2; 16],
        }
    }

    fn mark_key() -> MarkKey {
        MarkKey::new([7; 32])
    }

    /// What is no picture takes no mark, and that is known to the next.
    #[tokio::test]
    async fn of_many_who_want_one_at_once_one_has_it_made() {
        let (marking, name, reads) = (Arc::new(Marking::default()), name("1"), AtomicUsize::new(0));
        let reads = Arc::new(reads);
        let mut asking = JoinSet::new();
        for _ in 0..4 * WAITING {
            let (marking, name, reads) = (Arc::clone(&marking), name.clone(), Arc::clone(&reads));
            asking.spawn(async move {
                let read = async || {
                    reads.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(Bytes::from_static(b"no picture"))
                };
                marking.marked(name, &mark_key(), read).await
            });
        }
        while let Some(marked) = asking.join_next().await {
            assert!(matches!(marked.unwrap(), Ok(Marked::TakesNone)));
        }
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert!(matches!(marking.kept(&name), Some(Marked::TakesNone)));
        assert_eq!(marking.under_way().values().filter(|it| it.strong_count() > 0).count(), 0);
    }

    #[tokio::test]
    async fn some_wait_and_others_are_told_to_come_again() {
        let marking = Arc::new(Marking::default());
        let go_on = Arc::new(Notify::new());
        let (mut asking, begun) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        for number in 0..WAITING {
            let (marking, go_on) = (Arc::clone(&marking), Arc::clone(&go_on));
            let begun = Arc::clone(&begun);
            asking.spawn(async move {
                let read = async || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    go_on.notified().await;
                    Ok(Bytes::new())
                };
                marking.marked(name(&number.to_string()), &mark_key(), read).await.map(|_| ())
            });
        }
        while marking.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let read = async || panic!("there is no place for it");
        let refused = marking.marked(name("one more"), &mark_key(), read).await.unwrap_err();
        assert_eq!(refused.fault(), OriginFault::CopyNotMade);
        assert!(begun.load(Ordering::Relaxed) <= AT_ONCE);
        // Whoever goes away makes room.
        asking.abort_all();
        while asking.join_next().await.is_some() {}
        let read = async || Ok(Bytes::from_static(b"no picture"));
        let made = marking.marked(name("one more"), &mark_key(), read).await.unwrap();
        assert!(matches!(made, Marked::TakesNone));
    }

    #[tokio::test]
    async fn what_may_be_another_version_by_then_is_made_for_each() {
        let (marking, reads) = (Marking::default(), AtomicUsize::new(0));
        let name = MarkedName { version: None, ..name("") };
        for made in 1..=2 {
            let read = async || {
                reads.fetch_add(1, Ordering::Relaxed);
                Ok(Bytes::from_static(b"no picture"))
            };
            let marked = marking.marked(name.clone(), &mark_key(), read).await.unwrap();
            assert!(matches!(marked, Marked::TakesNone) && marking.kept(&name).is_none());
            assert_eq!(reads.load(Ordering::Relaxed), made);
        }
    }

    #[test]
    fn a_picture_has_its_room_until_nobody_reads_it() {
        let room = Arc::new(Semaphore::new(3));
        let first = held(vec![1; 2 * COUNTED_BY], &room).unwrap();
        let part = first.slice(5..7);
        drop(first);
        assert!(held(vec![2; 2 * COUNTED_BY], &room).is_none());
        assert_eq!(&part[..], [1, 1]);
        drop(part);
        assert!(held(vec![2; 2 * COUNTED_BY], &room).is_some());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_tried_again() {
        let (marking, name) = (Marking::default(), name("1"));
        let fails = async || Err(OriginFault::BodyBroken.into());
        let failed = marking.marked(name.clone(), &mark_key(), fails).await.unwrap_err();
        assert_eq!(failed.fault(), OriginFault::BodyBroken);
        assert!(marking.kept(&name).is_none());
        let read = async || Ok(Bytes::from_static(b"no picture"));
        assert!(marking.marked(name, &mark_key(), read).await.is_ok());
    }

    #[test]
    fn what_a_copy_is_made_with_is_in_its_tag() {
        let keys = ImageMarkKeys::default();
        assert!(matches!(CopyMeans::of([1; 16], &keys), CopyMeans::Tag));
        assert!(matches!(CopyMeans::of([2; 16], &keys), CopyMeans::KeyUnknown));
        // What a later version means by it is not known here.
        assert!(matches!(CopyMeans::of([3; 16], &keys), CopyMeans::KeyUnknown));
    }
}
