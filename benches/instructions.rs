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

use std::hint::black_box;
use std::net::Ipv4Addr;

use countersign::network::ClientIp;
use countersign::policy::{EdgeSnapshot, RequestFacts, decide};
use countersign::target::{PathToken, RequestTarget};
use countersign::token::edge_auth::{EdgeAuth, SignScope, verify};
use countersign::token::{Candidates, Carrier, CarrierRules, MacBudget, Subject};
use gungraun::{library_benchmark, library_benchmark_group, main};

use scenery::{NOW, THUMBNAIL, facts, rules, snapshot, token};

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
    let subject = Subject {
        wire: asked.target.wire(),
        decoded: asked.target.decoded(),
        query: asked.target.query(),
    };
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

library_benchmark_group!(
    name = request;
    benchmarks = target_parse, token_verify, decide_public, decide_signed
);

main!(library_benchmark_groups = request);
