//! Tokens, made and checked, and those that others made.

use ring::rand::SystemRandom;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::super::TokenRefusal::{Expired, IssuedInFuture, NotYetValid};
use super::super::*;
use crate::clock::UnixSeconds;

const NOW: u64 = 1_800_000_000;

/// Made by two libraries that are not ours.
fn vectors() -> Json {
    serde_json::from_str(include_str!("../../../tests/signers/watermark_tokens.json")).unwrap()
}

fn bytes(of: &Json, key: &str) -> Vec<u8> {
    hex::decode(of[key].as_str().unwrap()).unwrap()
}

fn secret() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes(&vectors(), "secret"))
}

fn cipher() -> PatternCipherKey {
    let secret = bytes(&vectors(), "pattern_secret");
    PatternCipherKey::new(&Zeroizing::new(secret.try_into().unwrap())).named(*b"p1")
}

fn exchange() -> PatternExchangeKey {
    let number = bytes(&vectors(), "number").try_into().unwrap();
    PatternExchangeKey::new(&Zeroizing::new(number)).unwrap().named(*b"e1")
}

fn es256() -> SigningKey {
    SigningKey::es256(&bytes(&vectors(), "pkcs8"), &SystemRandom::new()).unwrap()
}

/// Both keys are called `k1`: tokens say for which algorithm.
fn checker() -> TokenChecker {
    let point = bytes(&vectors(), "point");
    TokenChecker {
        keys: vec![
            VerifyingKey::hmac(&secret()).unwrap().named(*b"k1"),
            VerifyingKey::es256(&point).unwrap().named(*b"k1"),
        ],
        ciphers: vec![cipher()],
        exchanges: vec![exchange()],
        ..TokenChecker::default()
    }
}

fn claims() -> WmClaims {
    WmClaims {
        issuer: None,
        subject: None,
        audience: Vec::new(),
        expires: UnixSeconds::new(NOW + 60),
        not_before: None,
        issued: UnixSeconds::new(NOW - 60),
        id: None,
        vendor: 7,
        segment: None,
        bits: 32,
        carried: Carried::Direct(WmPattern::new([0x0a, 0x0b, 0x0c, 0x0d], 32).unwrap()),
    }
}

fn made(claims: &WmClaims) -> String {
    let key = SigningKey::hmac(&secret()).unwrap();
    issue(claims, &key, None, &SystemRandom::new()).unwrap()
}

fn at(now: u64, checker: &TokenChecker, token: &str) -> Result<WmToken, TokenRefusal> {
    checker.check(token.as_bytes(), UnixSeconds::new(now))
}

fn check(token: &str) -> Result<WmToken, TokenRefusal> {
    at(NOW, &checker(), token)
}

#[test]
fn tokens_of_other_makers_are_read() {
    let vectors = vectors();
    let accepted = vectors["accepted"].as_array().unwrap();
    assert!(accepted.len() >= 10);
    for vector in accepted {
        let token = check(vector["token"].as_str().unwrap());
        let token = token.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", vector["name"]));
        assert_eq!(token.pattern().bytes(), bytes(vector, "pattern"), "{}", vector["name"]);
        assert_eq!(u64::from(token.pattern().bits()), vector["bits"], "{}", vector["name"]);
        assert_eq!(u64::from(token.claims().vendor), vector["vendor"], "{}", vector["name"]);
    }
}

#[test]
fn tokens_of_other_makers_are_refused_for_their_reason() {
    let vectors = vectors();
    let refused = vectors["refused"].as_array().unwrap();
    assert!(refused.len() >= 30);
    for vector in refused {
        let refusal = check(vector["token"].as_str().unwrap()).unwrap_err();
        assert_eq!(refusal.code(), vector["code"], "{}", vector["name"]);
    }
}

/// Deterministic encoding: byte for byte what another library made of the same claims.
#[test]
fn a_token_is_written_as_the_standard_wants_it() {
    let vectors = vectors();
    let accepted = vectors["accepted"].as_array().unwrap();
    let named = |name: &str| {
        accepted.iter().find(|of| of["name"] == name).unwrap()["token"].as_str().unwrap().to_owned()
    };
    assert_eq!(made(&claims()), named("cwt, HMAC, the CWT tag"));
}

#[test]
fn what_is_made_is_read_back() {
    let full = WmClaims {
        issuer: Some("maker".to_owned()),
        subject: Some("7".to_owned()),
        not_before: Some(UnixSeconds::new(NOW)),
        id: Some(vec![1, 2]),
        segment: Some(SegmentDuration { ticks: 60_000, scale: 10_000 }),
        ..claims()
    };
    let random = SystemRandom::new();
    for claims in [claims(), full] {
        for key in [SigningKey::hmac(&secret()).unwrap(), es256()] {
            for key in [key.named(*b"k1")] {
                for seal in [None, Some(cipher())] {
                    let token = issue(&claims, &key, seal.as_ref(), &random).unwrap();
                    let read = check(&token).unwrap();
                    assert_eq!(read.claims(), &claims);
                    let pattern = WmPattern::new([0x0a, 0x0b, 0x0c, 0x0d], 32).unwrap();
                    assert_eq!(read.pattern(), &pattern);
                }
            }
        }
    }
}

#[test]
fn the_longest_pattern_fits_a_token_even_encrypted() {
    let carried = Carried::Direct(WmPattern::new(vec![0x55; 8192], u16::MAX).unwrap());
    let claims = WmClaims { bits: u16::MAX, carried, ..claims() };
    let token = issue(&claims, &es256(), Some(&cipher()), &SystemRandom::new()).unwrap();
    assert_eq!(check(&token).unwrap().pattern().bits(), u16::MAX);
    let long = "A".repeat(MOST_TOKEN_BYTES + 1);
    assert_eq!(check(&long), Err(TokenRefusal::TooLong));
    let wrong = WmClaims { bits: 31, ..super::tokens::claims() };
    let refused = issue(&wrong, &es256(), None, &SystemRandom::new());
    assert_eq!(refused, Err(IssueError::PatternLength));
    let talkative = WmClaims { audience: vec!["a".repeat(1000); 14], ..claims };
    let refused = issue(&talkative, &es256(), None, &SystemRandom::new());
    assert_eq!(refused, Err(IssueError::TooLong));
}

/// Who knows the public key must not be able to make tokens with it.
#[test]
fn a_key_is_for_its_algorithm_only() {
    let point = bytes(&vectors(), "point");
    let forged = SigningKey::hmac(&Zeroizing::new(point.clone())).unwrap();
    let forged = issue(&claims(), &forged, None, &SystemRandom::new()).unwrap();
    let only = |key| TokenChecker { keys: vec![key], ..TokenChecker::default() };
    let public = only(VerifyingKey::es256(&point).unwrap());
    assert_eq!(at(NOW, &public, &forged), Err(TokenRefusal::AlgorithmNotAccepted));
    assert_eq!(check(&forged), Err(TokenRefusal::BadSignature));
    let signed = issue(&claims(), &es256(), None, &SystemRandom::new()).unwrap();
    assert!(at(NOW, &public, &signed).is_ok());
    let shared = only(VerifyingKey::hmac(&secret()).unwrap());
    assert_eq!(at(NOW, &shared, &signed), Err(TokenRefusal::AlgorithmNotAccepted));
    let none = TokenChecker::default();
    assert_eq!(at(NOW, &none, &signed), Err(TokenRefusal::AlgorithmNotAccepted));
}

#[test]
fn a_token_with_any_bit_changed_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    for key in [SigningKey::hmac(&secret()).unwrap(), es256()] {
        let token = issue(&claims(), &key, None, &SystemRandom::new()).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&URL_SAFE_NO_PAD.encode(&bytes)).is_err(), "{bit}");
        }
        for length in 0..bytes.len() {
            let short = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            assert_eq!(check(&short), Err(TokenRefusal::Malformed), "{length}");
        }
    }
}

#[test]
fn padding_is_read_and_not_written() {
    let token = made(&claims());
    assert!(!token.contains('='));
    let padded = token.clone() + &"=".repeat((4 - token.len() % 4) % 4);
    assert!(check(&padded).is_ok());
    assert_eq!(check(&token.replace('A', "+")), Err(TokenRefusal::Malformed), "another alphabet");
    assert_eq!(check(&(token + " ")), Err(TokenRefusal::Malformed));
}

#[test]
fn a_token_is_valid_from_its_first_second_to_before_its_last() {
    let token = made(&WmClaims { not_before: Some(UnixSeconds::new(NOW - 30)), ..claims() });
    let lenient = TokenChecker { leeway: 5, ..checker() };
    for (now, strictly, leniently) in [
        (NOW - 66, Some(IssuedInFuture), Some(IssuedInFuture)),
        (NOW - 65, Some(IssuedInFuture), Some(NotYetValid)),
        (NOW - 60, Some(NotYetValid), Some(NotYetValid)),
        (NOW - 35, Some(NotYetValid), None),
        (NOW - 30, None, None),
        (NOW + 59, None, None),
        (NOW + 60, Some(Expired), None),
        (NOW + 64, Some(Expired), None),
        (NOW + 65, Some(Expired), Some(Expired)),
    ] {
        assert_eq!(at(now, &checker(), &token).err(), strictly, "{now}");
        assert_eq!(at(now, &lenient, &token).err(), leniently, "{now}");
    }
}

#[test]
fn a_token_is_for_its_vendor_issuer_and_audience() {
    let wrong = Some(TokenRefusal::WrongContext);
    let vendor = |vendor| TokenChecker {
        keys: vec![VerifyingKey::hmac(&secret()).unwrap().for_vendor(vendor)],
        ..TokenChecker::default()
    };
    let token = made(&claims());
    assert_eq!(at(NOW, &vendor(7), &token).err(), None);
    assert_eq!(at(NOW, &vendor(8), &token).err(), wrong);
    let mut both = vendor(8);
    both.keys.append(&mut vendor(7).keys);
    assert_eq!(at(NOW, &both, &token).err(), None, "one secret of two vendors");

    let issuer = |of: &str| TokenChecker { issuer: Some(of.to_owned()), ..checker() };
    let of = made(&WmClaims { issuer: Some("maker".to_owned()), ..claims() });
    assert_eq!(at(NOW, &issuer("maker"), &of).err(), None);
    assert_eq!(at(NOW, &issuer("other"), &of).err(), wrong);
    assert_eq!(at(NOW, &issuer("maker"), &token).err(), wrong);

    let audience = |of: &str| TokenChecker { audience: Some(of.to_owned()), ..checker() };
    for audiences in [vec!["edge".to_owned()], vec!["x".to_owned(), "edge".to_owned()]] {
        let of = made(&WmClaims { audience: audiences, ..claims() });
        assert_eq!(at(NOW, &audience("edge"), &of).err(), None);
        assert_eq!(at(NOW, &audience("edges"), &of).err(), wrong);
        assert_eq!(check(&of).err(), wrong);
    }
    assert_eq!(at(NOW, &audience("edge"), &token).err(), wrong);
}

#[test]
fn patterns_are_derived_after_the_signature_was_checked() {
    let derivation = Derivation { id: "09".repeat(16), operator: 40, key_version: 3 };
    let token =
        made(&WmClaims { bits: 44, carried: Carried::Indirect(derivation.clone()), ..claims() });
    let key = PatternKey::new(3, CodeKind::TwoCopies, &Zeroizing::new([7; 32]));
    let with = TokenChecker { sources: vec![Box::new(key.clone())], ..checker() };
    let read = at(NOW, &with, &token).unwrap();
    assert_eq!(Some(read.pattern()), key.pattern([9; 16], 44).as_ref());
    assert_eq!(read.claims().carried, Carried::Indirect(derivation));
    assert_eq!(check(&token), Err(TokenRefusal::UnknownDerivation));
}

/// A source that gives another length than it was asked for is not believed.
#[test]
fn a_derived_pattern_has_the_length_that_the_token_states() {
    #[derive(Debug)]
    struct Short;
    impl PatternSource for Short {
        fn derive(&self, _: u8, _: &Derivation, _: u16) -> Option<WmPattern> {
            WmPattern::new([1], 8)
        }
    }
    let derivation = Derivation { id: String::new(), operator: 0, key_version: 0 };
    let token = made(&WmClaims { carried: Carried::Indirect(derivation), ..claims() });
    let with = TokenChecker { sources: vec![Box::new(Short)], ..checker() };
    assert_eq!(at(NOW, &with, &token), Err(TokenRefusal::PatternLength));
}

#[test]
fn keys_that_are_none_are_refused() {
    let short = Zeroizing::new(vec![1; 31]);
    assert_eq!(VerifyingKey::hmac(&short).err(), Some(KeyError::ShortSecret));
    assert_eq!(SigningKey::hmac(&short).err(), Some(KeyError::ShortSecret));
    assert_eq!(VerifyingKey::es256(&[4; 64]).err(), Some(KeyError::NotPublicKey));
    assert_eq!(VerifyingKey::es256(&[2; 65]).err(), Some(KeyError::NotPublicKey));
    let refused = PatternExchangeKey::new(&Zeroizing::new([0xff; 32]));
    assert_eq!(refused.err(), Some(KeyError::NotPrivateKey));
    let refused = SigningKey::es256(&[0; 99], &SystemRandom::new());
    assert_eq!(refused.err(), Some(KeyError::NotPrivateKey));
    let off_the_curve = TokenChecker {
        keys: vec![VerifyingKey::es256(&[4; 65]).unwrap()],
        ..TokenChecker::default()
    };
    let token = issue(&claims(), &es256(), None, &SystemRandom::new()).unwrap();
    assert_eq!(at(NOW, &off_the_curve, &token), Err(TokenRefusal::BadSignature));
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", checker(), es256());
    assert!(!shown.contains("[0, 1, 2") && !shown.contains("106, 151"), "{shown}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(0_u8.., 0..200)) {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
        proptest::prop_assert!(check(&text).is_err());
        let _ = PaceInfo::from_sidecar(&bytes);
    }

    /// Payloads that a key did sign, with one byte changed first: any answer but a panic.
    #[test]
    fn signed_nonsense_is_answered(at in 0_usize..40, to in 0_u8..) {
        use coset::{CborSerializable, TaggedCborSerializable};
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let message = engine.decode(made(&claims())).unwrap();
        let coset::cbor::value::Value::Tag(61, message) =
            coset::cbor::value::Value::from_slice(&message).unwrap() else { panic!("a CWT") };
        let mac = coset::CoseMac0::from_tagged_slice(&message.to_vec().unwrap()).unwrap();
        let mut payload = mac.payload.unwrap();
        let length = payload.len();
        payload[at % length] = to;
        let key = SigningKey::hmac(&secret()).unwrap();
        let header = mac.protected.header;
        let message = coset::CoseMac0Builder::new().protected(header).payload(payload);
        let message = message
            .try_create_tag(&[], |signed| key.prove(signed, &SystemRandom::new()).ok_or(()))
            .unwrap();
        let token = engine.encode(message.build().to_tagged_vec().unwrap());
        if let Ok(token) = check(&token) {
            proptest::prop_assert_eq!(token.pattern().bits(), token.claims().bits);
        }
    }
}
