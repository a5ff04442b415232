//! Where a token may ride, in which order it is looked for, and how it is taken out again.
//!
//! Query, header and path may together hold one token; a second, different one is refused, since
//! somebody put it there to be read by somebody else. Cookies are not under the sender's control
//! alone (a parent domain can set more), so up to four of the name are tried.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

use super::TokenRejection;
use crate::target::{RequestTarget, cut, holds, percent_decode, separated};

/// Cookies of the token's name that are tried.
const MAX_COOKIES: usize = 4;

/// A place for a token, in the order of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// `?name=token`
    Query,
    /// `name: token`
    Header,
    /// `Cookie: name=token`
    Cookie,
    /// `/…/name=token/…`
    Path,
}

impl Carrier {
    /// Every carrier, in the order of the search.
    pub const ALL: &'static [Self] = &[Self::Query, Self::Header, Self::Cookie, Self::Path];

    /// The name in configurations.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Path => "path",
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

/// Under which name and where a site's tokens ride.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierRules {
    name: Box<str>,
    carriers: Vec<Carrier>,
}

impl CarrierRules {
    /// Tokens of this name in these places; the order of search is fixed.
    pub fn new(name: &str, carriers: &[Carrier]) -> Self {
        Self { name: name.into(), carriers: carriers.to_vec() }
    }

    /// The token's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// May a token ride there?
    pub fn allows(&self, carrier: Carrier) -> bool {
        self.carriers.contains(&carrier)
    }
}

/// A text that may be a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCandidate {
    /// Where it was found.
    pub carrier: Carrier,
    /// As received.
    pub raw: Box<str>,
    /// Decoded once, where that changes it and is possible: a proxy in between may have encoded
    /// it. It is tried when the text as received does not verify, and never decoded again.
    pub decoded: Option<Box<str>>,
}

impl TokenCandidate {
    fn new(carrier: Carrier, raw: &str) -> Self {
        let decoded = match percent_decode(raw) {
            Some(Cow::Owned(decoded)) => Some(decoded.into_boxed_str()),
            Some(Cow::Borrowed(_)) | None => None,
        };
        Self { carrier, raw: raw.into(), decoded }
    }

    /// Is it the same token, in whatever spelling? A token may hold escapes of its own, so the
    /// copy that a proxy encoded decodes to the other as received.
    fn same_token(&self, other: &Self) -> bool {
        let spellings = |it: &Self| [Some(it.raw.clone()), it.decoded.clone()];
        let theirs = spellings(other);
        spellings(self).iter().flatten().any(|it| theirs.iter().flatten().any(|their| it == their))
    }
}

/// The candidates of one request, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    found: Vec<TokenCandidate>,
    ambiguous: bool,
}

impl Candidates {
    /// Looks through every allowed carrier. `header_values` are the values of the header of the
    /// token's name, `cookie_values` those of `Cookie`, as received.
    pub fn collect<'h>(
        rules: &CarrierRules,
        target: &RequestTarget,
        header_values: impl Iterator<Item = &'h [u8]>,
        cookie_values: impl Iterator<Item = &'h [u8]>,
    ) -> Self {
        let mut single: Vec<TokenCandidate> = Vec::new();
        let mut ambiguous = false;
        let mut add = |carrier, raw: &str| {
            let candidate = TokenCandidate::new(carrier, raw);
            match single.first() {
                Some(first) if !first.same_token(&candidate) => {
                    ambiguous = true;
                    single.push(candidate);
                }
                Some(_) => {}
                None => single.push(candidate),
            }
        };
        if rules.allows(Carrier::Query) {
            for (name, value) in target.parameters() {
                if names(name, &rules.name) {
                    add(Carrier::Query, value);
                }
            }
        }
        if rules.allows(Carrier::Header) {
            for value in header_values {
                add(Carrier::Header, &String::from_utf8_lossy(value));
            }
        }
        if rules.allows(Carrier::Path)
            && let Some(token) = target.path_token()
        {
            add(Carrier::Path, token);
        }
        let mut found = single;
        if rules.allows(Carrier::Cookie) {
            for value in cookie_values {
                for cookie in String::from_utf8_lossy(value).split(';') {
                    let Some((name, token)) = cookie.trim().split_once('=') else { continue };
                    let cookies = found.iter().filter(|it| it.carrier == Carrier::Cookie).count();
                    if name == &*rules.name && cookies < MAX_COOKIES {
                        let token = token.trim_matches('"');
                        found.push(TokenCandidate::new(Carrier::Cookie, token));
                    }
                }
            }
        }
        found.sort_by_key(|candidate| candidate.carrier);
        Self { found, ambiguous }
    }

    /// All of them, also where none is to be tried.
    pub fn shown(&self) -> &[TokenCandidate] {
        &self.found
    }

    /// The candidates to try, or why there are none to try.
    pub fn to_try(&self) -> Result<&[TokenCandidate], TokenRejection> {
        if self.ambiguous {
            return Err(TokenRejection::Ambiguous);
        }
        if self.found.is_empty() {
            return Err(TokenRejection::Missing);
        }
        Ok(&self.found)
    }
}

/// The query without the parameters of that name, in whatever spelling; the rest is as sent.
pub fn without_parameter<'q>(query: &'q str, name: &str) -> Cow<'q, str> {
    let mut rest = other_parameters(query, name);
    if rest.clone().count() == separated(query, b'&').count() {
        return Cow::Borrowed(query);
    }
    let mut text = String::with_capacity(query.len());
    text.push_str(rest.next().unwrap_or_default());
    for parameter in rest {
        text.push('&');
        text.push_str(parameter);
    }
    Cow::Owned(text)
}

/// The parameters that are not of that name, in whatever spelling; as sent, empty ones too. What
/// a URL token signs of a query and what an origin gets of it both come from here.
pub(super) fn other_parameters<'q>(
    query: &'q str,
    name: &str,
) -> impl Iterator<Item = &'q str> + Clone {
    separated(query, b'&').filter(move |parameter| {
        let key = cut(parameter, b'=').map_or(*parameter, |(key, _)| key);
        !names(key, name)
    })
}

/// Is this name, decoded once, that name?
fn names(parameter: &str, name: &str) -> bool {
    if holds(parameter, b'%') {
        percent_decode_str(parameter).eq(name.bytes())
    } else {
        parameter == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::PathToken;

    fn collect(target: &str, header: &[&str], cookies: &[&str]) -> Candidates {
        let rules = CarrierRules::new("__token__", Carrier::ALL);
        let target = RequestTarget::parse(target, PathToken::Named("__token__"), 8192).unwrap();
        let header = header.iter().map(|value| value.as_bytes());
        let cookies = cookies.iter().map(|value| value.as_bytes());
        Candidates::collect(&rules, &target, header, cookies)
    }

    fn tried(candidates: &Candidates) -> Vec<(Carrier, &str)> {
        let found = candidates.to_try().unwrap();
        found.iter().map(|candidate| (candidate.carrier, &*candidate.raw)).collect()
    }

    #[test]
    fn every_carrier_in_order() {
        assert_eq!(tried(&collect("/a?x=1&__token__=t", &[], &[])), [(Carrier::Query, "t")]);
        assert_eq!(tried(&collect("/a", &["t"], &[])), [(Carrier::Header, "t")]);
        assert_eq!(tried(&collect("/__token__=t/a", &[], &[])), [(Carrier::Path, "t")]);
        assert_eq!(
            tried(&collect("/a?__token__=q", &[], &["x=1; __token__=\"c\"; __token__=d"])),
            [(Carrier::Query, "q"), (Carrier::Cookie, "c"), (Carrier::Cookie, "d")]
        );
        assert_eq!(collect("/a", &[], &["other=1"]).to_try(), Err(TokenRejection::Missing));
    }

    #[test]
    fn a_second_different_token_is_refused_and_the_same_one_is_not() {
        for (target, header) in [
            ("/a?__token__=x&__token__=y", &[][..]),
            ("/a?__token__=x&%5f_token__=y", &[]),
            ("/a?__token__=x", &["y"]),
            ("/__token__=x/a?__token__=y", &[]),
            ("/a", &["x", "y"]),
        ] {
            let candidates = collect(target, header, &[]);
            assert_eq!(candidates.to_try(), Err(TokenRejection::Ambiguous), "{target}");
        }
        for (one, other) in [("x%7e", "x~"), ("x%20y", "x%2520y"), ("x%2520y", "x%20y")] {
            let candidates = collect(&format!("/a?__token__={one}"), &[other], &[]);
            assert_eq!(tried(&candidates), [(Carrier::Query, one)]);
        }
    }

    #[test]
    fn at_most_four_cookies_are_tried() {
        let candidates =
            collect("/a", &[], &["__token__=1;__token__=2;__token__=3;__token__=4;__token__=5"]);
        assert_eq!(candidates.to_try().unwrap().len(), 4);
    }

    #[test]
    fn removal_leaves_the_rest_as_sent() {
        for (query, rest) in [
            ("__token__=x", ""),
            ("a=1&__token__=x&b=%2f", "a=1&b=%2f"),
            ("a=1&&b", "a=1&&b"),
            ("&a=1&&__token__=x&b&", "&a=1&&b&"),
            ("__token%5f_=x&a", "a"),
            ("a&__token__", "a"),
            ("__token__x=1", "__token__x=1"),
        ] {
            assert_eq!(without_parameter(query, "__token__"), rest, "{query}");
        }
    }
}
