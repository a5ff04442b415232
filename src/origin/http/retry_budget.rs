//! How often an origin may be asked twice.

use std::sync::atomic::{AtomicU32, Ordering};

/// Each request earns a tenth of a retry, up to ten retries: an origin in trouble gets at most a
/// tenth more requests than clients make (security.md part 5, "Origins").
#[derive(Debug)]
pub(super) struct RetryBudget(AtomicU32);

/// What one retry costs; a request earns one.
const PRICE: u32 = 10;

/// Ten retries.
const CAP: u32 = 10 * PRICE;

impl RetryBudget {
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(CAP))
    }

    /// A request was made.
    pub(super) fn earn(&self) {
        // Fails only when the budget is full, which is fine.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
            (saved < CAP).then_some(saved + 1)
        });
    }

    /// Takes one retry out, if there is one.
    pub(super) fn spend(&self) -> Option<()> {
        let spent = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| saved.checked_sub(PRICE));
        spent.ok().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_at_once_and_then_one_in_ten() {
        let budget = RetryBudget::new();
        for _ in 0..10 {
            assert!(budget.spend().is_some());
        }
        assert!(budget.spend().is_none());
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.earn();
            retries += u32::from(budget.spend().is_some());
        }
        assert_eq!(retries, 100);
        for _ in 0..10_000 {
            budget.earn();
        }
        assert_eq!((0..100).filter(|_| budget.spend().is_some()).count(), 10);
    }
}
