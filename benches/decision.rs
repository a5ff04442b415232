//! The decision and its parts, on small tables and on large ones.
//!
//! `cargo bench --bench decision`. The numbers that are claimed are in `benches/runs/`. The large
//! tables are 100,000 overrides and 1,000,000 blocklist entries; requests ask about overrides and
//! addresses all over them, so that the tables are not met in the first cache.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what is benched is put together from constants"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use countersign::network::ClientIp;
use countersign::policy::{EdgeSnapshot, decide};
use countersign::target::{PathToken, RequestTarget};
use countersign::token::edge_auth::{SignScope, verify};
use countersign::token::{Candidates, Carrier, CarrierRules, MacBudget, Subject};
use divan::Bencher;

use scenery::{NOW, THUMBNAIL, facts, rules, snapshot, token};

mod scenery;

const REQUESTS: u32 = 4_096;

fn main() {
    divan::main();
}

/// How much there is to look through.
#[derive(Clone, Copy, Debug)]
enum Tables {
    Large,
    Small,
}

impl std::fmt::Display for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

static LARGE: LazyLock<EdgeSnapshot> = LazyLock::new(|| snapshot(100_000, 1_000_000));
static SMALL: LazyLock<EdgeSnapshot> = LazyLock::new(|| snapshot(1, 1));

impl Tables {
    fn snapshot(self) -> &'static EdgeSnapshot {
        match self {
            Self::Large => &LARGE,
            Self::Small => &SMALL,
        }
    }

    /// Videos with an override, spread over the table.
    fn open_video(self, index: u32) -> u32 {
        match self {
            Self::Large => index.wrapping_mul(2_654_435_761) % 100_000,
            Self::Small => 0,
        }
    }
}

#[divan::bench(sample_count = 200, sample_size = 1_000, args = [
    THUMBNAIL,
    "/vod/Price%20list/%EC%95%88%EB%85%95/film.mp4",
])]
fn target_parse(text: &str) -> Option<RequestTarget> {
    RequestTarget::parse(black_box(text), PathToken::Absent, 8_192).ok()
}

/// One candidate, one key, a path of 55 bytes.
#[divan::bench(sample_count = 200, sample_size = 1_000, args = [Carried::Acl, Carried::Url])]
fn token_verify(bencher: Bencher<'_, '_>, carried: Carried) {
    let target = RequestTarget::parse(THUMBNAIL, PathToken::Absent, 8_192).expect("a target");
    let text = match carried {
        Carried::Acl => token(SignScope::Acl(&["/private/videos/-civ9qE3JUjntKQM1HnGtU/*"])),
        Carried::Url => token(SignScope::Url(target.wire())),
    };
    let in_query = format!("/x?__token__={text}");
    let carrier = RequestTarget::parse(&in_query, PathToken::Absent, 8_192).expect("a target");
    let carriers = CarrierRules::new("__token__", &[Carrier::Query]);
    let candidates =
        Candidates::collect(&carriers, &carrier, std::iter::empty(), std::iter::empty());
    let candidate = &candidates.to_try().expect("a candidate")[0];
    let rules = rules();
    let subject = Subject::as_asked(&target, 1);
    let client = ClientIp::new(Ipv4Addr::LOCALHOST.into());
    bencher.bench_local(|| {
        let mut budget = MacBudget::new();
        let token = black_box(candidate);
        verify(&rules, "__token__", token, subject, client, NOW, &mut budget).is_ok()
    });
}

/// What a token says.
#[derive(Clone, Copy, Debug)]
enum Carried {
    Acl,
    Url,
}

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// An asset with an override, asked for as public.
#[divan::bench(sample_count = 200, sample_size = 1_000, args = [Tables::Small, Tables::Large])]
fn decide_public(bencher: Bencher<'_, '_>, tables: Tables) {
    decide_each(bencher, tables, |index| {
        format!("/public/videos/open{:018}/source", tables.open_video(index))
    });
}

/// A protected asset, with a token whose ACL covers it.
#[divan::bench(sample_count = 200, sample_size = 1_000, args = [Tables::Small, Tables::Large])]
fn decide_signed(bencher: Bencher<'_, '_>, tables: Tables) {
    let token = token(SignScope::Acl(&["/private/videos/*"]));
    decide_each(bencher, tables, |index| {
        format!("/private/videos/shut{index:018}/thumbnails/1?quality=360p&__token__={token}")
    });
}

fn decide_each(bencher: Bencher<'_, '_>, tables: Tables, text: impl Fn(u32) -> String) {
    let snapshot = tables.snapshot();
    let requests: Vec<_> =
        (0..REQUESTS).map(|index| facts(snapshot, &text(index), index)).collect();
    assert!(requests.iter().all(|facts| decide(facts, snapshot, NOW).is_ok()), "all are permitted");
    let mut next = requests.iter().cycle();
    bencher.bench_local(|| {
        let facts = next.next().expect("a cycle does not end");
        decide(black_box(facts), snapshot, NOW).is_ok()
    });
}
