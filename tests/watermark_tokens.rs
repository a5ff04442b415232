//! Watermark tokens between us and two libraries that are not ours, run now: each reads what the
//! other makes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use countersign::clock::UnixSeconds;
use countersign::sequencing::{
    Carried, Derivation, PatternCipherKey, SegmentDuration, SigningKey, TokenChecker, VerifyingKey,
    WmClaims, WmPattern, issue,
};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use zeroize::Zeroizing;

const NOW: u64 = 1_800_000_000;
const SCRIPT: &str = "tests/signers/watermark_tokens.py";
const LIBRARIES: [&str; 2] = ["cwt", "pycose"];
const ALGORITHMS: [&str; 2] = ["hmac", "es256"];

fn required(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests by `tests/run`"))
}

/// What the script says of the cases.
fn script(what: &str, cases: &Value) -> Vec<Value> {
    let mut running = Command::new(required("COUNTERSIGN_TEST_WATERMARKS_PYTHON"))
        .args([SCRIPT, what])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    running.stdin.take().unwrap().write_all(&serde_json::to_vec(cases).unwrap()).unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{SCRIPT} failed: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("signers/watermark_tokens.json")).unwrap()
}

fn bytes(of: &Value) -> Vec<u8> {
    hex::decode(of.as_str().unwrap()).unwrap()
}

fn cipher() -> PatternCipherKey {
    PatternCipherKey::new(&Zeroizing::new(bytes(&vectors()["pattern_secret"]).try_into().unwrap()))
}

fn signing(algorithm: &str) -> SigningKey {
    let vectors = vectors();
    match algorithm {
        "hmac" => SigningKey::hmac(&Zeroizing::new(bytes(&vectors["secret"]))).unwrap(),
        _ => SigningKey::es256(&bytes(&vectors["pkcs8"]), &SystemRandom::new()).unwrap(),
    }
}

/// Patterns of many lengths, and every claim there is.
fn all_claims() -> Vec<WmClaims> {
    let plain = |bits: u16| {
        let bytes: Vec<u8> =
            (0..bits.div_ceil(8)).map(|at| at.wrapping_mul(37).to_be_bytes()[1]).collect();
        WmClaims {
            issuer: None,
            subject: None,
            audience: Vec::new(),
            expires: UnixSeconds::new(NOW + 60),
            not_before: None,
            issued: UnixSeconds::new(NOW),
            id: None,
            vendor: 200,
            segment: None,
            bits,
            carried: Carried::Direct(WmPattern::new(bytes, bits).unwrap()),
        }
    };
    let full = WmClaims {
        issuer: Some("maker".to_owned()),
        subject: Some("7".to_owned()),
        not_before: Some(UnixSeconds::new(NOW)),
        id: Some(vec![1, 2, 3]),
        segment: Some(SegmentDuration { ticks: 60_000, scale: 10_000 }),
        ..plain(100)
    };
    let derivation = Derivation { id: "09".repeat(16), operator: 40, key_version: 3 };
    let indirect = WmClaims { carried: Carried::Indirect(derivation), ..plain(100) };
    let lengths = [1, 7, 8, 9, 32, 255, 256, 1024, 65_535].map(plain);
    lengths.into_iter().chain([full, indirect]).collect()
}

/// The claims as the script has them.
fn as_json(claims: &WmClaims) -> Value {
    let mut said = BTreeMap::from([
        (4, json!(claims.expires.get())),
        (6, json!(claims.issued.get())),
        (300, json!(1)),
        (301, json!(claims.vendor)),
        (302, json!(claims.bits)),
    ]);
    said.extend(claims.issuer.as_ref().map(|it| (1, json!(it))));
    said.extend(claims.subject.as_ref().map(|it| (2, json!(it))));
    said.extend(claims.not_before.map(|it| (5, json!(it.get()))));
    said.extend(claims.id.as_ref().map(|it| (7, json!({ "hex": hex::encode(it) }))));
    said.extend(claims.segment.map(|it| (303, json!([it.ticks, it.scale]))));
    match &claims.carried {
        Carried::Direct(pattern) => {
            said.insert(304, json!({ "hex": hex::encode(pattern.bytes()) }));
        }
        Carried::Indirect(from) => {
            said.extend([(305, json!(from.id)), (306, json!(from.operator))]);
            said.insert(307, json!(from.key_version));
        }
    }
    json!(said)
}

#[test]
fn they_read_what_we_make() {
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    for claims in all_claims() {
        for algorithm in ALGORITHMS {
            for seal in [None, Some(cipher())] {
                let key = signing(algorithm);
                let token = issue(&claims, &key, seal.as_ref(), &SystemRandom::new()).unwrap();
                for library in LIBRARIES {
                    let case =
                        json!({ "library": library, "algorithm": algorithm, "token": token });
                    cases.push(case);
                    expected.push(as_json(&claims));
                }
            }
        }
    }
    let read = script("check", &json!(cases));
    assert_eq!(read.len(), expected.len());
    for ((read, claims), case) in read.iter().zip(expected).zip(cases) {
        assert_eq!(read["claims"], claims, "{case}: {read}");
        assert_eq!(read["canonical"], json!(true), "{case}");
    }
}

#[test]
fn we_read_what_they_make() {
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    for claims in all_claims() {
        for library in LIBRARIES {
            for algorithm in ALGORITHMS {
                let said = as_json(&claims);
                cases.push(json!({ "library": library, "algorithm": algorithm, "claims": said }));
                expected.push((algorithm, claims.clone()));
            }
        }
    }
    let made = script("sign", &json!(cases));
    assert_eq!(made.len(), expected.len());
    for (token, (algorithm, claims)) in made.iter().zip(expected) {
        let token = token.as_str().unwrap();
        // The other key too: a token says which it is for.
        let keys: Vec<VerifyingKey> = ALGORITHMS.map(|it| signing(it).verifying()).into();
        let checker = TokenChecker { keys, ..TokenChecker::default() };
        let read = checker.check(token.as_bytes(), UnixSeconds::new(NOW));
        match &claims.carried {
            Carried::Direct(_) => assert_eq!(read.unwrap().claims(), &claims, "{algorithm}"),
            Carried::Indirect(_) => {
                assert_eq!(read.unwrap_err().code(), "wm_token_derivation", "{algorithm}");
            }
        }
    }
}
