//! What an origin says of keeping its answer: RFC 9111, with the extensions of RFC 5861 (stale
//! answers) and the fields that are meant for an edge alone (RFC 9213, `Surrogate-Control`).
//!
//! Read here, where the fields are; what follows from it is for whoever keeps answers, and for
//! whoever tells clients how long they may. What cannot be read counts as the strictest of what it
//! could have said.

use std::sync::Arc;

use http::HeaderValue;
use http::header::{self, HeaderMap, HeaderName};

use super::directives::{CDN_CACHE_CONTROL, Directives, SURROGATE_CONTROL};
use super::validator::HttpTime;
use crate::clock::UnixSeconds;

/// What is said of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caching {
    /// Who may keep it.
    pub storing: Storing,
    /// Seconds for which an edge may use it unasked; none where nothing is said.
    pub lifetime: Option<u64>,
    /// When it must be asked about again.
    pub revalidation: Revalidation,
    /// Seconds past its lifetime for which it may be used while it is asked about.
    pub stale_while_revalidate: Option<u64>,
    /// Seconds past its lifetime for which it may be used when asking fails.
    pub stale_if_error: Option<u64>,
    /// May the answer to one who showed `Authorization` be another's?
    pub sharing: Sharing,
    /// Seconds that it spent on its way through other caches.
    pub age: u64,
    /// The request headers it was chosen by.
    pub vary: Vary,
    /// That in the origin's own words.
    pub vary_text: Option<HeaderValue>,
    /// What a client may be told; it may only restrict what we would say.
    pub keeping: Keeping,
}

/// Who may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storing {
    /// Everybody.
    Everybody,
    /// Nobody: `no-store`.
    Nobody,
    /// The client alone: `private`.
    OnlyClient,
    /// It sets a cookie, and so is one client's, whatever else it says.
    Personal,
    /// It is a whole by its status and a part by its fields.
    Doubtful,
}

/// When an answer must be asked about again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revalidation {
    /// Before each use: `no-cache`.
    Always,
    /// As soon as it is stale, whatever happens: `must-revalidate`, `proxy-revalidate`, and
    /// `s-maxage` by implication (RFC 9111 section 5.2.2.10).
    OnceStale,
    /// Once it is stale; a failure may be bridged.
    Unstated,
}

/// May the answer to one who showed `Authorization` be another's (RFC 9111 section 3.5)?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// It is said that it may.
    Stated,
    /// Nothing is said.
    Unstated,
}

/// The request headers that an answer was chosen by (RFC 9110 section 12.5.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vary {
    /// By things that are in no request: it answers this one only.
    Everything,
    /// None.
    Nothing,
    /// These.
    On(Arc<[HeaderName]>),
}

/// What clients may be told of keeping an answer (RFC 9111 section 5.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Nobody may keep it.
    Nobody,
    /// The client alone may, for so many seconds at most.
    OnlyClient(u64),
    /// Everybody may, for so many seconds at most.
    Everybody(u64),
}

impl Keeping {
    /// Nothing is said.
    pub const UNSTATED: Self = Self::Everybody(u64::MAX);
}

impl Caching {
    /// Nothing is said.
    pub const UNSTATED: Self = Self {
        storing: Storing::Everybody,
        lifetime: None,
        revalidation: Revalidation::Unstated,
        stale_while_revalidate: None,
        stale_if_error: None,
        sharing: Sharing::Unstated,
        age: 0,
        vary: Vary::Nothing,
        vary_text: None,
        keeping: Keeping::UNSTATED,
    };

    /// Reads the header of a 304 that came at `now`; none where it says nothing of keeping.
    pub fn restated(headers: &HeaderMap, now: UnixSeconds) -> Option<Self> {
        let fields =
            [&header::CACHE_CONTROL, &header::EXPIRES, &CDN_CACHE_CONTROL, &SURROGATE_CONTROL];
        let said = fields.iter().any(|name| headers.contains_key(*name));
        said.then(|| Self::read(headers, now))
    }

    /// Reads the header of an answer that came at `now`.
    pub fn read(headers: &HeaderMap, now: UnixSeconds) -> Self {
        let general = Directives::general(headers);
        let expires = expires(headers, now);
        // RFC 9213 section 2.2: a field for the edge stands in place of the general ones.
        let targeted = Directives::targeted(headers).or_else(|| Directives::surrogate(headers));
        let lifetime = match &targeted {
            Some(targeted) => targeted.max_age,
            None => general.s_maxage.or(general.max_age).or(expires),
        };
        let edge = targeted.as_ref().unwrap_or(&general);
        let sets_cookie = [&header::SET_COOKIE, &SET_COOKIE2];
        let storing = if sets_cookie.iter().any(|name| headers.contains_key(*name)) {
            Storing::Personal
        } else if edge.no_store {
            Storing::Nobody
        } else if edge.private {
            Storing::OnlyClient
        } else {
            Storing::Everybody
        };
        Self {
            storing,
            lifetime,
            revalidation: edge.revalidation(),
            stale_while_revalidate: edge.stale_while_revalidate,
            stale_if_error: edge.stale_if_error,
            sharing: if edge.public || edge.must_revalidate || edge.s_maxage.is_some() {
                Sharing::Stated
            } else {
                Sharing::Unstated
            },
            age: age(headers),
            vary: Vary::read(headers),
            vary_text: vary_text(headers),
            keeping: general.keeping(expires),
        }
    }
}

const SET_COOKIE2: HeaderName = HeaderName::from_static("set-cookie2");

impl Directives {
    fn revalidation(&self) -> Revalidation {
        if self.no_cache {
            Revalidation::Always
        } else if self.must_revalidate || self.proxy_revalidate || self.implies_revalidation() {
            Revalidation::OnceStale
        } else {
            Revalidation::Unstated
        }
    }

    /// `s-maxage` does (RFC 9111 section 5.2.2.10), unless the same field says what may be done
    /// with what is stale.
    fn implies_revalidation(&self) -> bool {
        let speaks_of_stale =
            self.stale_while_revalidate.is_some() || self.stale_if_error.is_some();
        self.s_maxage.is_some() && !speaks_of_stale
    }

    fn keeping(&self, expires: Option<u64>) -> Keeping {
        if self.no_store {
            return Keeping::Nobody;
        }
        let stated = match (self.max_age, self.s_maxage) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other).or(expires),
        };
        let age = if self.no_cache { 0 } else { stated.unwrap_or(u64::MAX) };
        if self.private { Keeping::OnlyClient(age) } else { Keeping::Everybody(age) }
    }
}

impl Vary {
    fn read(headers: &HeaderMap) -> Self {
        let mut names = Vec::new();
        for value in headers.get_all(header::VARY) {
            for name in value.to_str().unwrap_or("*").split(',').map(str::trim) {
                match HeaderName::from_bytes(name.as_bytes()) {
                    _ if name.is_empty() => {}
                    Ok(name) if name.as_str() != "*" => names.push(name),
                    Ok(_) | Err(_) => return Self::Everything,
                }
            }
        }
        if names.is_empty() { Self::Nothing } else { Self::On(names.into()) }
    }
}

fn vary_text(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(header::VARY).iter();
    match (lines.next(), lines.next()) {
        (None, _) => None,
        (Some(line), None) => Some(line.clone()),
        (Some(_), Some(_)) => {
            let lines: Vec<_> =
                headers.get_all(header::VARY).iter().map(HeaderValue::as_bytes).collect();
            HeaderValue::from_bytes(&lines.join(&b", "[..])).ok()
        }
    }
}

/// Seconds from `Date` to `Expires`, which are of one clock; a malformed date is the past
/// (RFC 9111 section 5.3).
fn expires(headers: &HeaderMap, now: UnixSeconds) -> Option<u64> {
    if !headers.contains_key(header::EXPIRES) {
        return None;
    }
    let date = |name| only(headers, &name).and_then(HttpTime::parse).map(HttpTime::to_unix);
    let Some(expires) = date(header::EXPIRES) else { return Some(0) };
    Some(expires.since(date(header::DATE).unwrap_or(now)))
}

/// RFC 9111 section 5.1: of a list, the first counts. Anything else that is not one number says that
/// the answer is old, where the RFC would not believe it at all; and so do several fields, also joined
/// into one (RFC 9110 section 5.3 puts `, ` between them): each cache states its own, and one of them
/// did not see the other's.
fn age(headers: &HeaderMap) -> u64 {
    if !headers.contains_key(header::AGE) {
        return 0;
    }
    only(headers, &header::AGE)
        .filter(|value| !value.contains(", "))
        .and_then(|value| value.split(',').next())
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(u64::MAX, |digits| digits.parse().unwrap_or(u64::MAX))
}

/// The value of a field that occurs once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut fields = headers.get_all(name).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => field.to_str().ok().map(str::trim),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(784_111_777);

    fn read(fields: &[(&'static str, &str)]) -> Caching {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Caching::read(&headers, NOW)
    }

    fn control(value: &str) -> Caching {
        read(&[("cache-control", value)])
    }

    #[test]
    fn the_strictest_word_counts_for_clients() {
        for (value, expected) in [
            ("", Keeping::UNSTATED),
            ("public, max-age=60", Keeping::Everybody(60)),
            ("max-age=60, s-maxage=5", Keeping::Everybody(5)),
            ("max-age=x", Keeping::Everybody(0)),
            ("no-cache, max-age=60", Keeping::Everybody(0)),
            ("Private, Max-Age=60", Keeping::OnlyClient(60)),
            ("private=\"set-cookie\"", Keeping::OnlyClient(u64::MAX)),
            ("public, no-store", Keeping::Nobody),
        ] {
            assert_eq!(control(value).keeping, expected, "{value}");
        }
    }

    #[test]
    fn lifetimes() {
        for (value, expected) in [
            ("", None),
            ("max-age=60", Some(60)),
            ("max-age=\"60\"", Some(60)),
            ("max-age='60'", Some(0)),
            ("max-age=-1", Some(0)),
            ("max-age=1.5", Some(0)),
            ("max-age =5", None),
            ("max-age= 5", Some(0)),
            ("max-age=60, max-age=5", Some(5)),
            ("max-age=5, s-maxage=60", Some(60)),
            ("s-maxage=5, max-age=60", Some(5)),
            ("ext=\"max-age=60, x\", max-age=5", Some(5)),
            ("ext=\"a\\\", max-age=60\"", None),
            ("max-age=99999999999999999999999", Some(u64::MAX)),
        ] {
            assert_eq!(control(value).lifetime, expected, "{value}");
        }
    }

    #[test]
    fn expiry_counts_from_the_origins_own_clock() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let expires = ("expires", "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(read(&[expires]).lifetime, Some(60));
        assert_eq!(read(&[("date", "Sun, 06 Nov 1994 08:50:27 GMT"), expires]).lifetime, Some(10));
        assert_eq!(read(&[date, ("expires", "0")]).lifetime, Some(0));
        assert_eq!(read(&[date, expires, expires]).lifetime, Some(0));
        assert_eq!(read(&[date, expires, ("cache-control", "max-age=5")]).lifetime, Some(5));
        assert_eq!(read(&[date, expires]).keeping, Keeping::Everybody(60));
    }

    #[test]
    fn what_forbids_storing() {
        for (fields, expected) in [
            (&[("cache-control", "no-store, max-age=9")][..], Storing::Nobody),
            (&[("cache-control", "private")], Storing::OnlyClient),
            (&[("cache-control", "max-age=9"), ("set-cookie", "a=b")], Storing::Personal),
            (&[("cache-control", "max-age=9"), ("cache-control", "\u{e9}")], Storing::Nobody),
            (&[("cdn-cache-control", "no-store"), ("cache-control", "max-age=9")], Storing::Nobody),
            (&[("cache-control", "max-age=9")], Storing::Everybody),
        ] {
            assert_eq!(read(fields).storing, expected, "{fields:?}");
        }
    }

    #[test]
    fn a_field_for_the_edge_stands_in_place_of_the_general_one() {
        let general = ("cache-control", "max-age=5");
        for name in ["cdn-cache-control", "surrogate-control"] {
            assert_eq!(read(&[general, (name, "max-age=60")]).lifetime, Some(60));
            let forbidden = [("cache-control", "no-store, private"), (name, "max-age=60")];
            assert_eq!(read(&forbidden).storing, Storing::Everybody);
            assert_eq!(read(&[general, (name, "no-store")]).storing, Storing::Nobody);
            assert_eq!(
                read(&[("set-cookie", "a"), (name, "max-age=9")]).storing,
                Storing::Personal
            );
            // Clients are told what is meant for them.
            assert_eq!(read(&[general, (name, "max-age=60")]).keeping, Keeping::Everybody(5));
            assert_eq!(read(&forbidden).keeping, Keeping::Nobody);
        }
        let both = [("cdn-cache-control", "max-age=1"), ("surrogate-control", "max-age=2")];
        assert_eq!(read(&both).lifetime, Some(1));
    }

    #[test]
    fn revalidation_and_sharing() {
        for (value, revalidation, sharing) in [
            ("max-age=1", Revalidation::Unstated, Sharing::Unstated),
            ("max-age=1, public", Revalidation::Unstated, Sharing::Stated),
            ("must-revalidate", Revalidation::OnceStale, Sharing::Stated),
            ("proxy-revalidate", Revalidation::OnceStale, Sharing::Unstated),
            ("s-maxage=1", Revalidation::OnceStale, Sharing::Stated),
            ("no-cache=\"x\", must-revalidate", Revalidation::Always, Sharing::Stated),
        ] {
            let caching = control(value);
            assert_eq!((caching.revalidation, caching.sharing), (revalidation, sharing), "{value}");
        }
        let stale = control("stale-while-revalidate=3, stale-if-error=4");
        assert_eq!((stale.stale_while_revalidate, stale.stale_if_error), (Some(3), Some(4)));
    }

    #[test]
    fn ages() {
        for (lines, expected) in [
            (&["30"][..], 30),
            (&["30,7200"], 30),
            (&["7200,0"], 7200),
            (&["x,0"], u64::MAX),
            (&[",0"], u64::MAX),
            (&["0, 7200"], u64::MAX),
            (&["7200, 0"], u64::MAX),
            (&["0", "7200"], u64::MAX),
            (&["0", "0"], u64::MAX),
            (&["-1"], u64::MAX),
            (&["1.0"], u64::MAX),
            (&["7;x=1"], u64::MAX),
            (&[""], u64::MAX),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| ("age", *line)).collect();
            assert_eq!(read(&fields).age, expected, "{lines:?}");
        }
        assert_eq!(read(&[]).age, 0);
    }

    #[test]
    fn varying() {
        let on = |names: &[&'static str]| {
            Vary::On(names.iter().map(|name| HeaderName::from_static(name)).collect())
        };
        for (lines, expected) in [
            (&[][..], Vary::Nothing),
            (&[""], Vary::Nothing),
            (&["Foo, bar"], on(&["foo", "bar"])),
            (&["foo", "bar"], on(&["foo", "bar"])),
            (&["foo, *"], Vary::Everything),
            (&["", "*"], Vary::Everything),
            (&["a b"], Vary::Everything),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
            assert_eq!(read(&fields).vary, expected, "{lines:?}");
        }
    }
}
