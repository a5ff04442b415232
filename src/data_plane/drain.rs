//! The end of serving: one signal down to every connection, one report up.
//!
//! On the signal a worker takes what its queues still hold, closes them, and lets requests in
//! flight finish until the timeout of the drain; what is left then is cut off, and counted in the
//! report.

use tokio::sync::watch;

/// Starts the drain. Dropped, it starts it too: nobody could any more.
#[derive(Debug)]
pub struct DrainTrigger(watch::Sender<Serving>);

impl DrainTrigger {
    /// Accept what is queued, finish what is in flight, stop.
    pub fn start(&self) {
        self.0.send_replace(Serving::Draining);
    }
}

/// Learns of the drain. A clone learns of it too, also when it began before.
#[derive(Clone, Debug)]
pub struct DrainSignal(watch::Receiver<Serving>);

impl DrainSignal {
    /// Ends when the drain has begun.
    pub async fn started(&mut self) {
        // An error says that the trigger is gone, which is a start as well.
        let _ = self.0.wait_for(|serving| *serving == Serving::Draining).await;
    }
}

/// A trigger and the signal it gives.
pub fn drain() -> (DrainTrigger, DrainSignal) {
    let (trigger, signal) = watch::channel(Serving::Accepting);
    (DrainTrigger(trigger), DrainSignal(signal))
}

/// What a worker is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serving {
    Accepting,
    Draining,
}

/// How the drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Drained {
    /// Every connection came to its own end.
    Finished,
    /// Some were cut off.
    Aborted {
        /// How many.
        connections: usize,
    },
}

impl Drained {
    /// Nothing was cut off, or so many connections were.
    pub(super) fn of(aborted: usize) -> Self {
        match aborted {
            0 => Self::Finished,
            connections => Self::Aborted { connections },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_taken_late_or_without_its_trigger_has_started() {
        let (trigger, signal) = drain();
        trigger.start();
        signal.clone().started().await;
        drop(trigger);
        signal.clone().started().await;
        let (trigger, mut signal) = drain();
        drop(trigger);
        signal.started().await;
    }
}
