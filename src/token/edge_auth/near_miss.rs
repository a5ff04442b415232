//! What would have made a token pass: for the operator who asks why it did not.
//!
//! Every answer is about the settings or the clock; none shows a key, a tag, or anything that
//! would open a file. Called by `explain` only, never while serving.

use std::collections::HashSet;

use super::options::{EdgeAuth, EscapeUrl, QueryRule, UrlForm};
use super::verify::{for_each_pattern, signed_by};
use super::wire::UnverifiedToken;
use crate::clock::UnixSeconds;
use crate::keyring::{Keyring, MacAlgorithm};
use crate::network::ClientIp;
use crate::secret::Secret;
use crate::target::PathPattern;
use crate::token::{Scope, Subject, TokenCandidate};

/// The near misses of one candidate, most telling first.
pub fn near_misses(
    rules: &EdgeAuth,
    token_name: &str,
    candidate: &TokenCandidate,
    subject: Subject<'_>,
    client: ClientIp,
    now: UnixSeconds,
) -> Vec<String> {
    let readings: Vec<&str> =
        [Some(&*candidate.raw), candidate.decoded.as_deref()].into_iter().flatten().collect();
    let mut found = Vec::new();
    let mut malformed = None;
    let mut tokens = Vec::new();
    for reading in readings {
        match UnverifiedToken::parse(reading, &rules.field_delimiter) {
            Ok(token) => tokens.push(token),
            Err(why) => malformed = malformed.or(Some((why, reading))),
        }
    }
    // Of two readings, one that is signed is the one that counts.
    if let Some(signed) =
        tokens.iter().position(|token| is_signed(rules, token_name, token, subject, now))
    {
        tokens = tokens.split_off(signed);
        tokens.truncate(1);
    }
    for token in &tokens {
        signature(rules, token_name, token, subject, now, &mut found);
        statements(rules, token, subject, client, now, &mut found);
    }
    let mut said = HashSet::new();
    found.retain(|text| said.insert(text.clone()));
    if found.is_empty()
        && let Some((why, reading)) = malformed
    {
        found.push(format!("the token is malformed: {why}"));
        delimiter_hint(rules, reading, &mut found);
    }
    found
}

fn is_signed(
    rules: &EdgeAuth,
    token_name: &str,
    token: &UnverifiedToken<'_>,
    subject: Subject<'_>,
    now: UnixSeconds,
) -> bool {
    rules.keyring.verifiers(now).any(|key| signed_by(rules, token_name, token, subject, key))
}

/// Which other settings would make the signature good?
fn signature(
    rules: &EdgeAuth,
    token_name: &str,
    token: &UnverifiedToken<'_>,
    subject: Subject<'_>,
    now: UnixSeconds,
    found: &mut Vec<String>,
) {
    if is_signed(rules, token_name, token, subject, now) {
        return;
    }
    for (key, verifier) in rules.keyring.dormant(now) {
        if signed_by(rules, token_name, token, subject, verifier) {
            let window = key.window();
            found.push(match (window.not_before, window.not_after) {
                (Some(start), _) if now < start => {
                    format!("key {} signed it, but is not in force before {start}", key.id())
                }
                (_, Some(end)) => {
                    format!("key {} signed it, but is out of force since {end}", key.id())
                }
                (_, None) => format!("key {} signed it, but is not in force", key.id()),
            });
        }
    }
    let mut hint = |variant: &Variant, text: String| {
        let variant = variant.rules(rules);
        let verifies = rules
            .keyring
            .verifiers(now)
            .any(|key| signed_by(&variant, token_name, token, subject, key));
        if verifies {
            found.push(text);
        }
    };
    for &algorithm in MacAlgorithm::ALL {
        if algorithm != rules.algorithm {
            let name = algorithm.wire_name().to_uppercase().replace("SHA", "SHA-");
            hint(
                &Variant { algorithm: Some(algorithm), ..Variant::NONE },
                format!("verifies with {name}"),
            );
        }
    }
    if rules.salt.is_some() {
        hint(&Variant { salt: Salt::Without, ..Variant::NONE }, "verifies without the salt".into());
    }
    if token.claims().scope == Scope::SignedUrl {
        let (form, text) = match rules.url_form {
            UrlForm::Raw => {
                (UrlForm::Decoded, "verifies on the decoded path (url_form = \"decoded\")")
            }
            UrlForm::Decoded => (UrlForm::Raw, "verifies on the path as sent (url_form = \"raw\")"),
        };
        hint(&Variant { url_form: Some(form), ..Variant::NONE }, text.into());
        let (query, text) = match rules.query {
            QueryRule::Ignored => {
                (QueryRule::Signed, "verifies with the query (ignore_query_string = false)")
            }
            QueryRule::Signed => {
                (QueryRule::Ignored, "verifies without the query (ignore_query_string = true)")
            }
        };
        hint(&Variant { query: Some(query), ..Variant::NONE }, text.into());
        if rules.escape_url != EscapeUrl::Auto {
            hint(
                &Variant { escape: Some(EscapeUrl::Auto), ..Variant::NONE },
                "verifies with escape_url = \"auto\"".into(),
            );
        }
    }
    if found.is_empty() {
        found.push(
            "no key of the site signed this text: another key, another salt, or a changed token"
                .into(),
        );
        if token.claims().scope == Scope::SignedUrl {
            found.push("a url token opens only the one URL that was signed".into());
        }
    }
}

/// One altered setting; everything else as the site has it.
struct Variant {
    algorithm: Option<MacAlgorithm>,
    salt: Salt,
    url_form: Option<UrlForm>,
    query: Option<QueryRule>,
    escape: Option<EscapeUrl>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Salt {
    AsConfigured,
    Without,
}

impl Variant {
    const NONE: Self = Self {
        algorithm: None,
        salt: Salt::AsConfigured,
        url_form: None,
        query: None,
        escape: None,
    };

    /// The settings with this change. The keys stay with the site's own settings.
    fn rules(&self, rules: &EdgeAuth) -> EdgeAuth {
        EdgeAuth {
            algorithm: self.algorithm.unwrap_or(rules.algorithm),
            keyring: Keyring::default(),
            salt: match (&rules.salt, self.salt) {
                (Some(salt), Salt::AsConfigured) => Some(Secret::new(salt.expose().clone())),
                (Some(_), Salt::Without) | (None, _) => None,
            },
            query: self.query.unwrap_or(rules.query),
            escape_url: self.escape.unwrap_or(rules.escape_url),
            url_form: self.url_form.unwrap_or(rules.url_form),
            field_delimiter: rules.field_delimiter.clone(),
            acl_delimiter: rules.acl_delimiter.clone(),
            skew: rules.skew,
            max_lifetime: rules.max_lifetime,
            start: rules.start,
            ip_form: rules.ip_form,
        }
    }
}

/// What the token says against what is asked. Only of tokens whose signature some setting accepts.
fn statements(
    rules: &EdgeAuth,
    token: &UnverifiedToken<'_>,
    subject: Subject<'_>,
    client: ClientIp,
    now: UnixSeconds,
    found: &mut Vec<String>,
) {
    let claims = token.claims();
    if let Some(start) = claims.start
        && now.plus(rules.skew) < start
    {
        found.push(format!("valid in {} s (st={start}, now {now})", start.since(now)));
    }
    if now > claims.expiry.plus(rules.skew) {
        found.push(format!(
            "expired {} s ago (exp={}, now {now})",
            now.since(claims.expiry),
            claims.expiry
        ));
    }
    // Seconds since 1970 pass 10^11 in the year 5138: such a number is milliseconds.
    if claims.expiry.get() > 100_000_000_000 {
        found.push("exp looks like milliseconds; it must be seconds".into());
    }
    if let Some(longest) = rules.max_lifetime {
        let life = claims.expiry.since(claims.start.unwrap_or(now));
        if life > longest {
            found.push(format!("lives {life} s, the site allows {longest} s (max_lifetime)"));
        }
    }
    if let Scope::Acl(acl) = claims.scope {
        let mut patterns = Vec::new();
        let listed = for_each_pattern(acl, &rules.acl_delimiter, |pattern| {
            patterns.push(String::from_utf8_lossy(pattern).into_owned());
        });
        let covers = |path| patterns.iter().any(|it| PathPattern::new(it).matches(path));
        if listed.is_ok() && !covers(subject.wire) {
            let acl = patterns.join(&rules.acl_delimiter);
            found.push(format!("ACL covers {acl}, asked {}", subject.wire));
            if covers(subject.decoded) {
                found.push(
                    "the ACL covers the decoded path; it is matched on the path as sent".into(),
                );
            }
            if patterns.iter().any(|it| {
                PathPattern::new(&it.to_lowercase()).matches(&subject.wire.to_lowercase())
            }) {
                found.push("the ACL covers the path but for upper and lower case".into());
            }
        }
    }
    if let Some(ip) = claims.ip
        && ip != client.to_string()
    {
        found.push(format!("bound to {ip}, asked from {client}"));
    }
}

/// A token of another site's delimiter looks like one field.
fn delimiter_hint(rules: &EdgeAuth, text: &str, found: &mut Vec<String>) {
    for other in ["~", "!", "|", ";", ","] {
        if other != &*rules.field_delimiter && UnverifiedToken::parse(text, other).is_ok() {
            found.push(format!("reads well with field_delimiter = \"{other}\""));
        }
    }
}
