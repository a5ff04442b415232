//! One question to an origin whose answer is to be kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::super::origin_meter::OriginMeter;
use super::flights::{Flight, Landing};
use super::freshness::{self, Freshness};
use super::key::CacheKey;
use super::slices::{Tier, VersionId};
use super::status::NotStored;
use super::store::{Finding, PurgeCount, Store, Verdict};
use super::stored::Stored;
use crate::clock::UnixSeconds;
use crate::delivery::{
    Answer, Caching, Conditions, Filler, LastingIdentity, Object, ObjectMeta, OriginError,
    OriginFault, OriginIdentity, Sharing, Storing, Strength, Validators, Vary,
};
use crate::policy::CacheTimes;

/// For how long others wait for a body. One that takes longer streams to the client that asked for
/// it, and is not kept.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// After an origin failed, what is stale stands in for so long before it is asked again.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// Bytes of memory for bodies that are being read.
#[derive(Debug)]
pub(super) struct Room {
    size: usize,
    taken: AtomicUsize,
}

/// A part of the room, given back when dropped.
#[derive(Debug)]
pub(super) struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Room {
    pub(super) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { size, taken: AtomicUsize::new(0) })
    }

    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Taken> {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= self.size);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Taken { room: Arc::clone(self), bytes })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Where answers are kept, and which.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) store: Arc<Store>,
    pub(super) room: Arc<Room>,
    pub(super) max_object: usize,
    /// For what is larger.
    pub(super) tier: Option<Arc<Tier>>,
}

/// Did the request show `Authorization`? It does not travel; but what is answered to one who shows
/// it is kept only where the origin says that others may have it (RFC 9111 section 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Credentials {
    Absent,
    Shown,
}

/// What is asked, on whose behalf, and what it is asked about.
#[derive(Debug)]
pub(super) struct Fill {
    pub(super) shelf: Shelf,
    pub(super) key: CacheKey,
    pub(super) origin: OriginIdentity,
    pub(super) filler: Filler,
    pub(super) forwarded: HeaderMap,
    pub(super) times: CacheTimes,
    pub(super) credentials: Credentials,
    /// What is kept, where the question is whether it is still current.
    pub(super) known: Option<Arc<Stored>>,
    pub(super) begun: PurgeCount,
    pub(super) now: UnixSeconds,
    pub(super) meter: OriginMeter,
}

/// What came of it, for the one who asked.
#[derive(Debug)]
pub(super) enum Landed {
    Failed(OriginError),
    Kept(Arc<Stored>, Result<(), NotStored>),
    Missing,
    /// What is kept is current.
    Revalidated(Arc<Stored>),
    /// Its description is kept; its bytes are in slices, or on their way in this answer.
    Sliced(Arc<Stored>, Result<(), NotStored>, Box<Object>),
    /// The answer as it came, for this request alone.
    Through(Box<Answer>, NotStored),
}

impl Landed {
    fn to_landing(&self) -> Landing {
        match self {
            Self::Failed(error) => Landing::Failed(error.fault()),
            Self::Kept(stored, _) | Self::Revalidated(stored) | Self::Sliced(stored, ..) => {
                Landing::Stored(Arc::clone(stored))
            }
            Self::Missing => Landing::Missing,
            Self::Through(..) => Landing::NotShared,
        }
    }
}

impl Fill {
    /// Asks, tells those who wait, and hands the answer to the one who began, who may be gone.
    pub(super) async fn fly(self, flight: Flight, hand: Option<oneshot::Sender<Landed>>) {
        let landed = self.land().await;
        flight.land(landed.to_landing());
        if let Some(hand) = hand {
            // Whoever began it may have left.
            let _ = hand.send(landed);
        }
    }

    /// Asks, and keeps what may be kept.
    pub(super) async fn land(self) -> Landed {
        let question = self.known.as_ref().map_or_else(Conditions::default, |it| it.question());
        let asked = Instant::now();
        let answer = self.filler.ask(&question, &self.forwarded, self.now).await;
        self.meter.count(asked, answer.as_ref().map(|_| ()));
        let landed = match (answer, &self.known) {
            (Ok(Answer::Found(object)), _) => self.found(object, asked).await,
            (Ok(Answer::NotFound(caching)), _) => {
                self.missing(&caching);
                Landed::Missing
            }
            (Ok(Answer::NotModified(freshening)), Some(known)) => {
                let fresh = known.freshened(*freshening, self.times, asked, self.now);
                let fresh = Arc::new(fresh);
                // Purged meanwhile, it is current all the same for those who asked.
                let _ = self.shelf.store.insert(&self.key, &fresh, self.begun);
                Landed::Revalidated(fresh)
            }
            (Ok(Answer::Described(_) | Answer::NotModified(_)), _) => {
                Landed::Failed(OriginFault::StatusUnexpected.into())
            }
            (Err(error), _) => Landed::Failed(error),
        };
        if let (Landed::Failed(error), Some(known)) = (&landed, &self.known)
            && may_be_bridged(error.fault())
        {
            let failing = known.failing(Instant::now() + LEFT_ALONE);
            self.shelf.store.replace(&self.key, known, failing);
        }
        landed
    }

    fn missing(&self, caching: &Caching) {
        let may_be_kept =
            storable(caching, self.credentials).is_ok() && caching.vary == Vary::Nothing;
        let believed = freshness::of_absence(caching, self.times);
        if may_be_kept && !believed.is_zero() {
            let until = Instant::now() + believed;
            let verdict = Verdict { finding: Finding::Missing, until };
            self.shelf.store.judge(&self.key, verdict, self.begun);
        } else {
            self.shelf.store.forget(&self.key);
        }
    }

    /// Keeps the description of an object that is for the slices, whatever part of it came along.
    pub(super) fn describe(&self, object: Object, asked: Instant) -> Result<Landed, Box<Object>> {
        let meta = object.meta();
        let keepable = storable(&meta.caching, self.credentials).is_ok();
        let Some((tier, origin)) = self.sliceable(meta).filter(|_| keepable) else {
            return Err(Box::new(object));
        };
        let freshness =
            Freshness::new(&meta.caching, &meta.validators, self.times, asked, self.now);
        let (key, slice) = (self.filler.key(), tier.config().slice);
        let stored = Arc::new(Stored::in_slices(
            meta.clone(),
            Arc::clone(tier),
            |meta, chosen_by| VersionId::new(origin, key, meta, chosen_by, slice),
            freshness,
            &self.forwarded,
        ));
        let kept = self.shelf.store.insert(&self.key, &stored, self.begun);
        Ok(Landed::Sliced(stored, kept, Box::new(object)))
    }

    /// Too large for memory, and its version can be told beyond doubt.
    fn sliceable(&self, meta: &ObjectMeta) -> Option<(&Arc<Tier>, LastingIdentity)> {
        let Validators { etag, .. } = &meta.validators;
        let strong = etag.as_ref().is_some_and(|it| it.strength() == Strength::Strong);
        let large = usize::try_from(meta.complete_length?)
            .map_or(true, |length| length > self.shelf.max_object);
        let tier = self.shelf.tier.as_ref()?;
        (large && (strong || meta.validators.date_is_strong()))
            .then_some((tier, self.origin.lasting()?))
    }

    async fn found(&self, object: Object, asked: Instant) -> Landed {
        let object = match self.describe(object, asked) {
            Ok(landed) => return landed,
            Err(object) => *object,
        };
        let meta = object.meta().clone();
        let freshness =
            Freshness::new(&meta.caching, &meta.validators, self.times, asked, self.now);
        let judged = storable(&meta.caching, self.credentials)
            .and_then(|()| worth_keeping(&meta, &freshness))
            .and_then(|()| self.make_room(&meta));
        let room = match judged {
            Ok(room) => room,
            Err(why) => return self.through(Answer::Found(object), why),
        };
        let bytes = match read(object, self.shelf.max_object, asked).await {
            Read::Whole(bytes) => bytes,
            Read::Part(object, why) => return self.through(Answer::Found(*object), why),
            Read::Broken(error) => return Landed::Failed(error),
        };
        drop(room);
        let stored = Arc::new(Stored::in_memory(meta, bytes, freshness, &self.forwarded));
        let kept = self.shelf.store.insert(&self.key, &stored, self.begun);
        Landed::Kept(stored, kept)
    }

    /// What is not kept, and remembered not to be, in place of anything that was.
    fn through(&self, answer: Answer, why: NotStored) -> Landed {
        match why {
            // Of this request or this moment, and not of the object.
            NotStored::Authorization
            | NotStored::NoRoom
            | NotStored::OriginFailed
            | NotStored::Purged => {}
            NotStored::ContentRange
            | NotStored::NoFreshness
            | NotStored::NoStore
            | NotStored::Private
            | NotStored::SetCookie
            | NotStored::Slow
            | NotStored::TooLarge
            | NotStored::VaryEverything => {
                let verdict = Verdict::lasting(Finding::NotStored(why));
                self.shelf.store.judge(&self.key, verdict, self.begun);
            }
        }
        Landed::Through(Box::new(answer), why)
    }

    fn make_room(&self, meta: &ObjectMeta) -> Result<Taken, NotStored> {
        let max = self.shelf.max_object;
        let bytes = match meta.complete_length {
            Some(length) => usize::try_from(length).ok().filter(|length| *length <= max),
            None => Some(max),
        };
        let bytes = bytes.ok_or(NotStored::TooLarge)?;
        self.shelf.room.take(bytes).ok_or(NotStored::NoRoom)
    }
}

/// May a failure of this kind be bridged with what is stale? Not where the origin answered and
/// meant it.
pub(super) const fn may_be_bridged(fault: OriginFault) -> bool {
    match fault {
        OriginFault::KeyForm
        | OriginFault::NoSuchOrigin
        | OriginFault::NotAsRegistered
        | OriginFault::PermissionDenied
        | OriginFault::StatusUnexpected => false,
        OriginFault::BodyBroken
        | OriginFault::BodyOverlong
        | OriginFault::BodyStalled
        | OriginFault::Changed
        | OriginFault::ConnectFailed
        | OriginFault::ConnectTimedOut
        | OriginFault::ConnectionLost
        | OriginFault::ContentRangeWrong
        | OriginFault::CredentialsUnavailable
        | OriginFault::FramingUnbounded
        | OriginFault::LeftAlone
        | OriginFault::HeadMalformed
        | OriginFault::HeadTimedOut
        | OriginFault::ReadFailed
        | OriginFault::ServerFailed
        | OriginFault::CopyNotMade
        | OriginFault::TooManyWaiting
        | OriginFault::TlsFailed => true,
    }
}

/// May it be kept for others at all (RFC 9111 section 3)?
pub(super) fn storable(caching: &Caching, credentials: Credentials) -> Result<(), NotStored> {
    match (caching.storing, &caching.vary, credentials, caching.sharing) {
        (Storing::Doubtful, _, _, _) => Err(NotStored::ContentRange),
        (Storing::Nobody, _, _, _) => Err(NotStored::NoStore),
        (Storing::OnlyClient, _, _, _) => Err(NotStored::Private),
        (Storing::Personal, _, _, _) => Err(NotStored::SetCookie),
        (Storing::Everybody, Vary::Everything, _, _) => Err(NotStored::VaryEverything),
        (Storing::Everybody, _, Credentials::Shown, Sharing::Unstated) => {
            Err(NotStored::Authorization)
        }
        (Storing::Everybody, _, _, _) => Ok(()),
    }
}

/// Is it ever of use: fresh for a while, or good to be asked about?
fn worth_keeping(meta: &ObjectMeta, freshness: &Freshness) -> Result<(), NotStored> {
    let has_validator = meta.validators.etag.is_some() || meta.validators.last_modified.is_some();
    if freshness.is_ever_fresh() || has_validator { Ok(()) } else { Err(NotStored::NoFreshness) }
}

enum Read {
    Whole(Bytes),
    /// Too much, or too slow: the object again, with what was read of it.
    Part(Box<Object>, NotStored),
    Broken(OriginError),
}

/// Reads a body that should fit. It ends in an error where it is shorter than promised.
async fn read(object: Object, max: usize, asked: Instant) -> Read {
    let meta = object.meta().clone();
    let promised = meta.complete_length.and_then(|length| usize::try_from(length).ok());
    let mut body = object.into_whole();
    let mut first: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    let whole = |first: Option<Bytes>, joined: BytesMut| match first {
        Some(first) if joined.is_empty() => first,
        Some(_) | None => joined.freeze(),
    };
    let due = asked + BODY_PATIENCE;
    loop {
        let frame = match timeout_at(due, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Read::Broken(error),
            Ok(None) => return Read::Whole(whole(first, joined)),
            Err(_) => {
                let begun = whole(first, joined);
                return Read::Part(Box::new(Object::begun(meta, begun, body)), NotStored::Slow);
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.as_ref().map_or(0, Bytes::len).max(joined.len());
        let total = so_far.saturating_add(data.len());
        if so_far == 0 {
            // A body that came in one piece is kept as that piece.
            first = Some(data);
        } else {
            if let Some(first) = first.take() {
                joined.reserve(promised.unwrap_or(total).max(total));
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
        if total > max {
            let begun = whole(first, joined);
            return Read::Part(Box::new(Object::begun(meta, begun, body)), NotStored::TooLarge);
        }
    }
}
