//! When to leave an origin alone: how many requests may wait for it, and how often it may fail.
//!
//! An origin that stalls must not collect every request and descriptor of the edge, and one that
//! is down must be refused at once rather than after a timeout each. Both bounds are on waiting
//! for an answer's head; a body that flows is bounded by its client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::super::error::OriginFault;

/// Requests that may wait for an answer's head at once. Each holds a descriptor, of which a
/// process commonly has a few thousand.
const MAX_WAITING: usize = 512;

/// Failures in a row after which an origin is left alone. One slow object among good ones never
/// makes a row.
const FAILURES: u32 = 5;

/// For how long; then one request tries, and its outcome decides.
const REST: Duration = Duration::from_secs(1);

/// The state of one origin.
#[derive(Debug)]
pub(super) struct Breaker {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

/// Leave to ask. Its outcome must be told; dropped without, the client went away and nothing was
/// learned.
#[derive(Debug)]
pub(super) struct Leave<'b> {
    breaker: &'b Breaker,
    _place: OwnedSemaphorePermit,
}

impl Breaker {
    pub(super) fn new() -> Self {
        let state = State { failures: 0, rests_until: None };
        Self { places: Arc::new(Semaphore::new(MAX_WAITING)), state: Mutex::new(state) }
    }

    /// May the origin be asked now?
    pub(super) fn leave(&self) -> Result<Leave<'_>, OriginFault> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| OriginFault::TooManyWaiting)?;
        let mut state = self.state();
        if let Some(until) = state.rests_until {
            let now = Instant::now();
            if now < until {
                return Err(OriginFault::LeftAlone);
            }
            // This one tries; the others wait for its outcome, or for the next turn.
            state.rests_until = Some(now + REST);
        }
        drop(state);
        Ok(Leave { breaker: self, _place: place })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in a critical section panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The origin answered, whatever it said.
    pub(super) fn answered(self) {
        *self.breaker.state() = State { failures: 0, rests_until: None };
    }

    /// The origin could not be reached, or said nothing.
    pub(super) fn failed(self) {
        let mut state = self.breaker.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.rests_until = Some(Instant::now() + REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.leave().unwrap().failed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_in_a_row_rest_it_and_one_try_ends_the_rest() {
        let breaker = Breaker::new();
        fail(&breaker, FAILURES - 1);
        breaker.leave().unwrap().answered();
        fail(&breaker, FAILURES);
        assert_eq!(breaker.leave().unwrap_err(), OriginFault::LeftAlone);

        tokio::time::advance(REST).await;
        let trying = breaker.leave().unwrap();
        assert_eq!(breaker.leave().unwrap_err(), OriginFault::LeftAlone);
        trying.failed();
        assert_eq!(breaker.leave().unwrap_err(), OriginFault::LeftAlone);

        tokio::time::advance(REST).await;
        breaker.leave().unwrap().answered();
        fail(&breaker, FAILURES - 1);
        assert!(breaker.leave().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_nobody_waited_for_does_not_close_the_way() {
        let breaker = Breaker::new();
        fail(&breaker, FAILURES);
        tokio::time::advance(REST).await;
        drop(breaker.leave().unwrap());
        tokio::time::advance(REST).await;
        assert!(breaker.leave().is_ok());
    }

    #[test]
    fn only_so_many_wait_at_once() {
        let breaker = Breaker::new();
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| breaker.leave().unwrap()).collect();
        assert_eq!(breaker.leave().unwrap_err(), OriginFault::TooManyWaiting);
        drop(waiting);
        assert!(breaker.leave().is_ok());
    }
}
