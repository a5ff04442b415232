//! The disk origin as its users see it.

use std::fs;
use std::path::Path;

use http_body::Body as _;
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::super::conformance::{self, Subject, objects, read};
use super::super::*;
use ::http::HeaderMap;

use crate::asset::OriginKey;
use crate::clock::UnixSeconds;

fn subject_over(root: &Path, symlinks: Symlinks) -> Subject {
    let kind = Kind::Disk(DiskConfig { root: root.to_owned(), symlinks });
    let origin = Origin::open(Config { name: "media".into(), kind }).unwrap();
    Subject { origin, key: |name| OriginKey::Object(name.into()) }
}

fn subject() -> (TempDir, Subject) {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in objects() {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let subject = subject_over(root.path(), Symlinks::Refuse);
    (root, subject)
}

#[tokio::test]
async fn conforms() {
    let (_root, subject) = subject();
    conformance::behaves(&subject).await;
}

#[tokio::test]
async fn a_file_just_written_has_a_weak_tag_and_a_weak_date() {
    let (root, subject) = subject();
    let modified = fs::metadata(root.path().join("digits.txt")).unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let key = OriginKey::Object("digits.txt".into());
    let conditions = Conditions::default();
    for (age, strength) in [(1, Strength::Weak), (3, Strength::Strong)] {
        let now = UnixSeconds::new(modified + age);
        let ask = Ask {
            key: &key,
            method: AskMethod::Head,
            ranges: &[],
            conditions: &conditions,
            forwarded: &HeaderMap::new(),
            now,
        };
        let Answer::Described(meta) = subject.origin.ask(ask).await.unwrap() else { panic!() };
        assert_eq!(meta.validators.etag.as_ref().unwrap().strength(), strength);
        assert_eq!(meta.validators.date_is_strong(), strength == Strength::Strong);
    }
}

#[tokio::test]
async fn a_replaced_file_is_read_to_its_end_and_a_truncated_one_breaks_off() {
    let (root, subject) = subject();
    let path = root.path().join("folder/long.mp4");
    let (name, content) = &objects()[2];

    let mut body = subject.find(name, &[]).await.into_whole();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    fs::write(root.path().join("new"), "new").unwrap();
    fs::rename(root.path().join("new"), &path).unwrap();
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!([first, rest].concat(), *content);

    fs::write(&path, content).unwrap();
    let mut body = subject.find(name, &[]).await.into_whole();
    body.frame().await.unwrap().unwrap();
    fs::write(&path, "short").unwrap();
    let error = body.collect().await.unwrap_err();
    assert_eq!(error.fault(), OriginFault::BodyBroken);
}

#[tokio::test]
async fn a_fifo_stalls_nobody() {
    let (root, subject) = subject();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let answer = subject.ask("fifo", AskMethod::Get).await;
    assert!(matches!(answer, Answer::NotFound(_)));
}

/// Issue 2, point 5: resident memory on a sparse 8 GiB file with a reader that stalls. Measured in
/// a process of its own, for the other tests of this one allocate as well.
#[tokio::test]
async fn a_stalled_reader_of_a_huge_file_costs_next_to_nothing() {
    const ALONE: &str = "COUNTERSIGN_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "a_stalled_reader_of_a_huge_file_costs_next_to_nothing";
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args([&format!("origin::disk::tests::{name}"), "--exact"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let (root, subject) = subject();
    let length = 8 * 1024 * 1024 * 1024;
    fs::File::create(root.path().join("sparse")).unwrap().set_len(length).unwrap();

    let before = resident_bytes();
    let mut bodies = Vec::new();
    for _ in 0..8 {
        let mut body = subject.find("sparse", &[]).await.into_whole();
        assert_eq!(body.size_hint().exact(), Some(length));
        let mut taken = 0;
        while taken < 16 * 1024 * 1024 {
            taken += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        bodies.push(body);
    }
    // Whatever the bodies read ahead was handed to the blocking threads before this.
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown <= 8 * 1024 * 1024, "{grown}");
    drop(bodies);
}

/// Of memory of its own: not the program's code, of which a bigger one brings in more as it runs.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

/// Cold pages go through the blocking pool; the bytes are the same.
#[tokio::test]
async fn cold_pages_are_read_as_well() {
    let (root, subject) = subject();
    let (name, content) = &objects()[2];
    let file = fs::File::open(root.path().join(name)).unwrap();
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    assert_eq!(read(subject.find(name, &[]).await.into_whole()).await, *content);
}
