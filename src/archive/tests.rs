//! Archives as they leave, and as the programs that people unpack them with read them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::BodyExt;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::clock::UnixSeconds;
use crate::delivery::{Body, ByteRange, Object, OriginError, OriginFault, Spans};

const MODIFIED: UnixSeconds = UnixSeconds::new(1_700_000_001);

/// Entries in memory.
#[derive(Debug, Default)]
struct Kept {
    entries: Vec<Bytes>,
    /// What is given out instead, after it was planned.
    instead: Mutex<BTreeMap<usize, Instead>>,
    opened: AtomicUsize,
}

#[derive(Clone, Debug)]
enum Instead {
    Bytes(Bytes),
    Fault(OriginFault),
}

impl Kept {
    fn of<const N: usize>(entries: [&'static str; N]) -> Self {
        let entries = entries.map(|bytes| Bytes::from_static(bytes.as_bytes())).to_vec();
        Self { entries, ..Self::default() }
    }

    fn draft(&self) -> Draft {
        let mut draft = Draft::default();
        for bytes in &self.entries {
            draft.add("file.txt", pinned(bytes));
        }
        draft
    }

    fn body(&self, index: usize, range: ByteRange) -> Result<Body, OriginError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        match self.instead.lock().unwrap().get(&index) {
            Some(Instead::Bytes(bytes)) => Ok(in_memory(bytes.clone()).into_whole()),
            Some(Instead::Fault(fault)) => Err((*fault).into()),
            None => Ok(in_memory(self.entries[index].clone()).into_spans(&range.into())),
        }
    }
}

impl Entries for Kept {
    fn open(&self, index: usize, range: ByteRange) -> Opening<'_> {
        Box::pin(async move { self.body(index, range) })
    }
}

/// One file for every entry.
#[derive(Debug)]
struct OneFile(File);

impl Entries for OneFile {
    fn open(&self, _: usize, range: ByteRange) -> Opening<'_> {
        Box::pin(async move {
            let file = self.0.try_clone().unwrap();
            Ok(Body::from_file(OwnedFd::from(file), &range.into()))
        })
    }
}

fn pinned(bytes: &[u8]) -> Pinned {
    Pinned {
        size: bytes.len() as u64,
        crc32: crc32fast::hash(bytes),
        sha256: Sha256::digest(bytes).into(),
        modified: MODIFIED,
    }
}

fn in_memory(bytes: Bytes) -> Object {
    let empty = object(Arc::new(Draft::default().plan().unwrap()), Arc::new(Kept::default()));
    Object::from_memory(empty.meta().clone(), bytes)
}

async fn collected(body: Body) -> Result<Bytes, OriginError> {
    Ok(body.collect().await?.to_bytes())
}

/// What left, and why it went no further.
async fn until_it_breaks(mut body: Body) -> (Vec<u8>, Option<OriginFault>) {
    let mut left = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => left.extend_from_slice(&frame.into_data().unwrap()),
            Err(error) => return (left, Some(error.fault())),
        }
    }
    (left, None)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test]
async fn an_archive_is_an_object_like_any_other() {
    let kept = Arc::new(Kept::of(["one", "", "three"]));
    let plan = Arc::new(kept.draft().plan().unwrap());
    let archive = object(Arc::clone(&plan), Arc::clone(&kept) as Arc<dyn Entries>);
    assert_eq!(archive.meta().complete_length, Some(plan.length()));
    assert_eq!(archive.meta().validators.etag, plan.etag());
    assert_eq!(archive.meta().content_type, "application/zip");
    let bytes = collected(archive.into_whole()).await.unwrap();
    assert_eq!(bytes.len() as u64, plan.length());
    // An empty entry is not asked for.
    assert_eq!(kept.opened.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_entry_that_is_not_as_it_was_planned_breaks_the_answer_before_its_last_bytes() {
    for (instead, fault, left) in [
        (Instead::Bytes("seconds".into()), OriginFault::BodyOverlong, 0),
        (Instead::Bytes("secon".into()), OriginFault::BodyBroken, 5),
        (Instead::Bytes("sec0nd".into()), OriginFault::NotAsRegistered, 0),
        (Instead::Fault(OriginFault::ReadFailed), OriginFault::ReadFailed, 0),
    ] {
        let kept = Arc::new(Kept::of(["first", "second", "third"]));
        let plan = Arc::new(kept.draft().plan().unwrap());
        kept.instead.lock().unwrap().insert(1, instead.clone());
        let archive = object(plan, Arc::clone(&kept) as Arc<dyn Entries>);
        let (bytes, broken) = until_it_breaks(archive.into_whole()).await;
        assert_eq!(broken, Some(fault), "{instead:?}");
        // Two headers with a name and a timestamp, and the first entry.
        assert_eq!(bytes.len(), 30 + 8 + 9 + 5 + 30 + 12 + 9 + left, "{instead:?}");
    }
}

/// A part of an entry has no CRC-32 that is known; its length is seen to all the same.
#[tokio::test]
async fn a_part_of_an_entry_is_as_long_as_asked_for() {
    let kept = Arc::new(Kept::of(["0123456789"]));
    let plan = Arc::new(kept.draft().plan().unwrap());
    let span = |first, last| Spans::from(ByteRange::new(first, last).unwrap());
    let archive = || object(Arc::clone(&plan), Arc::clone(&kept) as Arc<dyn Entries>);
    let content = 30 + 8 + 9;
    let part = collected(archive().into_spans(&span(content + 2, content + 5))).await;
    assert_eq!(part.unwrap(), "2345");
    kept.instead.lock().unwrap().insert(0, Instead::Bytes("23456".into()));
    let (bytes, broken) =
        until_it_breaks(archive().into_spans(&span(content + 2, content + 5))).await;
    assert_eq!((bytes.len(), broken), (0, Some(OriginFault::BodyOverlong)));
}

proptest! {
    #[test]
    fn any_spans_are_those_parts_of_the_whole(
        entries in prop::collection::vec("[a-z]{0,200}", 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 2..8),
    ) {
        let entries = entries.into_iter().map(Bytes::from).collect();
        let kept = Arc::new(Kept { entries, ..Kept::default() });
        let mut draft = kept.draft();
        draft.add_bytes("manifest.csv", "id,name\n".into(), MODIFIED);
        let plan = Arc::new(draft.plan().unwrap());
        let archive = || object(Arc::clone(&plan), Arc::clone(&kept) as Arc<dyn Entries>);
        runtime().block_on(async {
            let whole = collected(archive().into_whole()).await.unwrap();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
            cuts.sort_unstable();
            let ranges = cuts.chunks_exact(2).map(|it| (it[0] as u64, it[1] as u64));
            let ranges = ranges.map(|(first, last)| ByteRange::new(first, last).unwrap());
            let spans = Spans::coalesce(ranges).unwrap();
            let expected: Vec<u8> = spans.as_slice().iter().flat_map(|span| {
                let first = usize::try_from(span.first()).unwrap();
                whole[first..usize::try_from(span.end()).unwrap()].to_vec()
            }).collect();
            prop_assert_eq!(collected(archive().into_spans(&spans)).await.unwrap(), expected);
            Ok(())
        })?;
    }
}

/// Writes an archive to a file; holes where it is all zeros.
fn written(folder: &TempDir, archive: Object) -> std::path::PathBuf {
    let path = folder.path().join("archive.zip");
    let length = archive.meta().complete_length.unwrap();
    let mut file = File::create(&path).unwrap();
    runtime().block_on(async {
        let mut body = archive.into_whole();
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            if bytes.len() > 4096 && bytes.iter().all(|byte| *byte == 0) {
                file.seek(SeekFrom::Current(i64::try_from(bytes.len()).unwrap())).unwrap();
            } else {
                file.write_all(&bytes).unwrap();
            }
        }
    });
    assert_eq!(file.stream_position().unwrap(), length);
    path
}

fn told(program: &str, arguments: &[&str], archive: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).arg(archive).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program}: {error}; run the tests by tests/run, which installs it")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}{complaints}");
    assert!(
        !format!("{said}{complaints}").to_lowercase().contains("warning"),
        "{said}{complaints}"
    );
    said
}

/// Reads every entry and compares its CRC-32; prints how many there are, and each that asks for ZIP64.
const PYTHON: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    entries = archive.infolist()
    print(len(entries), sum(entry.file_size for entry in entries))
    for entry in entries:
        assert entry.compress_type == zipfile.ZIP_STORED and entry.flag_bits == 0x800
        if entry.extract_version > 20:
            print(entry.filename, entry.extract_version)
";

/// What every program says of a good archive.
fn assert_read_by_everybody(archive: &Path, entries: usize, size: u64) {
    let python = told("python3", &["-c", PYTHON], archive);
    assert_eq!(python.lines().next().unwrap(), format!("{entries} {size}"));
    assert!(told("unzip", &["-tqq"], archive).is_empty());
    let seven = told("7z", &["t"], archive);
    assert!(seven.contains("Everything is Ok"), "{seven}");
    assert!(seven.contains(&format!("Files: {entries}")) || entries < 2, "{seven}");
    assert_eq!(told("bsdtar", &["-tf"], archive).lines().count(), entries);
}

#[test]
fn names_in_any_alphabet_are_unpacked_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ["report.pdf", "naïve café.jpg", "日本語.mov", "Ελληνικά.txt", "العربية.mp3", "🎞.mp4"];
    let kept = Kept { entries: names.map(Bytes::from).to_vec(), ..Kept::default() };
    let mut draft = Draft::default();
    for name in names {
        assert_eq!(draft.add(name, pinned(name.as_bytes())).as_str(), name);
    }
    let plan = Arc::new(draft.plan().unwrap());
    let archive = written(&folder, object(plan, Arc::new(kept)));
    let size = names.iter().map(|name| name.len() as u64).sum();
    assert_read_by_everybody(&archive, names.len(), size);
    let listed = told("unzip", &["-Z1"], &archive);
    assert_eq!(listed.lines().collect::<Vec<_>>(), names);
    // In UTC, from the extended timestamp: DOS times have even seconds.
    let zipinfo = told("zipinfo", &["-lT"], &archive);
    assert!(zipinfo.contains("-rw-r--r--") && zipinfo.contains("20231114.221321"), "{zipinfo}");
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    told("bsdtar", &["-xC", out.to_str().unwrap(), "-f"], &archive);
    for name in names {
        assert_eq!(fs::read_to_string(out.join(name)).unwrap(), name);
    }
}

/// Ten thousand have no need of ZIP64; seventy thousand have, for their number only.
#[test]
fn many_entries() {
    for (entries, wide) in [(10_000, 0), (70_000, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept { entries: vec!["small".into(); entries], ..Kept::default() };
        let plan = Arc::new(kept.draft().plan().unwrap());
        let archive = written(&folder, object(plan, Arc::new(kept)));
        assert_read_by_everybody(&archive, entries, entries as u64 * 5);
        let bytes = fs::read(&archive).unwrap();
        let ends = memchr::memmem::find_iter(&bytes, b"PK\x06\x06").count();
        assert_eq!(ends, wide);
    }
}

/// An entry of more than 4 GiB, and one that begins after it.
#[test]
fn large_entries() {
    let folder = tempfile::tempdir().unwrap();
    let size = (4 << 30) + 11;
    let sparse = File::create_new(folder.path().join("sparse")).unwrap();
    sparse.set_len(size).unwrap();
    let file = File::open(folder.path().join("sparse")).unwrap();
    let mut draft = Draft::default();
    draft.add("large.bin", Pinned { size, crc32: crc32_of_zeros(size), ..pinned(b"") });
    draft.add("small.bin", pinned(&[0; 5]));
    let plan = Arc::new(draft.plan().unwrap());
    let archive = written(&folder, object(plan, Arc::new(OneFile(file))));
    assert_read_by_everybody(&archive, 2, size + 5);
    let python = told("python3", &["-c", PYTHON], &archive);
    assert_eq!(python.lines().skip(1).collect::<Vec<_>>(), ["large.bin 45", "small.bin 45"]);
}

fn crc32_of_zeros(size: u64) -> u32 {
    let zeros = vec![0; 1 << 20];
    let mut sum = crc32fast::Hasher::new();
    let mut left = size;
    while left > 0 {
        let part = left.min(1 << 20);
        sum.update(&zeros[..usize::try_from(part).unwrap()]);
        left -= part;
    }
    sum.finalize()
}
