//! The data plane within this process: its listeners, and the way from control planes elsewhere.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use prometheus::Registry;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::data_plane::{
    BindError, Claims, Config, DrainTrigger, Drained, EdgeState, EventQueue, Follower, Listeners,
    Metrics, Pipeline, Reporter, ShareDoor, SyncConfig, SyncSetupError, UsageCounters, Workers,
    drain,
};
use crate::policy::SnapshotReader;
use crate::telemetry::{LineSink, LineWriter};

use super::composer::Composer;
use super::events::EventKeeper;
use super::reload::Reloader;
use super::serve::{Finish, StartError};

/// Bound and not serving yet.
pub(super) struct BoundEdge {
    listeners: Listeners,
}

/// What a data plane says to control planes, or asks of them; none of what nobody hears.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub(super) events: Option<EventQueue>,
    pub(super) claims: Option<Claims>,
    pub(super) shares: Option<ShareDoor>,
}

/// A running data plane.
#[derive(Debug)]
pub(super) struct Edge {
    addresses: Vec<SocketAddr>,
    workers: Workers,
    drain: DrainTrigger,
    sink: LineSink,
}

impl BoundEdge {
    /// Takes every address, and has the certificates reloaded with the rest.
    pub(super) fn bind(config: &Config, reloader: &mut Reloader) -> Result<Self, BindError> {
        let listeners = Listeners::bind(config)?;
        reloader.reload_certificates(listeners.certificates());
        Ok(Self { listeners })
    }

    /// Starts to serve what is in force, or will be.
    #[expect(clippy::too_many_arguments, reason = "one call, and each is another part of a plane")]
    pub(super) fn serve(
        self,
        state: SnapshotReader<EdgeState>,
        clock: Clock,
        metrics: Metrics,
        registry: &Registry,
        access_log: Box<dyn Write + Send>,
        usage: UsageCounters,
        reports: Reports,
    ) -> Result<Edge, StartError> {
        let Self { listeners } = self;
        metrics.watch_connections(registry, listeners.metrics()).map_err(StartError::Metrics)?;
        let dropped = metrics.log_lines_dropped.clone();
        let (log, sink) = LineWriter::start(access_log, dropped).map_err(StartError::System)?;
        let Reports { events, claims, shares } = reports;
        let pipeline = Pipeline::new(state, clock, metrics, log).with_usage(usage);
        let pipeline =
            Arc::new(pipeline.with_events(events).with_claims(claims).with_shares(shares));
        let (drain, signal) = drain();
        let addresses: Vec<_> = listeners.addresses().collect();
        let workers = listeners.run(|_| Arc::clone(&pipeline), &signal)?;
        Ok(Edge { addresses, workers, drain, sink })
    }
}

impl Edge {
    /// The addresses it listens on, in the order of the configuration.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Accepts what is queued, and finishes what is in flight.
    pub(super) async fn drain(self) -> (Finish, LineSink) {
        let Self { addresses: _, workers, drain, sink } = self;
        drain.start();
        let finish = match workers.drained().await {
            Ok(Drained::Finished) => Finish::Drained,
            Ok(Drained::Aborted { .. }) | Err(_) => Finish::CutOff,
        };
        (finish, sink)
    }
}

/// Puts in force what is on the disk, and follows the control planes from there on. They are told what
/// comes through the queue.
pub(super) fn follow(
    config: &SyncConfig,
    clock: Clock,
    composer: Composer,
    queue: EventQueue,
    runtime: &Handle,
) -> Result<EventKeeper, SyncSetupError> {
    let mut follower = Follower::open(config, clock)?;
    let reporter = Reporter::open(config, queue.clone())?;
    if let Some(version) = follower.begin(|state| composer.put_control(state)) {
        tracing::info!(version, "begun with what was kept on the disk");
    } else {
        tracing::info!("nothing is kept on the disk: waiting for a control plane");
    }
    // Until the runtime ends.
    runtime.spawn(async move {
        let never = follower.run(|state| composer.put_control(state)).await;
        match never {}
    });
    Ok(EventKeeper::on_disk(reporter, queue, runtime))
}

/// Takes as many descriptors as the system allows: connections, files and origins share them.
pub(super) fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        let error = io::Error::from(error);
        tracing::warn!(%error, "the descriptor limit cannot be raised");
    }
}
