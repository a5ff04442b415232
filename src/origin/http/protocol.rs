//! What a server is asked with beyond plain HTTP.
//!
//! An object store is a server like any other, but for this: it wants each request signed, takes
//! fewer forms of the same wish, compares the bytes of a signed path with what it would have
//! written itself, and says "slow down" as a matter of course, so that it is asked again after a
//! pause. And its objects are long and pinned to a version by a strong tag, so that one whose
//! connection broke is asked for from there on.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use percent_encoding::AsciiSet;

use super::super::ask::Conditions;
use super::super::error::{OriginError, OriginFault};
use super::super::range::RangeSpec;
use super::super::validator::{Strength, TagMatch};
use super::request::RequestHead;
use crate::asset::PATH_ESCAPES;

/// How a server is spoken with.
#[derive(Debug)]
pub(in super::super) enum Protocol {
    /// As HTTP says.
    Plain,
    /// As an object store expects it.
    Store(StoreProtocol),
}

/// What an object store expects.
#[derive(Debug)]
pub(in super::super) struct StoreProtocol {
    /// Makes its requests ours.
    pub(in super::super) signer: Box<dyn Signer>,
    /// What in a key is written as an escape.
    pub(in super::super) escapes: &'static AsciiSet,
    /// Does it know ranges that count from the end?
    pub(in super::super) suffixes: Suffixes,
}

/// Does a server know ranges that count from the end (`bytes=-500`)?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Suffixes {
    Known,
    Unknown,
}

/// Adds to a request what shows on whose behalf it is made.
pub(in super::super) trait Signer: fmt::Debug + Send + Sync {
    /// May wait for credentials.
    fn sign(&self, request: RequestHead) -> Signing<'_>;
}

/// See [`Signer`].
pub(in super::super) type Signing<'s> =
    Pin<Box<dyn Future<Output = Result<RequestHead, OriginError>> + Send + 's>>;

impl Protocol {
    /// What in a key is written as an escape.
    pub(super) fn escapes(&self) -> &'static AsciiSet {
        match self {
            Self::Plain => PATH_ESCAPES,
            Self::Store(store) => store.escapes,
        }
    }

    /// Can it be asked for this part before it is known how long the object is?
    pub(super) fn takes(&self, range: RangeSpec) -> bool {
        match (self, range) {
            (
                Self::Store(StoreProtocol { suffixes: Suffixes::Unknown, .. }),
                RangeSpec::Last(_),
            ) => false,
            (Self::Plain | Self::Store(_), _) => true,
        }
    }

    /// What of a client's conditions is sent on. Stores read one strong tag; a list they refuse, or
    /// take for one odd tag.
    pub(super) fn sends<'c>(&self, conditions: &'c Conditions) -> Cow<'c, Conditions> {
        match self {
            Self::Plain => Cow::Borrowed(conditions),
            Self::Store(_) => Cow::Owned(Conditions {
                if_none_match: conditions.if_none_match.clone().filter(|tags| match tags {
                    TagMatch::Any => false,
                    TagMatch::OneOf(tags) => match tags.as_slice() {
                        [tag] => tag.strength() == Strength::Strong,
                        [] | [_, _, ..] => false,
                    },
                }),
                if_range: None,
                ..conditions.clone()
            }),
        }
    }

    /// How often, and when, is it asked again?
    pub(super) fn pauses(&self) -> Pauses {
        match self {
            Self::Plain => Pauses { left: 0, next: FIRST_PAUSE },
            Self::Store(_) => Pauses { left: REPEATS, next: FIRST_PAUSE },
        }
    }
}

/// Repeats of one request, or of one reading between two bytes that came.
const REPEATS: u32 = 3;

/// The first pause at its longest; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The pauses before further attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    left: u32,
    next: Duration,
}

impl Pauses {
    /// The pause before a request is made again that failed before its answer began. What took too
    /// long is not: whoever waits has waited long enough.
    pub(super) fn before_repeat(&mut self, error: &OriginError) -> Option<Duration> {
        matches!(
            error.fault(),
            OriginFault::ConnectFailed | OriginFault::ConnectionLost | OriginFault::ServerFailed
        )
        .then(|| self.pause())
        .flatten()
    }

    /// The pause before the rest is asked for of a body that broke off.
    pub(super) fn before_rest(&mut self, error: &OriginError) -> Option<Duration> {
        matches!(error.fault(), OriginFault::BodyBroken | OriginFault::BodyStalled)
            .then(|| self.pause())
            .flatten()
    }

    /// Between half of it and all of it, by chance: those who were refused together do not come back
    /// together.
    fn pause(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let longest = self.next;
        self.next = longest.saturating_mul(2);
        let half = longest / 2;
        let chance = getrandom::u32().unwrap_or(u32::MAX);
        Some(half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ask::IfRange;
    use super::super::super::validator::EntityTag;
    use super::*;

    #[derive(Debug)]
    struct Unsigned;

    impl Signer for Unsigned {
        fn sign(&self, request: RequestHead) -> Signing<'_> {
            Box::pin(async { Ok(request) })
        }
    }

    fn store(suffixes: Suffixes) -> Protocol {
        Protocol::Store(StoreProtocol {
            signer: Box::new(Unsigned),
            escapes: PATH_ESCAPES,
            suffixes,
        })
    }

    #[test]
    fn pauses_double_and_end() {
        let failed = OriginError::from(OriginFault::ServerFailed);
        let mut pauses = store(Suffixes::Known).pauses();
        for longest in [200, 400, 800].map(Duration::from_millis) {
            let pause = pauses.before_repeat(&failed).unwrap();
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
        }
        assert_eq!(pauses.before_repeat(&failed), None);
        assert_eq!(Protocol::Plain.pauses().before_repeat(&failed), None);
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        for (fault, repeated, resumed) in [
            (OriginFault::BodyBroken, false, true),
            (OriginFault::BodyOverlong, false, false),
            (OriginFault::BodyStalled, false, true),
            (OriginFault::Changed, false, false),
            (OriginFault::ConnectFailed, true, false),
            (OriginFault::ConnectionLost, true, false),
            (OriginFault::HeadTimedOut, false, false),
            (OriginFault::LeftAlone, false, false),
            (OriginFault::ServerFailed, true, false),
            (OriginFault::StatusUnexpected, false, false),
            (OriginFault::TooManyWaiting, false, false),
        ] {
            let (error, mut pauses) = (OriginError::from(fault), store(Suffixes::Known).pauses());
            assert_eq!(pauses.before_repeat(&error).is_some(), repeated, "{fault:?}");
            let mut pauses = store(Suffixes::Known).pauses();
            assert_eq!(pauses.before_rest(&error).is_some(), resumed, "{fault:?}");
        }
    }

    #[test]
    fn a_store_is_told_what_it_understands() {
        let conditions = |tags: &str| Conditions {
            if_none_match: Some(TagMatch::parse(tags)),
            if_range: Some(IfRange::Tag(EntityTag::parse("\"a\"").unwrap())),
            ..Conditions::default()
        };
        let sent = store(Suffixes::Known).sends(&conditions("\"a\"")).into_owned();
        assert_eq!((sent.if_none_match, sent.if_range), (Some(TagMatch::parse("\"a\"")), None));
        for odd in ["*", "W/\"a\"", "\"a\", \"b\"", ""] {
            let odd = conditions(odd);
            assert_eq!(store(Suffixes::Known).sends(&odd).if_none_match, None, "{odd:?}");
            assert_eq!(*Protocol::Plain.sends(&odd), odd);
        }
        for (protocol, takes) in [
            (Protocol::Plain, true),
            (store(Suffixes::Known), true),
            (store(Suffixes::Unknown), false),
        ] {
            assert_eq!(protocol.takes(RangeSpec::Last(5)), takes);
            assert!(protocol.takes(RangeSpec::From(5)));
        }
    }
}
