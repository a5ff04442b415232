//! What was copied out comes back, on either database; and what is not a whole copy changes nothing.

use std::collections::BTreeSet;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{ChainState, FeedPage};
use crate::control_plane::store::backup::TABLES;
use crate::control_plane::store::{Page, Replaces, RestoreError, Store, StoreAddress, WholeCopy};

on_both_databases! {
    a_copy_gives_the_same_state_on_the_same_database
    a_copy_gives_the_same_state_on_the_other_database
    a_store_that_went_on_is_replaced_by_force_only
    what_is_not_a_whole_copy_changes_nothing
    what_may_have_been_sent_is_not_sent_again
    every_table_is_copied
}

/// A row in each table, with and without what may be missing.
const ROWS: &str = "
INSERT INTO counter VALUES ('folder', 9);
INSERT INTO application VALUES ('app_1', 1, 'a', 'audit.read', 1, NULL, 1), ('app_2', NULL, 'ä \"\n', '', 1, 5, 2);
INSERT INTO application_secret VALUES ('sec_1', 'app_1', 'ff', NULL, 1, NULL, 2);
INSERT INTO person VALUES ('per_1', NULL, 'Ann', 'ann', 'admin', '', NULL, 1, 1, NULL, 1);
INSERT INTO access_token VALUES ('tok_1', 'aa', 'access', 'per_1', NULL, NULL, '', 1, 2, NULL);
INSERT INTO login_failure VALUES ('ann', '192.0.2.0/24', 3, 1, 2);
INSERT INTO path_override VALUES (1, 'video', 'a', 'everything');
INSERT INTO override_head VALUES (1, 1);
INSERT INTO override_revision VALUES (1, 1, 1, 'per_1', '[]');
INSERT INTO revocation VALUES ('rev_1', 1, 'link', 'lnk_1', '', 1, NULL, 2);
INSERT INTO blocklist VALUES ('blk_1', '192.0.2.0/24', '', 1, 9223372036854775807, 'pirate');
INSERT INTO signing_key VALUES ('key_1', NULL, 'links', '00', 1, 1, NULL, NULL, 1);
INSERT INTO edge VALUES ('edg_1', 'e', 'bb', 1, 0, NULL, NULL);
INSERT INTO enrolment_code VALUES ('enr_1', 'cc', 'e', 1, 2, NULL);
INSERT INTO event_spool VALUES ('000000000000000000000000', 1, 1);
INSERT INTO download_event VALUES ('evt_0', 1, 'lnk_1', NULL, NULL, NULL, 'e', '{}'), ('evt_1', 1, NULL, 'cnr_1', '-c', 'ver_1', NULL, '{}');
INSERT INTO fraud_event VALUES ('evt_0', 1, NULL, 'sharing', 'e', '{}');
INSERT INTO link_claim VALUES (1, 'lnk_1', 9, '{}');
INSERT INTO idempotency VALUES ('per_1', 'k', 'r', NULL, NULL, 1);
INSERT INTO pipeline (number, tenant, name, origin, prefix, created_at, revision) VALUES (1, 1, 'p', 'media', '', 1, 1);
INSERT INTO folder VALUES (9, 1, NULL, 'top', 1, 1), (3, 1, 9, 'in it', 1, 1), (1, 1, 3, 'deep', 1, 1);
INSERT INTO folder_right VALUES (3, 'per_1', 'SEE');
INSERT INTO connector VALUES ('cnr_1', 1, 'press', 3, 'AUDIO VIDEO', 'metadata', 'n', 'forced', 'first', 'enabled', 1, 1, '-c');
INSERT INTO content (id, tenant, folder, kind, url, publication, active_version, created_at, updated_at, revision) VALUES ('-c', 1, 3, 'VIDEO', NULL, 'published', 'ver_1', 1, 1, 1), ('d', 1, NULL, 'URL', 'https://a', 'unpublished', NULL, 1, 1, 1);
INSERT INTO content_period VALUES ('-c', 0, NULL, 7);
INSERT INTO content_text (content, language, tenant, title, description, pretty_id) VALUES ('-c', 'en', 1, 't', '', NULL);
INSERT INTO content_metadata VALUES ('-c', '', 'n', 'v');
INSERT INTO content_tag VALUES ('-c', 't');
INSERT INTO classification (tenant, name, created_at) VALUES (1, 'cl', 1);
INSERT INTO classification_right VALUES (1, 'cl', 'per_1');
INSERT INTO content_classification VALUES ('-c', 1, 'cl');
INSERT INTO version VALUES ('ver_1', '-c', 1, '', NULL, 1);
INSERT INTO chapter VALUES ('ver_1', '1', 't', 0);
INSERT INTO file (number, version, folder, kind, slot, variant, pipeline, object_key, name, size, mime, sha256, crc32, duration_ms, width, height, language, created_at) VALUES (1, 'ver_1', NULL, 'source', '', '', 1, 'k', 'n', 1, 'm', NULL, 7, NULL, NULL, NULL, NULL, 1);
INSERT INTO content_link VALUES ('rel_1', '-c', 'd', 'linked', 0);
INSERT INTO archive VALUES ('arc_1', 1, 1, 'k', 'n', 1);
INSERT INTO archive_element VALUES ('arc_1', 0, 1, 'n');
INSERT INTO archive_plan VALUES ('dla_1', 1, 'per_1', 1, 1, 2, 'ff');
INSERT INTO archive_plan_entry VALUES ('dla_1', 0, '-c', 'ver_1', 1, 'published', 'SOURCE', 'n', 1, 'ff', 4294967295, 1);
INSERT INTO archive_delivery VALUES ('dla_1', 'per_1', '[[1,1]]');
INSERT INTO share VALUES ('shr_1', 1, 't', '', NULL, 'standard', 'minimum', 'allowed', 3, NULL, NULL, 'shown', 'per_1', 'Ann', 3, 1, NULL, 1, 1, 1, NULL, 1, NULL, 2, 1, 1, 'off', NULL, NULL, NULL), ('shr_2', 1, 't', 'm', 'x', 'china', 'complete', 'refused', NULL, 'terms', 'en', 'hidden', 'app_1', '', NULL, 0, '$argon2id$', 2, 2, 2, '[]', 1, 9, 0, 0, 4, 'every', 5, 9, 9);
INSERT INTO mail_server VALUES (1, 'smtp.example.com', 587, 'starttls', 'u', '00', 'a@example.com', 'A', NULL, 'de', 3);
INSERT INTO letter VALUES ('ltr_1', 1, 'shr_1', 2, 'invitation', 'eve@example.com', '', 'per_1', '{}', 'waiting', 1, 1, 9000000000, NULL, '451 later'), ('ltr_2', 1, 'shr_2', 0, 'access_notice', 'ann@example.com', '1|192.0.2.1/32', '', '{\"visitor\":1}', 'sent', 1, 1, NULL, 3, '250 ok');
INSERT INTO share_item VALUES ('shr_1', 0, '-c', 'published', NULL), ('shr_1', 1, 'gone', 'unpublished', 2);
INSERT INTO share_recipient VALUES ('shr_1', 1, 'Bob', NULL, NULL, NULL, 1), ('shr_1', 2, 'Eve', 'eve@example.com', 3, 9, 2);
INSERT INTO share_address VALUES ('AAAAAAAAAAAAAAAAAAAAAA', 'shr_1', 0), ('AAAAAAAAAAAAAAAAAAAAAB', 'shr_1', 1);
INSERT INTO share_session VALUES ('ff', 'shr_1', 1, 1, NULL, 9);
INSERT INTO share_event VALUES ('shr_1', 1, 1, 'created', NULL, NULL, NULL, NULL, '{}'), ('shr_1', 2, 1, 'downloaded', 'per_1', 1, '192.0.2.1/32', 0, '{\"download\":1}');
INSERT INTO share_delivery VALUES ('shr_1', 1, 9007199254740993, 3), ('shr_1', 2, 1, NULL);
INSERT INTO webhook VALUES ('whk_1', 1, 'https://example.com/', NULL, '', 'enabled', NULL, 1, 1), ('whk_2', 1, 'https://example.com/', '[\"share.viewed\"]', 'd', 'failing', 2, 1, 3);
INSERT INTO webhook_secret VALUES ('whs_1', 'whk_1', '00', 1, NULL), ('whs_2', 'whk_1', '01', 1, 9);
INSERT INTO webhook_delivery VALUES ('whk_1', 'msg_1', 'share.viewed', '{}', 'pending', 1, 1, 9000000000, 1), ('whk_2', 'msg_1', 'share.viewed', '{}', 'dead', 9, 9, NULL, 1);
INSERT INTO webhook_attempt VALUES ('whk_1', 'msg_1', 1, 1, 20, 500, NULL), ('whk_2', 'msg_1', 1, 1, 15000, NULL, 'timed_out');
INSERT INTO sharing_setting VALUES (1, '{\"company\":\"ä\"}', 'ff', 9, 8, 2);
INSERT INTO sharing_logo VALUES (1, 'ff', 'aGVsbG8=');
INSERT INTO download_link VALUES ('lnk_1', 1, 1, NULL, '/p', 'app_1', NULL, '{}', 1, 2, NULL, NULL);
INSERT INTO copy_issue VALUES (9007199254740993, 1, 'key_1', '00', 'lnk_1', 1, NULL, '/p', 'app_1', 'user-42', 1, 2);
INSERT INTO copy_delivery VALUES (9007199254740993, 1, NULL, 1, 9, 'ab');
INSERT INTO backtrace VALUES ('btr_1', 1, 1, 'a.mp4', 'job', 'app_1', 'found', 'user-42', NULL, 1, 9, 1, 2);
INSERT INTO source_ticket VALUES ('tic_1', 'dd', 1, '-c', 'ver_1', NULL, 'per_1', NULL, 'tok_1', 1, 2, NULL, NULL);
INSERT INTO upload VALUES (7, 1, 1, 'u', 'u', NULL, 9, NULL, NULL, NULL, 'app_1', 'ff', 9, 'p', 'uploading', 0, 0, NULL, NULL, NULL, NULL, 1, 2, '-c', 'active', NULL);
INSERT INTO context (tenant, name, settings, created_at, revision) VALUES (1, 'x', '{}', 1, 1);
";

async fn filled(stage: &Stage) {
    stage.tenant(1).await;
    stage.tamper(ROWS).await;
}

async fn copy_of(store: &Store) -> Vec<u8> {
    let mut copy = Vec::new();
    let mut view = store.view(&Stage::system()).await.unwrap();
    let copied = view.backup(NOW, &mut copy).await.unwrap();
    assert_eq!(copied.head, view.feed_head().await.unwrap());
    copy
}

async fn bring_in(store: &Store, copy: &[u8], replaces: Replaces) -> Result<(), RestoreError> {
    let whole = WholeCopy::check(&mut &*copy)?;
    let mut change = store.change(&Stage::system(), NOW).await.unwrap();
    change.restore(&whole, &mut &*copy, replaces).await?;
    change.commit().await?;
    Ok(())
}

/// Every row, with its table; what the bringing in itself left in the audit log apart.
fn rows(copy: &[u8]) -> BTreeSet<String> {
    let mut table = "";
    let mut rows = BTreeSet::new();
    for line in std::str::from_utf8(copy).unwrap().lines().skip(1) {
        match line.strip_prefix("{\"table\":") {
            Some(rest) => table = rest,
            None if line.starts_with("{\"end\"") || line.contains("store.restore") => {}
            None => drop(rows.insert(format!("{table} {line}"))),
        }
    }
    rows
}

async fn gives_the_same_state(stage: &Stage, address: &StoreAddress) {
    filled(stage).await;
    let copy = copy_of(&stage.store).await;
    let other = Store::open(address).await.unwrap();
    let before = other.view(&Stage::system()).await.unwrap().feed_head().await.unwrap();
    bring_in(&other, &copy, Replaces::WhatItKnows).await.unwrap();

    assert_eq!(rows(&copy_of(&other).await), rows(&copy));
    let mut view = other.view(&Stage::system()).await.unwrap();
    let whole = view.audit_verify().await.unwrap();
    assert!(matches!(whole, ChainState::Whole { events: 2 }), "{whole:?}");
    let head = view.feed_head().await.unwrap();
    let copied = WholeCopy::check(&mut &*copy).unwrap().head();
    assert!(head.version >= copied.version);
    for known in [before, copied] {
        assert_ne!(known.lineage, head.lineage);
        let page = view.feed_since(&known, 10).await.unwrap();
        assert_eq!(page, FeedPage::SnapshotNeeded);
    }
    drop(view);
    // Numbers go on where they were, and changes are made as before.
    let mut change = other.change(&Caller::system("test"), NOW).await.unwrap();
    change.tenant_create(TenantId(2), "two").await.unwrap();
    change.commit().await.unwrap();
    other.close().await;
}

async fn a_copy_gives_the_same_state_on_the_same_database(stage: Stage) {
    gives_the_same_state(&stage, &stage.blank().await).await;
}

async fn a_copy_gives_the_same_state_on_the_other_database(stage: Stage) {
    let other = if stage.address.file().is_some() {
        Stage::postgres().await
    } else {
        Stage::sqlite().await
    };
    gives_the_same_state(&stage, &other.blank().await).await;
}

async fn a_store_that_went_on_is_replaced_by_force_only(stage: Stage) {
    filled(&stage).await;
    let copy = copy_of(&stage.store).await;
    // Nothing happened since.
    bring_in(&stage.store, &copy, Replaces::WhatItKnows).await.unwrap();
    stage.tenant(2).await;
    let went_on = copy_of(&stage.store).await;
    let refused = bring_in(&stage.store, &copy, Replaces::WhatItKnows).await.unwrap_err();
    assert!(matches!(refused, RestoreError::Newer { .. }), "{refused}");
    assert_eq!(rows(&copy_of(&stage.store).await), rows(&went_on));
    bring_in(&stage.store, &copy, Replaces::Anything).await.unwrap();
    assert_eq!(rows(&copy_of(&stage.store).await), rows(&copy));
    let tenants = stage.view().await.tenant_list(&Page::first(9)).await.unwrap().items;
    assert_eq!(tenants.len(), 1);
    // Another store's.
    let other = Store::open(&stage.blank().await).await.unwrap();
    let foreign = copy_of(&other).await;
    let refused = bring_in(&stage.store, &foreign, Replaces::WhatItKnows).await.unwrap_err();
    assert!(matches!(refused, RestoreError::Newer { .. }), "{refused}");
}

async fn what_is_not_a_whole_copy_changes_nothing(stage: Stage) {
    filled(&stage).await;
    let copy = copy_of(&stage.store).await;
    let text = String::from_utf8(copy.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without = |line: usize| {
        let kept = lines.iter().enumerate().filter(|(place, _)| *place != line);
        kept.flat_map(|(_, line)| [*line, "\n"]).collect::<String>()
    };
    let damaged = [
        String::new(),
        "{}\n".to_owned(),
        text.trim_end().to_owned(),
        without(0),
        without(5),
        without(lines.len() - 1),
        format!("{text}x\n"),
        text.replace("\"top\"", "\"pot\""),
        text.replace("\"countersign\"", "\"counterfeit\""),
        text.replace("\"schema\":", "\"schema\":1"),
    ];
    for damaged in damaged {
        let refused = bring_in(&stage.store, damaged.as_bytes(), Replaces::Anything).await;
        assert!(
            matches!(refused, Err(RestoreError::Damaged { .. } | RestoreError::Schema { .. })),
            "{refused:?} of {damaged}"
        );
    }
    assert_eq!(rows(&copy_of(&stage.store).await), rows(&copy));
}

async fn every_table_is_copied(stage: Stage) {
    let tables: BTreeSet<String> = stage.tables().await.into_iter().collect();
    let ours = TABLES.iter().map(|table| (*table).to_owned());
    // The feed is another history's, and its head is in the first line.
    let apart = ["feed", "feed_head", "_sqlx_migrations"].map(str::to_owned);
    assert_eq!(ours.chain(apart).collect::<BTreeSet<_>>(), tables);
    filled(&stage).await;
    let filled: BTreeSet<String> = rows(&copy_of(&stage.store).await)
        .into_iter()
        .map(|row| row.split('"').nth(1).unwrap().to_owned())
        .collect();
    let missing: Vec<_> = TABLES.iter().filter(|table| !filled.contains(**table)).collect();
    assert_eq!(missing, Vec::<&&str>::new(), "no row of these is tried");
}

/// Of a letter and a message that came due since the copy was made, or were on their way then.
const DUE: &str = "
INSERT INTO letter VALUES ('ltr_3', 1, 'shr_1', 1, 'invitation', 'b@example.com', '', '', '{}', 'waiting', 1, 1, 1893456900, NULL, NULL);
INSERT INTO letter VALUES ('ltr_4', 1, 'shr_1', 1, 'invitation', 'b@example.com', '', '', '{}', 'waiting', 1, 1, 1893456901, NULL, NULL);
INSERT INTO webhook_delivery VALUES ('whk_1', 'msg_2', 'share.viewed', '{}', 'pending', 1, 1, 1893456000, 1);
";

async fn what_may_have_been_sent_is_not_sent_again(stage: Stage) {
    filled(&stage).await;
    stage.tamper(DUE).await;
    let copy = copy_of(&stage.store).await;
    let other = Store::open(&stage.blank().await).await.unwrap();
    bring_in(&other, &copy, Replaces::WhatItKnows).await.unwrap();
    let (before, after) = (rows(&copy), rows(&copy_of(&other).await));
    let changed: Vec<&String> = after.difference(&before).collect();
    let of = |id: &str| changed.iter().find(|row| row.contains(id)).unwrap();
    assert_eq!(changed.len(), 2, "{changed:#?}");
    assert!(of("ltr_3").contains("withdrawn") && of("ltr_3").contains("restored"), "{changed:#?}");
    assert!(of("msg_2").contains("dead"), "{changed:#?}");
    let mut view = other.view(&Stage::system()).await.unwrap();
    assert!(view.letter_tenants_due(NOW.plus(900)).await.unwrap().is_empty());
    assert_eq!(view.letter_tenants_due(NOW.plus(901)).await.unwrap(), [TenantId(1)]);
    drop(view);
    other.close().await;

    // Of ends that came, or came near, since the copy was made everybody was told, too: an end stands
    // there once, where nobody was, and again for whoever was warned of it, and told.
    for (sql, end, noted) in [
        ("UPDATE share SET expires_at = 1893456000 WHERE id = 'shr_1'", "1893456000", 3),
        ("UPDATE share SET expires_at = 1893456001 WHERE id = 'shr_1'", "1893456001", 2),
        ("UPDATE share SET expires_at = 1893715200 WHERE id = 'shr_1'", "1893715200", 2),
        ("UPDATE share SET expires_at = 1893715201 WHERE id = 'shr_1'", "1893715201", 1),
    ] {
        stage.tamper(sql).await;
        let other = Store::open(&stage.blank().await).await.unwrap();
        let copy = copy_of(&stage.store).await;
        bring_in(&other, &copy, Replaces::Anything).await.unwrap();
        let rows = rows(&copy_of(&other).await);
        let is_share =
            |row: &&String| row.split('"').nth(1) == Some("share") && row.contains("Ann");
        let share = rows.iter().find(is_share).unwrap();
        assert_eq!(share.matches(end).count(), noted, "{share}");
        other.close().await;
    }
}
