//! Findings of anti-fraud: taken with downloads, each once, and for half a year.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::store::{Forgotten, FraudFilter, Page, StoreErrorKind};
use crate::event::{
    DownloadMethod, Event, EventBatch, FraudAction, FraudEvent, NumberedEvent, SpoolId,
};
use crate::network::ClientIp;

on_both_databases! {
    findings_are_listed_by_link_rule_and_time
    what_is_old_is_forgotten
}

fn finding(at: u64, link: Option<&str>, rule: &str) -> FraudEvent {
    FraudEvent {
        at: UnixSeconds::new(at),
        since: UnixSeconds::new(at - 1),
        requests: 7,
        tenant: TenantId(1),
        link: link.map(Into::into),
        key: link.map(|_| "key_1".into()),
        content: None,
        path: "/vod/a".into(),
        client: ClientIp::new("192.0.2.1".parse().unwrap()),
        method: DownloadMethod::Get,
        rule: rule.into(),
        reason: "seen".into(),
        action: FraudAction::Monitored,
        request_id: "r".into(),
        snapshot: 1,
    }
}

async fn take(stage: &Stage, findings: &[FraudEvent]) {
    let events = (1..)
        .zip(findings)
        .map(|(number, finding)| NumberedEvent { number, event: Event::Fraud(finding.clone()) });
    let batch = EventBatch { spool: SpoolId::of_bytes([1; 12]), events: events.collect() };
    for _ in 0..2 {
        let mut change = stage.change().await;
        let taken = change.download_event_take(Some("north"), batch.clone()).await.unwrap();
        assert_eq!(taken, findings.len() as u64);
        change.commit().await.unwrap();
    }
}

async fn listed(stage: &Stage, filter: FraudFilter) -> Vec<FraudEvent> {
    let mut view = stage.view().await;
    let (mut page, mut all) = (Page::first(2), Vec::new());
    loop {
        let listed = view.fraud_event_list(TenantId(1), &filter, &page).await.unwrap();
        all.extend(listed.items.into_iter().map(|kept| kept.event));
        match listed.next {
            Some(next) => page = Page::after(next, 2),
            None => return all,
        }
    }
}

async fn findings_are_listed_by_link_rule_and_time(stage: Stage) {
    stage.tenant(1).await;
    let all = [
        finding(10, Some("lnk_a"), "sharing"),
        finding(20, Some("lnk_b"), "sharing"),
        finding(30, None, "blacklist"),
    ];
    let nobodys = FraudEvent { tenant: TenantId(7), ..all[0].clone() };
    let ahead = finding(NOW.plus(1_000).get(), Some("lnk_c"), "sharing");
    take(&stage, &[&all[..], &[nobodys, ahead]].concat()).await;
    let at = |at| Some(UnixSeconds::new(at));
    let link = Some("lnk_a".into());
    let until = at(1_000);
    for (filter, expected) in [
        (FraudFilter { until, ..Default::default() }, vec![0, 1, 2]),
        (FraudFilter { link, ..Default::default() }, vec![0]),
        (FraudFilter { rule: Some("sharing".into()), until, ..Default::default() }, vec![0, 1]),
        (FraudFilter { rule: Some("shar".into()), ..Default::default() }, vec![]),
        (FraudFilter { since: at(20), until, ..Default::default() }, vec![1, 2]),
        (FraudFilter { until: at(20), ..Default::default() }, vec![0]),
    ] {
        let expected: Vec<_> =
            expected.into_iter().map(|place: usize| all[place].clone()).collect();
        assert_eq!(listed(&stage, filter.clone()).await, expected, "{filter:?}");
    }
    // A clock that is ahead keeps nothing longer.
    let last = listed(&stage, FraudFilter { since: until, ..Default::default() }).await;
    assert_eq!((last.len(), last[0].at, last[0].since), (1, NOW, NOW));
    let stranger = Stage::of_tenant(2);
    let mut view = stage.store.view(&stranger).await.unwrap();
    let refused =
        view.fraud_event_list(TenantId(1), &FraudFilter::default(), &Page::first(1)).await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::NotFound);
}

async fn what_is_old_is_forgotten(stage: Stage) {
    stage.tenant(1).await;
    let all = [3, 4].map(|at| finding(at, None, "sharing"));
    take(&stage, &all).await;
    let mut change = stage.change().await;
    let forgotten = change.fraud_event_forget(UnixSeconds::new(4)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(forgotten, Forgotten::All);
    assert_eq!(listed(&stage, FraudFilter::default()).await, all[1..]);
}
