//! Follows control planes, one after the other, for ever.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::connect::{Connector, SyncSetupError};
use super::journal::{self, Journal};
use super::session::{Over, Session, acknowledge};
use super::settings::{ControlUrl, SyncConfig};
use crate::clock::{Clock, UnixSeconds};
use crate::feed::{BatchKind, Heard, Intake, Kept, LineBuffer, Record, Recorder, heartbeat};
use crate::policy::{ControlState, Lease};
use crate::telemetry::ErrorChain;

/// After every control plane was tried in vain, the first time and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Between two notes on the disk that a control plane is there, while nothing changes.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// Between two requests for another snapshot because the disk lacks one.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);

/// See the module.
pub struct Follower {
    urls: Vec<ControlUrl>,
    connector: Arc<Connector>,
    clock: Clock,
    journal: Arc<Mutex<Journal>>,
    intake: Intake,
    lease: Arc<Lease>,
    /// When the last state was made.
    made: UnixSeconds,
    /// When the disk last heard of a control plane.
    noted: Instant,
    disk: Disk,
    ask: Ask,
    /// When everything was last asked for, or came.
    asked: Option<Instant>,
    /// Control planes of which it was said that they cannot be followed.
    complained: BTreeSet<usize>,
}

/// What the next connection is to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Everything,
    WhatFollows,
}

/// Is what is said kept?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Failing,
    Keeping,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl Follower {
    /// Opens what is on the disk.
    pub fn open(config: &SyncConfig, clock: Clock) -> Result<Self, SyncSetupError> {
        let connector = Arc::new(Connector::new(config)?);
        let failed = |source| SyncSetupError::State { path: config.state.clone(), source };
        let (journal, kept) = Journal::open(&config.state).map_err(failed)?;
        let (intake, heard) = match kept {
            Some(Kept { intake, whole: _, heard }) => (intake, heard),
            None => (Intake::default(), None),
        };
        let lease = Arc::new(lease(config, heard, clock.now()));
        Ok(Self {
            urls: config.urls.clone(),
            connector,
            clock,
            journal: Arc::new(Mutex::new(journal)),
            intake,
            lease,
            made: clock.now(),
            noted: Instant::now(),
            disk: Disk::Keeping,
            ask: Ask::WhatFollows,
            asked: None,
            complained: BTreeSet::new(),
        })
    }

    /// What is to be in force now; none: nothing was ever said.
    fn state(&mut self) -> Option<Arc<ControlState>> {
        self.intake.position()?;
        let lease = Arc::clone(&self.lease);
        Some(Arc::new(ControlState { lease, ..self.intake.replica().state(self.clock.now()) }))
    }

    /// Gives what was kept on the disk to `put`, if anything was, and says of which version it is.
    pub fn begin(&mut self, put: impl Fn(Arc<ControlState>)) -> Option<u64> {
        let version = self.intake.position()?.version;
        self.put(&put);
        Some(version)
    }

    /// Gives every new state to `put`, for ever.
    pub async fn run(mut self, put: impl Fn(Arc<ControlState>)) -> Infallible {
        let mut pause = PAUSE;
        loop {
            for (place, url) in self.urls.clone().iter().enumerate() {
                let before = self.lease.heard();
                let over = self.follow(url, &put).await;
                let was_heard = self.lease.heard() > before;
                if was_heard {
                    pause = PAUSE;
                }
                self.complain(place, url, &over, was_heard);
            }
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.end_what_is_over(&put);
        }
    }

    /// Says once of each control plane that it is away, until it was there again.
    fn complain(&mut self, place: usize, url: &ControlUrl, over: &Over, was_heard: bool) {
        if was_heard {
            self.complained.remove(&place);
        }
        if let Over::Snapshot = over {
            return;
        }
        let error = ErrorChain(over);
        if self.complained.insert(place) {
            tracing::warn!(url = %url, %error, "the control plane is not followed");
        } else {
            tracing::debug!(url = %url, %error, "the control plane is not followed");
        }
    }

    /// One connection to one control plane, up to its end.
    async fn follow(&mut self, url: &ControlUrl, put: &impl Fn(Arc<ControlState>)) -> Over {
        match self.listen(url, put).await {
            Ok(never) => match never {},
            Err(over) => over,
        }
    }

    async fn listen(
        &mut self,
        url: &ControlUrl,
        put: &impl Fn(Arc<ControlState>),
    ) -> Result<Infallible, Over> {
        self.intake.interrupted();
        let at = match std::mem::replace(&mut self.ask, Ask::WhatFollows) {
            Ask::Everything => None,
            Ask::WhatFollows => self.intake.position(),
        };
        let mut session = Session::begin(&self.connector, url, at.as_ref()).await?;
        tracing::info!(url = %url, version = at.map(|at| at.version), "following");
        let (applied, heard) = watch::channel(self.intake.position().map_or(0, |at| at.version));
        let mut acks = None;
        let mut lines = LineBuffer::default();
        let mut recorder = Recorder::default();
        loop {
            lines.push(&session.next().await?);
            self.take(&mut lines, &mut recorder, put).await?;
            if let Some(at) = self.intake.position() {
                applied.send_replace(at.version);
                acks.get_or_insert_with(|| {
                    acknowledge(Arc::clone(&self.connector), url.clone(), heard.clone())
                });
            }
            self.end_what_is_over(put);
            if self.snapshot_is_due() {
                self.ask = Ask::Everything;
                self.asked = Some(Instant::now());
                return Err(Over::Snapshot);
            }
        }
    }

    /// Takes every whole line there is. Batches that came together are written together, and are
    /// in force together.
    async fn take(
        &mut self,
        lines: &mut LineBuffer,
        recorder: &mut Recorder,
        put: &impl Fn(Arc<ControlState>),
    ) -> Result<(), Over> {
        let mut append = Vec::new();
        let mut news = News::Nothing;
        let end = loop {
            let line = match lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.into()),
            };
            let heard = match self.intake.line(&line) {
                Ok(heard) => heard,
                Err(error) => break Err(error.into()),
            };
            let now = self.clock.now();
            match recorder.record(&line, heard, &self.intake, now) {
                Record::Append(bytes) => append.extend(bytes),
                Record::Nothing => {}
                other @ (Record::Begin(_) | Record::Continue(_) | Record::Finish(_)) => {
                    self.keep(Record::Append(std::mem::take(&mut append))).await;
                    self.keep(other).await;
                }
            }
            match heard {
                Heard::Taken(kind) => {
                    news = News::Something;
                    // Whoever says anything new is there.
                    self.lease.renew(now);
                    if kind == BatchKind::Snapshot {
                        self.asked = Some(Instant::now());
                    }
                }
                Heard::Alive { now: _ } => {
                    self.lease.renew(now);
                    if self.noted.elapsed() >= NOTED_EVERY {
                        let version = self.intake.position().map_or(0, |at| at.version);
                        append.extend(heartbeat(now, version));
                    }
                }
                Heard::Begun(_) | Heard::Known | Heard::Nothing => {}
            }
        };
        self.keep(Record::Append(append)).await;
        if news == News::Something {
            self.put(put);
        }
        // What came whole before a line that cannot be read is good, and in force.
        end
    }

    /// On a disk that fails, what is said is in force all the same: it may close something.
    async fn keep(&mut self, record: Record) {
        if record == Record::Append(Vec::new()) {
            return;
        }
        self.noted = Instant::now();
        let journal = Arc::clone(&self.journal);
        let kept = spawn_blocking(move || {
            // Whatever panicked under this lock left a file that is read up to where it is good.
            journal.lock().unwrap_or_else(PoisonError::into_inner).keep(record)
        });
        let kept = kept.await.map_err(io::Error::other).and_then(|kept| kept);
        match (kept, self.disk) {
            (Ok(()), Disk::Failing) => {
                self.disk = Disk::Keeping;
                tracing::info!("what is in force is kept on the disk again");
            }
            (Err(error), Disk::Keeping) => {
                self.disk = Disk::Failing;
                let error = ErrorChain(&error);
                tracing::error!(%error, "what is in force is not kept on the disk");
            }
            (Ok(()), Disk::Keeping) | (Err(_), Disk::Failing) => {}
        }
    }

    fn put(&mut self, put: &impl Fn(Arc<ControlState>)) {
        self.made = self.clock.now();
        if let Some(state) = self.state() {
            tracing::debug!(version = state.version, "in force");
            put(state);
            self.intake.give();
        }
    }

    /// Something that is in force may have an end of its own.
    fn end_what_is_over(&mut self, put: &impl Fn(Arc<ControlState>)) {
        let end = self.intake.replica().next_end(self.made);
        if end.is_some_and(|end| end <= self.clock.now()) {
            self.put(put);
        }
    }

    fn snapshot_is_due(&self) -> bool {
        let rested = self.asked.is_none_or(|last| last.elapsed() >= SNAPSHOT_EVERY);
        let journal = || self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        rested && self.intake.position().is_some() && journal().wants_snapshot()
    }
}

/// What an edge that keeps its state so would have in force at `now`, if it were started then and
/// reached no control plane; none: it was never told anything. The edge may be running.
pub fn kept_state(
    config: &SyncConfig,
    now: UnixSeconds,
) -> Result<Option<ControlState>, SyncSetupError> {
    let failed = |source| SyncSetupError::State { path: config.state.clone(), source };
    let Some(Kept { mut intake, whole: _, heard }) =
        journal::look(&config.state).map_err(failed)?
    else {
        return Ok(None);
    };
    let lease = Arc::new(lease(config, heard, now));
    let state = intake.replica().state(now);
    // What the last of it opened is open: nobody decides by what was before.
    intake.give();
    Ok(Some(ControlState { lease, ..state }))
}

/// How long what is kept is good. A clock that was ahead once shall not keep anything fresh.
fn lease(config: &SyncConfig, heard: Option<UnixSeconds>, now: UnixSeconds) -> Lease {
    Lease::of_seconds(config.max_age.as_secs(), heard.map(|heard| heard.min(now)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Nothing,
    Something,
}

/// Somewhere between half of it and all of it: a hundred edges do not come back at one moment.
pub(super) fn jittered(pause: Duration) -> Duration {
    let chance = getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX));
    pause.mul_f64(0.5 + chance / 2.0)
}
