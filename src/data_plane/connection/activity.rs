//! What a connection is waiting for, and since when.
//!
//! One value a connection, written by its streams, its requests and the bodies of its answers, read
//! by its watchdog. While nothing is in flight the client owes us a request, and how long it may
//! take depends on whether it has begun one. While bytes wait for the socket the client owes us
//! reading. Over HTTP/2 there is a third debt, window: [`Transfer`] keeps it for each stream.
//!
//! Over HTTP/2 it also keeps the [`Balance`] of what the client makes us do.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::super::admission::Admission;
use super::super::connection_metrics::Timeout;
use super::super::settings::Limits;
use super::balance::Balance;
use super::facts::Protocol;
use super::pieces::{ConnectionPieces, StreamPieces};

/// How long a client may take nothing of an answer while there is a crowd, in which every slow
/// client is to be gone within 15 s. Less than that: what the kernels between us have room for may
/// grow a few seconds after the client stopped reading, which looks like progress.
const CROWDED_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    limits: Limits,
    admission: Arc<Admission>,
    pieces: Arc<ConnectionPieces>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    waiting: Waiting,
    in_flight: usize,
    balance: Balance,
    input: Input,
    /// The last bytes read: an empty line may arrive in pieces.
    tail: [u8; 3],
    write_blocked_since: Option<Instant>,
    window_moved: Instant,
    /// The transfer of the stream that hyper is about to spawn.
    begun: Option<Arc<Transfer>>,
    stage: Stage,
    violation: Option<Violation>,
    watchdog: Option<Waker>,
}

/// What the client owes while no request is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// Its first request.
    First { since: Instant, head: HeadProgress },
    /// The rest of a head that has begun.
    Head { since: Instant },
    /// Nothing.
    Idle { since: Instant },
}

/// How much of a head is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadProgress {
    /// Not a byte.
    None,
    /// Some.
    Begun,
}

/// How the bytes read so far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// The client has closed its side.
    Closed,
    /// With an empty line: as far as can be seen, no further head has begun.
    HeadEnd,
    /// Otherwise.
    Within,
    /// In the body of a request, whose end is not looked for.
    Body,
}

/// Does the connection take further requests?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// As many as are allowed.
    Open,
    /// None after those it has.
    Closing,
}

/// What a connection is cut off for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// More cancellations, bytes or frames than its requests explain.
    Flood,
    /// It gives none of its streams any window.
    NoWindow,
}

impl Activity {
    /// Of a connection that begins now, among those that were admitted there.
    pub(super) fn new(limits: Limits, admission: Arc<Admission>) -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            protocol: Protocol::Http1,
            waiting: Waiting::First { since: now, head: HeadProgress::None },
            in_flight: 0,
            balance: Balance::new(),
            input: Input::HeadEnd,
            tail: [0; 3],
            write_blocked_since: None,
            window_moved: now,
            begun: None,
            stage: Stage::Open,
            violation: None,
            watchdog: None,
        };
        Arc::new(Self { limits, admission, pieces: Arc::default(), state: Mutex::new(state) })
    }

    /// The limits the connection was accepted under.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the connection keeps of its answers over HTTP/2.
    #[cfg(test)]
    pub(super) fn pieces(&self) -> &ConnectionPieces {
        &self.pieces
    }

    /// The handshake is over: the first request is due.
    pub(super) fn speaks(&self, protocol: Protocol) {
        let mut state = self.state();
        state.protocol = protocol;
        state.waiting = Waiting::First { since: Instant::now(), head: HeadProgress::None };
    }

    /// A request has arrived.
    pub(super) fn begin(self: &Arc<Self>, body: RequestBodyPresence) -> Ticket {
        let mut state = self.state();
        state.in_flight += 1;
        state.balance.requests += 1;
        if body == RequestBodyPresence::Some {
            state.input = Input::Body;
        }
        let at_limit = self
            .limits
            .max_requests_per_connection
            .is_some_and(|max| state.balance.requests >= max);
        if at_limit {
            state.stage = Stage::Closing;
        }
        let transfer = Arc::new(Transfer::default());
        let pieces = match state.protocol {
            Protocol::Http1 => None,
            Protocol::Http2 => {
                state.begun = Some(Arc::clone(&transfer));
                Some(self.pieces.stream())
            }
        };
        drop(state);
        Ticket { activity: Arc::clone(self), transfer, pieces, outcome: Outcome::Cancelled }
    }

    /// The transfer of the request begun last, for the task that will carry it.
    pub(super) fn take_begun(&self) -> Option<Arc<Transfer>> {
        self.state().begun.take()
    }

    /// No request after those in flight.
    pub(super) fn close_after_requests(&self) {
        self.state().stage = Stage::Closing;
    }

    /// Does the connection take further requests?
    pub(super) fn stage(&self) -> Stage {
        self.state().stage
    }

    /// Requests without the end of their answer.
    pub(super) fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    /// Has the client closed its side?
    pub(super) fn input_closed(&self) -> bool {
        self.state().input == Input::Closed
    }

    /// How much of the awaited head is there.
    pub(super) fn head_progress(&self) -> HeadProgress {
        match self.state().waiting {
            Waiting::First { head, .. } => head,
            Waiting::Head { .. } => HeadProgress::Begun,
            Waiting::Idle { .. } => HeadProgress::None,
        }
    }

    /// Bytes the socket has taken.
    pub(super) fn bytes_written(&self) -> u64 {
        self.state().balance.bytes_written
    }

    /// What the connection is to be cut off for.
    pub(super) fn violation(&self) -> Option<Violation> {
        self.state().violation
    }

    /// When waiting ends, and what it was for; what is later than now may turn out later still, so
    /// it is to be asked for again then. The task asking is woken when the answer may have become
    /// an earlier one without its doing.
    pub(super) fn deadline(&self, now: Instant, cx: &Context<'_>) -> Option<(Instant, Timeout)> {
        let mut state = self.state();
        if !state.watchdog.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.watchdog = Some(cx.waker().clone());
        }
        if let Some(since) = state.write_blocked_since {
            let write_timeout = self.limits.write_timeout;
            let crowded = since + write_timeout.min(CROWDED_WRITE_TIMEOUT);
            // A crowd is looked for when it matters, not at each write.
            let patience =
                now >= crowded && !self.admission.is_crowded(self.limits.max_connections);
            let due = if patience { since + write_timeout } else { crowded };
            return Some((due, Timeout::Write));
        }
        if state.in_flight > 0 {
            return None;
        }
        Some(match state.waiting {
            Waiting::First { since, .. } | Waiting::Head { since } => {
                (since + self.limits.header_timeout, Timeout::Head)
            }
            Waiting::Idle { since } => (since + self.limits.idle_timeout, Timeout::Idle),
        })
    }

    /// Since when an HTTP/1 client has asked for nothing; none while it owes or is owed anything.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        let at_rest = state.protocol == Protocol::Http1
            && state.in_flight == 0
            && state.input == Input::HeadEnd
            && state.write_blocked_since.is_none()
            && state.stage == Stage::Open;
        match state.waiting {
            Waiting::Idle { since } if at_rest => Some(since),
            Waiting::First { .. } | Waiting::Head { .. } | Waiting::Idle { .. } => None,
        }
    }

    /// Plain bytes came in; none: the client has closed its side. A break when they are one
    /// violation too many, and not worth looking at.
    pub(super) fn read(&self, bytes: &[u8]) -> ControlFlow<()> {
        let mut state = self.state();
        if bytes.is_empty() {
            state.input = Input::Closed;
            return ControlFlow::Continue(());
        }
        match state.protocol {
            Protocol::Http1 => state.read_http1(bytes),
            Protocol::Http2 => {
                state.balance.read(bytes);
                state.weigh();
            }
        }
        match state.violation {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    /// The socket took bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut state = self.state();
        let balance = &mut state.balance;
        balance.bytes_written = balance.bytes_written.saturating_add(bytes as u64);
        if state.write_blocked_since.take().is_some()
            && let Waiting::Idle { since } = &mut state.waiting
        {
            // The time between requests begins when the answer is out of our hands.
            *since = Instant::now();
        }
    }

    /// The socket takes no more for now.
    pub(super) fn write_blocked(&self) {
        self.state().write_blocked_since.get_or_insert_with(Instant::now);
    }

    /// A stream was given up for want of window. If none moved in that time, so is the connection.
    pub(super) fn stream_stalled(&self) {
        let mut state = self.state();
        if state.window_moved.elapsed() >= self.limits.write_timeout {
            state.accuse(Violation::NoWindow);
        }
    }

    fn end(&self, outcome: Outcome) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Finished => {
                state.balance.finished += 1;
                // Its last piece has left, or it had none.
                state.window_moved = Instant::now();
            }
            Outcome::Cancelled => state.balance.cancelled += 1,
        }
        if state.in_flight == 0 {
            let since = Instant::now();
            state.waiting = match (state.protocol, state.input) {
                // Part of the next head came with the last one, or while it was answered.
                (Protocol::Http1, Input::Within) => Waiting::Head { since },
                (Protocol::Http1, Input::HeadEnd | Input::Body | Input::Closed)
                | (Protocol::Http2, _) => Waiting::Idle { since },
            };
            if state.protocol == Protocol::Http2 {
                // Streams end in tasks of their own.
                state.wake();
            }
        }
        state.weigh();
    }

    fn window_moved(&self) {
        self.state().window_moved = Instant::now();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each statement above leaves a state that only makes a deadline earlier or later.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read_http1(&mut self, bytes: &[u8]) {
        if self.in_flight == 0 {
            match &mut self.waiting {
                Waiting::First { head, .. } => *head = HeadProgress::Begun,
                Waiting::Head { .. } => {}
                Waiting::Idle { .. } => self.waiting = Waiting::Head { since: Instant::now() },
            }
        } else if self.input == Input::Body {
            return;
        }
        for byte in bytes.iter().skip(bytes.len().saturating_sub(self.tail.len())) {
            let [_, second, third] = self.tail;
            self.tail = [second, third, *byte];
        }
        let ends_head = self.tail == *b"\n\r\n" || self.tail.ends_with(b"\n\n");
        self.input = if ends_head { Input::HeadEnd } else { Input::Within };
    }

    fn weigh(&mut self) {
        if self.protocol == Protocol::Http2 && self.balance.is_flood() {
            self.accuse(Violation::Flood);
        }
    }

    fn accuse(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.watchdog {
            waker.wake_by_ref();
        }
    }
}

/// Does a request have a body?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestBodyPresence {
    None,
    Some,
}

/// One request in flight: from its head to the end of its answer, or to its being dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    activity: Arc<Activity>,
    transfer: Arc<Transfer>,
    /// Over HTTP/2.
    pieces: Option<Arc<StreamPieces>>,
    outcome: Outcome,
}

impl Ticket {
    /// The last of the answer has been handed over.
    pub(super) fn finish(&mut self) {
        self.outcome = Outcome::Finished;
    }

    /// Another piece is asked for: the one before has left, or will be kept. How many bytes it may
    /// have, as soon as there is room for it; none: any number.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<Option<usize>> {
        let Some(pieces) = &self.pieces else { return Poll::Ready(None) };
        pieces.poll_room(cx).map(|room| {
            if self.transfer.set(None).is_some() {
                self.activity.window_moved();
            }
            Some(room)
        })
    }

    /// A piece of the answer is handed over; over HTTP/2 it waits for window.
    pub(super) fn hand_over(&self, piece: Bytes) -> Bytes {
        let Some(pieces) = &self.pieces else { return piece };
        self.transfer.set(Some(Instant::now()));
        pieces.count(piece)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.transfer.set(None);
        self.activity.end(self.outcome);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Also when we dropped it ourselves: the client gave no window, or our answer failed.
    Cancelled,
    Finished,
}

/// Since when a piece of an answer waits for the client's window.
#[derive(Debug, Default)]
pub(super) struct Transfer(Mutex<Option<Instant>>);

impl Transfer {
    /// Since when; none while we are the ones who owe.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        *self.waiting()
    }

    fn set(&self, since: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.waiting(), since)
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
