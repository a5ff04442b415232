//! How much a caller may ask, and how an answer says what is left of it
//! (draft-ietf-httpapi-ratelimit-headers).
//!
//! An application or a person has so many requests a minute, spread evenly once they are used up. It is
//! this process's own count: two control planes give each caller twice as many. Edges are not counted,
//! which follow by a protocol of their own.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::error::{Problem, ProblemCode};
use crate::control_plane::account::{LOGIN_TRIES, LOGIN_WINDOW};
use crate::control_plane::caller::{Actor, Caller};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// The window of a caller's quota, in seconds.
const WINDOW: u64 = 60;

type Limiter = RateLimiter<
    Box<str>,
    DefaultKeyedStateStore<Box<str>>,
    DefaultClock,
    StateInformationMiddleware,
>;

/// What callers have asked lately. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct RateLimit(Option<Arc<Limited>>);

#[derive(Debug)]
struct Limited {
    a_minute: NonZeroU32,
    limiter: Limiter,
}

/// What is left to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    policy: &'static str,
    quota: u64,
    window: u64,
    left: u64,
    /// When it is whole again, or when to come back; in seconds.
    reset: u64,
}

/// Where a request's standing is put, for its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted(Arc<OnceLock<Standing>>);

impl RateLimit {
    /// So many requests a minute; none: any number.
    pub(super) fn new(a_minute: Option<NonZeroU32>) -> Self {
        Self(a_minute.map(|a_minute| {
            let limiter = RateLimiter::keyed(Quota::per_minute(a_minute)).with_middleware();
            Arc::new(Limited { a_minute, limiter })
        }))
    }

    /// Counts a request of that caller, or refuses it.
    pub(super) fn take(&self, caller: &Caller, noted: Option<&Noted>) -> Result<(), Problem> {
        let Some(limited) = &self.0 else { return Ok(()) };
        let name = match caller.actor() {
            Actor::Application(id) => id.as_str(),
            Actor::Person(id) => id.as_str(),
            Actor::Edge(_) | Actor::System(_) => return Ok(()),
        };
        let quota = u64::from(limited.a_minute.get());
        let standing =
            |left: u64, reset| Standing { policy: "caller", quota, window: WINDOW, left, reset };
        let (standing, refusal) = match limited.limiter.check_key(&name.into()) {
            Ok(snapshot) => {
                let left = u64::from(snapshot.remaining_burst_capacity());
                let used = quota.saturating_sub(left);
                (standing(left, (used * WINDOW).div_ceil(quota)), None)
            }
            Err(refused) => {
                let wait = seconds(refused.wait_time_from(DefaultClock::default().now()));
                let problem = Problem::new(ProblemCode::RateLimited);
                (standing(0, wait), Some(Problem { retry_after: Some(wait), ..problem }))
            }
        };
        if let Some(noted) = noted {
            // A request has one caller.
            let _ = noted.0.set(standing);
        }
        refusal.map_or(Ok(()), Err)
    }
}

impl Noted {
    /// Says it in an answer.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if let Some(standing) = self.0.get() {
            standing.write(headers);
        }
    }
}

impl Standing {
    /// That of somebody who guessed too often.
    pub(super) fn of_logins(retry_after: u64) -> Self {
        let (quota, window) = (LOGIN_TRIES, LOGIN_WINDOW);
        Self { policy: "logins", quota, window, left: 0, reset: retry_after }
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let Self { policy, quota, window, left, reset } = self;
        for (name, text) in [
            (POLICY, format!("\"{policy}\";q={quota};w={window}")),
            (LEFT, format!("\"{policy}\";r={left};t={reset}")),
        ] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Whole seconds, never fewer than it takes.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod unit_tests {
    use super::*;
    use crate::control_plane::caller::Reach;
    use crate::control_plane::record::{ApplicationId, ScopeSet};

    fn caller(name: &str) -> Caller {
        let id = ApplicationId::parse(name).unwrap();
        Caller::authenticated(Actor::Application(id), ScopeSet::EMPTY, Reach::EveryTenant)
    }

    fn said(noted: &Noted) -> [String; 2] {
        let mut headers = HeaderMap::new();
        noted.write(&mut headers);
        [POLICY, LEFT].map(|name| headers[name].to_str().unwrap().to_owned())
    }

    #[test]
    fn a_caller_has_a_quota_of_their_own() {
        let limit = RateLimit::new(NonZeroU32::new(2));
        let [one, other] = [(); 2].map(|()| {
            let id = ApplicationId::random(crate::clock::UnixSeconds::new(1)).unwrap();
            caller(id.as_str())
        });
        for (left, reset) in [(1, 30), (0, 60)] {
            let noted = Noted::default();
            limit.take(&one, Some(&noted)).unwrap();
            let expected = ["\"caller\";q=2;w=60", &*format!("\"caller\";r={left};t={reset}")];
            assert_eq!(said(&noted), expected);
        }
        let noted = Noted::default();
        let refused = limit.take(&one, Some(&noted)).unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (ProblemCode::RateLimited, Some(30)));
        assert_eq!(said(&noted)[1], "\"caller\";r=0;t=30");
        limit.take(&other, None).unwrap();
        // The control plane's own work, and whatever has no limit, is never refused.
        for _ in 0..10 {
            limit.take(&Caller::system("test"), None).unwrap();
            RateLimit::new(None).take(&one, None).unwrap();
        }
    }
}
