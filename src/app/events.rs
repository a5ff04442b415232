//! Downloads, from the data plane of this process to whoever keeps them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::control_plane::Caller;
use crate::control_plane::service::{ServiceError, Services};
use crate::data_plane::{EventQueue, Lost, Reporter};
use crate::event::{EventBatch, MOST_OF_A_BATCH, NumberedEvent, SpoolId};
use crate::telemetry::ErrorChain;

/// Before a store that failed is asked again.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// How long is kept on for when the program ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whoever takes what is in the queue.
#[derive(Debug)]
pub(super) struct EventKeeper {
    queue: EventQueue,
    task: JoinHandle<()>,
}

impl EventKeeper {
    /// Keeps them in files, and brings them to control planes elsewhere.
    pub(super) fn on_disk(reporter: Reporter, queue: EventQueue, runtime: &Handle) -> Self {
        let task = runtime.spawn(reporter.clone().keep());
        // Until the runtime ends.
        runtime.spawn(async move {
            let never = reporter.report().await;
            match never {}
        });
        Self { queue, task }
    }

    /// Keeps them in the store of this process's own control plane.
    pub(super) fn in_store(
        services: Services,
        queue: EventQueue,
        runtime: &Handle,
    ) -> Result<Self, getrandom::Error> {
        let mut chance = [0; 12];
        getrandom::fill(&mut chance)?;
        let spool = SpoolId::of_bytes(chance);
        let task = runtime.spawn(keep(services, spool, queue.clone()));
        Ok(Self { queue, task })
    }

    /// No more come: keeps what is left.
    pub(super) async fn finish(self) {
        self.queue.finish();
        if timeout(PATIENCE, self.task).await.is_err() {
            tracing::error!("the last downloads were not kept");
        }
    }
}

/// A store that is away holds nobody up: the queue loses what it has no room for.
async fn keep(services: Services, spool: SpoolId, queue: EventQueue) {
    let caller = Caller::system("downloads");
    let mut last = 0;
    let mut pending: VecDeque<NumberedEvent> = VecDeque::new();
    let mut most = MOST_OF_A_BATCH;
    while let Some(events) = queue.take().await {
        for event in events {
            last += 1;
            pending.push_back(NumberedEvent { number: last, event });
        }
        let mut is_away = false;
        while !pending.is_empty() {
            queue.show_spooled(pending.len() as u64);
            let events: Vec<_> = pending.iter().take(most).cloned().collect();
            let count = events.len();
            // One that was taken and is not known to have been comes again under its number.
            let batch = EventBatch { spool: spool.clone(), events };
            match services.download_event_take(&caller, batch).await {
                Ok(taken) => {
                    pending.retain(|it| it.number > taken.taken);
                    most = (most * 2).min(MOST_OF_A_BATCH);
                }
                Err(ServiceError::Invalid(_)) if count > 1 => most = 1,
                Err(ServiceError::Invalid(error)) => {
                    tracing::error!(error = %ErrorChain(&error), "a download cannot be kept");
                    queue.count_lost(Lost::Refused, 1);
                    pending.pop_front();
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_away, true) {
                        let error = ErrorChain(&error);
                        tracing::error!(%error, "the store is away: downloads are not kept in it");
                    }
                    sleep(LEFT_ALONE).await;
                }
            }
        }
        queue.show_spooled(0);
    }
}
