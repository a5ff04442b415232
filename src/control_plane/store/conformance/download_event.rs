//! Downloads: each once, whoever brings them how often, and for half a year.

use serde_json::{Map, Value};

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{ChainState, ContentId, DownloadEventId, VersionId};
use crate::control_plane::store::{
    AuditFilter, DownloadFilter, Forgotten, ListOrder, Page, StoreErrorKind,
};
use crate::event::{
    ConnectorUse, DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Event, EventBatch,
    Extent, NumberedEvent, SpoolId,
};
use crate::network::ClientIp;

on_both_databases! {
    a_batch_that_comes_again_is_taken_once
    batches_that_come_at_once_are_taken_once
    lists_are_of_a_link_a_content_and_a_time
    what_a_connector_gave_is_of_a_version
    what_gave_no_bytes_is_not_audited
    what_is_nobodys_or_ahead_of_time_spoils_nothing
    what_is_old_is_forgotten
}

fn spool(byte: u8) -> SpoolId {
    SpoolId::of_bytes([byte; 12])
}

fn address(text: &str) -> ClientIp {
    ClientIp::new(text.parse().unwrap())
}

fn event(seconds: u64, link: &str, content: &str) -> DownloadEvent {
    DownloadEvent {
        at: UnixSeconds::new(seconds),
        took_ms: 3,
        tenant: TenantId(1),
        by: DownloadBy::Link { link: link.into(), key: "key_1".into() },
        content: ContentId::parse(content),
        path: format!("/private/videos/{content}/source").into(),
        client: address("192.0.2.1"),
        method: DownloadMethod::Get,
        extent: Extent::Whole,
        status: 200,
        sent: u64::MAX,
        promised: None,
        end: DownloadEnd::Aborted,
        request_id: "r".into(),
        snapshot: 1,
    }
}

fn download(event: DownloadEvent) -> Event {
    Event::Download(event)
}

/// Events of these numbers, one a second.
fn batch(numbers: impl IntoIterator<Item = u64>) -> EventBatch {
    let events = numbers.into_iter();
    let events =
        events.map(|it| NumberedEvent { number: it, event: download(event(it, "lnk_a", "film")) });
    EventBatch { spool: spool(1), events: events.collect() }
}

async fn take(stage: &Stage, batch: EventBatch) -> u64 {
    let mut change = stage.change().await;
    let taken = change.download_event_take(Some("north"), batch).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
    taken
}

async fn listed(stage: &Stage, filter: DownloadFilter) -> Vec<u64> {
    let mut view = stage.view().await;
    let (mut page, mut times) = (Page::first(2), Vec::new());
    loop {
        let listed = view.download_event_list(TenantId(1), &filter, &page).await.unwrap();
        times.extend(listed.items.iter().map(|kept| kept.event.at.get()));
        match listed.next {
            Some(next) => page = Page::after(next, 2),
            None => return times,
        }
    }
}

async fn a_batch_that_comes_again_is_taken_once(stage: Stage) {
    stage.tenant(1).await;
    assert_eq!(take(&stage, batch([])).await, 0);
    assert_eq!(take(&stage, batch(1..=3)).await, 3);
    assert_eq!(take(&stage, batch(1..=3)).await, 3);
    // The answer was lost, and more came meanwhile; some of it was lost, too.
    assert_eq!(take(&stage, batch([2, 3, 4, 7])).await, 7);
    assert_eq!(take(&stage, batch([5])).await, 7);
    // What was not committed was not taken.
    let mut change = stage.change().await;
    assert_eq!(change.download_event_take(None, batch([8])).await.unwrap(), 8);
    drop(change);
    assert_eq!(take(&stage, batch([8])).await, 8);
    assert_eq!(listed(&stage, DownloadFilter::default()).await, [1, 2, 3, 4, 7, 8]);
    let mut view = stage.view().await;
    let all = DownloadFilter::default();
    let kept = view.download_event_list(TenantId(1), &all, &Page::first(1)).await.unwrap();
    assert_eq!(kept.items[0].event, event(1, "lnk_a", "film"));
    assert_eq!(kept.items[0].edge.as_deref(), Some("north"));
    assert_eq!(kept.items[0].id, DownloadEventId::of(UnixSeconds::new(1), &spool(1), 1));
    let stranger = Stage::of_tenant(2);
    let mut view = stage.store.view(&stranger).await.unwrap();
    let refused = view.download_event_list(TenantId(1), &all, &Page::first(1)).await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::NotFound);
}

/// Two control planes, to both of which an edge turned.
async fn batches_that_come_at_once_are_taken_once(stage: Stage) {
    stage.tenant(1).await;
    let stores = [stage.again().await.unwrap(), stage.again().await.unwrap()];
    let tasks = stores.map(|store| {
        tokio::spawn(async move {
            for last in 1..=40 {
                let mut change = store.change(&Stage::system(), NOW).await.unwrap();
                let taken = change.download_event_take(Some("north"), batch(1..=last)).await;
                assert!(taken.unwrap() >= last);
                change.commit().await.unwrap();
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    let expected: Vec<u64> = (1..=40).collect();
    assert_eq!(listed(&stage, DownloadFilter::default()).await, expected);
}

async fn lists_are_of_a_link_a_content_and_a_time(stage: Stage) {
    stage.tenant(1).await;
    let events = [(10, "lnk_a", "film"), (20, "lnk_b", "film"), (30, "lnk_a", "other")];
    for (byte, (at, link, content)) in (1..).zip(events) {
        let events = vec![NumberedEvent { number: 1, event: download(event(at, link, content)) }];
        take(&stage, EventBatch { spool: spool(byte), events }).await;
    }
    let link = |link: &str| DownloadFilter { link: Some(link.into()), ..Default::default() };
    let content = |id| DownloadFilter { content: ContentId::parse(id), ..Default::default() };
    let at = |at| Some(UnixSeconds::new(at));
    for (filter, expected) in [
        (link("lnk_a"), vec![10, 30]),
        (link("lnk_"), vec![]),
        (content("film"), vec![10, 20]),
        (DownloadFilter { link: Some("lnk_a".into()), ..content("film") }, vec![10]),
        (DownloadFilter { since: at(20), ..Default::default() }, vec![20, 30]),
        (DownloadFilter { until: at(20), ..Default::default() }, vec![10]),
        (
            DownloadFilter { since: at(10), order: ListOrder::NewestFirst, ..Default::default() },
            vec![30, 20, 10],
        ),
        (DownloadFilter { since: at(10), until: at(21), ..Default::default() }, vec![10, 20]),
    ] {
        assert_eq!(listed(&stage, filter.clone()).await, expected, "{filter:?}");
    }
}

/// A film of each of two tenants, with a file each.
const FILMS: &str = "
INSERT INTO pipeline (number, tenant, name, origin, prefix, created_at, revision) VALUES (1, 1, 'p', 'media', '', 1, 1), (2, 2, 'p', 'media', '', 1, 1);
INSERT INTO content (id, tenant, folder, kind, url, publication, active_version, created_at, updated_at, revision) VALUES ('film', 1, NULL, 'VIDEO', NULL, 'published', NULL, 1, 1, 1), ('others', 2, NULL, 'VIDEO', NULL, 'published', NULL, 1, 1, 1);
INSERT INTO version VALUES ('ver_00000000000000000000000001', 'film', 1, '', NULL, 1), ('ver_00000000000000000000000002', 'others', 1, '', NULL, 1);
INSERT INTO file (number, version, folder, kind, slot, variant, pipeline, object_key, name, size, mime, sha256, crc32, duration_ms, width, height, language, created_at) VALUES (7, 'ver_00000000000000000000000001', NULL, 'source', '', '', 1, 'k', 'n', 1, 'm', NULL, 7, NULL, NULL, NULL, NULL, 1), (8, 'ver_00000000000000000000000002', NULL, 'source', '', '', 2, 'k', 'n', 1, 'm', NULL, 7, NULL, NULL, NULL, NULL, 1);
";

async fn what_a_connector_gave_is_of_a_version(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    stage.tamper(FILMS).await;
    let (own, number, others) = (VersionId::parse("ver_00000000000000000000000001"), 7, 8);
    let by = |file, requests| {
        let (connector, since) = ("cnr_a".into(), UnixSeconds::new(1));
        let user_agent = Some("curl".into());
        DownloadBy::Connector(ConnectorUse { connector, file, user_agent, since, requests })
    };
    let of =
        |at, content: &str, file| DownloadEvent { by: by(file, at), ..event(at, "lnk_a", content) };
    let events = [
        of(1, "film", number),
        event(2, "lnk_a", "film"),
        // What is not of this content, of this tenant, or anybody's.
        of(3, "other", number),
        of(4, "others", others),
        of(5, "film", others),
        of(6, "film", u64::MAX),
    ];
    let numbered = (1..).zip(events.clone());
    let numbered = numbered.map(|(number, event)| NumberedEvent { number, event: download(event) });
    take(&stage, EventBatch { spool: spool(1), events: numbered.collect() }).await;

    let mut view = stage.view().await;
    let all = DownloadFilter::default();
    let kept = view.download_event_list(TenantId(1), &all, &Page::first(10)).await.unwrap().items;
    let versions: Vec<_> = kept.iter().map(|it| it.version.clone()).collect();
    assert_eq!(versions, [own, None, None, None, None, None]);
    assert_eq!(kept.into_iter().map(|it| it.event).collect::<Vec<_>>(), events);
    drop(view);
    let of = |connector: &str| DownloadFilter { connector: Some(connector.into()), ..all.clone() };
    assert_eq!(listed(&stage, of("cnr_a")).await, [1, 3, 4, 5, 6]);
    assert_eq!(listed(&stage, of("cnr_")).await, Vec::<u64>::new());
    let film = DownloadFilter { content: ContentId::parse("film"), ..of("cnr_a") };
    assert_eq!(listed(&stage, film).await, [1, 5, 6]);

    // What connectors gave is in the audit log, newest first, with the network of whoever asked (A13).
    let filter = AuditFilter { action: Some("connector.deliver".into()), ..AuditFilter::default() };
    let mut view = stage.view().await;
    let audited = view.audit_search(&filter, &Page::first(10)).await.unwrap().items;
    let objects: Vec<_> = audited.iter().map(|it| &*it.object).collect();
    assert_eq!(objects, ["film", "film", "others", "other", "film"]);
    let of = |field: &str, diff: &Map<String, Value>| diff.get(field).map(|it| it[1].clone());
    let said = |field: &str| {
        audited.iter().map(|it| of(field, &it.diff).unwrap_or_default()).collect::<Vec<_>>()
    };
    let number = DownloadEventId::of(UnixSeconds::new(1), &spool(1), 1);
    assert_eq!(said("event")[4], number.as_str());
    assert_eq!(said("version")[4], "ver_00000000000000000000000001");
    assert_eq!(said("version")[..4], [const { Value::Null }; 4]);
    assert_eq!(said("requests"), [6, 5, 4, 3, 1]);
    assert!(said("network").iter().all(|it| it == "192.0.2.0/24"), "{audited:?}");
    assert!(audited.iter().all(|it| it.tenant == Some(TenantId(1))), "{audited:?}");
    let whole = view.audit_verify().await.unwrap();
    assert!(matches!(whole, ChainState::Whole { .. }), "{whole:?}");
    let mut theirs = stage.store.view(&Stage::of_tenant(2)).await.unwrap();
    assert!(theirs.audit_search(&filter, &Page::first(10)).await.unwrap().items.is_empty());
}

/// Nothing left, or nobody but a link gave it: it is no download of an original for the audit log.
async fn what_gave_no_bytes_is_not_audited(stage: Stage) {
    stage.tenant(1).await;
    let by = DownloadBy::Connector(ConnectorUse {
        connector: "cnr_a".into(),
        file: 7,
        user_agent: None,
        since: UnixSeconds::new(1),
        requests: 1,
    });
    let through = |at| DownloadEvent { by: by.clone(), ..event(at, "", "film") };
    let events = [
        DownloadEvent { method: DownloadMethod::Head, sent: 0, ..through(1) },
        DownloadEvent { status: 304, sent: 0, ..through(2) },
        // What it says instead of the file is not of the file.
        DownloadEvent { status: 416, sent: 60, ..through(2) },
        DownloadEvent { status: 502, sent: 60, ..through(2) },
        event(3, "lnk_a", "film"),
        // One that broke off gave something.
        DownloadEvent { sent: 5, client: address("2001:db8:1:2ff::9"), ..through(4) },
    ];
    let numbered = (1..).zip(events);
    let numbered = numbered.map(|(number, event)| NumberedEvent { number, event: download(event) });
    take(&stage, EventBatch { spool: spool(1), events: numbered.collect() }).await;
    let filter = AuditFilter { action: Some("connector".into()), ..AuditFilter::default() };
    let mut view = stage.view().await;
    let audited = view.audit_search(&filter, &Page::first(10)).await.unwrap().items;
    let said: Vec<_> = audited.iter().map(|it| &it.diff).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(
        (&said[0]["bytes"][1], &said[0]["network"][1]),
        (&5.into(), &"2001:db8:1:200::/56".into())
    );
}

async fn what_is_nobodys_or_ahead_of_time_spoils_nothing(stage: Stage) {
    stage.tenant(1).await;
    let mut events = batch(1..=3);
    let nobodys = DownloadEvent { tenant: TenantId(7), ..event(1, "lnk_a", "film") };
    events.events[0].event = download(nobodys);
    events.events[2].event = download(event(NOW.plus(1_000_000).get(), "lnk_a", "film"));
    assert_eq!(take(&stage, events).await, 3);
    assert_eq!(listed(&stage, DownloadFilter::default()).await, [2, NOW.get()]);
}

async fn what_is_old_is_forgotten(stage: Stage) {
    stage.tenant(1).await;
    take(&stage, batch(1..=5)).await;
    let mut change = stage.change().await;
    let forgotten = change.download_event_forget(UnixSeconds::new(4)).await.unwrap();
    assert_eq!(forgotten, Forgotten::All);
    change.commit().await.unwrap();
    assert_eq!(listed(&stage, DownloadFilter::default()).await, [4, 5]);
    // A spool that was taken from lately is known still.
    assert_eq!(take(&stage, batch(1..=5)).await, 5);
    assert_eq!(listed(&stage, DownloadFilter::default()).await, [4, 5]);
}
