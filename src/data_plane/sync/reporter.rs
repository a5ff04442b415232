//! What links opened here, onto the disk and from there to a control plane.
//!
//! Two tasks, so that a control plane which does not answer never keeps an event from the disk. A
//! batch that was not answered is sent again, there or elsewhere: control planes know by spool and
//! number what they have.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::connect::{Connection, Connector, SyncSetupError};
use super::follower::jittered;
use super::session::{Over, post};
use super::settings::{ControlUrl, SyncConfig};
use crate::data_plane::events::{EventQueue, Lost, Spool, SpoolLosses};
use crate::event::{Event, EventBatch, MOST_OF_A_BATCH, Taken};
use crate::telemetry::ErrorChain;

const EVENTS: &str = "/api/v1/edge/events";

/// The folder within that of the state.
const FOLDER: &str = "events";

/// Between two reports: a control plane writes one batch for all that happened meanwhile.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// After every control plane was tried in vain, the first time and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Before a disk that failed is tried again.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// Events that may wait for a disk that fails.
const MOST_PENDING: usize = 64 * 1024;

/// See the module. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Reporter(Arc<Inner>);

struct Inner {
    urls: Vec<ControlUrl>,
    connector: Connector,
    queue: EventQueue,
    spool: Arc<Mutex<Spool>>,
    grown: Notify,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Which control plane is told, on which connection, and how much at once.
struct Line {
    place: usize,
    open: Option<Connection>,
    most: usize,
}

impl Reporter {
    /// Opens what is on the disk. The folder is that of a [`Follower`](super::Follower), which keeps
    /// other programs out of it.
    pub fn open(config: &SyncConfig, queue: EventQueue) -> Result<Self, SyncSetupError> {
        let folder = config.state.join(FOLDER);
        let mut spool = Spool::open(&folder)
            .map_err(|source| SyncSetupError::State { path: folder, source })?;
        let waiting = spool.waiting();
        if waiting > 0 {
            tracing::info!(events = waiting, "downloads wait for a control plane");
        }
        show(&queue, waiting, spool.take_losses());
        let reporter = Self(Arc::new(Inner {
            urls: config.urls.clone(),
            connector: Connector::new(config)?,
            queue,
            spool: Arc::new(Mutex::new(spool)),
            grown: Notify::new(),
        }));
        reporter.0.grown.notify_one();
        Ok(reporter)
    }

    /// Keeps what comes through the queue, until that is finished.
    pub async fn keep(self) {
        let mut pending: Vec<Event> = Vec::new();
        loop {
            let taken = if pending.is_empty() {
                self.0.queue.take().await
            } else {
                // Tried again then, whether more came or not.
                timeout(DISK_PAUSE, self.0.queue.take()).await.unwrap_or(Some(Vec::new()))
            };
            let Some(events) = taken else { break };
            self.add(&mut pending, events);
            self.try_to_keep(&mut pending).await;
        }
        if !pending.is_empty() {
            self.try_to_keep(&mut pending).await;
            self.0.queue.count_lost(Lost::Spool, pending.len() as u64);
        }
    }

    fn add(&self, pending: &mut Vec<Event>, events: Vec<Event>) {
        pending.extend(events);
        let over = pending.len().saturating_sub(MOST_PENDING);
        pending.drain(..over);
        self.0.queue.count_lost(Lost::Spool, over as u64);
    }

    /// Where the disk fails, they are pending still.
    async fn try_to_keep(&self, pending: &mut Vec<Event>) {
        let events = Arc::new(std::mem::take(pending));
        let kept = self.with_spool({
            let events = Arc::clone(&events);
            move |spool| spool.append(&events)
        });
        match kept.await {
            Ok(()) => self.0.grown.notify_one(),
            Err(error) => {
                let error = ErrorChain(&error);
                tracing::error!(events = events.len(), %error, "downloads are not kept on the disk");
                *pending = Arc::unwrap_or_clone(events);
            }
        }
    }

    /// Brings what is kept to control planes, for ever.
    pub async fn report(self) -> Infallible {
        let mut line = Line { place: 0, open: None, most: MOST_OF_A_BATCH };
        let mut pause = PAUSE;
        let mut complained = BTreeSet::new();
        loop {
            self.0.grown.notified().await;
            while let Err(over) = self.send_all(&mut line).await {
                line.open = None;
                self.complain(line.place, &over, &mut complained);
                line.place = (line.place + 1) % self.0.urls.len().max(1);
                if line.place == 0 {
                    sleep(jittered(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            complained.clear();
            pause = PAUSE;
            sleep(REPORT_EVERY).await;
        }
    }

    /// Says once of each control plane that it is not told, until one was.
    fn complain(&self, place: usize, over: &Over, complained: &mut BTreeSet<usize>) {
        let url = self.0.urls.get(place).map(ToString::to_string);
        let error = ErrorChain(over);
        if complained.insert(place) {
            tracing::warn!(url, %error, "the control plane is not told of downloads");
        } else {
            tracing::debug!(url, %error, "the control plane is not told of downloads");
        }
    }

    /// Sends batch after batch until nothing is left.
    async fn send_all(&self, line: &mut Line) -> Result<(), Over> {
        let Some(url) = self.0.urls.get(line.place) else { return Ok(()) };
        while let Some(mut batch) = self.with_spool(Spool::batch).await.map_err(Over::Spool)? {
            batch.events.truncate(line.most);
            let EventBatch { spool, events } = &batch;
            let Some(last) = events.last().map(|it| it.number) else { return Ok(()) };
            let (spool, count) = (spool.clone(), events.len());
            let body = Bytes::from(serde_json::to_vec(&batch)?);
            let open = line.open.take();
            let taken = match post(&self.0.connector, url, open, EVENTS, body).await {
                Ok((open, said)) => {
                    line.open = Some(open);
                    line.most = (line.most * 2).min(MOST_OF_A_BATCH);
                    serde_json::from_slice::<Taken>(&said)?.taken
                }
                Err(Over::Refused(status)) if is_about_the_batch(status) => {
                    // Which of them it is that is not taken is found by sending them one by one.
                    if count == 1 {
                        tracing::error!(%status, "the control plane does not take a download");
                        self.0.queue.count_lost(Lost::Refused, 1);
                        last
                    } else {
                        line.most = 1;
                        continue;
                    }
                }
                Err(over) => return Err(over),
            };
            if taken < last {
                return Err(Over::Untaken);
            }
            let taken = self.with_spool(move |kept| kept.take(&spool, taken)).await;
            taken.map_err(Over::Spool)?;
        }
        Ok(())
    }

    /// Works on the spool where waiting for a disk holds nobody up, and shows what became of it.
    async fn with_spool<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spool) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let spool = Arc::clone(&self.0.spool);
        let worked = spawn_blocking(move || {
            // Whatever panicked under this lock left files that are read up to where they are good.
            let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
            let result = work(&mut spool);
            (result, spool.waiting(), spool.take_losses())
        });
        let (result, waiting, losses) = worked.await.map_err(io::Error::other)?;
        show(&self.0.queue, waiting, losses);
        result
    }
}

fn show(queue: &EventQueue, waiting: u64, SpoolLosses { damaged, full }: SpoolLosses) {
    queue.show_spooled(waiting);
    queue.count_lost(Lost::Damaged, damaged);
    queue.count_lost(Lost::Spool, full);
}

/// Would it be refused again, by whomever?
fn is_about_the_batch(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}
