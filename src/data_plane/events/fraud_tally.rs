//! What anti-fraud found within the last minute, like with like.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::asset::TenantId;
use crate::event::{FraudAction, FraudEvent};

use super::super::usage::network_of;

/// How long findings are counted together.
const INTERVAL: Duration = Duration::from_mins(1);

/// Findings that are told apart within that time: some hundred kilobytes, and at most two events each.
const MOST_APART: usize = 512;

/// Counts until a minute is over, and begins anew.
#[derive(Debug, Default)]
pub(super) struct FraudTally {
    /// When what was counted is told; none where nothing was.
    due: Option<Instant>,
    findings: HashMap<Likeness, Option<FraudEvent>>,
}

/// What became of a finding.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is counted with one that was told.
    Again,
    /// It is the first of its kind, to be told now.
    First(FraudEvent),
    /// There is no room to tell it from others.
    TooMany,
}

/// What findings that are counted together have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Likeness {
    tenant: TenantId,
    link: Option<Box<str>>,
    key: Option<Box<str>>,
    rule: Box<str>,
    action: FraudAction,
    network: IpAddr,
}

impl FraudTally {
    /// Counts one.
    pub(super) fn note(&mut self, finding: FraudEvent, now: Instant) -> Noted {
        let FraudEvent { tenant, link, key, rule, action, client, .. } = &finding;
        let likeness = Likeness {
            tenant: *tenant,
            link: link.clone(),
            key: key.clone(),
            rule: rule.clone(),
            action: *action,
            network: network_of(*client),
        };
        let is_full = self.findings.len() >= MOST_APART;
        match self.findings.entry(likeness) {
            Entry::Occupied(mut known) => {
                let repeated = known.get_mut();
                *repeated = Some(match repeated.take() {
                    Some(before) => FraudEvent {
                        since: before.since,
                        requests: before.requests.saturating_add(finding.requests),
                        ..finding
                    },
                    None => finding,
                });
                Noted::Again
            }
            Entry::Vacant(_) if is_full => Noted::TooMany,
            Entry::Vacant(new) => {
                new.insert(None);
                self.due.get_or_insert(now + INTERVAL);
                Noted::First(finding)
            }
        }
    }

    /// When there may be something to settle.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What was counted, once the minute is over.
    pub(super) fn settle(&mut self, now: Instant) -> Vec<FraudEvent> {
        match self.due {
            Some(due) if due <= now => self.finish(),
            Some(_) | None => Vec::new(),
        }
    }

    /// What was counted so far.
    pub(super) fn finish(&mut self) -> Vec<FraudEvent> {
        self.due = None;
        self.findings.drain().filter_map(|(_, repeated)| repeated).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::event::DownloadMethod;
    use crate::network::ClientIp;

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
        let mut tally = FraudTally::default();
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

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_everywhere_has_its_bounds() {
        let mut tally = FraudTally::default();
        let now = Instant::now();
        let mut told = [0; 3];
        for round in 0..3 {
            for network in 0..1_000 {
                let client = format!("2001:db8:{network:x}::{round:x}");
                let place = match tally.note(finding(round, "lnk_a", &client), now) {
                    Noted::First(_) => 0,
                    Noted::Again => 1,
                    Noted::TooMany => 2,
                };
                told[place] += 1;
            }
        }
        assert_eq!(told, [MOST_APART, 2 * MOST_APART, 3 * (1_000 - MOST_APART)]);
        let rest = tally.finish();
        assert_eq!((rest.len(), rest[0].requests), (MOST_APART, 2));
    }
}
