//! The cache as one thing: answers a request from what is kept, or asks.

use std::sync::Arc;

use http::HeaderMap;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::origin_meter::OriginMeter;
use super::fill::{Credentials, Fill, Landed, Room, Shelf, may_be_bridged, storable};
use super::flights::{Flights, Joined, Landing, Wait};
use super::freshness::State;
use super::key::{CacheKeyRef, FlightKey, PurgeScope};
use super::slices::{DiskConfig, Held, Pinned, Slices, Tier};
use super::status::{Absent, CacheStatus, NotStored, Passed};
use super::store::{Finding, PurgeCount, Store, Verdict};
use super::stored::{ReadyHead, Stored};
use crate::asset::OriginKey;
use crate::clock::UnixSeconds;
use crate::delivery::{
    Answer, Ask, AskMethod, ByteRange, Cacheable, Caching, Conditions, Object, ObjectMeta,
    OriginError, OriginFault, RangeSpec, Spans,
};

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Bytes of memory, descriptions included; 0: nothing is kept.
    pub memory: u64,
    /// Bytes of the largest body that is.
    pub max_object: u64,
    /// Where larger ones are.
    pub disk: Option<DiskConfig>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { memory: 64 << 20, max_object: 1 << 20, disk: None }
    }
}

/// What is kept, for all workers.
#[derive(Debug)]
pub struct Cache {
    pub(super) shelf: Shelf,
    flights: Arc<Flights>,
}

/// What a permitted request wants of an object.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Wanted<'a> {
    pub(in super::super) method: AskMethod,
    pub(in super::super) ranges: &'a [RangeSpec],
    pub(in super::super) conditions: &'a Conditions,
    /// What of it travels on.
    pub(in super::super) forwarded: &'a HeaderMap,
    pub(in super::super) credentials: Credentials,
    pub(in super::super) now: UnixSeconds,
}

impl Wanted<'_> {
    /// The same, of an origin.
    pub(in super::super) fn ask<'a>(&self, key: &'a OriginKey) -> Ask<'a>
    where
        Self: 'a,
    {
        let Self { method, ranges, conditions, forwarded, now, credentials: _ } = *self;
        Ask { key, method, ranges, conditions, forwarded, now }
    }
}

/// An answer, and how it came about.
#[derive(Debug)]
pub(in super::super) struct Served {
    pub(in super::super) answer: Result<Answer, OriginError>,
    pub(in super::super) status: CacheStatus,
    /// Of an answer that was kept.
    pub(in super::super) kept: Option<Kept>,
}

/// What is known of an answer that was kept, and is nobody's own.
#[derive(Debug)]
pub(in super::super) struct Kept {
    /// Seconds since its origin made it.
    pub(in super::super) age: u64,
    /// Seconds of freshness left.
    pub(in super::super) left: i64,
    /// What answers with its bytes begin with.
    pub(in super::super) head: ReadyHead,
}

impl Served {
    fn of(answer: Result<Answer, OriginError>, status: CacheStatus) -> Self {
        Self { answer, status, kept: None }
    }

    /// An answer that the cache has no part in.
    pub(in super::super) fn past_the_cache(answer: Result<Answer, OriginError>) -> Self {
        Self::of(answer, CacheStatus::Pass(Passed::Off))
    }

    fn missing(status: CacheStatus) -> Self {
        Self::of(Ok(Answer::NotFound(Box::new(Caching::UNSTATED))), status)
    }
}

/// A request on its way through the cache.
struct Request<'a> {
    cache: &'a Cache,
    cacheable: &'a Cacheable,
    wanted: Wanted<'a>,
    meter: &'a OriginMeter,
}

impl Cache {
    /// An empty one, or one that goes on with what `previous` keeps, where it may keep as much.
    /// None where nothing is to be kept. A folder that `previous` has in use stays as it is.
    pub fn open(config: &CacheConfig, previous: Option<&Self>) -> Option<Self> {
        if config.memory == 0 {
            return None;
        }
        let fitting = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let (memory, max_object) = (fitting(config.memory), fitting(config.max_object));
        let tier = config.disk.as_ref().and_then(|disk| {
            let in_use = previous.and_then(|it| it.shelf.tier.clone());
            in_use.map_or_else(|| open_tier(disk, memory), |tier| Some(keep_tier(disk, tier)))
        });
        Some(match previous.filter(|it| it.shelf.store.memory() == config.memory) {
            Some(Self { shelf, flights }) => Self {
                shelf: Shelf { max_object, tier, ..shelf.clone() },
                flights: Arc::clone(flights),
            },
            None => Self {
                shelf: Shelf {
                    store: Arc::new(Store::new(config.memory)),
                    room: Room::new(memory),
                    max_object,
                    tier,
                },
                flights: Arc::default(),
            },
        })
    }

    /// Forgets. What is being asked for at this moment is not kept, nor given to those who come
    /// later.
    pub fn purge(&self, scope: &PurgeScope) {
        let forget = || {
            self.shelf.store.purge(scope);
            self.flights.part();
        };
        match &self.shelf.tier {
            Some(tier) => tier.purge(scope, forget),
            None => forget(),
        }
    }

    /// Lets go of an object that turned out to be another than it should be.
    pub(in super::super) fn forget(&self, cacheable: &Cacheable) {
        self.shelf.store.forget(&CacheKeyRef::of(cacheable).to_key());
    }

    /// Answers a request for an object.
    pub(in super::super) async fn answer(
        &self,
        cacheable: &Cacheable,
        wanted: Wanted<'_>,
        meter: &OriginMeter,
    ) -> Served {
        Request { cache: self, cacheable, wanted, meter }.answer().await
    }
}

/// A folder that cannot be used costs nothing but the tier.
fn open_tier(config: &DiskConfig, memory: usize) -> Option<Arc<Tier>> {
    let path = config.path.display();
    match Tier::open(config.clone(), memory) {
        Ok(tier) => Some(tier),
        Err(error) => {
            tracing::error!(%error, %path, "the cache has no disk: its folder cannot be used");
            None
        }
    }
}

fn keep_tier(config: &DiskConfig, tier: Arc<Tier>) -> Arc<Tier> {
    if tier.config() != config {
        tracing::warn!("path, size and slice of the cache's disk change at a restart only");
    }
    tier
}

impl Request<'_> {
    async fn answer(self) -> Served {
        let at = Instant::now();
        let store = &self.cache.shelf.store;
        let key = CacheKeyRef::of(self.cacheable);
        let absent = match store.select(key, self.wanted.forwarded) {
            Ok(stored) => match stored.freshness.state(at) {
                State::Fresh => return self.fresh(&stored, at).await,
                State::StaleWhileRevalidate => {
                    self.refresh(&stored);
                    return self.kept(&stored, CacheStatus::Stale);
                }
                // Nobody waits for an origin that is known to fail.
                State::StaleIfError if let Some(until) = stored.failing_until() => {
                    if at >= until {
                        self.refresh(&stored);
                    }
                    return self.kept(&stored, CacheStatus::StaleIfError);
                }
                State::Stale | State::StaleIfError => return self.revalidate(stored).await,
            },
            Err(absent) => absent,
        };
        match store.verdict(key, at) {
            Some(Finding::Missing) => return Served::missing(CacheStatus::HitMissing),
            Some(Finding::NotStored(why)) => return self.again(why).await,
            None => {}
        }
        match (self.wanted.method, self.wanted.ranges, self.wanted.credentials) {
            (AskMethod::Head, _, _) => self.pass(Passed::Head).await,
            (AskMethod::Get, [], Credentials::Absent) => self.collapse(absent).await,
            (AskMethod::Get, [], Credentials::Shown) => self.alone(absent).await,
            (AskMethod::Get, [_, ..], _) => self.part(absent).await,
        }
    }

    /// What is kept.
    fn kept(&self, stored: &Stored, status: CacheStatus) -> Served {
        self.kept_at(stored, status, Instant::now())
    }

    fn kept_at(&self, stored: &Stored, status: CacheStatus, at: Instant) -> Served {
        let kept = Kept {
            age: stored.freshness.age(at),
            left: stored.freshness.left(at),
            head: stored.head().clone(),
        };
        let status = if status == CacheStatus::Hit && !self.is_here(stored) {
            CacheStatus::Partial
        } else {
            status
        };
        Served { answer: Ok(self.answer_with(stored, None)), status, kept: Some(kept) }
    }

    /// What is fresh. Where its first byte is not here, the origin is asked before the answer
    /// begins: if it fails, that is the answer, and if it has another version, that one is.
    async fn fresh(&self, stored: &Stored, at: Instant) -> Served {
        let served = self.kept_at(stored, CacheStatus::Hit, at);
        let plainly = *self.wanted.conditions == Conditions::default();
        if served.status != CacheStatus::Partial || !plainly {
            return served;
        }
        let (Some((tier, version)), Some(wanted)) = (stored.slices(), self.wanted_of(stored))
        else {
            return served;
        };
        let mut slices = Slices::new(Arc::clone(tier), version, self.pin(stored.meta()), None);
        match slices.begin(&wanted).await {
            Ok(()) => Served { answer: Ok(stored.with_slices(slices)), ..served },
            Err(error) if error.fault() == OriginFault::Changed => match self.wanted.ranges {
                [] => self.collapse(Absent::Stale).await,
                [_, ..] => self.part(Absent::Stale).await,
            },
            Err(error) => {
                Served::of(Err(error), CacheStatus::Miss(Absent::Uri, Err(NotStored::OriginFailed)))
            }
        }
    }

    fn pin(&self, meta: &ObjectMeta) -> Pinned {
        Pinned {
            filler: self.cacheable.filler(),
            meta: meta.clone(),
            forwarded: self.wanted.forwarded.clone(),
            now: self.wanted.now,
            meter: self.meter.clone(),
            store: Arc::clone(&self.cache.shelf.store),
            key: CacheKeyRef::of(self.cacheable).to_key(),
        }
    }

    fn answer_with(&self, stored: &Stored, in_hand: Option<(Object, PurgeCount)>) -> Answer {
        stored.to_answer(self.wanted.method, |meta| self.pin(meta), in_hand)
    }

    /// Is every byte here that may be wanted? What conditions make of it is seen later.
    fn is_here(&self, stored: &Stored) -> bool {
        let Some((tier, version)) = stored.slices() else { return true };
        let wanted = self.wanted_of(stored);
        wanted.is_none_or(|spans| tier.holds(version, &spans) == Held::All)
    }

    /// The bytes that may be wanted of an object; none where there are none.
    fn wanted_of(&self, stored: &Stored) -> Option<Spans> {
        let complete = stored.meta().complete_length?;
        match (self.wanted.method, self.wanted.ranges) {
            (AskMethod::Head, _) => None,
            (AskMethod::Get, []) => ByteRange::whole(complete).map(Spans::from),
            (AskMethod::Get, ranges) => {
                Spans::coalesce(ranges.iter().filter_map(|it| it.resolve(complete)))
            }
        }
    }

    /// Asks the origin as if nothing were kept.
    async fn ask(&self) -> Result<Answer, OriginError> {
        let asked = Instant::now();
        let answer = self.cacheable.ask(|key| self.wanted.ask(key)).await;
        self.meter.count(asked, answer.as_ref().map(|_| ()));
        answer
    }

    async fn pass(&self, why: Passed) -> Served {
        Served::of(self.ask().await, CacheStatus::Pass(why))
    }

    /// For a part, others cannot be of use. A whole that would be kept is fetched for those who
    /// come next, once it is known to be one.
    async fn part(&self, absent: Absent) -> Served {
        if let Some(wait) = self.cache.flights.find(&self.flight_key()) {
            return self.follow(wait, absent, None).await;
        }
        let (begun, asked) = (self.cache.shelf.store.purge_count(), Instant::now());
        let answer = self.ask_for_slices().await;
        let answer = match answer {
            Ok(Answer::Found(object)) => match self.fill(None).describe(object, asked) {
                Ok(landed) => return self.landed(landed, absent, None, begun),
                Err(object) => Ok(Answer::Found(*object)),
            },
            answer => answer,
        };
        let served = Served::of(answer, CacheStatus::Pass(Passed::Range));
        if let Ok(Answer::Found(object)) = &served.answer
            && let Some(length) = object.meta().complete_length
            && storable(&object.meta().caching, self.wanted.credentials).is_ok()
        {
            if usize::try_from(length).is_ok_and(|it| it <= self.cache.shelf.max_object) {
                self.lead_in_background(None);
            } else {
                self.remember(NotStored::TooLarge);
            }
        }
        served
    }

    /// Asks for the slices around a part, so that the answer fills them, if it turns out that this
    /// object has any. Whatever comes, what is wanted of it is in it.
    async fn ask_for_slices(&self) -> Result<Answer, OriginError> {
        let Some(tier) = &self.cache.shelf.tier else { return self.ask().await };
        let slice = tier.config().slice.max(1);
        let begin = |first: u64| first / slice * slice;
        let end = |last: u64| begin(last).saturating_add(slice - 1);
        let around = match self.wanted.ranges {
            [RangeSpec::From(first)] => RangeSpec::From(begin(*first)),
            [RangeSpec::FromTo(first, last)] => RangeSpec::FromTo(begin(*first), end(*last)),
            [] | [RangeSpec::Last(_)] | [_, _, ..] => return self.ask().await,
        };
        let wanted = Wanted { ranges: &[around], ..self.wanted };
        let request = Request { wanted, ..*self };
        request.ask().await
    }

    fn remember(&self, why: NotStored) {
        let store = &self.cache.shelf.store;
        let key = CacheKeyRef::of(self.cacheable).to_key();
        let verdict = Verdict::lasting(Finding::NotStored(why));
        store.judge(&key, verdict, store.purge_count());
    }

    /// What was found not to be kept is looked at again with each whole answer, without anybody
    /// waiting for it.
    async fn again(&self, why: NotStored) -> Served {
        let whole = self.wanted.method == AskMethod::Get
            && self.wanted.ranges.is_empty()
            && *self.wanted.conditions == Conditions::default();
        if whole { self.alone(Absent::Uri).await } else { self.pass(Passed::Remembered(why)).await }
    }

    /// Asks within this request, for nobody else, and keeps what may be kept.
    async fn alone(&self, absent: Absent) -> Served {
        let begun = self.cache.shelf.store.purge_count();
        self.landed(self.fill(None).land().await, absent, None, begun)
    }

    /// Asks by a task of its own, or waits for the one that does.
    async fn collapse(&self, absent: Absent) -> Served {
        self.lead_or_follow(absent, None).await
    }

    async fn revalidate(&self, stored: Arc<Stored>) -> Served {
        self.lead_or_follow(Absent::Stale, Some(stored)).await
    }

    async fn lead_or_follow(&self, absent: Absent, known: Option<Arc<Stored>>) -> Served {
        match self.cache.flights.join(self.flight_key()) {
            Joined::Follower(wait) => self.follow(wait, absent, known).await,
            Joined::Leader(flight) => {
                let (hand, handed) = oneshot::channel();
                let begun = self.cache.shelf.store.purge_count();
                tokio::spawn(self.fill(known.clone()).fly(flight, Some(hand)));
                match handed.await {
                    Ok(landed) => self.landed(landed, absent, known.as_ref(), begun),
                    // The task is gone, and did not say why: a bug of ours, or the end.
                    Err(_) => self.pass(Passed::Remembered(NotStored::NoRoom)).await,
                }
            }
        }
    }

    async fn follow(&self, wait: Wait, absent: Absent, known: Option<Arc<Stored>>) -> Served {
        let status = CacheStatus::Collapsed(absent);
        match wait.landing().await {
            // Made from a question that was asked while this request waited: as good as its own.
            Landing::Stored(stored) => self.kept(&stored, status),
            Landing::Missing => Served::missing(status),
            Landing::Failed(fault) => self.failed(fault.into(), status, known.as_ref()),
            Landing::NotShared => self.pass(Passed::Remembered(NotStored::NoStore)).await,
        }
    }

    fn landed(
        &self,
        landed: Landed,
        absent: Absent,
        known: Option<&Arc<Stored>>,
        begun: PurgeCount,
    ) -> Served {
        let method = self.wanted.method;
        match landed {
            // Its origin made it for this request, so it has no times of ours.
            Landed::Kept(stored, kept) => {
                let answer = self.answer_with(&stored, None);
                Served::of(Ok(answer), CacheStatus::Miss(absent, kept))
            }
            Landed::Sliced(stored, kept, object) => {
                let answer = self.answer_with(&stored, Some((*object, begun)));
                Served::of(Ok(answer), CacheStatus::Miss(absent, kept))
            }
            Landed::Revalidated(stored) => self.kept(&stored, CacheStatus::Revalidated),
            Landed::Missing => Served::missing(CacheStatus::Miss(absent, Ok(()))),
            Landed::Through(answer, why) => {
                let answer = match (method, *answer) {
                    (AskMethod::Head, Answer::Found(object)) => {
                        Answer::Described(object.meta().clone())
                    }
                    (_, answer) => answer,
                };
                Served::of(Ok(answer), CacheStatus::Miss(absent, Err(why)))
            }
            Landed::Failed(error) => {
                self.failed(error, CacheStatus::Miss(absent, Err(NotStored::OriginFailed)), known)
            }
        }
    }

    /// What is stale stands in, where that is allowed.
    fn failed(
        &self,
        error: OriginError,
        status: CacheStatus,
        known: Option<&Arc<Stored>>,
    ) -> Served {
        let bridged = known.filter(|stored| {
            stored.freshness.state(Instant::now()) == State::StaleIfError
                && may_be_bridged(error.fault())
        });
        match bridged {
            Some(stored) => self.kept(stored, CacheStatus::StaleIfError),
            None => Served::of(Err(error), status),
        }
    }

    /// Asks about what is stale while it is used.
    fn refresh(&self, stored: &Arc<Stored>) {
        self.lead_in_background(Some(Arc::clone(stored)));
    }

    fn lead_in_background(&self, known: Option<Arc<Stored>>) {
        match self.cache.flights.join(self.flight_key()) {
            Joined::Leader(flight) => drop(tokio::spawn(self.fill(known).fly(flight, None))),
            Joined::Follower(_) => {}
        }
    }

    fn flight_key(&self) -> FlightKey {
        FlightKey::new(CacheKeyRef::of(self.cacheable).to_key(), self.wanted.forwarded)
    }

    fn fill(&self, known: Option<Arc<Stored>>) -> Fill {
        let shelf = self.cache.shelf.clone();
        Fill {
            begun: shelf.store.purge_count(),
            shelf,
            key: CacheKeyRef::of(self.cacheable).to_key(),
            origin: self.cacheable.origin(),
            filler: self.cacheable.filler(),
            forwarded: self.wanted.forwarded.clone(),
            times: self.cacheable.times(),
            credentials: self.wanted.credentials,
            known,
            now: self.wanted.now,
            meter: self.meter.clone(),
        }
    }
}
