//! Is a token valid for this request? The only place that makes a [`VerifiedToken`] of this
//! format.
//!
//! The signature is checked before anything is believed. The text as received is tried first and,
//! only if that does not verify, its one decoding; never twice.

use std::net::IpAddr;

use super::escape::EscapeDialect;
use super::options::{EdgeAuth, EscapeUrl, IpForm, QueryRule, StartRule, UrlForm};
use super::wire::UnverifiedToken;
use crate::clock::UnixSeconds;
use crate::keyring::{KeyPurpose, MacInput, VerifyingKey};
use crate::network::{ClientIp, parse_network};
use crate::target::{PathPattern, holds, percent_decode};
use crate::token::carrier::other_parameters;
use crate::token::{
    Claims, LinkPayload, MacBudget, MalformedToken, Scope, Subject, TokenCandidate, TokenRejection,
    VerifiedToken,
};

/// ACL patterns that are looked at, and their length together.
const MAX_ACL_PATTERNS: usize = 16;
const MAX_ACL_BYTES: usize = 1024;

/// Verifies one candidate. `token_name` is the parameter that a signed query never contained.
pub fn verify<'t>(
    rules: &EdgeAuth,
    token_name: &str,
    candidate: &'t TokenCandidate,
    subject: Subject<'_>,
    client: ClientIp,
    now: UnixSeconds,
    budget: &mut MacBudget,
) -> Result<VerifiedToken<'t>, TokenRejection> {
    let as_received = authenticate(rules, token_name, &candidate.raw, subject, now, budget);
    let authentic = match (as_received, candidate.decoded.as_deref()) {
        (Err(first), Some(decoded)) => {
            let second = authenticate(rules, token_name, decoded, subject, now, budget);
            // Of two refusals, the one that got further is the more useful.
            second.map_err(|second| if second.stage() > first.stage() { second } else { first })
        }
        (as_received, _) => as_received,
    };
    let (claims, key) = authentic?;
    check_dates(rules, &claims, now)?;
    check_scope(rules, &claims, subject)?;
    let payload = match key.purpose() {
        KeyPurpose::Links => payload_for(&claims, subject)?,
        KeyPurpose::Vendor => None,
    };
    check_ip(rules, &claims, client)?;
    Ok(VerifiedToken {
        claims,
        key: key.id().clone(),
        purpose: key.purpose(),
        payload,
        carrier: candidate.carrier,
    })
}

/// Does a candidate say that it is a link to one copy with a forensic tag, whether or not it is
/// valid? Nothing is believed: whoever shows such a link is given that copy or nothing.
pub fn says_copy(rules: &EdgeAuth, candidate: &TokenCandidate) -> bool {
    let says = |text: &str| {
        LinkPayload::may_say_copy(text)
            && UnverifiedToken::parse(text, &rules.field_delimiter)
                .ok()
                .and_then(|token| LinkPayload::parse(token.claims().payload?).ok())
                .is_some_and(|payload| payload.terms.copy.is_some())
    };
    says(&candidate.raw) || candidate.decoded.as_deref().is_some_and(says)
}

/// Taken apart, and signed by one of the keys.
fn authenticate<'t, 'k>(
    rules: &'k EdgeAuth,
    token_name: &str,
    text: &'t str,
    subject: Subject<'_>,
    now: UnixSeconds,
    budget: &mut MacBudget,
) -> Result<(Claims<'t>, VerifyingKey<'k>), TokenRejection> {
    let token =
        UnverifiedToken::parse(text, &rules.field_delimiter).map_err(TokenRejection::Malformed)?;
    // The usual form under every key first: the rarer ones must not use up the checks.
    for form in forms(rules, token_name, &token, subject) {
        for key in rules.keyring.verifiers(now) {
            budget.take().ok_or(TokenRejection::TooManyChecks)?;
            if form.is_signed_by(rules, &token, key) {
                return Ok((*token.claims(), key));
            }
        }
    }
    Err(TokenRejection::Signature)
}

/// Did this key sign this token, in any of the forms that the site allows? For explanations, which
/// have no budget.
pub(super) fn signed_by(
    rules: &EdgeAuth,
    token_name: &str,
    token: &UnverifiedToken<'_>,
    subject: Subject<'_>,
    key: VerifyingKey<'_>,
) -> bool {
    forms(rules, token_name, token, subject).any(|form| form.is_signed_by(rules, token, key))
}

/// A text that the tag may have been computed over.
struct Form<'a>(Option<SignedUrl<'a>>);

impl Form<'_> {
    fn is_signed_by(
        &self,
        rules: &EdgeAuth,
        token: &UnverifiedToken<'_>,
        key: VerifyingKey<'_>,
    ) -> bool {
        // A tag of another length can only be another algorithm's or a shortened one.
        token.mac().len() == rules.algorithm.tag_bytes()
            && key.verifies(rules.algorithm, token.mac(), |input| {
                write_signed_text(rules, token, self.0, input);
            })
    }
}

/// The forms that the site allows for this token, the most usual first.
fn forms<'a>(
    rules: &'a EdgeAuth,
    token_name: &'a str,
    token: &UnverifiedToken<'_>,
    subject: Subject<'a>,
) -> impl Iterator<Item = Form<'a>> {
    let plain = match token.claims().scope {
        Scope::Acl(_) => Some(Form(None)),
        Scope::SignedUrl => None,
    };
    let url = SignedUrl { rules, token_name, subject, escape: None };
    let signs_url = plain.is_none() && !url.has_two_readings();
    let raw = signs_url && rules.escape_url != EscapeUrl::On && !url.continues_a_field();
    let escaped = signs_url && rules.escape_url != EscapeUrl::Off;
    let dialects = EscapeDialect::ALL
        .iter()
        .filter(move |dialect| escaped && !url.repeats_an_earlier_dialect(**dialect))
        .map(move |dialect| Form(Some(SignedUrl { escape: Some(*dialect), ..url })));
    plain.into_iter().chain(raw.then_some(Form(Some(url)))).chain(dialects)
}

/// The URL that a URL token signs; written piece by piece, never put together.
#[derive(Clone, Copy)]
struct SignedUrl<'a> {
    rules: &'a EdgeAuth,
    token_name: &'a str,
    subject: Subject<'a>,
    escape: Option<EscapeDialect>,
}

impl SignedUrl<'_> {
    fn path(&self) -> &str {
        match self.rules.url_form {
            UrlForm::Decoded => self.subject.decoded,
            UrlForm::Raw => self.subject.wire,
        }
    }

    fn write(&self, input: &mut MacInput) {
        self.pieces(|piece| match self.escape {
            Some(dialect) => dialect.write(piece.as_bytes(), |escaped| input.write(escaped)),
            None => input.write(piece.as_bytes()),
        });
    }

    fn pieces(&self, mut piece: impl FnMut(&str)) {
        piece(self.path());
        if self.rules.query == QueryRule::Ignored {
            return;
        }
        let query = self.subject.query.unwrap_or_default();
        let mut rest = other_parameters(query, self.token_name).peekable();
        let mut separator = "?";
        while let Some(parameter) = rest.next() {
            // A query that held nothing but the token was none when the URL was signed.
            if separator == "?" && parameter.is_empty() && rest.peek().is_none() {
                return;
            }
            piece(separator);
            piece(parameter);
            separator = "&";
        }
    }

    /// Where the decoded path is signed together with the query, a question mark in the path is
    /// the text of another URL: `/a%3Fx=1` would open by a signature of `/a?x=1`.
    fn has_two_readings(&self) -> bool {
        self.rules.url_form == UrlForm::Decoded
            && self.rules.query == QueryRule::Signed
            && self.path().contains('?')
    }

    /// Raw text with a delimiter and `url=` or `salt=` in it may be the end of another token's
    /// field: with `data=d~url=/b?` a signature of `/a` is one of `/b?~url=/a` as well.
    fn continues_a_field(&self) -> bool {
        let delimiter = &*self.rules.field_delimiter;
        let mut suspect = false;
        self.pieces(|piece| suspect |= piece.contains(|c| delimiter.contains(c)));
        if !suspect {
            return false;
        }
        // Over the whole text: a delimiter may overlap itself, or lie across two pieces.
        let mut text = String::new();
        self.pieces(|piece| text.push_str(piece));
        ["url=", "salt="].iter().any(|name| text.contains(&format!("{delimiter}{name}")))
    }

    fn repeats_an_earlier_dialect(&self, dialect: EscapeDialect) -> bool {
        let mut repeats = true;
        self.pieces(|piece| repeats &= dialect.repeats_an_earlier_one(piece.as_bytes()));
        repeats
    }
}

fn write_signed_text(
    rules: &EdgeAuth,
    token: &UnverifiedToken<'_>,
    url: Option<SignedUrl<'_>>,
    input: &mut MacInput,
) {
    input.write(token.body().as_bytes());
    if let Some(url) = url {
        input.write(rules.field_delimiter.as_bytes());
        input.write(b"url=");
        url.write(input);
    }
    if let Some(salt) = &rules.salt {
        input.write(rules.field_delimiter.as_bytes());
        input.write(b"salt=");
        // The salt goes into a keyed hash and nowhere else.
        input.write(salt.expose());
    }
}

/// Start, expiry, lifetime, in the order of the contract. Both ends are inclusive.
fn check_dates(
    rules: &EdgeAuth,
    claims: &Claims<'_>,
    now: UnixSeconds,
) -> Result<(), TokenRejection> {
    if let Some(start) = claims.start
        && now.plus(rules.skew) < start
    {
        return Err(TokenRejection::NotYetValid { start });
    }
    if now > claims.expiry.plus(rules.skew) {
        return Err(TokenRejection::Expired { expiry: claims.expiry });
    }
    if rules.start == StartRule::Required && claims.start.is_none() {
        return Err(TokenRejection::Lifetime);
    }
    if let Some(longest) = rules.max_lifetime
        && claims.expiry.since(claims.start.unwrap_or(now)) > longest
    {
        return Err(TokenRejection::Lifetime);
    }
    Ok(())
}

fn check_scope(
    rules: &EdgeAuth,
    claims: &Claims<'_>,
    subject: Subject<'_>,
) -> Result<(), TokenRejection> {
    match claims.scope {
        // The MAC was computed over this very URL.
        Scope::SignedUrl => Ok(()),
        Scope::Acl(acl) => {
            let mut covered = false;
            for_each_pattern(acl, &rules.acl_delimiter, |pattern| {
                covered |= PathPattern::from_bytes(pattern).matches(subject.wire);
            })?;
            if covered { Ok(()) } else { Err(TokenRejection::Scope) }
        }
    }
}

/// What a token under a key of our own says beside its fields, where that is so of this request.
fn payload_for(
    claims: &Claims<'_>,
    subject: Subject<'_>,
) -> Result<Option<LinkPayload>, TokenRejection> {
    let Some(text) = claims.payload else { return Ok(None) };
    let malformed = TokenRejection::Malformed(MalformedToken::Payload);
    let payload = LinkPayload::parse(text).map_err(|_| malformed)?;
    if payload.is_of(subject) { Ok(Some(payload)) } else { Err(TokenRejection::Scope) }
}

/// The patterns of an ACL. One that is percent-encoded as a whole (it has `%2f` and no raw `/`,
/// as Java and the Perl tool write it) is decoded once for matching.
pub(super) fn for_each_pattern(
    acl: &str,
    delimiter: &str,
    mut pattern: impl FnMut(&[u8]),
) -> Result<(), TokenRejection> {
    if acl.len() > MAX_ACL_BYTES {
        return Err(TokenRejection::Malformed(MalformedToken::AclTooLarge));
    }
    let mut buffer = [0; MAX_ACL_BYTES];
    let acl = decode_acl(acl, &mut buffer);
    let delimiter = delimiter.as_bytes();
    let mut rest = Some(acl);
    for _ in 0..MAX_ACL_PATTERNS {
        let Some(remaining) = rest else { return Ok(()) };
        let at = remaining.windows(delimiter.len()).position(|window| window == delimiter);
        let (one, next) = match at {
            Some(at) => (remaining.get(..at), remaining.get(at + delimiter.len()..)),
            None => (Some(remaining), None),
        };
        let one = one.unwrap_or_default();
        if !matches!(one.first(), Some(b'/' | b'*')) {
            return Err(TokenRejection::Malformed(MalformedToken::AclPattern));
        }
        pattern(one);
        rest = next;
    }
    match rest {
        Some(_) => Err(TokenRejection::Malformed(MalformedToken::AclTooLarge)),
        None => Ok(()),
    }
}

fn decode_acl<'a>(acl: &'a str, buffer: &'a mut [u8; MAX_ACL_BYTES]) -> &'a [u8] {
    let as_it_is = holds(acl, b'/') || !(acl.contains("%2f") || acl.contains("%2F"));
    if as_it_is {
        return acl.as_bytes();
    }
    let mut len = 0;
    for (slot, byte) in buffer.iter_mut().zip(percent_encoding::percent_decode_str(acl)) {
        *slot = byte;
        len += 1;
    }
    buffer.get(..len).unwrap_or_default()
}

fn check_ip(rules: &EdgeAuth, claims: &Claims<'_>, client: ClientIp) -> Result<(), TokenRejection> {
    let Some(text) = claims.ip else { return Ok(()) };
    let malformed = TokenRejection::Malformed(MalformedToken::Ip);
    // `escape_early` turns the colons of an IPv6 address into `%3a`.
    let text = percent_decode(text).ok_or(malformed)?;
    let bound_to_client = if let Ok(address) = text.parse::<IpAddr>() {
        ClientIp::new(address) == client
    } else if rules.ip_form == IpForm::AddressOrNetwork {
        parse_network(&text).map_err(|_| malformed)?.contains(&client.get())
    } else {
        return Err(malformed);
    };
    if bound_to_client { Ok(()) } else { Err(TokenRejection::Ip) }
}
