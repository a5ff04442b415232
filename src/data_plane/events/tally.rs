//! What came again within the last minute, like with like: so that whoever asks again and again, or is
//! one of thousands who ask alike, fills neither the spool nor a database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::asset::TenantId;
use crate::event::{
    DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Extent, FraudAction, FraudEvent,
};
use crate::network::ClientIp;

use super::super::usage::network_of;

/// How long events are counted together.
const INTERVAL: Duration = Duration::from_mins(1);

/// What can be counted with others.
pub(super) trait Tallied: Sized {
    /// What events that are counted together have in common, but for who asked.
    type Kind: fmt::Debug + Eq + Hash;

    /// By what those who ask are told apart.
    type Who: fmt::Debug + Eq + Hash;

    /// Those who ask for one kind and are told apart within a minute.
    const MOST_ASKERS: usize;

    /// What is told apart within a minute, of all kinds: at most three events each.
    const MOST_APART: usize;

    /// With which others it is counted.
    fn kind(&self) -> Self::Kind;

    /// Who asked.
    fn who(&self) -> Self::Who;

    /// It and what was counted before: of several the last is told, with how many they are and since
    /// when.
    fn after(self, before: Self) -> Self;
}

/// Counts until a minute is over, and begins anew.
#[derive(Debug)]
pub(super) struct Tally<T: Tallied> {
    /// When what was counted is told; none where nothing was.
    due: Option<Instant>,
    /// Those who are told apart, of all kinds.
    apart: usize,
    kinds: HashMap<T::Kind, Askers<T>>,
}

/// What became of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noted<T> {
    /// It is counted with others.
    Again,
    /// It is the first of its like, to be told now.
    First(T),
    /// There is no room to tell it from others.
    TooMany,
}

/// What came of one kind after what was told at once.
#[derive(Debug)]
struct Askers<T: Tallied> {
    apart: HashMap<T::Who, Option<Box<T>>>,
    /// Of all who are not told apart.
    others: Option<Box<T>>,
}

/// What findings that are counted together have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FindingKind {
    tenant: TenantId,
    link: Option<Box<str>>,
    key: Option<Box<str>>,
    rule: Box<str>,
    action: FraudAction,
}

impl Tallied for FraudEvent {
    type Kind = FindingKind;
    type Who = IpAddr;

    /// Who comes by a link that everybody has is not worth an event each, and shall leave room for
    /// what is found of other links.
    const MOST_ASKERS: usize = 16;

    /// Some hundred kilobytes.
    const MOST_APART: usize = 512;

    fn kind(&self) -> FindingKind {
        let Self { tenant, link, key, rule, action, .. } = self;
        let (link, key, rule) = (link.clone(), key.clone(), rule.clone());
        FindingKind { tenant: *tenant, link, key, rule, action: *action }
    }

    fn who(&self) -> IpAddr {
        network_of(self.client)
    }

    fn after(self, before: Self) -> Self {
        let requests = before.requests.saturating_add(self.requests);
        Self { since: before.since, requests, ..self }
    }
}

/// What downloads that are counted together have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DownloadKind {
    tenant: TenantId,
    by: GivenBy,
    method: DownloadMethod,
    extent: Extent,
    status: u16,
    end: DownloadEnd,
}

/// What gave a file.
#[derive(Debug, PartialEq, Eq, Hash)]
enum GivenBy {
    Connector { connector: Box<str>, file: u64 },
    Link(Box<str>),
}

impl Tallied for DownloadEvent {
    type Kind = DownloadKind;
    type Who = (ClientIp, Option<Box<str>>);

    /// Who had it is what is asked of a download: more of them are told apart than of findings.
    const MOST_ASKERS: usize = 256;

    /// Some megabytes, and no more events in a minute than an edge may have at once.
    const MOST_APART: usize = 8 * 1024;

    fn kind(&self) -> DownloadKind {
        let Self { tenant, by, method, extent, status, end, .. } = self;
        let by = match by {
            DownloadBy::Connector(by) => {
                GivenBy::Connector { connector: by.connector.clone(), file: by.file }
            }
            DownloadBy::Link { link, key: _ } => GivenBy::Link(link.clone()),
        };
        let (tenant, method, extent) = (*tenant, *method, *extent);
        DownloadKind { tenant, by, method, extent, status: *status, end: *end }
    }

    /// Behind one address may be many; what they call themselves tells some of them apart.
    fn who(&self) -> Self::Who {
        let agent = match &self.by {
            DownloadBy::Connector(by) => by.user_agent.clone(),
            DownloadBy::Link { .. } => None,
        };
        (self.client, agent)
    }

    fn after(mut self, before: Self) -> Self {
        if let (DownloadBy::Connector(all), DownloadBy::Connector(before)) =
            (&mut self.by, before.by)
        {
            all.since = before.since;
            all.requests = all.requests.saturating_add(before.requests);
        }
        let promised = self.promised.zip(before.promised);
        self.promised = promised.map(|(more, some)| some.saturating_add(more));
        self.sent = self.sent.saturating_add(before.sent);
        self
    }
}

impl<T: Tallied> Default for Tally<T> {
    fn default() -> Self {
        Self { due: None, apart: 0, kinds: HashMap::new() }
    }
}

impl<T: Tallied> Default for Askers<T> {
    fn default() -> Self {
        Self { apart: HashMap::new(), others: None }
    }
}

impl<T: Tallied> Tally<T> {
    /// Counts one.
    pub(super) fn note(&mut self, event: T, now: Instant) -> Noted<T> {
        let is_full = self.apart >= T::MOST_APART;
        let Askers { apart, others } = match self.kinds.entry(event.kind()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if is_full => return Noted::TooMany,
            Entry::Vacant(new) => new.insert(Askers::default()),
        };
        let is_full = is_full || apart.len() >= T::MOST_ASKERS;
        match apart.entry(event.who()) {
            Entry::Occupied(known) => add(known.into_mut(), event),
            Entry::Vacant(_) if is_full => add(others, event),
            Entry::Vacant(new) => {
                new.insert(None);
                self.apart += 1;
                self.due.get_or_insert(now + INTERVAL);
                return Noted::First(event);
            }
        }
        Noted::Again
    }

    /// When there may be something to settle.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What was counted, once the minute is over.
    pub(super) fn settle(&mut self, now: Instant) -> Vec<T> {
        match self.due {
            Some(due) if due <= now => self.finish(),
            Some(_) | None => Vec::new(),
        }
    }

    /// What was counted so far.
    pub(super) fn finish(&mut self) -> Vec<T> {
        self.due = None;
        self.apart = 0;
        let kinds = self.kinds.drain();
        kinds
            .flat_map(|(_, Askers { apart, others })| apart.into_values().chain([others]))
            .flatten()
            .map(|event| *event)
            .collect()
    }
}

fn add<T: Tallied>(counted: &mut Option<Box<T>>, event: T) {
    *counted = Some(Box::new(match counted.take() {
        Some(before) => event.after(*before),
        None => event,
    }));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::UnixSeconds;

    const MOST_NETWORKS: usize = FraudEvent::MOST_ASKERS;
    const MOST_APART: usize = FraudEvent::MOST_APART;

    pub(in crate::data_plane::events) fn finding(at: u64, link: &str, client: &str) -> FraudEvent {
        FraudEvent {
            at: UnixSeconds::new(at),
            since: UnixSeconds::new(at),
            requests: 1,
            tenant: TenantId(1),
            link: Some(link.into()),
            key: Some("key_a".into()),
            content: None,
            path: "/vod/a".into(),
            client: ClientIp::new(client.parse().unwrap()),
            method: DownloadMethod::Get,
            rule: "sharing".into(),
            reason: "the link is in use at 2 other place(s)".into(),
            action: FraudAction::Blocked,
            request_id: format!("r{at}").into(),
            snapshot: 1,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_told_at_once_and_the_rest_together() {
        let mut tally = Tally::default();
        let now = Instant::now();
        let first = finding(1, "lnk_a", "192.0.2.1");
        assert_eq!(tally.note(first.clone(), now), Noted::First(first));
        for at in 2..=10 {
            // The network's other addresses are the same somebody.
            let client = format!("192.0.2.{at}");
            assert_eq!(tally.note(finding(at, "lnk_a", &client), now), Noted::Again);
        }
        for (link, client) in [("lnk_b", "192.0.2.1"), ("lnk_a", "192.0.3.1")] {
            let other = finding(5, link, client);
            assert_eq!(tally.note(other.clone(), now), Noted::First(other));
        }
        let watched =
            FraudEvent { action: FraudAction::Monitored, ..finding(5, "lnk_a", "192.0.2.1") };
        assert_eq!(tally.note(watched.clone(), now), Noted::First(watched));
        assert_eq!(tally.settle(now + INTERVAL - Duration::from_millis(1)), []);
        let rest = tally.settle(now + INTERVAL);
        let since = UnixSeconds::new(2);
        assert_eq!(rest, [FraudEvent { since, requests: 9, ..finding(10, "lnk_a", "192.0.2.10") }]);
        assert_eq!((tally.due(), tally.finish()), (None, Vec::new()));
        let again = finding(11, "lnk_a", "192.0.2.1");
        assert_eq!(tally.note(again.clone(), now), Noted::First(again));
    }

    /// How many were told at once, counted, and lost.
    fn noted(
        tally: &mut Tally<FraudEvent>,
        findings: impl IntoIterator<Item = FraudEvent>,
    ) -> [usize; 3] {
        let now = Instant::now();
        let mut noted = [0; 3];
        for finding in findings {
            let place = match tally.note(finding, now) {
                Noted::First(_) => 0,
                Noted::Again => 1,
                Noted::TooMany => 2,
            };
            noted[place] += 1;
        }
        noted
    }

    /// It is told of as one, but for the first of them, and leaves room for others.
    #[tokio::test(start_paused = true)]
    async fn a_link_that_everybody_has_is_some_events() {
        let mut tally = Tally::default();
        let from = |network: usize| finding(5, "lnk_a", &format!("2001:db8:{network:x}::1"));
        let all = (0..1_000).chain(0..1_000).map(from);
        assert_eq!(noted(&mut tally, all), [MOST_NETWORKS, 2_000 - MOST_NETWORKS, 0]);
        assert_eq!(noted(&mut tally, [finding(5, "lnk_b", "192.0.2.1")]), [1, 0, 0]);
        let mut rest: Vec<_> = tally.finish().iter().map(|it| it.requests).collect();
        rest.sort_unstable();
        let mut expected = vec![1; MOST_NETWORKS];
        expected.push(2_000 - 2 * MOST_NETWORKS as u64);
        assert_eq!(rest, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_links_has_its_bounds() {
        let mut tally = Tally::default();
        let of = |link: usize| finding(5, &format!("lnk_{link}"), "192.0.2.1");
        for told in [[MOST_APART, 0, 1_000 - MOST_APART], [0, MOST_APART, 1_000 - MOST_APART]] {
            assert_eq!(noted(&mut tally, (0..1_000).map(of)), told);
        }
        // What is known is counted still, wherever it comes from.
        assert_eq!(noted(&mut tally, [finding(5, "lnk_0", "192.0.3.1")]), [0, 1, 0]);
        assert_eq!(tally.finish().len(), MOST_APART + 1);
        // And there is room again.
        assert_eq!(noted(&mut tally, [of(999)]), [1, 0, 0]);
    }
}
