//! The catalog at a thousand, a hundred thousand and a million contents of five files each: memory,
//! look-up, and the change of one content. Beside it, what a single load of far memory takes: no look-up
//! among many can take less than two of them.
//!
//! `cargo bench --bench catalog`. The numbers that are claimed are in `benches/runs/`.

#![expect(clippy::expect_used, reason = "what is looked up is put together from constants")]

use std::hint::black_box;
use std::sync::OnceLock;

use countersign::asset::{AssetPath, ContentId, TenantId};
use countersign::catalog::{
    Catalog, ContentKind, ContentState, FileKind, FilePlace, FileState, Publication,
};
use countersign::target::{PathToken, RequestTarget};
use divan::Bencher;
use mimalloc::MiMalloc;

/// The program's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    for size in SIZES {
        report_memory(size);
    }
    divan::main();
}

/// The entry of an asset, and its file, of a content that was not looked up lately. The asset itself
/// was just read from a request's path, as it always is: only what is looked up is far away.
#[divan::bench(args = SIZES, sample_count = 200, sample_size = 1_000)]
fn look_up(bencher: Bencher<'_, '_>, size: u32) {
    let catalog = catalog(size);
    let assets = assets(size);
    let mut asked = assets.iter().cycle();
    bencher.with_inputs(|| asked.next().expect("an asset").clone()).bench_local_refs(|asset| {
        let entry = catalog.find(TenantId(1), black_box(asset)).expect("an entry");
        entry.file(asset).map(|file| file.size)
    });
}

/// One content among them is as it is told now.
#[divan::bench(args = SIZES, sample_count = 200, sample_size = 100)]
fn change_one(bencher: Bencher<'_, '_>, size: u32) {
    let catalog = catalog(size);
    let mut index = 0;
    bencher
        .with_inputs(|| {
            index = (index + 7_919) % size;
            content(index)
        })
        .bench_local_refs(|state| catalog.set_content(black_box(state)));
}

/// A load from a place that no cache has and that the load before said: in 512 MiB, somewhat more than a
/// million contents take.
#[divan::bench(sample_count = 200, sample_size = 1_000)]
fn load(bencher: Bencher<'_, '_>) {
    const LINES: u32 = 1 << 23;
    // A generator of full period comes by every line once.
    let next = |at: u32| at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % LINES;
    let lines: Vec<[u32; 16]> = (0..LINES).map(|at| [next(at); 16]).collect();
    let mut at = 0;
    bencher.bench_local(|| {
        let line = lines.get(at as usize).expect("a line");
        at = line[0];
        at
    });
}

fn catalog(size: u32) -> &'static Catalog {
    static CATALOGS: [OnceLock<Catalog>; 3] = [const { OnceLock::new() }; 3];
    let place = SIZES.iter().position(|it| *it == size).unwrap_or_default();
    CATALOGS.get(place).expect("one a size").get_or_init(|| build(size))
}

fn build(size: u32) -> Catalog {
    let catalog = Catalog::new();
    for index in 0..size {
        catalog.set_content(&content(index));
    }
    catalog
}

fn id(index: u32) -> String {
    // Odd multiples scatter; 22 characters, as ids have.
    format!("v{:010}{:011}", index.wrapping_mul(2_654_435_761), index)
}

fn content(index: u32) -> ContentState {
    let file = |kind, slot: &str, variant: &str, end: &str| FileState {
        number: u64::from(index),
        place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
        origin: "media".into(),
        key: format!("tenants/1/videos/{}/{end}", id(index)).into(),
        name: end.rsplit('/').next().unwrap_or_default().into(),
        size: 1_000_000 + u64::from(index),
        mime: "video/mp4".into(),
        sha256: Some("ab".repeat(32).into()),
    };
    ContentState {
        tenant: TenantId(1),
        id: ContentId::parse(&id(index)).expect("an id"),
        kind: ContentKind::Video,
        folder: None,
        publication: Publication::Published,
        periods: Vec::new(),
        version: Some("1".into()),
        active_thumbnail: Some("1".into()),
        files: vec![
            file(FileKind::Source, "", "", "source.mov"),
            file(FileKind::Format, "hd", "", "formats/hd.mp4"),
            file(FileKind::Format, "sd", "", "formats/sd.mp4"),
            file(FileKind::Thumbnail, "1", "360p", "thumbnails/1-360p.jpg"),
            file(FileKind::Subtitle, "1", "VTT", "subtitles/1.vtt"),
        ],
        names: None,
    }
}

/// Enough of them, in no order, that neither they nor what they find is all in the caches.
fn assets(size: u32) -> Vec<AssetPath> {
    (0..100_000_u32)
        .map(|step| {
            let index = step.wrapping_mul(2_246_822_519) % size;
            let rest = ["source", "formats/sd", "thumbnails/active", "subtitles/1"];
            let rest = rest.get(step as usize % rest.len()).expect("one of four");
            let text = format!("/private/videos/{}/{rest}", id(index));
            let target = RequestTarget::parse(&text, PathToken::Absent, 8192).expect("a target");
            AssetPath::parse(&target).expect("an asset")
        })
        .collect()
}

#[expect(clippy::print_stdout, reason = "a report is what a bench is for")]
fn report_memory(size: u32) {
    let before = resident_kib();
    let catalog = build(size);
    let kib = resident_kib().saturating_sub(before);
    println!("{size} contents: {kib} KiB, {} bytes each", kib * 1024 / u64::from(size));
    drop(catalog);
}

/// 0 where there is no `/proc`.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
