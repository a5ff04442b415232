//! Puts what the configuration says and what a control plane says together, and publishes it.
//!
//! The two come from different threads, each whenever it has something new; neither waits for the
//! other longer than it takes to put a state together from parts that are there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{Clock, UnixSeconds};
use crate::data_plane::{EdgeState, Metrics, keep_up};
use crate::policy::{ControlState, EdgeSnapshot, SnapshotPublisher, SnapshotReader};

/// See the module. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Composer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    publisher: SnapshotPublisher<EdgeState>,
    clock: Clock,
    metrics: Metrics,
    parts: Mutex<Parts>,
}

#[derive(Debug)]
struct Parts {
    version: u64,
    control: Option<Arc<ControlState>>,
    awaits: Awaits,
    /// A configuration that is not in force before a control plane said something.
    waiting: Option<Arc<EdgeState>>,
}

/// What must be there before anything is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    /// A configuration.
    Configuration,
    /// What a control plane says, as well.
    ControlPlane,
}

/// What the configuration's part is completed with.
pub(super) struct Rest {
    pub(super) version: u64,
    pub(super) now: UnixSeconds,
    pub(super) control: Option<Arc<ControlState>>,
}

/// What of a policy tells edges apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct InForce {
    /// Who follows control planes counts what they say, so that edges can be compared.
    pub(super) version: u64,
    /// When it was last known to be so.
    pub(super) at: UnixSeconds,
}

impl InForce {
    pub(super) fn of(policy: &EdgeSnapshot) -> Self {
        let followed = policy.control.as_deref().and_then(|control| {
            Some(Self { version: control.version, at: control.lease.heard()? })
        });
        followed.unwrap_or(Self { version: policy.version, at: policy.published })
    }
}

impl Composer {
    pub(super) fn new(
        publisher: SnapshotPublisher<EdgeState>,
        clock: Clock,
        metrics: Metrics,
        awaits: Awaits,
    ) -> Self {
        let parts = Mutex::new(Parts { version: 0, control: None, awaits, waiting: None });
        Self(Arc::new(Inner { publisher, clock, metrics, parts }))
    }

    /// What is in force.
    pub(super) fn reader(&self) -> SnapshotReader<EdgeState> {
        self.0.publisher.reader()
    }

    /// Puts another configuration in force. Gives the version.
    pub(super) fn put_configured(&self, complete: impl FnOnce(Rest) -> EdgeState) -> u64 {
        let mut parts = self.parts();
        parts.version += 1;
        let (version, now) = (parts.version, self.0.clock.now());
        let state = complete(Rest { version, now, control: parts.control.clone() });
        if parts.awaits == Awaits::ControlPlane && parts.control.is_none() {
            parts.waiting = Some(Arc::new(state));
        } else {
            self.publish(state);
        }
        version
    }

    /// Puts in force what a control plane says now. Before there is a configuration, it is kept
    /// for the first one.
    pub(super) fn put_control(&self, control: Arc<ControlState>) {
        let mut parts = self.parts();
        parts.control = Some(Arc::clone(&control));
        let in_force = self.0.publisher.reader().load();
        let Some(state) = in_force.or_else(|| parts.waiting.take()) else { return };
        parts.version += 1;
        let EdgeState { policy, delivery, cache, settings } = &*state;
        let policy = EdgeSnapshot {
            version: parts.version,
            published: self.0.clock.now(),
            control: Some(control),
            ..policy.clone()
        };
        self.publish(EdgeState {
            policy,
            delivery: Arc::clone(delivery),
            cache: cache.clone(),
            settings: Arc::clone(settings),
        });
    }

    /// Called under the lock, so that versions are published in order.
    fn publish(&self, state: EdgeState) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (policy, metrics) = (&state.policy, &self.0.metrics);
        let of_control = |count: fn(&ControlState) -> usize| {
            policy.control.as_deref().map(count).unwrap_or_default()
        };
        let overrides = policy.overrides.entries() + of_control(|it| it.overrides.entries());
        let blocked = policy.blocklist.entries() + of_control(|it| it.blocklist.entries());
        let version = InForce::of(policy).version;
        metrics.snapshot_version.set(i64::try_from(version).unwrap_or(i64::MAX));
        metrics.override_entries.set(gauge(overrides));
        metrics.blocklist_entries.set(gauge(blocked));
        let state = Arc::new(state);
        self.0.publisher.publish(Arc::clone(&state));
        keep_up(&state);
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // A panic between lock and unlock leaves a version that was not published: nobody counts
        // them.
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
