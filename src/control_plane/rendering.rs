//! Where renditions are made: a few at a time, on threads that may be kept busy.
//!
//! What somebody may have is decided before anything comes here. What may be asked of this machine
//! is decided here:
//!
//! - At a time, as many renditions are made as there are cores but one, four at most, and no more
//!   than [`MOST_MEMORY`] is taken by all of them.
//! - [`PLACES`] are made or awaited, and [`PLACES_OF_ONE`] for one visitor: whoever asks for more
//!   is refused or, where a page asks for all of its pictures at once, stands in line before the
//!   places, where nobody else waits for it. Nobody waits longer than [`PATIENCE`] for either.
//! - What was made is kept, the most used up to [`MOST_KEPT`], by where the image is and the digest of
//!   its bytes. A digest alone is what somebody says who may not have the bytes.
//! - What is on its way is counted ([`InFlight`]): whoever reads slowly does not fill the memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use ipnet::IpNet;
use sha2::{Digest, Sha256};
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::in_flight::InFlight;
use crate::asset::TenantId;
use crate::rendition::{Look, Rendered, Rendition, RenditionError, look, render};

/// Renditions that are made or awaited at once.
const PLACES: usize = 64;

/// Those of one visitor: a browser asks for six at a time.
const PLACES_OF_ONE: usize = 8;

/// Those who stand in line before the places, all visitors together.
const MOST_IN_LINE: usize = 256;

/// How long a rendition is waited for before it is begun.
const PATIENCE: Duration = Duration::from_secs(10);

/// After how many seconds whoever was refused may come again.
pub(super) const COME_AGAIN: u64 = 5;

/// Memory of everything that is being made, in bytes, next to the images themselves.
const MOST_MEMORY: u64 = 1 << 30;

/// Most renditions that are made at a time, however many cores there are.
const MOST_WORKERS: usize = 4;

/// Most that is kept of what was made, in bytes.
const MOST_KEPT: u64 = 64 << 20;

/// What a permit for memory stands for, in bytes.
const MEMORY_UNIT: u64 = 1 << 20;

/// The SHA-256 of an image's bytes.
pub(super) type ImageDigest = [u8; 32];

/// Where an image is, as a digest: whose, at which origin, under which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ImagePlace([u8; 32]);

impl ImagePlace {
    /// Nowhere: the bytes came with the request.
    pub(super) const REQUEST: Self = Self([0; 32]);

    /// An object's.
    pub(super) fn of(tenant: TenantId, origin: &str, key: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(tenant.0.to_be_bytes());
        digest.update(origin.len().to_be_bytes());
        digest.update(origin);
        digest.update(key);
        Self(digest.finalize().into())
    }
}

/// A rendition that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// It.
    pub rendered: Rendered,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// Why none is made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// There is no place, or none became free in time.
    #[error("too many renditions are being made: come again")]
    Busy,
    /// The image's bytes are not those that it was registered with.
    #[error("the image is not the one that was registered")]
    OtherBytes,
    /// There is no such rendition of that image.
    #[error(transparent)]
    Image(#[from] RenditionError),
}

/// What becomes of whoever has all the places that one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// They wait for the next.
    Joined,
    /// They are refused.
    Refused,
}

/// Where renditions are made. Clones are the same one.
#[derive(Clone)]
pub(super) struct Renderings {
    workers: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    places: Arc<Places>,
    line: Arc<Semaphore>,
    kept: moka::sync::Cache<(ImagePlace, ImageDigest, Rendition), Made>,
    in_flight: InFlight,
}

impl fmt::Debug for Renderings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderings").field("workers", &self.workers).finish_non_exhaustive()
    }
}

impl Default for Renderings {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::with_workers(cores.saturating_sub(1).clamp(1, MOST_WORKERS))
    }
}

/// An image of which a rendition is to be made.
#[derive(Debug)]
pub(super) struct Image {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// Where they are.
    pub(super) place: ImagePlace,
    /// What their digest is to be, where that is known.
    pub(super) registered: Option<ImageDigest>,
}

/// Who makes renditions at a time: whoever holds one may have an image in memory.
#[derive(Debug)]
pub(super) struct Turn {
    worker: OwnedSemaphorePermit,
    place: Place,
}

impl Renderings {
    fn with_workers(workers: usize) -> Self {
        let units = usize::try_from(MOST_MEMORY / MEMORY_UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        let kept = moka::sync::Cache::builder()
            .weigher(|_, made: &Made| {
                u32::try_from(made.rendered.bytes.len()).unwrap_or(u32::MAX).saturating_add(256)
            })
            .max_capacity(MOST_KEPT)
            .build();
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            memory: Arc::new(Semaphore::new(units)),
            places: Arc::default(),
            line: Arc::new(Semaphore::new(MOST_IN_LINE)),
            kept,
            in_flight: InFlight::default(),
        }
    }

    /// What was made of a tenant's, to be sent to a visitor of that network.
    pub(super) fn to_be_sent(
        &self,
        tenant: TenantId,
        visitor: IpNet,
        made: Made,
    ) -> Result<Made, NotMade> {
        let Made { rendered, sha256 } = made;
        let bytes = self.in_flight.lend(tenant, visitor, rendered.bytes);
        let bytes = bytes.ok_or(NotMade::Busy)?;
        Ok(Made { rendered: Rendered { bytes, ..rendered }, sha256 })
    }

    /// One that was made, and is kept.
    pub(super) fn kept(
        &self,
        place: ImagePlace,
        image: ImageDigest,
        wish: Rendition,
    ) -> Option<Made> {
        self.kept.get(&(place, image, wish))
    }

    /// Waits for its turn. `visitor` is whoever is not to keep others from theirs.
    pub(super) async fn turn(&self, visitor: &str, line: Line) -> Result<Turn, NotMade> {
        let place = match (self.places.take(visitor), line) {
            (Some(place), _) => place,
            (None, Line::Refused) => return Err(NotMade::Busy),
            (None, Line::Joined) => {
                let _waiting = self.line.try_acquire().map_err(|_| NotMade::Busy)?;
                let next = timeout(PATIENCE, self.places.next(visitor)).await;
                next.map_err(|_| NotMade::Busy)?
            }
        };
        let worker = timeout(PATIENCE, Arc::clone(&self.workers).acquire_owned()).await;
        Ok(Turn { worker: in_time(worker)?, place })
    }

    /// Makes a rendition of an image, and keeps it. What was begun is finished, and counts until
    /// then, whether anybody waits for it or not.
    pub(super) async fn make(
        &self,
        turn: Turn,
        image: Image,
        wish: Rendition,
    ) -> Result<Made, NotMade> {
        let Image { bytes, place, registered } = image;
        let (turn, image, digest, memory) = on_a_thread(move || {
            let digest: ImageDigest = Sha256::digest(&bytes).into();
            if registered.is_some_and(|registered| registered != digest) {
                return Err(NotMade::OtherBytes);
            }
            let Look { memory, .. } = look(&bytes, &wish)?;
            Ok((turn, bytes, digest, memory))
        })
        .await?;
        if let Some(made) = self.kept(place, digest, wish) {
            return Ok(made);
        }
        let units = memory.div_ceil(MEMORY_UNIT).min(MOST_MEMORY / MEMORY_UNIT);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let room = timeout(PATIENCE, Arc::clone(&self.memory).acquire_many_owned(units)).await;
        let room = in_time(room)?;
        let kept = self.kept.clone();
        on_a_thread(move || {
            let rendered = render(&image, &wish)?;
            drop((image, room));
            let made = Made { sha256: Sha256::digest(&rendered.bytes).into(), rendered };
            kept.insert((place, digest, wish), made.clone());
            let Turn { worker, place } = turn;
            drop((worker, place));
            Ok(made)
        })
        .await
    }
}

fn in_time<E>(
    waited: Result<Result<OwnedSemaphorePermit, AcquireError>, E>,
) -> Result<OwnedSemaphorePermit, NotMade> {
    match waited {
        Ok(Ok(permit)) => Ok(permit),
        // Nobody closes them.
        Ok(Err(_)) | Err(_) => Err(NotMade::Busy),
    }
}

/// On a thread of its own. An image that a decoder gives up on with a panic is none.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotMade> + Send + 'static,
) -> Result<T, NotMade> {
    match spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(%error, "an image could not be worked on");
            Err(RenditionError::NotAnImage(None).into())
        }
    }
}

/// Who has how many places.
#[derive(Debug, Default)]
struct Places {
    taken: Mutex<HashMap<Box<str>, usize>>,
    /// Told whenever a place becomes free.
    freed: Notify,
}

/// One place of a visitor, until it is dropped.
#[derive(Debug)]
struct Place {
    of: Arc<Places>,
    visitor: Box<str>,
}

impl Places {
    fn take(self: &Arc<Self>, visitor: &str) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= PLACES {
            return None;
        }
        let of_one = taken.entry(visitor.into()).or_default();
        if *of_one >= PLACES_OF_ONE {
            return None;
        }
        *of_one += 1;
        Some(Place { of: Arc::clone(self), visitor: visitor.into() })
    }

    /// The next one that becomes free.
    async fn next(self: &Arc<Self>, visitor: &str) -> Place {
        loop {
            let mut freed = pin!(self.freed.notified());
            // What becomes free between the look and the wait is not missed.
            freed.as_mut().enable();
            if let Some(place) = self.take(visitor) {
                return place;
            }
            freed.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut of_one) = taken.entry(std::mem::take(&mut self.visitor)) {
            *of_one.get_mut() -= 1;
            if *of_one.get() == 0 {
                of_one.remove();
            }
        }
        drop(taken);
        self.of.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::rendition::{Bounds, Encoding};

    fn bytes() -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");
        std::fs::read(format!("{folder}/palette.png")).unwrap()
    }

    fn place(tenant: u64) -> ImagePlace {
        ImagePlace::of(TenantId(tenant), "media", "palette.png")
    }

    fn image() -> Image {
        Image { bytes: bytes(), place: place(1), registered: None }
    }

    fn wish(width: u32) -> Rendition {
        let bounds = Bounds { width: NonZeroU32::new(width), height: None };
        Rendition { bounds, encoding: Encoding::Png, ..Rendition::default() }
    }

    #[tokio::test]
    async fn what_was_made_is_kept() {
        let renderings = Renderings::with_workers(1);
        let turn = renderings.turn("one", Line::Refused).await.unwrap();
        let made = renderings.make(turn, image(), wish(8)).await.unwrap();
        assert_eq!((made.rendered.width, made.rendered.height), (8, 8));
        let digest: ImageDigest = Sha256::digest(bytes()).into();
        let kept = renderings.kept(place(1), digest, wish(8)).unwrap();
        assert_eq!(kept.rendered.bytes.as_ptr(), made.rendered.bytes.as_ptr());
        assert!(renderings.kept(place(1), digest, wish(9)).is_none());
        // Whoever says only what its digest is does not have it.
        assert!(renderings.kept(place(2), digest, wish(8)).is_none());
        let turn = renderings.turn("other", Line::Refused).await.unwrap();
        let again = renderings.make(turn, image(), wish(8)).await.unwrap();
        assert_eq!(again.rendered.bytes.as_ptr(), made.rendered.bytes.as_ptr());
        // Nobody has a place any more, and the worker is free.
        assert!(renderings.places.taken.lock().unwrap().is_empty());
        assert_eq!(renderings.workers.available_permits(), 1);
    }

    #[tokio::test]
    async fn what_is_no_image_leaves_nothing_behind() {
        let renderings = Renderings::with_workers(1);
        for _ in 0..=PLACES_OF_ONE {
            let turn = renderings.turn("one", Line::Refused).await.unwrap();
            let none = Image { bytes: b"no image".to_vec(), ..image() };
            let refused = renderings.make(turn, none, wish(8)).await;
            assert!(matches!(refused, Err(NotMade::Image(RenditionError::NotAnImage(_)))));
            let turn = renderings.turn("one", Line::Refused).await.unwrap();
            let other = Image { registered: Some([7; 32]), ..image() };
            let refused = renderings.make(turn, other, wish(8)).await;
            assert!(matches!(refused, Err(NotMade::OtherBytes)));
        }
        assert_eq!(renderings.workers.available_permits(), 1);
        assert_eq!(renderings.memory.available_permits(), 1024);
        assert_eq!(renderings.kept.entry_count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_visitor_does_not_fill_the_places() {
        let renderings = Renderings::with_workers(1);
        let busy = renderings.turn("one", Line::Refused).await.unwrap();
        let waiting = |visitor: &'static str| {
            let renderings = renderings.clone();
            tokio::spawn(async move { renderings.turn(visitor, Line::Refused).await })
        };
        let of_one: Vec<_> = (1..PLACES_OF_ONE).map(|_| waiting("one")).collect();
        tokio::task::yield_now().await;
        // At once, for there is no place to wait at.
        let before = tokio::time::Instant::now();
        assert!(matches!(renderings.turn("one", Line::Refused).await, Err(NotMade::Busy)));
        assert_eq!(before.elapsed(), Duration::ZERO);
        let other = waiting("other");
        tokio::task::yield_now().await;
        // The first that waited is next; whoever goes away makes room.
        for waiting in of_one {
            waiting.abort();
            let _ = waiting.await;
        }
        drop(busy);
        let turn = other.await.unwrap().unwrap();
        assert_eq!(&*turn.place.visitor, "other");
        assert!(renderings.places.taken.lock().unwrap().get("one").is_none());
    }

    /// A page asks for all of its pictures at once.
    #[tokio::test(start_paused = true)]
    async fn whoever_stands_in_line_has_the_next_place() {
        let renderings = Renderings::with_workers(PLACES);
        let mut turns = Vec::new();
        for _ in 0..PLACES_OF_ONE {
            turns.push(renderings.turn("one", Line::Joined).await.unwrap());
        }
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let renderings = renderings.clone();
                tokio::spawn(async move { renderings.turn("one", Line::Joined).await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(renderings.line.available_permits(), MOST_IN_LINE - 20);
        assert!(renderings.turn("other", Line::Refused).await.is_ok());
        drop(turns.pop());
        for waiting in waiting {
            waiting.await.unwrap().unwrap();
        }
        // Where nothing becomes free, nobody waits for ever.
        turns.push(renderings.turn("one", Line::Joined).await.unwrap());
        let before = tokio::time::Instant::now();
        assert!(matches!(renderings.turn("one", Line::Joined).await, Err(NotMade::Busy)));
        assert!((PATIENCE..PATIENCE * 2).contains(&before.elapsed()));
        assert_eq!(renderings.line.available_permits(), MOST_IN_LINE);
        // The line has an end.
        let all = renderings.line.clone().acquire_many_owned(256).await.unwrap();
        let before = tokio::time::Instant::now();
        assert!(matches!(renderings.turn("one", Line::Joined).await, Err(NotMade::Busy)));
        assert_eq!(before.elapsed(), Duration::ZERO);
        drop(all);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let renderings = Renderings::with_workers(1);
        let _busy = renderings.turn("one", Line::Refused).await.unwrap();
        let before = tokio::time::Instant::now();
        assert!(matches!(renderings.turn("other", Line::Refused).await, Err(NotMade::Busy)));
        assert!((PATIENCE..PATIENCE * 2).contains(&before.elapsed()));
        assert!(renderings.places.taken.lock().unwrap().get("other").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn all_visitors_together_have_so_many_places() {
        let renderings = Renderings::with_workers(PLACES + 1);
        let mut turns = Vec::new();
        for at in 0..PLACES {
            turns.push(renderings.turn(&format!("visitor {at}"), Line::Refused).await.unwrap());
        }
        assert!(matches!(renderings.turn("one more", Line::Refused).await, Err(NotMade::Busy)));
        turns.pop();
        assert!(renderings.turn("one more", Line::Refused).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_waited_for() {
        let renderings = Renderings::with_workers(2);
        let all = Arc::clone(&renderings.memory).acquire_many_owned(1024).await.unwrap();
        let turn = renderings.turn("one", Line::Refused).await.unwrap();
        let refused = renderings.make(turn, image(), wish(8)).await;
        assert!(matches!(refused, Err(NotMade::Busy)), "{refused:?}");
        drop(all);
        let turn = renderings.turn("one", Line::Refused).await.unwrap();
        assert!(renderings.make(turn, image(), wish(8)).await.is_ok());
    }
}
