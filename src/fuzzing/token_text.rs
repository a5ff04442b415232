//! Targets of `token` without a key: the text of a token, and where it rides.

use super::input::Input;
use super::paths::MAX_TARGET_BYTES;
use crate::clock::UnixSeconds;
use crate::target::{PathToken, RequestTarget, percent_decode};
use crate::token::edge_auth::UnverifiedToken;
use crate::token::{
    Candidates, Carrier, CarrierRules, Claims, Scope, TokenRejection, without_parameter,
};

/// The token's name; the corpus knows it.
pub(super) const TOKEN_NAME: &str = "__token__";

/// The whole input is the text of a token, under the usual delimiter and a longer one.
pub fn token_wire(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for delimiter in ["~", "||"] {
        let parsed = UnverifiedToken::parse(text, delimiter);
        let read = TokenReading::of(text, delimiter);
        match (parsed, read) {
            (Ok(token), Some(reading)) => {
                assert_eq!((token.body(), *token.claims()), (reading.body, reading.claims));
            }
            (Err(_), None) => {}
            (Ok(token), None) => panic!("accepted, against the grammar: {token:?}"),
            (Err(why), Some(reading)) => panic!("refused as {why:?}, should be {reading:?}"),
        }
    }
}

/// The text of a token, read a second time from the grammar: whole, and by look-up.
#[derive(Debug)]
struct TokenReading<'t> {
    body: &'t str,
    claims: Claims<'t>,
}

impl<'t> TokenReading<'t> {
    fn of(text: &'t str, delimiter: &str) -> Option<Self> {
        // From the left, as a delimiter may overlap itself: `a|||hmac=00` ends in `|hmac=00`.
        let last = text.split(delimiter).last()?;
        let body = text.strip_suffix(last)?.strip_suffix(delimiter)?;
        let mac = last.strip_prefix("hmac=")?;
        let whole_bytes = mac.len().is_multiple_of(2) && (2..=64).contains(&mac.len());
        if !whole_bytes || !mac.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let fields: Option<Vec<_>> =
            body.split(delimiter).map(|field| field.split_once('=')).collect();
        let fields = fields?;
        if fields.iter().any(|(name, _)| matches!(*name, "url" | "salt" | "hmac")) {
            return None;
        }
        // None: there twice. Some(None): not there.
        let field = |wanted: &str| {
            let mut values = fields.iter().filter(|(name, _)| *name == wanted);
            let first = values.next().map(|(_, value)| *value);
            values.next().is_none().then_some(first)
        };
        let seconds = |wanted: &str| {
            let Some(text) = field(wanted)? else { return Some(None) };
            // A leading `+` is what the digits rule is about; the parser would take it.
            let value = (!text.starts_with('+')).then(|| text.parse::<u64>().ok()).flatten()?;
            Some(Some(UnixSeconds::new(value)))
        };
        let claims = Claims {
            start: seconds("st")?,
            expiry: seconds("exp")??,
            scope: field("acl")?.map_or(Scope::SignedUrl, Scope::Acl),
            ip: field("ip")?,
            id: field("id")?,
            payload: field("data")?,
        };
        Some(Self { body, claims })
    }
}

/// A request's target, its token header and then any number of `Cookie` values, a line each; the
/// first byte says which carriers are allowed.
pub fn candidates(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let allowed = input.byte();
    let Some(text) = input.text_line() else { return };
    let header = input.line();
    let header = (!header.is_empty()).then_some(header);
    let mut cookies = Vec::new();
    while !input.is_empty() {
        cookies.push(input.line());
    }
    let carriers: Vec<Carrier> = (0..)
        .zip(Carrier::ALL)
        .filter(|(bit, _)| allowed >> bit & 1 == 1)
        .map(|(_, it)| *it)
        .collect();
    let rules = CarrierRules::new(TOKEN_NAME, &carriers);
    let parse = |text: &str| {
        RequestTarget::parse(text, PathToken::Named(TOKEN_NAME), MAX_TARGET_BYTES).ok()
    };
    let collect = |target: &RequestTarget| {
        Candidates::collect(&rules, target, header.into_iter(), cookies.iter().copied())
    };
    let Some(target) = parse(text) else { return };
    let query = target.query().unwrap_or_default();
    check_found(&collect(&target), &rules, &target, header);

    let rest = without_parameter(query, TOKEN_NAME);
    assert_eq!(without_parameter(&rest, TOKEN_NAME), rest, "removal is not stable");
    let is_token = |name: &str| percent_decode(name).as_deref() == Some(TOKEN_NAME);
    let Some(bare) = parse(&format!("{}?{rest}", target.wire())) else {
        panic!("without its token the target no longer parses: {rest}")
    };
    let kept: Vec<_> = target.parameters().filter(|(name, _)| !is_token(name)).collect();
    assert_eq!(bare.parameters().collect::<Vec<_>>(), kept, "removal touched another parameter");
    assert_eq!(bare.path_token(), None, "a second token is left in the path");
    if let Ok(left) = collect(&bare).to_try() {
        let gone = |carrier| matches!(carrier, Carrier::Query | Carrier::Path);
        assert!(!left.iter().any(|it| gone(it.carrier)), "a token is left: {left:?}");
    }
}

fn check_found(
    found: &Candidates,
    rules: &CarrierRules,
    target: &RequestTarget,
    header: Option<&[u8]>,
) {
    let in_query = target
        .parameters()
        .filter(|(name, _)| percent_decode(name).as_deref() == Some(rules.name()))
        .map(|(_, value)| value);
    let in_query: Vec<&str> =
        if rules.allows(Carrier::Query) { in_query.collect() } else { Vec::new() };
    let in_header = header.filter(|_| rules.allows(Carrier::Header)).map(String::from_utf8_lossy);
    let in_path = target.path_token().filter(|_| rules.allows(Carrier::Path));
    let mut single = in_query.clone();
    single.extend(in_header.as_deref());
    single.extend(in_path);
    match found.to_try() {
        Ok(found) => {
            assert!(found.is_sorted_by_key(|it| it.carrier), "out of order: {found:?}");
            let cookies = found.iter().filter(|it| it.carrier == Carrier::Cookie).count();
            assert!((1..=5).contains(&found.len()) && found.len() - cookies <= 1 && cookies <= 4);
            assert_eq!(found.len() - cookies, usize::from(!single.is_empty()));
            for it in found {
                assert!(rules.allows(it.carrier), "{:?} is not allowed", it.carrier);
                let decoded = percent_decode(&it.raw);
                let decoded = decoded.as_deref().filter(|decoded| **decoded != *it.raw);
                assert_eq!(it.decoded.as_deref(), decoded);
            }
        }
        Err(TokenRejection::Missing) => assert!(single.is_empty(), "not seen: {single:?}"),
        Err(TokenRejection::Ambiguous) => {
            let decoded =
                |raw: &str| percent_decode(raw).unwrap_or_else(|| raw.into()).into_owned();
            let first = single.first().map(|raw| decoded(raw));
            let differs = single.iter().any(|raw| Some(decoded(raw)) != first);
            assert!(differs, "ambiguous without two tokens: {single:?}");
        }
        Err(why) => panic!("no token was looked at, and refused as {why:?}"),
    }
}
