//! The target of `token::edge_auth::verify`: whatever is done to the text of a token, only what
//! was signed verifies, for what was signed, when it may. A token whose id is a link's is signed by
//! a key of our own: its payload must be bound to the request in one of the two ways, and say no
//! more than the terms that there are.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::input::{Input, chosen};
use super::path_reading::decode;
use super::paths::{MAX_TARGET_BYTES, covers};
use super::token_text::TOKEN_NAME;
use crate::clock::UnixSeconds;
use crate::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, MacAlgorithm, SharedKey};
use crate::network::ClientIp;
use crate::secret::Secret;
use crate::target::{PathToken, RequestTarget, percent_decode};
use crate::token::edge_auth::{
    EdgeAuth, EscapeDialect, EscapeUrl, QueryRule, SignRequest, SignScope, StartRule,
    UnverifiedToken, UrlForm, near_misses, sign, verify,
};
use crate::token::{
    Candidates, Carrier, CarrierRules, MacBudget, Scope, Subject, TokenCandidate, TokenRejection,
};

const START: UnixSeconds = UnixSeconds::new(1_000);
const EXPIRY: UnixSeconds = UnixSeconds::new(1_100);
/// Whose site it is.
const TENANT: u64 = 1;
const KEY: &str = "52a152a152a152a152a152a152a1";
const STRANGERS_KEY: &str = "52a152a152a152a152a152a152a2";

/// Four bytes of settings, then, a line each: what is signed (ACL patterns joined by `!`, or a
/// URL), the id, the payload, and the target asked for (the signed one where empty); what follows
/// is done to the token's text.
pub fn token_verify(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let settings = Settings::read(&mut input);
    let lines = (input.text_line(), input.text_line(), input.text_line(), input.text_line());
    let (Some(opens), Some(id), Some(payload), Some(asked)) = lines else { return };
    let purpose = if id.starts_with("lnk_") { KeyPurpose::Links } else { KeyPurpose::Vendor };
    let rules = settings.rules(purpose);
    let key = match settings.signer {
        Signer::Ours => rules.keyring.signer(settings.now),
        Signer::Retired => rules.keyring.signer_named("retired"),
        Signer::Stranger => None,
    };
    let strangers = keyring(STRANGERS_KEY, purpose);
    let Some(key) = key.or_else(|| strangers.signer(settings.now)) else { return };

    let signed_url = (settings.scope == ScopeKind::Url).then(|| target(opens)).flatten();
    let asked = if asked.is_empty() { signed_url.clone() } else { target(asked) };
    let Some(asked) = asked else { return };
    let signed_url = signed_url.map(|url| SignedUrl::of(&rules, &url));
    let url = signed_url.as_ref().map(SignedUrl::text);
    let patterns: Vec<&str> = opens.split('!').collect();
    let scope = match (&url, settings.scope) {
        (Some(url), ScopeKind::Url) => SignScope::Url(url),
        (None, ScopeKind::Url) => return,
        (_, ScopeKind::Acl) => SignScope::Acl(&patterns),
    };
    let request = SignRequest {
        scope,
        start: settings.start,
        expiry: EXPIRY,
        ip: settings.bound_to.map(Into::into),
        id: (!id.is_empty()).then_some(id),
        payload: (!payload.is_empty()).then_some(payload),
        escape: settings.escape,
    };
    let Ok(token) = sign(&rules, key, &request) else { return };
    says_what_was_asked(&rules, &token, &request);

    let covered = match &signed_url {
        Some(url) => *url == SignedUrl::of(&rules, &asked) && !url.is_ambiguous(&rules),
        None => acl_covers(opens, asked.wire()),
    };
    let valid = covered
        && settings.signer == Signer::Ours
        && (purpose == KeyPurpose::Vendor || request.payload.is_none_or(|it| is_of(it, &asked)))
        && settings.client == settings.bound_to.map_or(settings.client, ClientIp::new)
        && settings.may_open();
    let honest = present(&rules, &settings, &token, &asked);
    match honest {
        Some(Ok(text)) => {
            assert!(valid, "a token opens what it was not signed for: {token}");
            assert_eq!(text, token);
        }
        Some(Err(TokenRejection::Malformed(_))) if settings.scope == ScopeKind::Acl => {}
        Some(Err(why)) => assert!(!valid, "{why:?} for an honest token {token}"),
        None => {}
    }

    let (body, mac) = token.rsplit_once('=').unwrap_or_default();
    let forged = edited(&token, input.rest(), &[&rules.field_delimiter, "acl=/*", "url=", opens]);
    if let Some(Ok(text)) = present(&rules, &settings, &forged, &asked) {
        let same = text
            .rsplit_once('=')
            .is_some_and(|(its, tag)| its == body && tag.eq_ignore_ascii_case(mac));
        assert!(same, "{text} verifies, {token} was signed");
        assert!(valid, "opened by editing: {forged}");
    }
}

/// A verifier reads of a token what its signer was asked to say.
fn says_what_was_asked(rules: &EdgeAuth, token: &str, request: &SignRequest<'_>) {
    let Ok(read) = UnverifiedToken::parse(token, &rules.field_delimiter) else {
        panic!("what was signed does not read: {token}")
    };
    let said = |text: &str| request.escape.map_or(text.to_owned(), |dialect| dialect.escape(text));
    let claims = read.claims();
    assert_eq!((claims.start, claims.expiry), (request.start, request.expiry));
    assert_eq!(claims.id.map(str::to_owned), request.id.map(said), "{token}");
    assert_eq!(claims.payload.map(str::to_owned), request.payload.map(said), "{token}");
    assert_eq!(
        claims.ip.map(str::to_owned),
        request.ip.map(|ip| said(&ip.addr().to_canonical().to_string()))
    );
    match request.scope {
        SignScope::Acl(patterns) => {
            let acl = patterns.join(&rules.acl_delimiter);
            assert_eq!(claims.scope, Scope::Acl(&acl), "{token}");
        }
        SignScope::Url(_) => assert_eq!(claims.scope, Scope::SignedUrl, "{token}"),
    }
}

/// Sends a token in the header. The text that verified, or why none did; nothing where the text
/// is no token at all.
fn present(
    rules: &EdgeAuth,
    settings: &Settings,
    token: &str,
    asked: &RequestTarget,
) -> Option<Result<String, TokenRejection>> {
    let carriers = CarrierRules::new(TOKEN_NAME, &[Carrier::Header]);
    let header = [token.as_bytes()].into_iter();
    let found = Candidates::collect(&carriers, asked, header, std::iter::empty());
    let Ok([candidate]) = found.to_try() else { return None };
    let subject = Subject::as_asked(asked, TENANT);
    let (client, now) = (settings.client, settings.now);
    let check = |candidate: &TokenCandidate| {
        let mut budget = MacBudget::new();
        verify(rules, TOKEN_NAME, candidate, subject, client, now, &mut budget)
            .map(|verified| assert_eq!(verified.key().as_str(), "ours"))
    };
    let verdict = check(candidate);
    let hints = near_misses(rules, TOKEN_NAME, candidate, subject, client, now);
    // A hint may quote the ACL and the path, into which a fuzzer writes what it likes.
    let (body, tag) = token.rsplit_once('=').unwrap_or(("", token));
    let quotable = format!("{body} {}", asked.wire());
    for secret in [KEY, tag].into_iter().filter(|it| it.len() >= 28 && !quotable.contains(it)) {
        assert!(!hints.iter().any(|hint| hint.contains(secret)), "{hints:?}");
    }
    if let Err(why) = verdict {
        return Some(Err(why));
    }
    // Which of its two readings was it? The one that verifies alone.
    let raw = TokenCandidate { decoded: None, ..candidate.clone() };
    if check(&raw).is_ok() {
        return Some(Ok(raw.raw.into()));
    }
    let decoded = candidate.decoded.clone().unwrap_or_default();
    let decoded = TokenCandidate { raw: decoded, decoded: None, ..raw };
    assert_eq!(check(&decoded), Ok(()), "neither reading verifies alone");
    Some(Ok(decoded.raw.into()))
}

/// What a URL token opens, in the form that these rules sign.
#[derive(Debug, PartialEq, Eq)]
struct SignedUrl {
    path: String,
    query: Option<String>,
}

impl SignedUrl {
    fn of(rules: &EdgeAuth, target: &RequestTarget) -> Self {
        let path = match rules.url_form {
            UrlForm::Decoded => target.decoded(),
            UrlForm::Raw => target.wire(),
        };
        let query = target.query().filter(|_| rules.query == QueryRule::Signed);
        let signed = query.unwrap_or_default().split('&').filter(|piece| {
            let name = piece.split('=').next().unwrap_or_default();
            percent_decode(name).as_deref() != Some(TOKEN_NAME)
        });
        let signed: Vec<&str> = signed.collect();
        let some = !matches!(signed[..], [] | [""]);
        Self { path: path.to_owned(), query: some.then(|| signed.join("&")) }
    }

    /// A `?` in the path would read as the beginning of the query.
    fn is_ambiguous(&self, rules: &EdgeAuth) -> bool {
        rules.query == QueryRule::Signed && self.path.contains('?')
    }

    fn text(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Does one of the patterns cover the path? An ACL that was escaped as a whole counts decoded.
fn acl_covers(acl: &str, path: &str) -> bool {
    let escaped = !acl.contains('/') && acl.to_ascii_lowercase().contains("%2f");
    let acl = if escaped { decode(acl.as_bytes()).0 } else { acl.as_bytes().to_vec() };
    acl.split(|byte| *byte == b'!').any(|pattern| covers(pattern, path.as_bytes()))
}

fn target(text: &str) -> Option<RequestTarget> {
    RequestTarget::parse(text, PathToken::Absent, MAX_TARGET_BYTES).ok()
}

/// Is a payload of ours one of this request? Read the other way round: what it can be is written.
fn is_of(payload: &str, asked: &RequestTarget) -> bool {
    let digest = |parts: &[&str]| {
        let mut text = TENANT.to_le_bytes().to_vec();
        for part in parts {
            text.extend(part.len().to_le_bytes());
            text.extend(part.bytes());
        }
        URL_SAFE_NO_PAD.encode(Sha256::digest(text).get(..12).unwrap_or_default())
    };
    let owner = match asked.decoded().split('/').collect::<Vec<_>>()[..] {
        ["", _, kind, id, _, ..] => Some(digest(&[kind, id])),
        _ => None,
    };
    let mut signed = Vec::new();
    for parameter in asked.query().unwrap_or_default().split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let Some(name) = percent_decode(name) else { continue };
        if ["quality", "source", "file-name", "streaming"].contains(&&*name) {
            signed.push(name);
            signed.push(percent_decode(value).unwrap_or(value.into()));
        }
    }
    let signed: Vec<&str> = signed.iter().map(|it| &**it).collect();
    let bindings = [owner.map(|it| format!("1.c{it}")), Some(format!("1.q{}", digest(&signed)))];
    let mut rest = bindings.iter().flatten().find_map(|it| payload.strip_prefix(&**it));
    for flag in [".u", ".a", ".o", ".s"] {
        rest = rest.map(|rest| rest.strip_prefix(flag).unwrap_or(rest));
    }
    rest.is_some_and(are_terms_with_values)
}

/// `.p` and a count, then `.i` and `.t` and a mark each, any of which may be missing.
fn are_terms_with_values(text: &str) -> bool {
    let is_count =
        |value: &str| value.parse::<u16>().is_ok_and(|it| it > 0 && it.to_string() == value);
    let is_mark = |value: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(value).unwrap_or_default();
        bytes.len() == 8 && URL_SAFE_NO_PAD.encode(bytes) == value
    };
    let mut allowed = "pit".chars();
    let Some(items) = text.strip_prefix('.') else { return text.is_empty() };
    items.split('.').all(|item| {
        let mut letters = item.chars();
        let Some(kind) = letters.next() else { return false };
        let value = letters.as_str();
        allowed.any(|it| it == kind) && if kind == 'p' { is_count(value) } else { is_mark(value) }
    })
}

fn keyring(hex: &str, purpose: KeyPurpose) -> Keyring {
    let key = |id, hex, not_after| {
        let window = KeyWindow { not_before: None, not_after };
        SharedKey::from_hex(KeyId::new(id), hex, purpose, window).ok()
    };
    let retired = key("retired", "00ff", Some(UnixSeconds::new(1)));
    Keyring::new([key("ours", hex, None), retired].into_iter().flatten().collect())
}

/// What is done to a text: an operation, a position of two bytes, and a value, over and over.
fn edited(token: &str, edits: &[u8], words: &[&str]) -> String {
    let mut text = token.as_bytes().to_vec();
    for [operation, high, low, value] in edits.as_chunks::<4>().0 {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
        let end = text.len().min(at + usize::from(*value));
        match operation % 7 {
            0 => text.insert(at, *value),
            1 => drop(text.drain(at..end)),
            2 => text.iter_mut().skip(at).take(1).for_each(|byte| *byte = *value),
            3 => drop(text.splice(at..at, chosen(words, *value).bytes())),
            4 => {
                let byte = text.get(at).copied();
                let escape = byte.map(|byte| format!("%{byte:02x}")).unwrap_or_default();
                drop(text.splice(at..text.len().min(at + 1), escape.bytes()));
            }
            5 => {
                let copy: Vec<u8> = text.drain(at..end).collect();
                text.extend(copy);
            }
            _ => text.iter_mut().skip(at).take(end - at).for_each(|byte| *byte ^= 0x20),
        }
        // Grows by a word at most each time; no header is longer.
        text.truncate(MAX_TARGET_BYTES);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScopeKind {
    Acl,
    Url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signer {
    Ours,
    Retired,
    Stranger,
}

/// The first four bytes of an input.
#[derive(Debug)]
struct Settings {
    algorithm: MacAlgorithm,
    query: QueryRule,
    url_form: UrlForm,
    escape_url: EscapeUrl,
    salt: Option<&'static str>,
    delimiter: &'static str,
    scope: ScopeKind,
    start: Option<UnixSeconds>,
    bound_to: Option<IpAddr>,
    client: ClientIp,
    escape: Option<EscapeDialect>,
    signer: Signer,
    now: UnixSeconds,
    skew: u64,
    max_lifetime: Option<u64>,
}

impl Settings {
    fn read(input: &mut Input<'_>) -> Self {
        let (site, token, time, limits) = (input.byte(), input.byte(), input.byte(), input.byte());
        let bit = |byte: u8, bit: u8| byte >> bit & 1 == 1;
        let escape_url = chosen(&[EscapeUrl::Auto, EscapeUrl::Off, EscapeUrl::On], site >> 4 & 3);
        let dialect = chosen(EscapeDialect::ALL, token >> 3);
        let escape = match escape_url {
            EscapeUrl::Auto => bit(token, 5).then_some(dialect),
            EscapeUrl::Off => None,
            EscapeUrl::On => Some(dialect),
        };
        let ours = IpAddr::from([192, 0, 2, 1]);
        let other = IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0202]);
        Self {
            algorithm: chosen(MacAlgorithm::ALL, site & 3),
            query: if bit(site, 2) { QueryRule::Signed } else { QueryRule::Ignored },
            url_form: if bit(site, 3) { UrlForm::Decoded } else { UrlForm::Raw },
            escape_url,
            salt: bit(site, 6).then_some("salt"),
            delimiter: if bit(site, 7) { "||" } else { "~" },
            scope: if bit(token, 0) { ScopeKind::Url } else { ScopeKind::Acl },
            start: bit(token, 1).then_some(START),
            bound_to: bit(token, 2).then_some(ours),
            client: ClientIp::new(if bit(token, 6) { other } else { ours }),
            escape,
            signer: chosen(
                &[Signer::Ours, Signer::Ours, Signer::Retired, Signer::Stranger],
                token >> 6,
            ),
            now: UnixSeconds::new(950 + u64::from(time)),
            skew: u64::from(limits & 0x0f),
            max_lifetime: (limits >> 4 != 0).then(|| u64::from(limits >> 4) * 20),
        }
    }

    fn rules(&self, purpose: KeyPurpose) -> EdgeAuth {
        EdgeAuth {
            algorithm: self.algorithm,
            salt: self.salt.map(|salt| Secret::new(salt.as_bytes().to_vec())),
            query: self.query,
            escape_url: self.escape_url,
            url_form: self.url_form,
            field_delimiter: self.delimiter.into(),
            skew: self.skew,
            max_lifetime: self.max_lifetime,
            start: StartRule::Optional,
            ..EdgeAuth::with_keys(keyring(KEY, purpose))
        }
    }

    /// Do the dates and limits let a token through now?
    fn may_open(&self) -> bool {
        let (now, expiry) = (self.now.get(), EXPIRY.get());
        let started = self.start.is_none_or(|start| start.get() <= now + self.skew);
        let life = expiry.saturating_sub(self.start.unwrap_or(self.now).get());
        started && now <= expiry + self.skew && self.max_lifetime.is_none_or(|most| life <= most)
    }
}
