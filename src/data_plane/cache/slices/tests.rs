//! The files of the slices, and what is left of them after anything happened to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tempfile::TempDir;
use tokio::time::Instant;

use super::super::key::PurgeScope;
use super::super::purging::Dropped;
use super::file::{self, HEADER, Trust, Unusable};
use super::key::SliceKey;
use super::tier::Joined;
use super::{DiskConfig, Tier, VersionId};
use crate::asset::OriginKey;
use crate::delivery::{
    Caching, EntityTag, LastingIdentity, ObjectMeta, OriginIdentity, Strength, Validators,
};
use crate::policy::PurgeMark;

const SLICE: u64 = 64 << 10;

fn config(folder: &TempDir, size: u64) -> DiskConfig {
    DiskConfig { path: folder.path().join("cache"), size, slice: SLICE }
}

fn open(folder: &TempDir, size: u64) -> Arc<Tier> {
    Tier::open(config(folder, size), 1 << 20).unwrap()
}

fn origin(number: u8) -> LastingIdentity {
    LastingIdentity([number; 16])
}

fn version(origin: LastingIdentity, path: &str, tag: &str) -> VersionId {
    let meta = ObjectMeta {
        complete_length: Some(1 << 30),
        validators: Validators {
            etag: EntityTag::new(Strength::Strong, tag),
            ..Validators::default()
        },
        content_type: HeaderValue::from_static("video/mp4"),
        content_language: None,
        content_encoding: None,
        caching: Caching::UNSTATED,
        forwarded: HeaderMap::new(),
    };
    let key = OriginKey::Target(path.into());
    VersionId::new(origin, &key, &meta, std::iter::empty(), SLICE)
}

fn slice(path: &str, index: u32) -> SliceKey {
    SliceKey { version: version(origin(1), path, "a"), index }
}

fn bytes(seed: u8) -> Vec<Bytes> {
    let byte = move |at: u64| u8::try_from(at % 251).unwrap() ^ seed;
    let all: Bytes = (0..SLICE).map(byte).collect();
    vec![all.slice(..1000), all.slice(1000..)]
}

fn content(file: &fs::File) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let mut content = vec![0; usize::try_from(SLICE).unwrap()];
    file.read_exact_at(&mut content, HEADER).unwrap();
    content
}

fn files(below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(below).into_iter().flatten().map(|it| it.unwrap().path());
    entries.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
}

/// The thread that keeps the folder gets there.
fn soon(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
}

/// As a process that is killed leaves it: the lock goes, the files stay.
fn reopen(tier: Arc<Tier>, folder: &TempDir) -> Arc<Tier> {
    drop(tier);
    // The thread that keeps the folder may hold it for a moment.
    let begun = Instant::now();
    loop {
        match Tier::open(config(folder, 1 << 30), 1 << 20) {
            Ok(tier) => return tier,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "{error}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_file_is_what_was_written_or_of_no_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slice");
    let key = slice("/a", 7);
    file::write(&path, key, &bytes(1)).unwrap();
    for trust in [Trust::Content, Trust::Nothing] {
        let opened = file::open(&path, key, SLICE, trust).unwrap();
        assert_eq!(content(&opened), bytes(1).concat());
    }
    let right = fs::read(&path).unwrap();
    let broken =
        |trust, length| matches!(file::open(&path, key, length, trust), Err(Unusable::Broken));
    // Another slice, another length, another byte anywhere, or fewer of them, or more.
    let other = file::open(&path, slice("/a", 8), SLICE, Trust::Content);
    assert!(matches!(other, Err(Unusable::Broken)));
    assert!(broken(Trust::Content, SLICE - 1));
    let last = right.len() - 1;
    for at in (0..=usize::try_from(HEADER).unwrap()).chain([5000, last]) {
        let mut bent = right.clone();
        bent[at] ^= 0x20;
        fs::write(&path, bent).unwrap();
        assert!(broken(Trust::Nothing, SLICE), "{at}");
    }
    for length in [0, 1, 99, 100, 101, 5000, last] {
        fs::write(&path, &right[..length]).unwrap();
        assert!(broken(Trust::Nothing, SLICE) && broken(Trust::Content, SLICE), "{length}");
    }
    fs::write(&path, [&right[..], b"x"].concat()).unwrap();
    assert!(broken(Trust::Nothing, SLICE));
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    let link = file::open(&path, key, SLICE, Trust::Content);
    assert!(matches!(link, Err(Unusable::Unread(_))));
    // What is there is never written over.
    assert!(file::write(&path, key, &bytes(1)).is_err());
}

#[test]
fn names_lead_back_to_their_slices() {
    let key = slice("/a/b", 0xabc);
    let path = key.path(Path::new("x"));
    let names: Vec<_> = path.iter().map(|it| it.to_str().unwrap()).collect();
    assert_eq!(SliceKey::from_names(names[1], names[2], names[3]), Some(key));
    let upper = names[3].to_uppercase();
    for name in
        ["", "a", "-", names[3].strip_suffix('c').unwrap(), &upper, &format!("{}0", names[3])]
    {
        assert_eq!(SliceKey::from_names(names[1], names[2], name), None, "{name}");
    }
    // Each part of what it is tells it from others.
    let one = version(origin(1), "/a", "a");
    for other in [
        version(origin(2), "/a", "a"),
        version(origin(1), "/b", "a"),
        version(origin(1), "/a", "b"),
    ] {
        assert_ne!(one, other);
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_sorted_out() {
    let folder = tempfile::tempdir().unwrap();
    let tier = open(&folder, 1 << 30);
    let keys = [0, 1, 2, 3].map(|index| slice("/a", index));
    for key in keys {
        tier.land(key, &bytes(1), || true).unwrap();
    }
    let [right, bent, short, renamed] =
        keys.map(|key| key.path(&folder.path().join("cache/slices")));
    let mut changed = fs::read(&bent).unwrap();
    changed[9999] ^= 1;
    fs::write(&bent, changed).unwrap();
    fs::File::options().write(true).open(&short).unwrap().set_len(HEADER + 10).unwrap();
    fs::copy(&right, &renamed).unwrap();
    let cache = folder.path().join("cache");
    fs::write(cache.join("writing/0"), "half").unwrap();
    fs::write(cache.join("slices/stray"), "?").unwrap();
    fs::write(right.with_file_name("stray"), "?").unwrap();

    let tier = reopen(tier, &folder);
    soon(|| keys.iter().all(|key| tier.has(*key)));
    soon(|| !cache.join("slices/stray").exists() && !right.with_file_name("stray").exists());
    assert_eq!(files(&cache.join("writing")), [""; 0].map(PathBuf::from));
    let [first, others @ ..] = keys;
    assert_eq!(content(&tier.open_slice(first, SLICE).unwrap().unwrap()), bytes(1).concat());
    for key in others {
        assert!(matches!(tier.open_slice(key, SLICE), Some(Err(Unusable::Broken))), "{key:?}");
        assert!(tier.open_slice(key, SLICE).is_none());
    }
    soon(|| files(&cache.join("slices")).len() == 1);
}

#[tokio::test]
async fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let tier = open(&folder, 1 << 30);
    assert!(Tier::open(config(&folder, 1 << 30), 1 << 20).is_err());
    drop(tier);
}

#[tokio::test]
async fn no_more_is_kept_than_the_disk_may_hold() {
    let folder = tempfile::tempdir().unwrap();
    let size = 10 * (SLICE + 4096);
    let tier = open(&folder, size);
    for index in 0..50 {
        tier.land(slice("/a", index), &bytes(1), || true).unwrap();
        // The one that is used stays.
        assert!(tier.open_slice(slice("/a", 0), SLICE).unwrap().is_ok(), "{index}");
        tier.settle();
    }
    soon(|| files(&folder.path().join("cache/slices")).len() <= 10);
    assert!(tier.has(slice("/a", 49)) && !tier.has(slice("/a", 10)));
}

#[tokio::test]
async fn a_purge_is_lasting() {
    let identity = OriginIdentity::with_lasting(origin(1));
    let purged = |path: &str| OriginKey::Target(path.into());
    for (scope, left) in [
        (PurgeScope::Object(identity, purged("/a")), [false, true, true]),
        (PurgeScope::Prefix(identity, "/a".into()), [false, false, true]),
        (PurgeScope::Origin(identity), [false, false, true]),
        (PurgeScope::Origin(OriginIdentity::new()), [true, true, true]),
        (PurgeScope::Everything, [false, false, false]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let tier = open(&folder, 1 << 30);
        let keys = [(1, "/a"), (1, "/b"), (2, "/a")].map(|(number, path)| SliceKey {
            version: version(origin(number), path, "a"),
            index: 0,
        });
        for key in keys {
            tier.land(key, &bytes(1), || true).unwrap();
        }
        tier.purge(&scope, || ());
        let place = folder.path().join("cache/slices");
        assert_eq!(keys.map(|key| tier.has(key)), left, "{scope:?}");
        assert_eq!(keys.map(|key| key.path(&place).exists()), left, "{scope:?}");
        soon(|| files(&folder.path().join("cache/trash")).is_empty());
        // What was asked for before it, and is whole only now, is not kept.
        tier.land(slice("/late", 0), &bytes(1), || false).unwrap();
        assert!(!tier.has(slice("/late", 0)));
        // And the tier goes on.
        tier.land(keys[0], &bytes(2), || true).unwrap();
        assert!(tier.open_slice(keys[0], SLICE).unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_purge_that_fails_is_owed() {
    let folder = tempfile::tempdir().unwrap();
    let tier = open(&folder, 1 << 30);
    let mark = |version| PurgeMark { lineage: "l".into(), version };
    tier.set_mark(&mark(7), Dropped::Something);
    let key = SliceKey { version: version(origin(1), "/a", "a"), index: 0 };
    tier.land(key, &bytes(1), || true).unwrap();
    let trash = folder.path().join("cache/trash");
    fs::remove_dir(&trash).unwrap();
    fs::write(&trash, "in the way").unwrap();

    tier.purge(&PurgeScope::Origin(OriginIdentity::with_lasting(origin(1))), || ());
    tier.set_mark(&mark(8), Dropped::Something);
    assert!(!tier.has(key));
    // Nothing is known now, so that everything is dropped next time; and another process finds the
    // mark of before.
    assert_eq!(tier.mark(), None);
    fs::remove_file(&trash).unwrap();
    let tier = reopen(tier, &folder);
    assert_eq!(tier.mark(), Some(mark(7)));

    fs::remove_dir_all(&trash).unwrap();
    fs::write(&trash, "in the way").unwrap();
    tier.purge(&PurgeScope::Everything, || ());
    assert_eq!(tier.mark(), None);
    fs::remove_file(&trash).unwrap();
    fs::create_dir(&trash).unwrap();
    tier.purge(&PurgeScope::Everything, || ());
    tier.set_mark(&mark(9), Dropped::Something);
    assert_eq!(tier.mark(), Some(mark(9)));
    assert!(!key.path(&folder.path().join("cache/slices")).exists());
}

#[tokio::test]
async fn a_slice_is_filled_by_one_and_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let tier = open(&folder, 1 << 30);
    let Joined::Leader(filling) = tier.join(slice("/a", 0)) else { panic!() };
    let Joined::Follower(same) = tier.join(slice("/a", 0)) else { panic!() };
    assert!(Arc::ptr_eq(&filling, &same));
    // A mebibyte is room for sixteen.
    let others: Vec<_> = (1..16).map(|index| tier.join(slice("/a", index))).collect();
    assert!(others.iter().all(|it| matches!(it, Joined::Leader(_))));
    assert!(matches!(tier.join(slice("/a", 16)), Joined::NoRoom));
    tier.finish(slice("/a", 0), &filling);
    drop((filling, same));
    assert!(matches!(tier.join(slice("/a", 16)), Joined::Leader(_)));
    tier.land(slice("/a", 17), &bytes(1), || true).unwrap();
    assert!(matches!(tier.join(slice("/a", 17)), Joined::Landed));
}
