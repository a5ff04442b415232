//! A full disk: the write is refused and said to be, nothing of it is there, reads go on, and the
//! next write succeeds as soon as there is room.
//!
//! The disk is a tmpfs of 4 MB in a mount namespace of the second process, which is this test.

use std::io::Write;
use std::path::Path;

use countersign::asset::TenantId;
use countersign::clock::UnixSeconds;
use countersign::control_plane::record::{ChainState, ContentDraft, ContentKind};
use countersign::control_plane::store::{Retry, StoreError, StoreErrorKind};

use crate::place::{Second, caller, open, role};

const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    if let Some(disk) = role() {
        return fill_and_make_room(Path::new(&disk)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().to_str().unwrap();
    let mount = format!("mount -t tmpfs -o size=4m tmpfs '{disk}' && exec \"$@\"");
    let wrapped = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &mount, "sh"];
    let test = "full_disk::a_full_disk_refuses_writes_and_nothing_else";
    let second = Second::start(&wrapped, test, disk);
    let said: Vec<String> = second.says.iter().collect();
    assert!(second.succeeds(), "{}", said.join("\n"));
}

async fn fill_and_make_room(disk: &Path) {
    let ballast = disk.join("ballast");
    std::fs::File::create(&ballast).unwrap().write_all(&vec![1; 1 << 20]).unwrap();
    let store = open(&format!("sqlite:{}", disk.join("store.db").display())).await;
    let mut change = store.change(&caller(), NOW).await.unwrap();
    change.tenant_create(TenantId(1), "one").await.unwrap();
    change.commit().await.unwrap();
    let write = async || -> Result<(), StoreError> {
        let mut change = store.change(&caller(), NOW).await?;
        for _ in 0..20 {
            let mut draft = ContentDraft::new(ContentKind::Other);
            draft.tags = vec!["x".repeat(1_000).into()];
            change.content_create(TenantId(1), draft).await?;
        }
        change.commit().await.map(drop)
    };
    let mut written = 0;
    for _ in 0..2 {
        let refused = loop {
            match write().await {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 1_000, "the disk does not fill");
        };
        assert_eq!(refused.kind(), StoreErrorKind::Full, "{refused:?}");
        assert_eq!(refused.retry(), Retry::Later);
    }
    assert!(written > 0);
    let whole = async || {
        let mut view = store.view(&caller()).await.unwrap();
        assert_eq!(view.feed_head().await.unwrap().version.0, 1 + written);
        let events = 1 + 20 * written;
        assert_eq!(view.audit_verify().await.unwrap(), ChainState::Whole { events });
    };
    whole().await;
    std::fs::remove_file(ballast).unwrap();
    write().await.unwrap();
    let mut view = store.view(&caller()).await.unwrap();
    assert_eq!(view.feed_head().await.unwrap().version.0, 2 + written);
}
