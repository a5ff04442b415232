//! From the workers to whoever keeps events, without waiting for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use crate::event::{DownloadEvent, Event, FraudEvent};

use super::super::metrics::Metrics;
use super::tally::{Noted, Tallied, Tally};

/// Events that may wait: some seconds' worth of the busiest edge, and a few megabytes.
const MOST_WAITING: usize = 16 * 1024;

/// How long an event may wait for others: a thread that is woken for each costs more than they do.
const GATHERING: Duration = Duration::from_millis(20);

/// The buffer. Clones are the same one.
#[derive(Clone, Debug)]
pub struct EventQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Mutex<Waiting>,
    changed: Notify,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Waiting {
    events: Vec<Event>,
    connected: Tally<DownloadEvent>,
    findings: Tally<FraudEvent>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    Finished,
}

/// Where events were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Connectors gave more files within a minute than are told apart.
    Connected,
    /// What the disk kept of them cannot be read.
    Damaged,
    /// Anti-fraud found more within a minute than is told apart.
    Findings,
    /// The queue was full: they came faster than they could be kept.
    Queue,
    /// The control plane does not take them.
    Refused,
    /// The spool was full, or its disk failed for too long.
    Spool,
}

impl Lost {
    /// Each of them.
    pub const ALL: [Self; 6] =
        [Self::Connected, Self::Damaged, Self::Findings, Self::Queue, Self::Refused, Self::Spool];

    /// The name, as a metric's label.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Damaged => "damaged",
            Self::Findings => "findings",
            Self::Queue => "queue",
            Self::Refused => "refused",
            Self::Spool => "spool",
        }
    }
}

impl Waiting {
    /// What was counted together, of minutes that are over.
    fn settle(&mut self, now: Instant) -> Vec<Event> {
        let connected = self.connected.settle(now).into_iter().map(Event::Download);
        let findings = self.findings.settle(now).into_iter().map(Event::Fraud);
        connected.chain(findings).collect()
    }

    /// When there may be something to settle.
    fn due(&self) -> Option<Instant> {
        self.connected.due().into_iter().chain(self.findings.due()).min()
    }
}

impl EventQueue {
    /// A queue that counts what it loses.
    pub fn new(metrics: Metrics) -> Self {
        let waiting = Mutex::default();
        Self(Arc::new(Inner { waiting, changed: Notify::new(), metrics }))
    }

    /// Hands one over, or loses it.
    pub fn push(&self, event: Event) {
        let waiting = self.waiting();
        if waiting.stage == Stage::Finished {
            drop(waiting);
            self.count_lost(Lost::Queue, 1);
            return;
        }
        self.add(waiting, [event]);
    }

    /// Hands a finding over, or counts it with those that it is like.
    pub fn push_finding(&self, finding: FraudEvent) {
        self.tally(finding, |waiting| &mut waiting.findings, Event::Fraud, Lost::Findings);
    }

    /// Hands a download through a connector over, or counts it with those that it is like.
    pub fn push_connected(&self, download: DownloadEvent) {
        self.tally(download, |waiting| &mut waiting.connected, Event::Download, Lost::Connected);
    }

    fn tally<T: Tallied>(
        &self,
        event: T,
        tally: impl FnOnce(&mut Waiting) -> &mut Tally<T>,
        told: impl FnOnce(T) -> Event,
        lost: Lost,
    ) {
        let mut waiting = self.waiting();
        if waiting.stage == Stage::Finished {
            drop(waiting);
            self.count_lost(lost, 1);
            return;
        }
        let now = Instant::now();
        let mut events = waiting.settle(now);
        match tally(&mut waiting).note(event, now) {
            Noted::First(event) => events.push(told(event)),
            Noted::Again => {}
            Noted::TooMany => self.count_lost(lost, 1),
        }
        self.add(waiting, events);
    }

    /// What has no room is lost.
    fn add(&self, mut waiting: MutexGuard<'_, Waiting>, events: impl IntoIterator<Item = Event>) {
        let was_empty = waiting.events.is_empty();
        let mut lost = 0;
        for event in events {
            if waiting.events.len() < MOST_WAITING {
                waiting.events.push(event);
            } else {
                lost += 1;
            }
        }
        let is_first = was_empty && !waiting.events.is_empty();
        drop(waiting);
        self.count_lost(Lost::Queue, lost);
        if is_first {
            self.0.changed.notify_one();
        }
    }

    /// Everything that waits, once there is something; none after the end. For one taker.
    pub async fn take(&self) -> Option<Vec<Event>> {
        loop {
            let (is_empty, stage, due) = {
                let mut waiting = self.waiting();
                let settled = waiting.settle(Instant::now());
                waiting.events.extend(settled);
                (waiting.events.is_empty(), waiting.stage, waiting.due())
            };
            match (is_empty, stage) {
                (true, Stage::Finished) => return None,
                (true, Stage::Open) => {
                    let changed = self.0.changed.notified();
                    match due {
                        // Looked again then, whatever came.
                        Some(due) => timeout_at(due, changed).await.unwrap_or_default(),
                        None => changed.await,
                    }
                }
                (false, Stage::Finished) => break,
                (false, Stage::Open) => {
                    // Woken before only where it is finished, or where somebody had been woken
                    // for nothing.
                    let _ = timeout(GATHERING, self.0.changed.notified()).await;
                    break;
                }
            }
        }
        Some(std::mem::take(&mut self.waiting().events))
    }

    /// No more come; what waits can still be taken.
    pub fn finish(&self) {
        let mut waiting = self.waiting();
        waiting.stage = Stage::Finished;
        let connected = waiting.connected.finish().into_iter().map(Event::Download);
        let findings = waiting.findings.finish().into_iter().map(Event::Fraud);
        waiting.events.extend(connected.chain(findings));
        drop(waiting);
        self.0.changed.notify_one();
    }

    /// Counts what was lost.
    pub fn count_lost(&self, at: Lost, events: u64) {
        self.0.metrics.events_lost.with_label_values(&[at.code()]).inc_by(events);
    }

    /// Says how many are kept that no control plane has yet.
    pub fn show_spooled(&self, events: u64) {
        self.0.metrics.events_spooled.set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // The buffer is whole between any two statements.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use prometheus::Registry;

    use super::*;
    use crate::asset::{ContentId, TenantId};
    use crate::clock::UnixSeconds;
    use crate::data_plane::events::tally::tests::finding;
    use crate::event::{ConnectorUse, DownloadBy, DownloadEnd, DownloadMethod, Extent};
    use crate::network::ClientIp;

    /// An event that is told from others by its time.
    pub(in crate::data_plane::events) fn event(at: u64) -> Event {
        Event::Download(DownloadEvent {
            at: UnixSeconds::new(at),
            took_ms: 1,
            tenant: TenantId(1),
            by: DownloadBy::Link { link: "lnk_a".into(), key: "key_a".into() },
            content: ContentId::parse("film"),
            path: "/private/videos/film/source".into(),
            client: ClientIp::new("192.0.2.1".parse().unwrap()),
            method: DownloadMethod::Get,
            extent: Extent::Whole,
            status: 200,
            sent: 1,
            promised: Some(1),
            end: DownloadEnd::Complete,
            request_id: "r".into(),
            snapshot: 1,
        })
    }

    fn queue() -> (EventQueue, Metrics) {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        (EventQueue::new(metrics.clone()), metrics)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_pushed_is_taken_once_and_the_end_comes_last() {
        let (queue, metrics) = queue();
        let taker = tokio::spawn({
            let queue = queue.clone();
            async move {
                let mut times = Vec::new();
                while let Some(events) = queue.take().await {
                    times.extend(events.iter().map(|it| it.at().get()));
                }
                times
            }
        });
        let pusher = std::thread::spawn({
            let queue = queue.clone();
            move || (0..1_000).for_each(|at| queue.push(event(at)))
        });
        tokio::task::spawn_blocking(|| pusher.join().unwrap()).await.unwrap();
        queue.finish();
        assert_eq!(taker.await.unwrap(), (0..1_000).collect::<Vec<_>>());
        queue.push(event(1_000));
        assert_eq!(queue.take().await, None);
        assert_eq!(metrics.events_lost.with_label_values(&["queue"]).get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_found_again_is_told_when_its_minute_is_over_or_at_the_end() {
        let (queue, _) = queue();
        let found = |event: &Event| match event {
            Event::Download(_) => panic!("a download"),
            Event::Fraud(finding) => (finding.at.get(), finding.requests),
        };
        for at in 1..=5 {
            queue.push_finding(finding(at, "lnk_a", "192.0.2.1"));
        }
        let began = Instant::now();
        let first = queue.take().await.unwrap();
        assert_eq!(first.iter().map(found).collect::<Vec<_>>(), [(1, 1)]);
        assert!(began.elapsed() < Duration::from_secs(1));
        // Nobody comes any more, and it is told all the same.
        let rest = queue.take().await.unwrap();
        assert_eq!(rest.iter().map(found).collect::<Vec<_>>(), [(5, 4)]);
        assert!(began.elapsed() >= Duration::from_mins(1));
        for at in 6..=7 {
            queue.push_finding(finding(at, "lnk_a", "192.0.2.1"));
        }
        queue.finish();
        let last = queue.take().await.unwrap();
        assert_eq!(last.iter().map(found).collect::<Vec<_>>(), [(6, 1), (7, 1)]);
        assert_eq!(queue.take().await, None);
    }

    /// One through a connector.
    pub(in crate::data_plane::events) fn connected(at: u64, file: u64) -> DownloadEvent {
        let Event::Download(event) = event(at) else { panic!("a finding") };
        let by = ConnectorUse {
            connector: "cnr_a".into(),
            file,
            user_agent: None,
            since: UnixSeconds::new(at),
            requests: 1,
        };
        DownloadEvent { by: DownloadBy::Connector(by), ..event }
    }

    #[tokio::test(start_paused = true)]
    async fn what_connectors_give_again_is_told_with_how_often() {
        let (queue, metrics) = queue();
        let told = |event: &Event| match event {
            Event::Download(DownloadEvent { at, sent, by: DownloadBy::Connector(by), .. }) => {
                (at.get(), by.since.get(), by.requests, *sent)
            }
            Event::Download(_) | Event::Fraud(_) => panic!("{event:?}"),
        };
        for at in 1..=5 {
            queue.push_connected(connected(at, 1));
        }
        queue.push_connected(connected(6, 2));
        let began = Instant::now();
        let first = queue.take().await.unwrap();
        assert_eq!(first.iter().map(told).collect::<Vec<_>>(), [(1, 1, 1, 1), (6, 6, 1, 1)]);
        let rest = queue.take().await.unwrap();
        assert_eq!(rest.iter().map(told).collect::<Vec<_>>(), [(5, 2, 4, 4)]);
        assert!(began.elapsed() >= Duration::from_mins(1));
        // At the end what was counted so far, and nothing after it.
        queue.push_connected(connected(7, 1));
        queue.push_connected(connected(8, 1));
        queue.finish();
        queue.push_connected(connected(9, 1));
        let last = queue.take().await.unwrap();
        assert_eq!(last.iter().map(told).collect::<Vec<_>>(), [(7, 7, 1, 1), (8, 8, 1, 1)]);
        assert_eq!(queue.take().await, None);
        assert_eq!(metrics.events_lost.with_label_values(&["connected"]).get(), 1);
    }

    /// Whoever takes another name each time is told as so many, once and once more, and as all others.
    #[tokio::test(start_paused = true)]
    async fn one_file_is_told_so_often_whatever_they_call_themselves() {
        let (queue, metrics) = queue();
        let most = DownloadEvent::MOST_ASKERS;
        for name in (0..1_000).chain(0..1_000) {
            let mut event = connected(1, 1);
            if let DownloadBy::Connector(by) = &mut event.by {
                by.user_agent = Some(format!("agent/{name}").into());
            }
            queue.push_connected(event);
        }
        assert_eq!(queue.take().await.unwrap().len(), most);
        assert_eq!(queue.take().await.unwrap().len(), most + 1);
        assert_eq!(metrics.events_lost.with_label_values(&["connected"]).get(), 0);
    }

    /// Of a flood of files as many are told as have room, each once and once more.
    #[tokio::test(start_paused = true)]
    async fn a_flood_through_connectors_leaves_room_and_is_counted() {
        let (queue, metrics) = queue();
        let most = DownloadEvent::MOST_APART as u64;
        for _ in 0..3 {
            (0..most + 5).for_each(|file| queue.push_connected(connected(1, file)));
        }
        let lost = |at| metrics.events_lost.with_label_values(&[at]).get();
        assert_eq!((lost("connected"), lost("queue")), (15, 0));
        let firsts = queue.take().await.unwrap();
        assert_eq!(firsts.len() as u64, most);
        queue.push(event(2));
        assert_eq!(queue.take().await.unwrap(), [event(2)], "links have room");
        assert_eq!(queue.take().await.unwrap().len() as u64, most);
    }

    #[tokio::test(start_paused = true)]
    async fn a_taker_that_is_slow_costs_events_and_no_more_memory_than_stated() {
        let (queue, metrics) = queue();
        let most = MOST_WAITING as u64;
        (0..most + 7).for_each(|at| queue.push(event(at)));
        assert_eq!(metrics.events_lost.with_label_values(&["queue"]).get(), 7);
        let taken = queue.take().await.unwrap();
        assert_eq!((taken.len(), taken[0].at().get()), (MOST_WAITING, 0));
        queue.push(event(1));
        assert_eq!(queue.take().await.unwrap().len(), 1);
    }
}
