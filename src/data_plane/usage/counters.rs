//! Where the uses of links are counted, and what is said of one more.

use std::num::NonZeroU16;
use std::sync::Arc;

use prometheus::IntCounter;

use super::config::{UsageConfig, WhenAway};
use super::downloads::{DownloadKind, DownloadTable};
use super::lease::{Lease, Slot};
use super::link::{Keys, LinkRef, Place, Visit};
use super::places::{PlaceTable, Verdict};
use super::redis_store::{Away, Download, Places, Question, RedisKeeper, RedisStore, Said};
use super::user_agent::UserAgentFamily;
use crate::clock::UnixSeconds;
use crate::data_plane::metrics::Metrics;
use crate::network::ClientIp;
use crate::policy::{Denial, DenialCode, FraudFinding, FraudMode, SharingRules};

/// See the module. Clones are the same one.
#[derive(Clone, Debug)]
pub struct UsageCounters(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    keys: Keys,
    places: PlaceTable,
    downloads: Arc<DownloadTable>,
    shared: Option<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: RedisStore,
    when_away: WhenAway,
    away: IntCounter,
}

/// Counting cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum UsageSetupError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// What is configured cannot be a connection.
    #[error("[usage] names a Redis that cannot be used")]
    Redis(#[source] redis::RedisError),
}

/// A request of a link that is watched.
#[derive(Clone, Copy, Debug)]
pub(in crate::data_plane) struct Use<'a> {
    /// Which link.
    pub(in crate::data_plane) link: LinkRef<'a>,
    /// Who asks.
    pub(in crate::data_plane) client: ClientIp,
    /// By which program.
    pub(in crate::data_plane) family: UserAgentFamily<'a>,
    /// Are the places where it is used counted, and how?
    pub(in crate::data_plane) sharing: Option<&'a SharingRules>,
    /// What becomes of a link that is shared.
    pub(in crate::data_plane) mode: FraudMode,
    /// Are bytes asked for?
    pub(in crate::data_plane) visit: Visit,
    /// Downloads it may have at once, and what this one is of.
    pub(in crate::data_plane) parallel: Option<(NonZeroU16, DownloadKind)>,
}

/// A use that is let through.
#[derive(Debug, Default)]
pub(in crate::data_plane) struct Begun {
    /// What would have spoken against it, were it not only watched for.
    pub(in crate::data_plane) noticed: Option<FraudFinding>,
    /// Held while the download is under way.
    pub(in crate::data_plane) slot: Option<Slot>,
}

impl UsageCounters {
    /// Begins to count; what must run beside it, where Redis counts.
    pub fn open(
        config: &UsageConfig,
        metrics: &Metrics,
    ) -> Result<(Self, Option<RedisKeeper>), UsageSetupError> {
        let (shared, keeper) = match &config.redis {
            Some(redis) => {
                let (store, keeper) = RedisStore::open(redis, metrics.usage_connected.clone())?;
                let away = metrics.usage_away.with_label_values(&[redis.when_away.wire_name()]);
                let shared = Shared { store, when_away: redis.when_away, away };
                (Some(shared), Some(keeper))
            }
            None => (None, None),
        };
        Ok((Self::new(config.max_links, shared), keeper))
    }

    /// For one edge alone.
    pub fn in_process() -> Self {
        Self::new(UsageConfig::MAX_LINKS, None)
    }

    fn new(max_links: usize, shared: Option<Shared>) -> Self {
        Self(Arc::new(Counters {
            keys: Keys::default(),
            places: PlaceTable::new(max_links),
            downloads: Arc::new(DownloadTable::new()),
            shared,
        }))
    }

    /// May the link be used once more, there and now?
    pub(in crate::data_plane) async fn begin(
        &self,
        wanted: &Use<'_>,
        now: UnixSeconds,
    ) -> Result<Begun, Denial> {
        let Some(Shared { store, when_away, away }) = &self.0.shared else {
            return self.begin_here(wanted, now, None);
        };
        let id = wanted.parallel.map(|(limit, kind)| (self.0.downloads.name(kind), limit.get()));
        let question = Question {
            link: wanted.link,
            place: wanted.place(),
            visit: wanted.visit,
            mode: wanted.mode,
            parallel: id,
        };
        match store.ask(&question).await {
            Ok(said) => self.follow(said, wanted, now),
            Err(Away { lease }) => {
                away.inc();
                match when_away {
                    WhenAway::Allow => Ok(self.note(wanted, now, lease)),
                    WhenAway::CountLocally => self.begin_here(wanted, now, lease),
                    WhenAway::Deny => Err(DenialCode::UsageUnavailable.into()),
                }
            }
        }
    }

    /// By what Redis said.
    fn follow(&self, said: Said, wanted: &Use<'_>, now: UnixSeconds) -> Result<Begun, Denial> {
        let Said { places, download } = said;
        let noticed = match places {
            Places::Few => None,
            Places::TooMany => wanted.suspect()?,
        };
        let lease = match download {
            Download::Began(lease) => Some(lease),
            Download::NotAsked => None,
            Download::TooMany => return Err(DenialCode::LimitParallel.into()),
        };
        Ok(Begun { noticed, ..self.note(wanted, now, lease) })
    }

    /// By what is known here.
    fn begin_here(
        &self,
        wanted: &Use<'_>,
        now: UnixSeconds,
        lease: Option<Lease>,
    ) -> Result<Begun, Denial> {
        let Counters { keys, places, downloads, shared: _ } = &*self.0;
        let link = keys.link(wanted.link);
        let noticed = match wanted.place() {
            Some((place, rules)) => {
                match places.visit(link, keys.place(place), rules, now, wanted.visit) {
                    Verdict::Known => None,
                    Verdict::TooMany => wanted.suspect()?,
                }
            }
            None => None,
        };
        let slot = match wanted.parallel {
            Some((limit, kind)) => {
                let counted = downloads
                    .begin(link, downloads.name(kind), Some(limit))
                    .ok_or(DenialCode::LimitParallel)?;
                Some(Slot::new(counted, lease.inspect(Lease::hold)))
            }
            None => None,
        };
        Ok(Begun { noticed, slot })
    }

    /// Counts it here as well, whoever allowed it: for when Redis is away.
    fn note(&self, wanted: &Use<'_>, now: UnixSeconds, lease: Option<Lease>) -> Begun {
        let Counters { keys, places, downloads, shared: _ } = &*self.0;
        let link = keys.link(wanted.link);
        if let Some((place, rules)) = wanted.place() {
            places.visit(link, keys.place(place), rules, now, wanted.visit);
        }
        let slot = wanted.parallel.and_then(|(_, kind)| {
            let counted = downloads.begin(link, downloads.name(kind), None)?;
            Some(Slot::new(counted, lease.inspect(Lease::hold)))
        });
        Begun { noticed: None, slot }
    }
}

impl<'a> Use<'a> {
    fn place(&self) -> Option<(Place<'a>, &'a SharingRules)> {
        let rules = self.sharing?;
        Some((Place::of(self.client, self.family, rules.user_agent), rules))
    }

    /// The link is in use at too many places.
    fn suspect(&self) -> Result<Option<FraudFinding>, Denial> {
        let places = self.sharing.map_or(0, |rules| rules.places.get());
        let finding = FraudFinding::Sharing { places };
        match self.mode {
            FraudMode::Enforce => Err(finding.into()),
            FraudMode::Monitor => Ok(Some(finding)),
        }
    }
}
