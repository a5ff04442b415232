//! Reloading: everything but listeners and workers, all or nothing.
//!
//! One thread looks at the files four times a second and at SIGHUP at once. What was read is only
//! put in force if the files still look as they did before the reading began, so that a change of
//! several files at once is never taken half. A configuration that is wrong, or an origin that
//! does not open, leaves the state in force as it is.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{self, FraudFiles, KnownOverrides, Loaded, Watched};
use crate::control_plane;
use crate::data_plane::{
    Cache, Certificates, Config, EdgeState, ListenerConfig, Metrics, SyncConfig, UsageConfig,
};
use crate::delivery::DeliveryDesk;
use crate::policy::{Blocklist, FraudLists};

use super::composer::{Composer, InForce};
use super::load::{self, CheckError, Lists};
use super::shrinkage::{self, Entries, Meant, Shrinks};
use super::watch::Fingerprint;

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Two changes within one tick of a file system's clock have one time stamp; ticks are up to 10 ms
/// long (Linux, 100 Hz). Older changes can be told from any that follow.
const TICK: Duration = Duration::from_millis(20);

/// Looks before a refusal that no file was to blame for is tried again: five seconds.
const LOOKS_BEFORE_AGAIN: u32 = 20;

/// Files that change faster than this many readings are read again at the next look.
const MOST_READINGS: usize = 5;

/// A reload was refused; the last good state stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration is wrong.
    #[error("{0}")]
    Check(CheckError),
    /// A list would lose most of its entries, and nobody said that this is meant.
    #[error(transparent)]
    Shrinks(Shrinks),
    /// The files did not stand still long enough to be read.
    #[error("the files change faster than they can be read")]
    Unsteady,
}

impl ReloadError {
    /// May the same files be right a little later? A folder that is mounted, a certificate whose
    /// key follows.
    fn may_pass(&self) -> bool {
        match self {
            Self::Check(CheckError::Certificate(_) | CheckError::Delivery(_)) => true,
            Self::Check(
                CheckError::Blocklist(_) | CheckError::Config(_) | CheckError::FraudList(_),
            )
            | Self::Shrinks(_)
            | Self::Unsteady => false,
        }
    }
}

/// Asks for a reload; dropped, it ends the thread.
#[derive(Clone, Debug)]
pub struct ReloadHandle(Sender<Order>);

#[derive(Clone, Copy, Debug)]
enum Order {
    Reload,
    Stop,
}

impl Order {
    /// Both at once.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Reload, Self::Reload) => Self::Reload,
            (Self::Stop, _) | (_, Self::Stop) => Self::Stop,
        }
    }
}

impl ReloadHandle {
    /// Reloads now, whether or not a file changed.
    pub fn reload(&self) {
        // The thread is gone only when the process is about to be.
        let _ = self.0.send(Order::Reload);
    }

    pub(super) fn stop(&self) {
        let _ = self.0.send(Order::Stop);
    }
}

/// What a reload does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) edge: Config,
    pub(super) admin: Option<SocketAddr>,
    pub(super) control: Option<control_plane::Config>,
    pub(super) control_listeners: Vec<ListenerConfig>,
    pub(super) sync: Option<SyncConfig>,
    pub(super) usage: UsageConfig,
    pub(super) sites: Sites,
}

/// Is anything served?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sites {
    None,
    Some,
}

/// What is in force, and how it came there.
pub(super) struct Reloader {
    fixed: Option<Fixed>,
    path: PathBuf,
    clock: Clock,
    composer: Composer,
    metrics: Metrics,
    certificates: Vec<Arc<Certificates>>,
    /// The files of the last reading, whether it was taken or refused.
    watched: Watched,
    /// How they looked then.
    seen: Fingerprint,
    desk: Option<Arc<DeliveryDesk>>,
    cache: Option<Arc<Cache>>,
    blocklist: Option<(Fingerprint, Arc<Blocklist>)>,
    fraud: Option<KnownFraudLists>,
    overrides: Option<KnownOverrides>,
    /// What the lists in force have.
    entries: Vec<Entries>,
}

/// A configuration that was read while its files stood still.
struct Steady {
    loaded: Loaded,
    blocklist: (Fingerprint, Arc<Blocklist>),
    fraud: KnownFraudLists,
}

/// Lists of anti-fraud, and what they were read from.
struct KnownFraudLists {
    files: FraudFiles,
    seen: Fingerprint,
    lists: Arc<FraudLists>,
}

/// How much is in the lists that files hold.
fn entries(
    blocklist: &Blocklist,
    fraud: &FraudLists,
    overrides: Option<&KnownOverrides>,
) -> [Entries; 5] {
    let FraudLists { blacklist, anonymizers, asns, .. } = fraud;
    [
        ("blocklists", blocklist.entries()),
        ("overrides", overrides.map_or(0, |it| it.table().entries())),
        ("blacklists", blacklist.entries()),
        ("anonymizers", anonymizers.entries()),
        ("anonymizer_asns", asns.len()),
    ]
    .map(|(of, count)| Entries { of, count })
}

impl Reloader {
    pub(super) fn new(path: PathBuf, clock: Clock, composer: Composer, metrics: Metrics) -> Self {
        Self {
            fixed: None,
            clock,
            composer,
            metrics,
            certificates: Vec::new(),
            watched: Watched { files: vec![path.clone()], patterns: Vec::new() },
            seen: Fingerprint::default(),
            path,
            desk: None,
            cache: None,
            blocklist: None,
            fraud: None,
            overrides: None,
            entries: Vec::new(),
        }
    }

    /// Certificates are reloaded with the rest.
    pub(super) fn reload_certificates(&mut self, certificates: Arc<Certificates>) {
        self.certificates.push(certificates);
    }

    /// Reads everything for the first time; gives what is fixed from then on.
    pub(super) fn start(&mut self) -> Result<Fixed, ReloadError> {
        let fixed = self.reload(Meant::Said)?;
        self.fixed = Some(fixed.clone());
        Ok(fixed)
    }

    /// Reads everything and puts it in force.
    fn reload(&mut self, meant: Meant) -> Result<Fixed, ReloadError> {
        let Steady { loaded, blocklist, fraud } = self.read_steadily()?;
        let overrides = loaded.known_overrides.as_ref();
        let lists = entries(&blocklist.1, &fraud.lists, overrides);
        shrinkage::accept(&self.entries, &lists, meant).map_err(ReloadError::Shrinks)?;
        let desk = load::open_origins(&loaded, self.desk.as_deref())
            .map_err(|error| ReloadError::Check(CheckError::Delivery(error)))?;
        for certificates in &self.certificates {
            certificates
                .reload()
                .map_err(|error| ReloadError::Check(CheckError::Certificate(error)))?;
        }
        let fixed = Fixed {
            edge: loaded.edge.clone(),
            admin: loaded.admin,
            control: loaded.control.clone(),
            control_listeners: loaded.control_listeners.clone(),
            sync: loaded.sync.clone(),
            usage: loaded.usage.clone(),
            sites: if loaded.sites.sites().is_empty() { Sites::None } else { Sites::Some },
        };
        if self.fixed.as_ref().is_some_and(|started| *started != fixed) {
            tracing::warn!(
                "listeners, workers, drain_timeout, [control], [usage] and [edge.sync] change at a restart only"
            );
        }
        for warning in &loaded.warnings {
            tracing::warn!(warning = warning.message(), "configuration");
        }
        let desk = Arc::new(desk);
        let cache = Cache::open(&loaded.cache, self.cache.as_deref()).map(Arc::new);
        let settings = Arc::new(loaded.settings.clone());
        let overrides = loaded.known_overrides.clone();
        let delivery = Arc::clone(&desk);
        let in_force =
            Lists { blocklist: Arc::clone(&blocklist.1), fraud: Arc::clone(&fraud.lists) };
        self.composer.put_configured(|rest| EdgeState {
            policy: load::compile(loaded, in_force, rest),
            delivery,
            cache: cache.clone(),
            settings,
        });
        self.desk = Some(desk);
        self.cache = cache;
        self.blocklist = Some(blocklist);
        self.fraud = Some(fraud);
        self.overrides = overrides;
        self.entries = lists.to_vec();
        Ok(fixed)
    }

    /// Reads until the files looked the same before and after. A refusal is read as steadily as
    /// a configuration that is taken, for half a change must not be reported as an error either.
    fn read_steadily(&mut self) -> Result<Steady, ReloadError> {
        self.seen = Fingerprint::default();
        for _ in 0..MOST_READINGS {
            let before = self.look_at_rest();
            let read = load::read_again(&self.path, self.overrides.as_ref());
            let blocklist = read.as_ref().ok().map(|loaded| self.read_blocklist(loaded));
            let fraud = read.as_ref().ok().map(|loaded| self.read_fraud_lists(loaded));
            let watched = match &read {
                Ok(loaded) => loaded.watched.clone(),
                Err(CheckError::Config(errors)) => errors.watched().clone(),
                Err(
                    CheckError::Blocklist(_)
                    | CheckError::Certificate(_)
                    | CheckError::Delivery(_)
                    | CheckError::FraudList(_),
                ) => self.watched.clone(),
            };
            // Which files there are is known only now; were they others, look again and read.
            let known = watched == self.watched;
            self.watched = watched;
            if known && Fingerprint::of(&self.watched) == before {
                self.seen = before;
                let loaded = read.map_err(ReloadError::Check)?;
                let blocklist = blocklist.unwrap_or(Err(ReloadError::Unsteady))?;
                let fraud = fraud.unwrap_or(Err(ReloadError::Unsteady))?;
                return Ok(Steady { loaded, blocklist, fraud });
            }
        }
        Err(ReloadError::Unsteady)
    }

    /// Looks at the files when their last change is old enough to be told from the next.
    #[expect(clippy::disallowed_methods, reason = "this thread serves nobody")]
    fn look_at_rest(&self) -> Fingerprint {
        let look = Fingerprint::of(&self.watched);
        // The files' own clock is the machine's, whatever is served as now.
        if !look.is_fresh(Clock::System.since_epoch(), TICK) {
            return look;
        }
        std::thread::sleep(TICK);
        Fingerprint::of(&self.watched)
    }

    /// Lists are large: they are read only when their files changed.
    fn read_blocklist(
        &self,
        loaded: &Loaded,
    ) -> Result<(Fingerprint, Arc<Blocklist>), ReloadError> {
        let look = Fingerprint::of_files(&loaded.blocklist_files);
        if let Some((seen, blocklist)) = &self.blocklist
            && *seen == look
        {
            return Ok((look, Arc::clone(blocklist)));
        }
        let blocklist = config::load_blocklist(&loaded.blocklist_files)
            .map_err(|errors| ReloadError::Check(CheckError::Blocklist(errors)))?;
        Ok((look, Arc::new(blocklist)))
    }

    /// As large.
    fn read_fraud_lists(&self, loaded: &Loaded) -> Result<KnownFraudLists, ReloadError> {
        let files = &loaded.fraud.files;
        let seen = Fingerprint::of_files(&files.paths());
        let known = self.fraud.as_ref().filter(|it| it.seen == seen && it.files == *files);
        let lists = match known {
            Some(known) => Arc::clone(&known.lists),
            None => config::load_fraud_lists(files)
                .map(Arc::new)
                .map_err(|error| ReloadError::Check(CheckError::FraudList(error)))?,
        };
        Ok(KnownFraudLists { files: files.clone(), seen, lists })
    }

    /// Starts the thread.
    pub(super) fn run(mut self) -> std::io::Result<(ReloadHandle, JoinHandle<()>)> {
        let (orders, received) = channel();
        let thread = Builder::new().name("reload".into()).spawn(move || self.follow(&received))?;
        Ok((ReloadHandle(orders), thread))
    }

    fn follow(&mut self, orders: &Receiver<Order>) {
        // Looks until what failed for another reason than the files is tried again.
        let mut again = None;
        loop {
            let mut meant = Meant::Unsaid;
            let due = match orders.recv_timeout(LOOK_EVERY) {
                // Whatever was ordered by now is served by one reload.
                Ok(order) => match orders.try_iter().fold(order, Order::and) {
                    Order::Reload => {
                        meant = Meant::Said;
                        true
                    }
                    Order::Stop => return,
                },
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    again = again.map(|looks: u32| looks.saturating_sub(1));
                    again == Some(0) || Fingerprint::of(&self.watched) != self.seen
                }
            };
            self.metrics.snapshot_age.set(self.age());
            self.metrics.catalog_entries.set(self.catalog_entries());
            if let Some(state) = self.composer.reader().load() {
                self.metrics.show_fraud_lists(&state.policy, self.clock.now());
            }
            if !due {
                continue;
            }
            match self.reload(meant) {
                Ok(_) => {
                    again = None;
                    self.metrics.config_reloads.inc();
                    let version = self.composer.reader().load().map(|state| state.policy.version);
                    tracing::info!(snapshot = version, "configuration reloaded");
                }
                Err(error) => {
                    again = error.may_pass().then_some(LOOKS_BEFORE_AGAIN);
                    self.metrics.config_reload_failures.inc();
                    tracing::error!(
                        error = %error,
                        "configuration refused, the last good one stays in force"
                    );
                }
            }
        }
    }

    /// How much the catalog in force holds. It changes without a state being published.
    fn catalog_entries(&self) -> i64 {
        let state = self.composer.reader().load();
        let control = state.as_ref().and_then(|state| state.policy.control.as_ref());
        i64::try_from(control.map_or(0, |it| it.catalog.len())).unwrap_or(i64::MAX)
    }

    /// Seconds since the state in force was published, or known to be the newest.
    fn age(&self) -> i64 {
        let known = self.composer.reader().load().map(|state| InForce::of(&state.policy).at);
        let age = known.map_or(0, |known| self.clock.now().since(known));
        i64::try_from(age).unwrap_or(i64::MAX)
    }
}
