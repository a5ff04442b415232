//! A running gateway: sockets bound first, then state, then threads.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use prometheus::Registry;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::clock::Clock;
use crate::data_plane::{
    BindError, DrainTrigger, Drained, EdgeState, Listeners, Metrics, Pipeline,
    StartError as WorkersStartError, Workers, drain,
};
use crate::policy::{SnapshotPublisher, SnapshotReader};
use crate::telemetry::{AdminError, AdminListener, LineSink, LineWriter, Readiness};

use super::composer::Composer;
use super::control::{Control, ControlError};
use super::reload::{Fixed, ReloadError, ReloadHandle, Reloader};

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
    /// The metrics cannot be registered.
    #[error("the metrics cannot be registered")]
    Metrics(#[source] prometheus::Error),
    /// The system gives no thread, runtime or signal handler.
    #[error("the system refuses a thread or a signal handler")]
    System(#[source] io::Error),
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

/// A running gateway.
#[derive(Debug)]
pub struct Service {
    runtime: Runtime,
    workers: Workers,
    drain: DrainTrigger,
    reload: ReloadHandle,
    reload_thread: JoinHandle<()>,
    sink: LineSink,
    edge: Vec<SocketAddr>,
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
        let composer = Composer::new(publisher, options.clock, metrics.clone());
        let mut reloader =
            Reloader::new(options.config, options.clock, composer.clone(), metrics.clone());
        let Fixed { edge, admin, control } = reloader.start().map_err(StartError::Config)?;
        refuse_fixed_clock(options.clock, edge.listeners.iter().map(|it| it.address))?;

        let listeners = Listeners::bind(&edge)?;
        let edge: Vec<SocketAddr> = listeners.addresses().collect();
        reloader.reload_certificates(listeners.certificates());
        metrics.watch_connections(&registry, listeners.metrics()).map_err(StartError::Metrics)?;
        let admin = match admin {
            Some(address) => Some(runtime.block_on(AdminListener::bind(address))?),
            None => None,
        };

        // Before anything is served: what the control plane closes is never open for a moment.
        let control = match control {
            Some(config) => {
                refuse_fixed_clock(options.clock, [config.listen])?;
                let start = Control::start(config, options.clock, composer);
                Some(runtime.block_on(start)?)
            }
            None => None,
        };

        let dropped = metrics.log_lines_dropped.clone();
        let (log, sink) =
            LineWriter::start(options.access_log, dropped).map_err(StartError::System)?;
        let pipeline = Arc::new(Pipeline::new(state.clone(), options.clock, metrics, log));
        let (drain, signal) = drain();
        let workers = listeners.run(|_| Arc::clone(&pipeline), &signal)?;
        for address in &edge {
            tracing::info!(event = "listening", plane = "edge", address = %address);
        }
        if let Some(control) = &control {
            let address = control.address();
            tracing::info!(event = "listening", plane = "control", address = %address);
        }
        let admin = admin.map(|admin| {
            let address = admin.address();
            tracing::info!(event = "listening", plane = "admin", address = %address);
            runtime.spawn(admin.serve(registry, move || readiness(&state)));
            address
        });
        let (reload, reload_thread) = reloader.run().map_err(StartError::System)?;
        Ok(Self {
            runtime,
            workers,
            drain,
            reload,
            reload_thread,
            sink,
            edge,
            admin,
            control,
            signals,
        })
    }

    /// The addresses that the edge listens on, in the order of the configuration.
    pub fn edge_addresses(&self) -> &[SocketAddr] {
        &self.edge
    }

    /// Where metrics and health are.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where the control plane's APIs are.
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(Control::address)
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
        self.drain.start();
        let finish = match self.runtime.block_on(self.workers.drained()) {
            Ok(Drained::Finished) => Finish::Drained,
            Ok(Drained::Aborted { .. }) | Err(_) => Finish::CutOff,
        };
        self.reload.stop();
        // The thread does not panic; were it to, the process is ending all the same.
        let _ = self.reload_thread.join();
        if let Some(control) = self.control {
            self.runtime.block_on(control.stop());
        }
        self.runtime.shutdown_background();
        self.sink.finish();
        tracing::info!(event = "stopped");
        finish
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

/// Takes as many descriptors as the system allows: connections, files and origins share them.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the descriptor limit cannot be raised");
    }
}

fn readiness(state: &SnapshotReader<EdgeState>) -> Readiness {
    match state.load() {
        Some(_) => Readiness::Ready,
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
