//! Copies that were issued: whose a tag is, and which copies left and have to be read.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{CopyIssue, LinkId, SigningKeyId};
use crate::event::{
    DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Event, EventBatch, Extent,
    NumberedEvent, SpoolId,
};
use crate::network::ClientIp;

on_both_databases! {
    a_copy_is_known_by_its_tag_its_link_and_its_digest_to_its_tenant_alone
    copies_with_marks_are_listed_by_file_and_tenant
    copies_that_left_as_a_whole_are_due_once
    what_cannot_be_read_waits_for_its_time_or_for_ever
}

fn issue(number: u64, tenant: u64) -> CopyIssue {
    CopyIssue {
        number,
        tenant: TenantId(tenant),
        signing_key: SigningKeyId::random(NOW).unwrap(),
        tag_id: format!("{number:032x}").into(),
        link: LinkId::random(NOW).unwrap(),
        file: 7,
        content: None,
        path: "/private/videos/film/source".into(),
        issuer: "app_1".into(),
        tag: "reader 42".into(),
        created_at: NOW,
        expires_at: NOW.plus(60),
    }
}

async fn issued(stage: &Stage, number: u64, tenant: u64) -> CopyIssue {
    let issue = issue(number, tenant);
    let mut change = stage.change().await;
    change.copy_issue_create(&issue).await.unwrap();
    change.commit().await.unwrap();
    issue
}

fn left(tenant: u64, link: &LinkId) -> DownloadEvent {
    DownloadEvent {
        at: NOW,
        took_ms: 3,
        tenant: TenantId(tenant),
        by: DownloadBy::Link { link: link.to_string().into(), key: "key_1".into() },
        content: None,
        path: "/private/videos/film/source".into(),
        client: ClientIp::new("192.0.2.1".parse().unwrap()),
        method: DownloadMethod::Get,
        extent: Extent::Whole,
        status: 200,
        sent: 9,
        promised: Some(9),
        end: DownloadEnd::Complete,
        request_id: "r".into(),
        snapshot: 1,
    }
}

async fn tell(stage: &Stage, spool: u8, events: Vec<DownloadEvent>) {
    let events = (1..).zip(events);
    let events = events
        .map(|(number, event)| NumberedEvent { number, event: Event::Download(event) })
        .collect();
    let mut change = stage.change().await;
    let batch = EventBatch { spool: SpoolId::of_bytes([spool; 12]), events };
    change.download_event_take(Some("north"), batch).await.unwrap();
    change.commit().await.unwrap();
}

/// The numbers of the copies that are due, with their tries.
async fn due(stage: &Stage, now: UnixSeconds, most: u16) -> Vec<(u64, u64)> {
    let due = stage.view().await.copy_list_due(now, most).await.unwrap();
    due.into_iter().map(|copy| (copy.issue.number, copy.tries)).collect()
}

async fn a_copy_is_known_by_its_tag_its_link_and_its_digest_to_its_tenant_alone(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let copy = issued(&stage, u64::MAX >> 1, 1).await;
    tell(&stage, 1, vec![left(1, &copy.link)]).await;
    let mut change = stage.change().await;
    change.copy_digested(copy.number, 9, "ab").await.unwrap();
    change.commit().await.unwrap();
    for (caller, known) in
        [(Stage::system(), true), (Stage::of_tenant(1), true), (Stage::of_tenant(2), false)]
    {
        let mut view = stage.store.view(&caller).await.unwrap();
        let expected = known.then(|| copy.clone());
        assert_eq!(view.copy_issue_of_tag_id(&copy.tag_id).await.unwrap(), expected);
        assert_eq!(view.copy_issue_of_link(&copy.link).await.unwrap(), expected);
        assert_eq!(view.copy_issue_of_sha256("ab").await.unwrap(), expected);
        assert_eq!(view.copy_issue_of_sha256("cd").await.unwrap(), None);
    }
}

async fn copies_with_marks_are_listed_by_file_and_tenant(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let mut change = stage.change().await;
    let numbers = [3, 1, u64::MAX >> 1, 2, 5, 4];
    for (number, (tenant, file, version)) in
        numbers.into_iter().zip([(1, 7, 2), (1, 7, 2), (1, 7, 2), (1, 8, 2), (2, 9, 2), (1, 7, 1)])
    {
        let tag_id = format!("{version:02x}{number:030x}").into();
        change
            .copy_issue_create(&CopyIssue { tag_id, file, ..issue(number, tenant) })
            .await
            .unwrap();
    }
    change.commit().await.unwrap();
    let everybody = [1, 2, 3, 5, u64::MAX >> 1];
    for (caller, file, after, most, expected) in [
        (Stage::system(), None, 0, 9, &everybody[..]),
        (Stage::system(), None, 1, 2, &[2, 3]),
        (Stage::system(), Some(7), 0, 9, &[1, 3, u64::MAX >> 1]),
        (Stage::system(), Some(7), 1, 1, &[3]),
        (Stage::of_tenant(1), None, 0, 9, &[1, 2, 3, u64::MAX >> 1]),
        (Stage::of_tenant(2), None, 0, 9, &[5]),
        (Stage::of_tenant(2), Some(7), 0, 9, &[]),
    ] {
        let mut view = stage.store.view(&caller).await.unwrap();
        let listed = view.copy_issue_list_marked(file, after, most).await.unwrap();
        let numbers: Vec<u64> = listed.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, expected, "{caller:?} {file:?} {after}");
        assert!(listed.iter().all(|(number, id)| **id == *format!("02{number:030x}")));
    }
}

async fn copies_that_left_as_a_whole_are_due_once(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let [whole, part, broken, anothers, again] = [1, 2, 3, 4, 5];
    let mut links = Vec::new();
    for number in [whole, part, broken, anothers, again] {
        links.push(issued(&stage, number, 1).await.link);
    }
    let of = |number: u64| left(1, &links[usize::try_from(number).unwrap() - 1]);
    let events = vec![
        of(whole),
        DownloadEvent { extent: Extent::Ranges, status: 206, ..of(part) },
        DownloadEvent { end: DownloadEnd::Aborted, ..of(broken) },
        DownloadEvent { method: DownloadMethod::Head, ..of(broken) },
        DownloadEvent { status: 403, ..of(broken) },
        // An edge that names another's link.
        DownloadEvent { tenant: TenantId(2), ..of(anothers) },
        left(1, &LinkId::random(NOW).unwrap()),
        of(again),
        of(again),
    ];
    tell(&stage, 1, events).await;
    assert_eq!(due(&stage, NOW, 9).await, [(whole, 0), (again, 0)]);
    assert_eq!(due(&stage, NOW, 1).await, [(whole, 0)]);
    assert_eq!(due(&stage, UnixSeconds::new(NOW.get() - 1), 9).await, []);
    let mut change = stage.change().await;
    change.copy_digested(whole, 9, "ab").await.unwrap();
    change.commit().await.unwrap();
    // What left again is what it was.
    tell(&stage, 2, vec![of(whole)]).await;
    assert_eq!(due(&stage, NOW, 9).await, [(again, 0)]);
}

async fn what_cannot_be_read_waits_for_its_time_or_for_ever(stage: Stage) {
    stage.tenant(1).await;
    for number in [1, 2] {
        let copy = issued(&stage, number, 1).await;
        tell(&stage, u8::try_from(number).unwrap(), vec![left(1, &copy.link)]).await;
    }
    let mut change = stage.change().await;
    change.copy_postponed(1, 3, Some(NOW.plus(60))).await.unwrap();
    change.copy_postponed(2, 10, None).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(due(&stage, NOW.plus(59), 9).await, []);
    assert_eq!(due(&stage, NOW.plus(60), 9).await, [(1, 3)]);
    assert_eq!(due(&stage, NOW.plus(1 << 40), 9).await, [(1, 3)]);
}
