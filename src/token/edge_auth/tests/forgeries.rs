//! What nobody signed opens nothing, and costs little.

use super::super::*;
use super::fixture::{Asked, EXPIRY, acl, check, ring, rules, signed, url};
use crate::clock::UnixSeconds;
use crate::keyring::MacAlgorithm;
use crate::token::{MalformedToken, TokenRejection};

/// tokens.md 1.9, first: the signature of a URL token whose path looks like fields, shown as an
/// ACL token.
#[test]
fn a_url_signature_opens_no_acl() {
    let rules = rules();
    let key = rules.keyring.signer(UnixSeconds::new(0)).unwrap();
    // A careless application signs a path that an attacker named; the libraries do not object.
    let forged_body = format!("exp={EXPIRY}~url=/f~acl=/*");
    let tag = key.tag(MacAlgorithm::Sha256, |input| input.write(forged_body.as_bytes()));
    let forged = format!("{forged_body}~hmac={tag:x}");
    let refused = TokenRejection::Malformed(MalformedToken::ForbiddenField);
    assert_eq!(check(&rules, &forged, &Asked::default()), Err(refused));
    // Ours does not make such a signature in the first place.
    let refused = sign(&rules, key, &url("/f~acl=/*"));
    assert_eq!(refused, Err(SignRejection::Delimiter("url")));
}

/// tokens.md 1.9, second: a session id that brings an ACL of its own.
#[test]
fn an_injected_field_is_refused() {
    let rules = rules();
    let key = rules.keyring.signer(UnixSeconds::new(0)).unwrap();
    let body = format!("exp={EXPIRY}~acl=/private/a~id=x~acl=/*");
    let tag = key.tag(MacAlgorithm::Sha256, |input| input.write(body.as_bytes()));
    let refused = TokenRejection::Malformed(MalformedToken::DuplicateField);
    assert_eq!(check(&rules, &format!("{body}~hmac={tag:x}"), &Asked::default()), Err(refused));
    let request = SignRequest { id: Some("x~acl=/*"), ..acl(&["/private/a"]) };
    assert_eq!(sign(&rules, key, &request), Err(SignRejection::Delimiter("id")));
}

/// `x|` and `||` read as `x` and a field `|data`, which is unknown and would be passed over.
#[test]
fn a_value_that_moves_the_delimiter_is_refused() {
    let rules = EdgeAuth { field_delimiter: "||".into(), acl_delimiter: "!!".into(), ..rules() };
    let key = rules.keyring.signer(UnixSeconds::new(0)).unwrap();
    let refused = Err(SignRejection::Delimiter("id"));
    let request = SignRequest { id: Some("x|"), payload: Some("y"), ..acl(&["/private/a"]) };
    assert_eq!(sign(&rules, key, &request), refused);
    for pattern in ["/private/a|", "/private/a!"] {
        let refused = Err(SignRejection::AclPattern);
        assert_eq!(sign(&rules, key, &acl(&[pattern, "/b"])), refused);
    }
    let request = SignRequest { id: Some("|x"), ..acl(&["/private/x"]) };
    assert_eq!(check(&rules, &signed(&rules, &request), &Asked::default()), Ok(()));
}

#[test]
fn algorithms_come_from_the_configuration_only() {
    for &signer in MacAlgorithm::ALL {
        let token = signed(&EdgeAuth { algorithm: signer, ..rules() }, &acl(&["/*"]));
        for &verifier in MacAlgorithm::ALL {
            let rules = EdgeAuth { algorithm: verifier, ..rules() };
            let expected = if signer == verifier { Ok(()) } else { Err(TokenRejection::Signature) };
            assert_eq!(check(&rules, &token, &Asked::default()), expected);
        }
    }
    // A SHA-256 tag cut to the length of MD5's is no MD5 tag and no SHA-256 tag.
    let token = signed(&rules(), &acl(&["/*"]));
    let (cut, _) = token.split_at(token.len() - 32);
    for &verifier in MacAlgorithm::ALL {
        let rules = EdgeAuth { algorithm: verifier, ..rules() };
        assert_eq!(check(&rules, cut, &Asked::default()), Err(TokenRejection::Signature));
    }
}

#[test]
fn a_signed_query_is_what_the_origin_gets() {
    let included = EdgeAuth { query: QueryRule::Signed, ..rules() };
    for (signed_url, target) in [
        ("/x?a&&b&", "/x?a&&b&"),
        ("/x?a&&b&", "/x?a&&b&&__token__=t"),
        ("/x?&a", "/x?&__token__=t&a"),
        ("/x", "/x?__token__=t"),
        ("/x", "/x?&__token__=t"),
        ("/x?%zz", "/x?%zz&__token__=t"),
    ] {
        let token = signed(&included, &url(signed_url));
        let asked = Asked { target, ..Asked::default() };
        assert_eq!(check(&included, &token, &asked), Ok(()), "{target}");
    }
    let token = signed(&included, &url("/x?a&b"));
    for target in ["/x?a&&b", "/x?&a&b", "/x?a&b&", "/x?a&b&c"] {
        let asked = Asked { target, ..Asked::default() };
        assert_eq!(check(&included, &token, &asked), Err(TokenRejection::Signature), "{target}");
    }
}

/// What was signed as one URL must not be read as another one.
#[test]
fn a_signed_text_has_one_reading() {
    let included = EdgeAuth { query: QueryRule::Signed, ..rules() };
    let refused = |rules: &EdgeAuth, token: &str, target: &str| {
        let asked = Asked { target, ..Asked::default() };
        assert_eq!(check(rules, token, &asked), Err(TokenRejection::Signature), "{target}");
    };
    let by_hand = |body: &str, rest: &str| {
        let key = included.keyring.signer(UnixSeconds::new(0)).unwrap();
        let tag = key.tag(MacAlgorithm::Sha256, |input| {
            input.write(format!("{body}{rest}").as_bytes());
        });
        format!("{body}~hmac={tag:x}")
    };
    // A signer that lets `data=d~url=/secret?` through signs this for `/x`.
    let token = by_hand(&format!("exp={EXPIRY}~data=d"), "~url=/secret?~url=/x");
    refused(&included, &token, "/secret?~url=/x");
    let token = by_hand(&format!("exp={EXPIRY}~data=d"), "~url=/secret~url=/x");
    refused(&included, &token, "/secret~url=/x");
    let decoded = EdgeAuth { url_form: UrlForm::Decoded, query: QueryRule::Signed, ..rules() };
    for escape in [None, Some(EscapeDialect::Python)] {
        let token = signed(&decoded, &SignRequest { escape, ..url("/x?a=1") });
        assert_eq!(
            check(&decoded, &token, &Asked { target: "/x?a=1", ..Asked::default() }),
            Ok(())
        );
        refused(&decoded, &token, "/x%3fa=1");
    }
}

#[test]
fn a_question_mark_in_a_name_is_not_the_start_of_the_query() {
    let rules = EdgeAuth { url_form: UrlForm::Decoded, query: QueryRule::Signed, ..rules() };
    let token = signed(&rules, &url("/private/a?b=1"));
    let check = |target| check(&rules, &token, &Asked { target, ..Asked::default() });
    assert_eq!(check("/private/a?b=1"), Ok(()));
    assert_eq!(check("/private/a%3fb=1"), Err(TokenRejection::Signature));
    let ignored = EdgeAuth { url_form: UrlForm::Decoded, ..self::rules() };
    let token = signed(&ignored, &url("/private/a?b"));
    let asked = Asked { target: "/private/a%3fb", ..Asked::default() };
    assert_eq!(self::check(&ignored, &token, &asked), Ok(()));
}

#[test]
fn a_request_costs_a_bounded_number_of_macs() {
    let keys: Vec<(String, String)> =
        (0..50).map(|n| (format!("k{n}"), format!("{n:04x}"))).collect();
    let keys: Vec<(&str, &str)> =
        keys.iter().map(|(id, hex)| (id.as_str(), hex.as_str())).collect();
    let rules = EdgeAuth::with_keys(ring(&keys));
    let last = EdgeAuth::with_keys(ring(&keys[49..]));
    let thirty_second = EdgeAuth::with_keys(ring(&keys[31..32]));
    let asked = Asked::default();
    assert_eq!(check(&rules, &signed(&thirty_second, &acl(&["/*"])), &asked), Ok(()));
    let beyond = check(&rules, &signed(&last, &acl(&["/*"])), &asked);
    assert_eq!(beyond, Err(TokenRejection::TooManyChecks));
}

/// A signer that lets a user name `data` makes a signature of `{data}{delimiter}url={url}`; no
/// other cut of that text may be a URL.
#[test]
fn no_delimiter_lets_a_field_end_in_a_url() {
    for (delimiter, data, target) in [
        ("~", "d~url=/private/secret?", "/private/secret?~url=/private/a"),
        ("~~", "d~~url=/private/secret?~", "/private/secret?~~~url=/private/a"),
        ("~!", "d~!url=/private/secret?", "/private/secret?~!url=/private/a"),
    ] {
        let rules =
            EdgeAuth { query: QueryRule::Signed, field_delimiter: delimiter.into(), ..rules() };
        let key = rules.keyring.signer(UnixSeconds::new(0)).unwrap();
        let text = format!("exp={EXPIRY}{delimiter}data={data}{delimiter}url=/private/a");
        let tag = key.tag(MacAlgorithm::Sha256, |input| input.write(text.as_bytes()));
        let forged = format!("exp={EXPIRY}{delimiter}data=d{delimiter}hmac={tag:x}");
        let asked = Asked { target, ..Asked::default() };
        assert_eq!(check(&rules, &forged, &asked), Err(TokenRejection::Signature), "{delimiter}");
    }
}

#[test]
fn rare_forms_do_not_use_up_the_checks_of_usual_ones() {
    let keys: Vec<(String, String)> =
        (0..20).map(|n| (format!("k{n}"), format!("{n:04x}"))).collect();
    let keys: Vec<(&str, &str)> =
        keys.iter().map(|(id, hex)| (id.as_str(), hex.as_str())).collect();
    let all = EdgeAuth::with_keys(ring(&keys));
    let last = EdgeAuth::with_keys(ring(&keys[19..]));
    let path = "/private/a~(b).mp4";
    let asked = Asked { target: path, ..Asked::default() };
    assert_eq!(check(&all, &signed(&last, &url(path)), &asked), Ok(()));
    let rare = SignRequest { escape: Some(EscapeDialect::Java), ..url(path) };
    let refused = check(&all, &signed(&last, &rare), &asked);
    assert_eq!(refused, Err(TokenRejection::TooManyChecks));
}
