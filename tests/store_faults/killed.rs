//! `kill -9` at random points: nothing acknowledged is lost, nothing is there by halves, and the
//! store is back within two seconds.
//!
//! The writer is another process, which says each change once it is committed; this one keeps what
//! it heard. A change touches several tables, so that half of one would show.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use countersign::asset::{AssetType, AssetTypeSet, TenantId, VideoId};
use countersign::clock::UnixSeconds;
use countersign::control_plane::record::{
    ApplicationDraft, ChainState, FeedEvent, FeedHead, FeedPage, FeedVersion, Opening,
    OverrideLevel, ScopeSet,
};
use countersign::control_plane::store::{Change, Expected, Page, Store};
use tokio::time::Instant;

use crate::place::{Second, caller, open, role, schema};

const TENANT: TenantId = TenantId(1);
const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

/// Times the writer is killed, on each database.
const KILLS: usize = 200;

/// After so many the next begins with an empty store.
const KILLS_OF_ONE_STORE: usize = 20;

/// How long it may take until the store can be written again.
const BACK_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test]
async fn no_acknowledged_change_is_lost_on_sqlite() {
    if let Some(address) = role() {
        write(&address).await;
    }
    let folder = tempfile::tempdir().unwrap();
    for round in 0..KILLS / KILLS_OF_ONE_STORE {
        let file = folder.path().join(format!("{round}.db"));
        let address = format!("sqlite:{}", file.display());
        kill_repeatedly("killed::no_acknowledged_change_is_lost_on_sqlite", &address).await;
    }
}

#[tokio::test]
async fn no_acknowledged_change_is_lost_on_postgres() {
    if let Some(address) = role() {
        write(&address).await;
    }
    for _ in 0..KILLS / KILLS_OF_ONE_STORE {
        let address = schema().await;
        kill_repeatedly("killed::no_acknowledged_change_is_lost_on_postgres", &address).await;
    }
}

/// The writer: three at a time, each change said when it is committed. Ends when nobody listens.
async fn write(address: &str) -> ! {
    let store = open(address).await;
    make_tenant(&store).await;
    say("ready");
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let store = store.clone();
        writers.spawn(async move {
            loop {
                let mut chance = [0; 8];
                getrandom::fill(&mut chance).unwrap();
                let name = hex::encode(chance);
                let mut change = store.change(&caller(), NOW).await.unwrap();
                write_one(&mut change, &name).await;
                let version = change.commit().await.unwrap().unwrap();
                say(&format!("committed {name} {version}"));
            }
        });
    }
    writers.join_next().await;
    std::process::abort()
}

/// The first change of all, where the writer did not get as far.
async fn make_tenant(store: &Store) {
    let mut change = store.change(&caller(), NOW).await.unwrap();
    if change.view().tenant(TENANT).await.is_err() {
        change.tenant_create(TENANT, "one").await.unwrap();
        change.commit().await.unwrap();
    }
}

async fn write_one(change: &mut Change, name: &str) {
    let level = OverrideLevel::Video(VideoId::new(name).unwrap());
    let opens = Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Subtitle));
    change.override_set(TENANT, Expected::Any, &level, Some(opens)).await.unwrap();
    let draft = ApplicationDraft {
        tenant: Some(TENANT),
        name: name.into(),
        scopes: ScopeSet::EMPTY,
        disabled_at: None,
    };
    change.application_create(draft).await.unwrap();
}

/// Straight into the pipe: what is not there when the process dies was not acknowledged.
fn say(line: &str) {
    if std::io::stderr().write_all(format!("{line}\n").as_bytes()).is_err() {
        std::process::abort();
    }
}

async fn kill_repeatedly(test: &'static str, address: &str) {
    let mut acknowledged = Vec::new();
    for round in 0..KILLS_OF_ONE_STORE {
        let heard = tokio::task::spawn_blocking({
            let address = address.to_owned();
            // Now and then while it starts, which makes the store in the first round.
            move || run_and_kill(test, &address, round % 5 == 0)
        });
        for line in heard.await.unwrap() {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some("committed"), Some(name), Some(version)) => {
                    acknowledged.push((name.to_owned(), version.parse().unwrap()));
                }
                (Some("ready"), None, None) => {}
                _ => panic!("the writer failed: {line}"),
            }
        }
        let before = Instant::now();
        let store = open(address).await;
        make_tenant(&store).await;
        let mut change = store.change(&caller(), NOW).await.unwrap();
        let own = format!("own-{round}");
        write_one(&mut change, &own).await;
        acknowledged.push((own, change.commit().await.unwrap().unwrap().0));
        assert!(before.elapsed() <= BACK_WITHIN, "back after {:?}", before.elapsed());
        assert_whole(&store, &acknowledged).await;
        store.close().await;
    }
    assert!(acknowledged.len() > 2 * KILLS_OF_ONE_STORE, "the writer hardly wrote");
}

fn run_and_kill(test: &str, address: &str, starting: bool) -> Vec<String> {
    let mut chance = [0; 2];
    getrandom::fill(&mut chance).unwrap();
    let chance = u64::from(u16::from_ne_bytes(chance));
    let second = Second::start(&[], test, address);
    let mut heard = Vec::new();
    if !starting {
        heard.push(second.says.recv().expect("the writer did not start"));
    }
    // Any moment of the next 150 ms.
    let most = 150_000;
    let end = Duration::from_micros(chance * most / u64::from(u16::MAX));
    let waited = Instant::now();
    while let Some(left) = end.checked_sub(waited.elapsed()) {
        match second.says.recv_timeout(left) {
            Ok(line) => heard.push(line),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                panic!("the writer ended by itself: {heard:?}")
            }
        }
    }
    heard.extend(second.kill());
    heard
}

/// Everything acknowledged is there, in its version, and what is there is there everywhere.
async fn assert_whole(store: &Store, acknowledged: &[(String, u64)]) {
    let mut view = store.view(&caller()).await.unwrap();
    let table = view.override_list(TENANT).await.unwrap();
    let level_name = |level: &OverrideLevel| match level {
        OverrideLevel::Video(video) => video.to_string(),
        OverrideLevel::AssetTypes | OverrideLevel::Channel(_) | OverrideLevel::Tenant => {
            panic!("nobody opened {level:?}")
        }
    };
    let names: BTreeSet<String> =
        table.overrides.iter().map(|one| level_name(&one.level)).collect();
    assert_eq!(table.revision, names.len() as u64);

    let mut fed = Vec::new();
    let head = view.feed_head().await.unwrap();
    let mut reader = FeedHead { version: FeedVersion(0), ..head.clone() };
    while reader.version < head.version {
        let page = view.feed_since(&reader, 1_000).await.unwrap();
        let FeedPage::Entries { entries, reached } = page else { panic!("{page:?}") };
        for entry in entries {
            if let FeedEvent::OverrideSet(set) = &entry.event {
                fed.push((level_name(&set.level), entry.version.0));
            }
        }
        reader.version = reached;
    }
    assert_eq!(fed.len() as u64 + 1, head.version.0, "versions have gaps");
    for change in acknowledged {
        assert!(fed.contains(change), "{change:?} was acknowledged and is lost");
    }
    assert_eq!(names, fed.into_iter().map(|(name, _)| name).collect());

    let mut applications = BTreeSet::new();
    let mut page = Page::first(1_000);
    loop {
        let listed = view.application_list(&page).await.unwrap();
        applications.extend(listed.items.into_iter().map(|one| one.name.to_string()));
        match listed.next {
            Some(next) => page = Page::after(next, 1_000),
            None => break,
        }
    }
    assert_eq!(names, applications);
    let events = 1 + 2 * names.len() as u64;
    assert_eq!(view.audit_verify().await.unwrap(), ChainState::Whole { events });
}
