//! What the cache did about a request: for `Cache-Status` (RFC 9211), the log and the metrics.

use http::HeaderValue;

/// What the cache did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum CacheStatus {
    /// Answered with what another request is just being answered with.
    Collapsed(Absent),
    /// Answered from what is kept.
    Hit,
    /// It is known for the moment that there is no such object.
    HitMissing,
    /// Asked the origin; kept where nothing forbids it.
    Miss(Absent, Result<(), NotStored>),
    /// Answers with what is kept, and asks the origin for parts that are not.
    Partial,
    /// Left the request to the origin.
    Pass(Passed),
    /// Asked the origin, which said that what is kept is still current.
    Revalidated,
    /// Answered with what is stale, and asks the origin meanwhile.
    Stale,
    /// Answered with what is stale, for the origin fails.
    StaleIfError,
}

/// Why nothing that is kept could answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Absent {
    /// What is kept was stale.
    Stale,
    /// Nothing is kept for it.
    Uri,
    /// Only what was chosen by other request headers.
    Variant,
}

/// Why a request was left to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Passed {
    /// A HEAD of what is not kept.
    Head,
    /// The site or route keeps nothing.
    Off,
    /// A part of what is not kept.
    Range,
    /// It is known for the moment that it is not to be kept.
    Remembered(NotStored),
}

/// Why an answer is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum NotStored {
    /// The request showed `Authorization`, and nothing says that others may have the answer.
    Authorization,
    /// A whole by its status, a part by its fields.
    ContentRange,
    /// It has no lifetime, and nothing to ask about it with.
    NoFreshness,
    /// No room while so much else is being read.
    NoRoom,
    /// `no-store`.
    NoStore,
    /// `private`.
    Private,
    /// There was no answer.
    OriginFailed,
    /// It was purged while it was read.
    Purged,
    /// It sets a cookie.
    SetCookie,
    /// It comes too slowly for others to wait.
    Slow,
    /// Larger than `max_object`.
    TooLarge,
    /// `Vary: *`.
    VaryEverything,
}

impl CacheStatus {
    /// The value of the metric's label and of the log's field.
    pub(in super::super) const fn code(self) -> &'static str {
        match self {
            Self::Collapsed(_) => "collapsed",
            Self::Hit => "hit",
            Self::HitMissing => "hit_missing",
            Self::Miss(_, Ok(())) => "miss",
            Self::Miss(_, Err(_))
            | Self::Pass(Passed::Head | Passed::Range | Passed::Remembered(_)) => "pass",
            Self::Partial => "partial",
            Self::Pass(Passed::Off) => "off",
            Self::Revalidated => "revalidated",
            Self::Stale => "stale",
            Self::StaleIfError => "stale_if_error",
        }
    }

    /// Every value of [`Self::code`].
    pub(in super::super) const CODES: [&'static str; 10] = [
        "collapsed",
        "hit",
        "hit_missing",
        "miss",
        "off",
        "partial",
        "pass",
        "revalidated",
        "stale",
        "stale_if_error",
    ];

    /// Did an answer of the origin have to be waited for?
    pub(in super::super) const fn waited_for_origin(self) -> bool {
        match self {
            Self::Collapsed(_) | Self::Miss(..) | Self::Pass(_) | Self::Revalidated => true,
            Self::Hit | Self::HitMissing | Self::Partial | Self::Stale | Self::StaleIfError => {
                false
            }
        }
    }

    /// `Cache-Status`; `ttl` is the freshness that is left of what was answered with.
    pub(in super::super) fn to_header(self, ttl: Option<i64>) -> HeaderValue {
        const NAME: HeaderValue = HeaderValue::from_static("countersign");
        if let (Self::Hit, Some(ttl)) = (self, ttl) {
            let text = ["countersign; hit; ttl=", itoa::Buffer::new().format(ttl)].concat();
            return HeaderValue::try_from(text).unwrap_or(NAME);
        }
        let mut text = "countersign".to_owned();
        let mut add = |parts: &[&str]| {
            for part in parts {
                text.push_str("; ");
                text.push_str(part);
            }
        };
        match self {
            Self::Collapsed(absent) => add(&[absent.forward(), "collapsed"]),
            Self::Hit | Self::HitMissing => add(&["hit"]),
            Self::Miss(absent, Ok(())) => add(&[absent.forward(), "stored"]),
            Self::Miss(absent, Err(why)) => {
                add(&[absent.forward(), &format!("detail={}", why.code())]);
            }
            Self::Partial => add(&["fwd=partial", "stored"]),
            Self::Pass(Passed::Head) => add(&["fwd=method"]),
            Self::Pass(Passed::Off) => add(&["fwd=bypass"]),
            Self::Pass(Passed::Range) => add(&["fwd=uri-miss", "detail=range"]),
            Self::Pass(Passed::Remembered(why)) => {
                add(&["fwd=uri-miss", &format!("detail={}", why.code())]);
            }
            Self::Revalidated => add(&["fwd=stale", "fwd-status=304"]),
            Self::Stale => add(&["hit", "detail=stale-while-revalidate"]),
            Self::StaleIfError => add(&["hit", "detail=stale-if-error"]),
        }
        if let Some(ttl) = ttl {
            add(&[&format!("ttl={ttl}")]);
        }
        HeaderValue::try_from(text).unwrap_or(NAME)
    }
}

impl Absent {
    const fn forward(self) -> &'static str {
        match self {
            Self::Stale => "fwd=stale",
            Self::Uri => "fwd=uri-miss",
            Self::Variant => "fwd=vary-miss",
        }
    }
}

impl NotStored {
    const fn code(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::ContentRange => "content-range",
            Self::NoFreshness => "no-freshness",
            Self::NoRoom => "no-room",
            Self::NoStore => "no-store",
            Self::OriginFailed => "origin-failed",
            Self::Private => "private",
            Self::Purged => "purged",
            Self::SetCookie => "set-cookie",
            Self::Slow => "slow",
            Self::TooLarge => "too-large",
            Self::VaryEverything => "vary",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_of_rfc_9211() {
        for (status, ttl, expected) in [
            (CacheStatus::Hit, Some(376), "countersign; hit; ttl=376"),
            (
                CacheStatus::Stale,
                Some(-3),
                "countersign; hit; detail=stale-while-revalidate; ttl=-3",
            ),
            (CacheStatus::Revalidated, None, "countersign; fwd=stale; fwd-status=304"),
            (CacheStatus::Miss(Absent::Uri, Ok(())), None, "countersign; fwd=uri-miss; stored"),
            (
                CacheStatus::Miss(Absent::Variant, Err(NotStored::NoStore)),
                None,
                "countersign; fwd=vary-miss; detail=no-store",
            ),
            (CacheStatus::Collapsed(Absent::Stale), None, "countersign; fwd=stale; collapsed"),
            (CacheStatus::Partial, Some(9), "countersign; fwd=partial; stored; ttl=9"),
            (CacheStatus::Pass(Passed::Off), None, "countersign; fwd=bypass"),
        ] {
            assert_eq!(status.to_header(ttl), expected);
            assert!(CacheStatus::CODES.contains(&status.code()));
        }
    }
}
