//! A running gateway: sockets bound first, then state, then threads.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use prometheus::Registry;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::clock::Clock;
use crate::control_plane;
use crate::data_plane::{
    BindError, Certificates, Claimant, Claims, Config, EdgeState, EventQueue, ListenerConfig,
    Metrics, ShareCourier, ShareDoor, StartError as WorkersStartError, SyncConfig, SyncSetupError,
    UsageConfig, UsageCounters, UsageSetupError,
};
use crate::policy::{SnapshotPublisher, SnapshotReader};
use crate::telemetry::{AdminError, AdminListener, Readiness};

use super::claims::{ClaimKeeper, OwnLedger};
use super::composer::{Awaits, Composer, InForce};
use super::control::{Control, ControlError, ControlSetup, Files};
use super::edge::{BoundEdge, Edge, Reports, follow, raise_descriptor_limit};
use super::events::EventKeeper;
use super::reload::{Fixed, ReloadError, ReloadHandle, Reloader, Sites};
use super::share::OwnPages;

/// What a service is started with.
pub struct ServeOptions {
    /// The configuration.
    pub config: PathBuf,
    /// Where "now" comes from. A fixed clock is for loopback listeners only.
    pub clock: Clock,
    /// Where the access log goes.
    pub access_log: Box<dyn Write + Send>,
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeOptions")
            .field("config", &self.config)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operators' listener cannot be opened.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// An address or a certificate cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A fixed clock would keep expired links open for everybody.
    #[error("a fixed clock is for loopback listeners only, and {0} is none")]
    ClockFixed(SocketAddr),
    /// The configuration is wrong.
    #[error("the configuration is refused\n{0}")]
    Config(ReloadError),
    /// The control plane does not start.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Another command follows control planes.
    #[error("[edge.sync] is for `countersign edge`; `serve` is its own control plane")]
    Followed,
    /// The configuration lacks what the command is about.
    #[error("countersign {command} needs {lacks} in the configuration")]
    Incomplete {
        /// The command.
        command: &'static str,
        /// What is not there.
        lacks: &'static str,
    },
    /// The metrics cannot be registered.
    #[error("the metrics cannot be registered")]
    Metrics(#[source] prometheus::Error),
    /// Control planes cannot be followed.
    #[error(transparent)]
    Sync(#[from] SyncSetupError),
    /// The system gives no thread, runtime or signal handler.
    #[error("the system refuses a thread or a signal handler")]
    System(#[source] io::Error),
    /// The uses of links cannot be counted.
    #[error(transparent)]
    Usage(#[from] UsageSetupError),
    /// The workers do not start.
    #[error(transparent)]
    Workers(#[from] WorkersStartError),
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Requests were in flight when the time for draining was over.
    CutOff,
    /// Every request in flight was finished.
    Drained,
}

/// Which planes a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planes {
    /// Both, where the configuration has a `[control]`; else the data plane.
    Both,
    /// The control plane alone.
    Control,
    /// The data plane alone, which follows control planes elsewhere.
    Data,
}

/// A running gateway.
#[derive(Debug)]
pub struct Service {
    runtime: Runtime,
    reload: ReloadHandle,
    reload_thread: JoinHandle<()>,
    edge: Option<Edge>,
    events: Option<EventKeeper>,
    claims: Option<ClaimKeeper>,
    admin: Option<SocketAddr>,
    control: Option<Control>,
    signals: Signals,
}

#[derive(Debug)]
struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Service {
    /// Reads the configuration, binds every address, puts the first state in force, and starts
    /// serving.
    pub fn start(options: ServeOptions) -> Result<Self, StartError> {
        Self::start_as(Planes::Both, options)
    }

    /// The same, with some planes.
    pub fn start_as(planes: Planes, options: ServeOptions) -> Result<Self, StartError> {
        let ServeOptions { config, clock, access_log } = options;
        let runtime = RuntimeBuilder::new_multi_thread()
            .worker_threads(1)
            .thread_name("control")
            .enable_all()
            .build()
            .map_err(StartError::System)?;
        raise_descriptor_limit();
        // Handlers first: a signal during the start is not to kill the process half-way.
        let signals = runtime.block_on(async { Signals::catch() }).map_err(StartError::System)?;

        let registry = Registry::new();
        let metrics = Metrics::register(&registry).map_err(StartError::Metrics)?;
        let publisher = SnapshotPublisher::new();
        let state = publisher.reader();
        let awaits = match planes {
            Planes::Both | Planes::Control => Awaits::Configuration,
            Planes::Data => Awaits::ControlPlane,
        };
        let composer = Composer::new(publisher, clock, metrics.clone(), awaits);
        let mut reloader = Reloader::new(config, clock, composer.clone(), metrics.clone());
        let fixed = reloader.start().map_err(StartError::Config)?;
        let wanted = Wanted::of(planes, fixed)?;

        let edge = match &wanted.edge {
            Some(config) => {
                refuse_fixed_clock(clock, config.listeners.iter().map(|it| it.address))?;
                Some(BoundEdge::bind(config, &mut reloader)?)
            }
            None => None,
        };
        let admin = match wanted.admin {
            Some(address) => Some(runtime.block_on(AdminListener::bind(address))?),
            None => None,
        };

        // Before anything is served: what a control plane closes is never open for a moment.
        let control = match wanted.control {
            Some((config, listeners)) => {
                refuse_fixed_clock(clock, listeners.iter().map(|it| it.address))?;
                let certificates =
                    Certificates::load(&listeners).map_err(BindError::Certificate)?;
                let certificates = Arc::new(certificates);
                reloader.reload_certificates(Arc::clone(&certificates));
                let files = if edge.is_some() { Files::Here } else { Files::Elsewhere };
                let setup = ControlSetup { config, listeners, certificates, files };
                Some(runtime.block_on(Control::start(setup, clock, composer.clone(), &registry))?)
            }
            None => None,
        };
        let queue = EventQueue::new(metrics.clone());
        let events = match (&wanted.sync, &control) {
            (Some(config), _) => {
                Some(follow(config, clock, composer, queue.clone(), runtime.handle())?)
            }
            (None, Some(control)) if edge.is_some() => {
                let services = control.services().clone();
                let keeper = EventKeeper::in_store(services, queue.clone(), runtime.handle());
                Some(keeper.map_err(|error| StartError::System(error.into()))?)
            }
            (None, Some(_) | None) => None,
        };

        let (claims, orders) = Claims::new(metrics.clone());
        let keeper = match (&wanted.sync, &control) {
            (Some(config), _) => {
                let ledger = Claimant::new(config)?;
                Some(ClaimKeeper::start(ledger, claims.clone(), orders, runtime.handle()))
            }
            (None, Some(control)) if edge.is_some() => {
                let ledger = OwnLedger(control.services().clone());
                Some(ClaimKeeper::start(ledger, claims.clone(), orders, runtime.handle()))
            }
            (None, Some(_) | None) => None,
        };

        let desk = runtime.handle().clone();
        let shares = match (&wanted.sync, &control) {
            (Some(config), _) => Some(ShareDoor::new(ShareCourier::new(config)?, desk)),
            (None, Some(control)) => Some(ShareDoor::new(OwnPages(control.share_pages()), desk)),
            (None, None) => None,
        };

        let edge = match edge {
            Some(edge) => {
                let reports = Reports {
                    events: events.is_some().then_some(queue),
                    claims: keeper.is_some().then_some(claims),
                    shares,
                };
                let usage = count_uses(&wanted.usage, &metrics, &runtime)?;
                let state = state.clone();
                Some(edge.serve(state, clock, metrics, &registry, access_log, usage, reports)?)
            }
            None => None,
        };
        for address in edge.iter().flat_map(Edge::addresses) {
            tracing::info!(event = "listening", plane = "edge", address = %address);
        }
        for address in control.iter().flat_map(Control::addresses) {
            tracing::info!(event = "listening", plane = "control", address = %address);
        }
        let admin = admin.map(|admin| {
            let address = admin.address();
            tracing::info!(event = "listening", plane = "admin", address = %address);
            runtime.spawn(admin.serve(registry, move || readiness(&state, clock)));
            address
        });
        let (reload, reload_thread) = reloader.run().map_err(StartError::System)?;
        let claims = keeper;
        Ok(Self { runtime, reload, reload_thread, edge, events, claims, admin, control, signals })
    }

    /// The addresses that the edge listens on, in the order of the configuration.
    pub fn edge_addresses(&self) -> &[SocketAddr] {
        self.edge.as_ref().map_or(&[], Edge::addresses)
    }

    /// Where metrics and health are.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where the control plane's APIs are.
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control.as_ref().and_then(|control| control.addresses().first().copied())
    }

    /// Asks for reloads.
    pub fn reloads(&self) -> ReloadHandle {
        self.reload.clone()
    }

    /// Serves until SIGTERM or SIGINT, reloads on SIGHUP, then drains.
    pub fn run_until_signal(mut self) -> Finish {
        let reload = self.reload.clone();
        let signals = &mut self.signals;
        self.runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = signals.hang_up.recv() => reload.reload(),
                    _ = signals.interrupt.recv() => return,
                    _ = signals.terminate.recv() => return,
                }
            }
        });
        tracing::info!(event = "draining");
        self.stop()
    }

    /// Accepts what is queued, finishes what is in flight, and ends every thread.
    pub fn stop(self) -> Finish {
        let drained = self.edge.map(|edge| self.runtime.block_on(edge.drain()));
        if let Some(events) = self.events {
            self.runtime.block_on(events.finish());
        }
        if let Some(claims) = self.claims {
            self.runtime.block_on(claims.finish());
        }
        self.reload.stop();
        // The thread does not panic; were it to, the process is ending all the same.
        let _ = self.reload_thread.join();
        if let Some(control) = self.control {
            self.runtime.block_on(control.stop());
        }
        self.runtime.shutdown_background();
        let (finish, sink) = drained.unzip();
        if let Some(sink) = sink {
            sink.finish();
        }
        tracing::info!(event = "stopped");
        finish.unwrap_or(Finish::Drained)
    }
}

/// What of a configuration is started.
struct Wanted {
    edge: Option<Config>,
    sync: Option<SyncConfig>,
    usage: UsageConfig,
    admin: Option<SocketAddr>,
    control: Option<(control_plane::Config, Vec<ListenerConfig>)>,
}

impl Wanted {
    fn of(planes: Planes, fixed: Fixed) -> Result<Self, StartError> {
        let Fixed { edge, admin, control, control_listeners, sync, usage, sites } = fixed;
        let control = control.map(|config| (config, control_listeners));
        let lacks = |command, lacks| Err(StartError::Incomplete { command, lacks });
        match (planes, sites, &sync, &control) {
            (Planes::Both | Planes::Data, Sites::None, _, _) => {
                return lacks("serve and countersign edge", "a [[site]]");
            }
            (Planes::Both, Sites::Some, Some(_), _) => return Err(StartError::Followed),
            (Planes::Control, _, _, None) => return lacks("control", "[control]"),
            (Planes::Data, Sites::Some, None, _) => return lacks("edge", "[edge.sync]"),
            (Planes::Both, Sites::Some, None, _)
            | (Planes::Control, _, _, Some(_))
            | (Planes::Data, Sites::Some, Some(_), _) => {}
        }
        Ok(match planes {
            Planes::Both => Self { edge: Some(edge), sync: None, usage, admin, control },
            Planes::Control => Self { edge: None, sync: None, usage, admin, control },
            Planes::Data => Self { edge: Some(edge), sync, usage, admin, control: None },
        })
    }
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }
}

/// Begins to count what links are used for; whatever keeps that true runs until the runtime ends.
fn count_uses(
    config: &UsageConfig,
    metrics: &Metrics,
    runtime: &Runtime,
) -> Result<UsageCounters, StartError> {
    let (counters, keeper) = UsageCounters::open(config, metrics)?;
    if let Some(keeper) = keeper {
        runtime.spawn(async move {
            let never = keeper.run().await;
            match never {}
        });
    }
    Ok(counters)
}

fn readiness(state: &SnapshotReader<EdgeState>, clock: Clock) -> Readiness {
    match state.load() {
        Some(state) => {
            let known = InForce::of(&state.policy);
            Readiness::Ready { version: known.version, age: clock.now().since(known.at) }
        }
        None => Readiness::NotReady,
    }
}

fn refuse_fixed_clock(
    clock: Clock,
    listeners: impl IntoIterator<Item = SocketAddr>,
) -> Result<(), StartError> {
    match clock {
        Clock::System => Ok(()),
        Clock::Fixed(now) => {
            let open = listeners.into_iter().find(|address| !address.ip().is_loopback());
            if let Some(address) = open {
                return Err(StartError::ClockFixed(address));
            }
            tracing::warn!(now = now.get(), "the clock is fixed: links do not expire");
            Ok(())
        }
    }
}
