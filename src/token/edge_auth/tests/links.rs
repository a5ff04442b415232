//! What was signed opens what it says, when, where and for whom it says.

use proptest::prelude::*;

use super::super::*;
use super::fixture::{Asked, EXPIRY, KEY, acl, candidate, check, ring, rules, signed, url};
use crate::clock::UnixSeconds;
use crate::keyring::MacAlgorithm;
use crate::network::ClientIp;
use crate::secret::Secret;
use crate::target::{PathToken, RequestTarget};
use crate::token::{MalformedToken, Subject, TokenRejection};

/// The vectors of requirements F, made with the reference implementation, both ways.
#[test]
fn vectors_of_the_reference_implementation() {
    let plain = rules();
    let thumbnail = "/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912";
    let cases = [
        (
            acl(&["/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912*"]),
            thumbnail,
            "exp=1893456000~acl=/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912*~hmac=63b80557002ed3a097ada81e5e683fd0e793de0d2dbee7a185712c604cdc04cf",
        ),
        (
            acl(&["/private/videos/a/*", "/private/channels/7/*"]),
            "/private/channels/7/attachments/t/f",
            "exp=1893456000~acl=/private/videos/a/*!/private/channels/7/*~hmac=5a63d81ccf2ed5c7dd26853cd8b99981b3ce0354ae7adc5f24aaf126a531fdd4",
        ),
        (
            SignRequest {
                start: Some(UnixSeconds::new(1_893_448_800)),
                ip: Some("192.168.2.1/32".parse().unwrap()),
                id: Some("s1"),
                payload: Some("t=ag_01"),
                ..acl(&["/private/*"])
            },
            "/private/anything",
            "ip=192.168.2.1~st=1893448800~exp=1893456000~acl=/private/*~id=s1~data=t=ag_01~hmac=1bf03c7c5e703dd27de7e3acd844db5210b20245babe354d999fcb8192c37665",
        ),
        (
            url(thumbnail),
            thumbnail,
            "exp=1893456000~hmac=6a6303d2b0f4ebcbd78688fb19d0f1ef97ed58bd34edb03a32134de15623fa3a",
        ),
    ];
    for (request, target, expected) in cases {
        assert_eq!(signed(&plain, &request), expected);
        let asked = Asked { target, client: "192.168.2.1", ..Asked::default() };
        assert_eq!(check(&plain, expected, &asked), Ok(()), "{expected}");
    }
    let salted = EdgeAuth { salt: Some(Secret::new(b"pepper".to_vec())), ..rules() };
    let expected = "exp=1893456000~acl=/private/*~hmac=a129eaccfba2db87dbb3251b834ab4669f8fccc56e3c3a0f1953653033cee6c2";
    assert_eq!(signed(&salted, &acl(&["/private/*"])), expected);
    assert_eq!(check(&salted, expected, &Asked::default()), Ok(()));
    assert_eq!(check(&plain, expected, &Asked::default()), Err(TokenRejection::Signature));
}

/// Tokens seen in the field (tokens.md 1.8).
#[test]
fn vectors_of_the_field() {
    let short = EdgeAuth::with_keys(ring(&[("k", "1234")]));
    for (token, target, now) in [
        (
            "exp=1622136497~acl=/*~hmac=ec70c1b6fb2b2baa4dd58e3a4bc1b8e333b63288fdc2d13c5a9b5037d1bba5ea",
            "/hls/a.m3u8",
            1_622_136_497,
        ),
        (
            "st=1528033089~exp=1528036689~acl=/hls/*~hmac=75aa31dd3ddb3a5c64baf27879818f8b5d8223331fe6fe246df21ebf79a0b94c",
            "/hls/a.m3u8",
            1_528_033_089,
        ),
    ] {
        assert_eq!(check(&short, token, &Asked { target, now, ..Asked::default() }), Ok(()));
    }
    let both = EdgeAuth::with_keys(ring(&[("k", "52a152a152a152a152a152a152a1")]));
    let times = SignRequest {
        start: Some(UnixSeconds::new(1_800_000_000)),
        expiry: UnixSeconds::new(1_900_000_000),
        ..acl(&["/a/*", "/b"])
    };
    assert!(
        signed(&both, &times)
            .ends_with("hmac=9df35bdc9e3f044e5029b1abd8c87077cd25d398e66202ac6c3ba01d1ba278d9")
    );
    let url = SignRequest { scope: SignScope::Url("/akamai/edgeauth/*"), ..times };
    assert!(
        signed(&both, &url)
            .ends_with("hmac=15cee6c2ae2014c1924466546b3a78636677d98db1fc42fef57b24471b872209")
    );
}

#[test]
fn dates_include_both_ends_to_the_second() {
    let request = SignRequest {
        start: Some(UnixSeconds::new(1000)),
        expiry: UnixSeconds::new(2000),
        ..acl(&["/*"])
    };
    let at = |rules: &EdgeAuth, now| {
        check(rules, &signed(rules, &request), &Asked { now, ..Asked::default() })
            .map_err(TokenRejection::code)
    };
    let strict = rules();
    assert_eq!(at(&strict, 999), Err("token_not_yet_valid"));
    assert_eq!(at(&strict, 1000), Ok(()));
    assert_eq!(at(&strict, 2000), Ok(()));
    assert_eq!(at(&strict, 2001), Err("token_expired"));
    let lenient = EdgeAuth { skew: 10, ..rules() };
    assert_eq!(at(&lenient, 989), Err("token_not_yet_valid"));
    assert_eq!(at(&lenient, 990), Ok(()));
    assert_eq!(at(&lenient, 2010), Ok(()));
    assert_eq!(at(&lenient, 2011), Err("token_expired"));
    let brief = EdgeAuth { max_lifetime: Some(999), ..rules() };
    assert_eq!(at(&brief, 1500), Err("token_lifetime"));
    let exact = EdgeAuth { max_lifetime: Some(1000), ..rules() };
    assert_eq!(at(&exact, 1500), Ok(()));
}

#[test]
fn lifetime_without_a_start_counts_from_now() {
    let rules = EdgeAuth { max_lifetime: Some(100), ..rules() };
    let token = signed(&rules, &acl(&["/*"]));
    let at = |now| check(&rules, &token, &Asked { now, ..Asked::default() });
    assert_eq!(at(EXPIRY - 101), Err(TokenRejection::Lifetime));
    assert_eq!(at(EXPIRY - 100), Ok(()));
    let required = EdgeAuth { start: StartRule::Required, ..self::rules() };
    assert_eq!(check(&required, &token, &Asked::default()), Err(TokenRejection::Lifetime));
}

#[test]
fn addresses_are_compared_as_addresses() {
    let rules = rules();
    let bound = |ip: &str| {
        signed(
            &rules,
            &SignRequest {
                ip: Some(ip.parse::<std::net::IpAddr>().unwrap().into()),
                ..acl(&["/*"])
            },
        )
    };
    let from = |token: &str, client| check(&rules, token, &Asked { client, ..Asked::default() });
    for (ip, client, expected) in [
        ("192.0.2.1", "192.0.2.1", Ok(())),
        ("192.0.2.1", "::ffff:192.0.2.1", Ok(())),
        ("::ffff:192.0.2.1", "192.0.2.1", Ok(())),
        ("2001:db8::1", "2001:db8:0:0:0:0:0:1", Ok(())),
        ("192.0.2.1", "192.0.2.2", Err(TokenRejection::Ip)),
        ("2001:db8::1", "192.0.2.1", Err(TokenRejection::Ip)),
    ] {
        assert_eq!(from(&bound(ip), client), expected, "{ip} from {client}");
    }
    // Written by another signer: escaped, and as a network.
    let key = rules.keyring.signer(UnixSeconds::new(0)).unwrap();
    let other = |ip: &str| {
        let body = format!("ip={ip}~exp={EXPIRY}~acl=/*");
        let tag = key.tag(MacAlgorithm::Sha256, |input| input.write(body.as_bytes()));
        format!("{body}~hmac={tag:x}")
    };
    assert_eq!(from(&other("2001%3adb8%3a%3a1"), "2001:db8::1"), Ok(()));
    let malformed = Err(TokenRejection::Malformed(MalformedToken::Ip));
    assert_eq!(from(&other("192.0.2.0/24"), "192.0.2.9"), malformed);
    assert_eq!(from(&other("192.0.2.01"), "192.0.2.1"), malformed);
    let ranges = EdgeAuth { ip_form: IpForm::AddressOrNetwork, ..self::rules() };
    let asked = |client| Asked { client, ..Asked::default() };
    assert_eq!(check(&ranges, &other("192.0.2.0/24"), &asked("192.0.2.9")), Ok(()));
    assert_eq!(
        check(&ranges, &other("192.0.2.0/24"), &asked("192.0.3.9")),
        Err(TokenRejection::Ip)
    );
}

#[test]
fn every_key_verifies_and_the_first_signs() {
    let old = EdgeAuth::with_keys(ring(&[("old", "01")]));
    let both = EdgeAuth::with_keys(ring(&[("new", "02"), ("old", "01")]));
    let new = EdgeAuth::with_keys(ring(&[("new", "02")]));
    let asked = Asked::default();
    assert_eq!(check(&both, &signed(&old, &acl(&["/*"])), &asked), Ok(()));
    assert_eq!(signed(&both, &acl(&["/*"])), signed(&new, &acl(&["/*"])));
    let dropped = check(&new, &signed(&old, &acl(&["/*"])), &asked);
    assert_eq!(dropped, Err(TokenRejection::Signature));
}

#[test]
fn acl_tokens_bind_the_path_as_sent_and_not_the_query() {
    let rules = rules();
    for (pattern, target, expected) in [
        ("/private/x", "/private/x?quality=1&anything", Ok(())),
        ("/private/*", "/private/a/b/c", Ok(())),
        ("/private/%EC%95%88", "/private/%EC%95%88", Ok(())),
        ("/private/%EC%95%88", "/private/%ec%95%88", Err(TokenRejection::Scope)),
        ("/private/y", "/private/x", Err(TokenRejection::Scope)),
        ("*", "/private/x", Ok(())),
    ] {
        let token = signed(&rules, &acl(&[pattern]));
        let asked = Asked { target, ..Asked::default() };
        assert_eq!(check(&rules, &token, &asked), expected, "{pattern} {target}");
    }
}

#[test]
fn acls_that_are_encoded_as_a_whole_are_decoded_once() {
    let rules = rules();
    let key = rules.keyring.signer(UnixSeconds::new(0)).unwrap();
    let with_acl = |acl: &str| {
        let body = format!("exp={EXPIRY}~acl={acl}");
        let tag = key.tag(MacAlgorithm::Sha256, |input| input.write(body.as_bytes()));
        format!("{body}~hmac={tag:x}")
    };
    let asked = |target| Asked { target, ..Asked::default() };
    assert_eq!(check(&rules, &with_acl("%2fprivate%2f*"), &asked("/private/x")), Ok(()));
    assert_eq!(check(&rules, &with_acl("*%2fa%2f*"), &asked("/private/a/x")), Ok(()));
    assert_eq!(check(&rules, &with_acl("%2fa%2f*%21%2fb"), &asked("/b")), Ok(()));
    // With a raw slash it means itself.
    let refused = Err(TokenRejection::Scope);
    assert_eq!(check(&rules, &with_acl("/private%2f*"), &asked("/private/x")), refused);
    let malformed = |why| Err(TokenRejection::Malformed(why));
    for bad in ["", "private/*", "?", "/a!", "!"] {
        let expected = malformed(MalformedToken::AclPattern);
        assert_eq!(check(&rules, &with_acl(bad), &asked("/private/x")), expected, "{bad}");
    }
    let many = vec!["/a"; 17].join("!");
    assert_eq!(
        check(&rules, &with_acl(&many), &asked("/a")),
        malformed(MalformedToken::AclTooLarge)
    );
    let sixteen = vec!["/a"; 16].join("!");
    assert_eq!(check(&rules, &with_acl(&sixteen), &asked("/a")), Ok(()));
    let long = format!("/{}", "a".repeat(1024));
    assert_eq!(
        check(&rules, &with_acl(&long), &asked("/a")),
        malformed(MalformedToken::AclTooLarge)
    );
}

#[test]
fn url_tokens_with_and_without_the_query() {
    let ignored = rules();
    let included = EdgeAuth { query: QueryRule::Signed, ..rules() };
    let asked = |target| Asked { target, ..Asked::default() };
    let path_only = signed(&ignored, &url("/private/x"));
    assert_eq!(check(&ignored, &path_only, &asked("/private/x?q=1")), Ok(()));
    assert_eq!(check(&ignored, &path_only, &asked("/private/y")), Err(TokenRejection::Signature));
    assert_eq!(check(&included, &path_only, &asked("/private/x")), Ok(()));
    assert_eq!(
        check(&included, &path_only, &asked("/private/x?q=1")),
        Err(TokenRejection::Signature)
    );
    let whole = signed(&included, &url("/private/x?q=1&r=%2f"));
    for target in [
        "/private/x?q=1&r=%2f",
        "/private/x?q=1&r=%2f&__token__=t",
        "/private/x?__token__=t&q=1&r=%2f",
        "/private/x?q=1&%5f_token__=t&r=%2f",
    ] {
        assert_eq!(check(&included, &whole, &asked(target)), Ok(()), "{target}");
    }
    assert_eq!(
        check(&included, &whole, &asked("/private/x?r=%2f&q=1")),
        Err(TokenRejection::Signature)
    );
}

#[test]
fn escape_dialects_and_url_forms() {
    let path = "/private/a(b)*~c%20d'!";
    let asked = Asked { target: path, ..Asked::default() };
    let auto = rules();
    let off = EdgeAuth { escape_url: EscapeUrl::Off, ..rules() };
    let on = EdgeAuth { escape_url: EscapeUrl::On, ..rules() };
    let raw = signed(&auto, &url(path));
    assert_eq!(check(&auto, &raw, &asked), Ok(()));
    assert_eq!(check(&off, &raw, &asked), Ok(()));
    assert_eq!(check(&on, &raw, &asked), Err(TokenRejection::Signature));
    for &dialect in EscapeDialect::ALL {
        let request = SignRequest { escape: Some(dialect), ..url(path) };
        let token = signed(&auto, &request);
        assert_eq!(check(&auto, &token, &asked), Ok(()), "{dialect:?}");
        assert_eq!(check(&on, &token, &asked), Ok(()), "{dialect:?}");
        assert_eq!(check(&off, &token, &asked), Err(TokenRejection::Signature), "{dialect:?}");
    }
    let decoded = EdgeAuth { url_form: UrlForm::Decoded, ..rules() };
    let asked = Asked { target: "/private/a%20b", ..Asked::default() };
    let token = signed(&decoded, &url("/private/a b"));
    assert_eq!(check(&decoded, &token, &asked), Ok(()));
    assert_eq!(check(&auto, &token, &asked), Err(TokenRejection::Signature));
}

#[test]
fn a_proxy_that_encodes_the_token_changes_nothing() {
    let rules = rules();
    let token = signed(&rules, &acl(&["/private/*"]));
    let encoded =
        token.replace('=', "%3D").replace('~', "%7E").replace('/', "%2F").replace('*', "%2a");
    assert_eq!(check(&rules, &encoded, &Asked::default()), Ok(()));
    let twice = encoded.replace('%', "%25");
    assert!(check(&rules, &twice, &Asked::default()).is_err());
}

#[test]
fn near_misses_name_the_cause_and_no_secret() {
    let ask = |rules: &EdgeAuth, token: &str, asked: &Asked<'_>| {
        let target = RequestTarget::parse(asked.target, PathToken::Absent, 16_384).unwrap();
        let subject = Subject::as_asked(&target, 1);
        let client = ClientIp::new(asked.client.parse().unwrap());
        let misses = near_misses(
            rules,
            "__token__",
            &candidate(token),
            subject,
            client,
            UnixSeconds::new(asked.now),
        );
        let text = misses.join("; ");
        assert!(!text.contains("hmac=") && !text.contains(KEY), "{text}");
        text
    };
    let rules = rules();
    let default = Asked::default();
    let sha1 = signed(&EdgeAuth { algorithm: MacAlgorithm::Sha1, ..self::rules() }, &acl(&["/*"]));
    assert_eq!(ask(&rules, &sha1, &default), "verifies with SHA-1");
    let late = Asked { now: EXPIRY + 12, ..Asked::default() };
    let token = signed(&rules, &acl(&["/vod/a/*"]));
    assert_eq!(
        ask(&rules, &token, &late),
        "expired 12 s ago (exp=1893456000, now 1893456012); ACL covers /vod/a/*, asked /private/x"
    );
    let spaced = Asked { target: "/private/a%20b", ..Asked::default() };
    let token = signed(&rules, &url("/private/a b"));
    assert_eq!(
        ask(&rules, &token, &spaced),
        "verifies on the decoded path (url_form = \"decoded\")"
    );
    let token = signed(&rules, &url("/private/x?q=1"));
    let asked = Asked { target: "/private/x?q=1", ..Asked::default() };
    assert_eq!(
        ask(&rules, &token, &asked),
        "verifies with the query (ignore_query_string = false)"
    );
    let other = signed(&EdgeAuth::with_keys(ring(&[("x", "99")])), &acl(&["/*"]));
    assert!(ask(&rules, &other, &default).contains("no key of the site signed this text"));
    let bound = SignRequest { ip: Some("192.0.2.1/32".parse().unwrap()), ..acl(&["/*"]) };
    assert_eq!(
        ask(&rules, &signed(&rules, &bound), &default),
        "bound to 192.0.2.1, asked from 203.0.113.9"
    );
    let piped = EdgeAuth { field_delimiter: "|".into(), ..self::rules() };
    assert!(
        ask(&rules, &signed(&piped, &acl(&["/*"])), &default).contains("field_delimiter = \"|\"")
    );
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        start in proptest::option::of(0_u64..1000),
        expiry in 1001_u64..10_000,
        id in proptest::option::of("[a-zA-Z0-9_ -]{0,12}"),
        payload in proptest::option::of("[a-zA-Z0-9_= -]{0,12}"),
        salt in proptest::option::of("[ -~]{1,8}"),
        is_url in any::<bool>(),
        algorithm in 0_usize..3,
        path in "/[a-z0-9/*()!'.]{0,16}",
    ) {
        let Ok(target) = RequestTarget::parse(&path, PathToken::Absent, 8192) else { return Ok(()) };
        let rules = EdgeAuth {
            algorithm: MacAlgorithm::ALL[algorithm],
            salt: salt.map(|salt| Secret::new(salt.into_bytes())),
            ..rules()
        };
        let wire = target.wire().replace('!', "?");
        let patterns = [wire.as_str()];
        let scope = if is_url { SignScope::Url(target.wire()) } else { SignScope::Acl(&patterns) };
        let request = SignRequest {
            scope,
            start: start.map(UnixSeconds::new),
            expiry: UnixSeconds::new(expiry),
            ip: None,
            id: id.as_deref(),
            payload: payload.as_deref(),
            escape: None,
        };
        let token = signed(&rules, &request);
        // Spaces travel encoded, as any HTTP client sends them.
        let sent = token.replace(' ', "%20");
        let asked = Asked { target: &path, now: 1000, ..Asked::default() };
        prop_assert_eq!(check(&rules, &sent, &asked), Ok(()));
    }

    #[test]
    fn any_changed_bit_fails(position in 0_usize..1000, bit in 0_u8..7) {
        let rules = rules();
        let token = signed(&rules, &SignRequest { id: Some("s1"), ..acl(&["/private/*"]) });
        let mut bytes = token.clone().into_bytes();
        let position = position % bytes.len();
        bytes[position] ^= 1 << bit;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        if !changed.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) || changed.contains(['&', '?', '#']) {
            return Ok(());
        }
        // The case of a hexadecimal digit of the tag is no part of its value.
        prop_assume!(changed.to_lowercase() != token);
        prop_assert!(check(&rules, &changed, &Asked::default()).is_err(), "{}", changed);
    }
}
