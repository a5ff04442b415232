//! How many instructions the parts of a request take: counts that a busy machine does not change.
//!
//! `benches/instructions` runs this under valgrind and compares with the recorded counts. valgrind
//! hides the processor's SHA instructions, so that a hash counts as if it were made in software:
//! good for seeing a change, not for the cost of a verification.

#![expect(
    clippy::exit,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unused_qualifications,
    reason = "what is counted is put together from constants; the macros leave little choice"
)]

use std::fs;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use countersign::clock::Clock;
use countersign::data_plane::{
    AccessLog, BodyPresence, Cache, CacheConfig, ConnectionFacts, EdgeState, Metrics, Pipeline,
    Protocol, Settings, Transport,
};
use countersign::delivery::DeliveryDesk;
use countersign::network::{ClientIp, PeerIp};
use countersign::origin::{Config, DiskConfig, Kind, Symlinks};
use countersign::policy::{EdgeSnapshot, RequestFacts, SnapshotPublisher, decide};
use countersign::target::{PathToken, RequestTarget};
use countersign::telemetry::LineWriter;
use countersign::token::edge_auth::{EdgeAuth, SignScope, verify};
use countersign::token::{
    Candidates, Carrier, CarrierRules, Delivers, LinkTerms, MacBudget, Sharing, Subject, Uses,
};
use gungraun::{library_benchmark, library_benchmark_group, main};
use http::header::{HOST, USER_AGENT};
use http::request::Parts;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use prometheus::Registry;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use link_scenery::{own_link, snapshot_of_links};
use scenery::{NOW, THUMBNAIL, facts, rules, snapshot, token};

mod link_scenery;
mod scenery;

#[library_benchmark]
#[bench::asset(THUMBNAIL)]
#[bench::escaped("/vod/Price%20list/%EC%95%88%EB%85%95/film.mp4")]
fn target_parse(text: &str) -> Option<RequestTarget> {
    RequestTarget::parse(black_box(text), PathToken::Absent, 8_192).ok()
}

struct Verification {
    rules: EdgeAuth,
    target: RequestTarget,
    candidates: Candidates,
}

fn verification(scope: SignScope<'_>) -> Verification {
    let target = RequestTarget::parse(THUMBNAIL, PathToken::Absent, 8_192).expect("a target");
    let in_query = format!("/x?__token__={}", token(scope));
    let carrier = RequestTarget::parse(&in_query, PathToken::Absent, 8_192).expect("a target");
    let carriers = CarrierRules::new("__token__", &[Carrier::Query]);
    let candidates =
        Candidates::collect(&carriers, &carrier, std::iter::empty(), std::iter::empty());
    Verification { rules: rules(), target, candidates }
}

#[library_benchmark]
#[bench::acl(verification(SignScope::Acl(&["/private/videos/-civ9qE3JUjntKQM1HnGtU/*"])))]
#[bench::url(verification(SignScope::Url(
    "/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912"
)))]
fn token_verify(asked: Verification) -> Verification {
    let subject = Subject::as_asked(&asked.target, 1);
    let candidate = &asked.candidates.to_try().expect("a candidate")[0];
    let client = ClientIp::new(Ipv4Addr::LOCALHOST.into());
    let mut budget = MacBudget::new();
    let verified =
        verify(&asked.rules, "__token__", candidate, subject, client, NOW, &mut budget).is_ok();
    assert!(black_box(verified), "a good token");
    // Given back, so that taking it apart is not counted.
    asked
}

struct Decision {
    snapshot: &'static EdgeSnapshot,
    facts: RequestFacts<'static>,
}

fn decision(text: &str) -> Decision {
    let snapshot: &'static EdgeSnapshot = Box::leak(Box::new(snapshot(1_000, 10_000)));
    Decision { snapshot, facts: facts(snapshot, text, 7) }
}

fn signed() -> Decision {
    let token = token(SignScope::Acl(&["/private/videos/*"]));
    let video = format!("shut{:018}", 7);
    decision(&format!("/private/videos/{video}/thumbnails/1?quality=360p&__token__={token}"))
}

#[library_benchmark]
#[bench::overridden(decision(&format!("/public/videos/open{:018}/source", 7)))]
fn decide_public(asked: Decision) -> Decision {
    assert!(decide(black_box(&asked.facts), asked.snapshot, NOW).is_ok(), "it is permitted");
    asked
}

#[library_benchmark]
#[bench::acl(signed())]
fn decide_signed(asked: Decision) -> Decision {
    assert!(decide(black_box(&asked.facts), asked.snapshot, NOW).is_ok(), "it is permitted");
    asked
}

/// An edge with an object of 1 KiB in its cache, and a request for it that was let in once.
struct Edge {
    runtime: Runtime,
    pipeline: Pipeline,
    parts: Parts,
    connection: ConnectionFacts,
    _folder: TempDir,
}

fn edge() -> Edge {
    let token = token(SignScope::Acl(&["/private/videos/*"]));
    edge_of(snapshot(1_000, 10_000), &token)
}

/// The same, asked by a link of our own.
fn edge_of_links(terms: LinkTerms) -> Edge {
    let link = own_link(SignScope::Acl(&["/private/videos/*"]), "quality=360p", terms);
    edge_of(snapshot_of_links(1_000, 10_000, 10_000), &link)
}

fn edge_of(policy: EdgeSnapshot, token: &str) -> Edge {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912");
    fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
    fs::write(file, [b'x'; 1024]).expect("a file");
    let disk = DiskConfig { root: folder.path().to_owned(), symlinks: Symlinks::Refuse };
    let config = Config { name: "media".into(), kind: Kind::Disk(disk) };
    let delivery = DeliveryDesk::open(vec![config], None).expect("a folder that opens");
    let settings = Settings { access_log: AccessLog::Off, ..Settings::default() };
    let publisher = SnapshotPublisher::new();
    publisher.publish(Arc::new(EdgeState {
        policy,
        delivery: Arc::new(delivery),
        cache: Cache::open(&CacheConfig::default(), None).map(Arc::new),
        settings: Arc::new(settings),
    }));
    let metrics = Metrics::register(&Registry::new()).expect("metrics");
    let dropped = metrics.log_lines_dropped.clone();
    let (log, _) = LineWriter::start(std::io::sink(), dropped).expect("a thread");
    let pipeline = Pipeline::new(publisher.reader(), Clock::Fixed(NOW), metrics, log);
    let request = Request::get(format!("{THUMBNAIL}&__token__={token}"))
        .header(HOST, "edge.example")
        .header(USER_AGENT, "bench")
        .body(())
        .expect("a request");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let connection = ConnectionFacts {
        peer: PeerIp::new(address.ip()),
        listener: address,
        transport: Transport::Plain,
        protocol: Protocol::Http1,
        outlet: None,
    };
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let edge =
        Edge { runtime, pipeline, parts: request.into_parts().0, connection, _folder: folder };
    ask(&edge);
    let again = ask(&edge);
    assert!(again.starts_with("countersign; hit"), "{again}");
    edge
}

/// The answer's `Cache-Status`, its body read to the end.
fn ask(edge: &Edge) -> String {
    edge.runtime.block_on(async {
        let answer =
            edge.pipeline.answer(&edge.parts, BodyPresence::Absent, &edge.connection).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        assert_eq!((head.status, body.len()), (StatusCode::OK, 1024));
        let status = head.headers.get("cache-status").and_then(|it| it.to_str().ok());
        status.unwrap_or_default().to_owned()
    })
}

// From a request's head to the end of its answer, without sockets.
#[library_benchmark]
#[bench::one_kib(edge())]
fn cache_hit_pipeline(edge: Edge) -> (Edge, String) {
    let status = ask(black_box(&edge));
    (edge, status)
}

const PLAIN: LinkTerms = LinkTerms {
    sharing: Sharing::Allowed,
    uses: Uses::Any,
    delivers: Delivers::AsEver,
    parallel: None,
    issuer: None,
    tag: None,
    copy: None,
};

/// Watched for going round, and four downloads at most.
const WATCHED: LinkTerms =
    LinkTerms { sharing: Sharing::Watched, parallel: NonZeroU16::new(4), ..PLAIN };

// The same of a link of our own, without and with anti-fraud.
#[library_benchmark]
#[bench::plain(edge_of_links(PLAIN))]
#[bench::watched(edge_of_links(WATCHED))]
fn redeem_link(edge: Edge) -> (Edge, String) {
    let status = ask(black_box(&edge));
    (edge, status)
}

library_benchmark_group!(
    name = request;
    benchmarks = target_parse, token_verify, decide_public, decide_signed, cache_hit_pipeline,
        redeem_link
);

main!(library_benchmark_groups = request);
