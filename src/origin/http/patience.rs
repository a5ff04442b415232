//! How long a connection's other end may take.
//!
//! One timer a connection, for the head and the body of one answer after the other. Its time mostly
//! moves further away: the timer is then left to fire and set anew, which costs less than moving it
//! with each request.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// None: nobody waits.
    due: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Somebody waits from now on, so long at most.
    pub(super) fn start(&mut self, timeout: Duration) {
        self.due = Some(Instant::now() + timeout);
    }

    /// The same, where nobody waited before.
    pub(super) fn start_once(&mut self, timeout: Duration) {
        if self.due.is_none() {
            self.start(timeout);
        }
    }

    /// What was waited for has come.
    pub(super) fn stop(&mut self) {
        self.due = None;
    }

    /// Ready when somebody has waited too long.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        loop {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if sleep.is_elapsed() || sleep.deadline() > due {
                sleep.as_mut().reset(due);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= due {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn later_times_are_waited_for_and_earlier_ones_kept() {
        let mut patience = Patience::default();
        for seconds in [5, 1, 10] {
            patience.start(Duration::from_secs(seconds));
            let began = Instant::now();
            // A timer that was left to fire at an earlier time has its own.
            assert!(polled(&mut patience).await.is_pending());
            patience.start(Duration::from_secs(seconds + 1));
            patience.start_once(Duration::from_secs(1));
            poll_fn(|cx| patience.poll_over(cx)).await;
            assert_eq!(began.elapsed().as_secs(), seconds + 1);
        }
        patience.stop();
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(polled(&mut patience).await.is_pending());
    }

    async fn polled(patience: &mut Patience) -> Poll<()> {
        poll_fn(|cx| Poll::Ready(patience.poll_over(cx))).await
    }
}
