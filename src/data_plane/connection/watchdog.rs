//! Ends waiting when its time is over.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::super::connection_metrics::Timeout;
use super::activity::Activity;

/// One timer a connection. Deadlines mostly move further away; the timer is then left to fire, and
/// set anew to what has become of them, which costs less than moving it with each byte.
#[derive(Debug)]
pub(super) struct Watchdog {
    activity: Arc<Activity>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Watchdog {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self { activity, sleep: None }
    }

    /// Ready when the client has taken too long, and for what.
    pub(super) fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<Timeout> {
        loop {
            let now = Instant::now();
            let Some((due, timeout)) = self.activity.deadline(now, cx) else {
                return Poll::Pending;
            };
            if due <= now {
                return Poll::Ready(timeout);
            }
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if sleep.is_elapsed() || sleep.deadline() > due {
                sleep.as_mut().reset(due);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
