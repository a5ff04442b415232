//! What the listeners count: plain atomics that the metrics page reads.
//!
//! Counters only grow; [`ListenerMetrics::open`] is a gauge. Labels are the listeners, fixed at
//! start, and closed enums: nothing a client sends becomes a label.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The present count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Everything counted about connections.
#[derive(Debug)]
pub struct ConnectionMetrics {
    /// In the order of the configuration.
    pub listeners: Box<[ListenerMetrics]>,
    /// Accepting failed for want of descriptors or memory, and was tried again.
    pub accept_failures: Counter,
    /// HTTP/2 connections closed for cancelling or sending more than their requests explain.
    pub floods: Counter,
    /// TLS handshakes that had to wait: connections of their address were closed for breaches.
    pub handshakes_delayed: Counter,
    /// Times that a silent connection gave its buffers back.
    pub rests: Counter,
    /// Bytes that were not HTTP: the library's parser refused them.
    pub malformed_http: Counter,
    /// Answers, or connections, that ended in a panic. Always a bug of ours.
    pub panics: Counter,
    /// Connections closed because their PROXY header was missing or wrong.
    pub proxy_header_refusals: Counter,
    /// Connections over the limit of all.
    pub refused_over_limit: Counter,
    /// Connections over the limit of one address.
    pub refused_over_address_limit: Counter,
    /// Requests that were begun.
    pub requests: Counter,
    /// Timeouts by kind: see [`ConnectionMetrics::timeouts`].
    timeouts: [Counter; Timeout::ALL.len()],
    /// TLS handshakes that failed otherwise than by time.
    pub tls_handshake_failures: Counter,
}

impl ConnectionMetrics {
    pub(crate) fn new(addresses: impl Iterator<Item = SocketAddr>) -> Self {
        let listener = |address| ListenerMetrics {
            address,
            accepted: Counter::default(),
            open: AtomicU64::new(0),
        };
        Self {
            listeners: addresses.map(listener).collect(),
            accept_failures: Counter::default(),
            floods: Counter::default(),
            handshakes_delayed: Counter::default(),
            rests: Counter::default(),
            malformed_http: Counter::default(),
            panics: Counter::default(),
            proxy_header_refusals: Counter::default(),
            refused_over_limit: Counter::default(),
            refused_over_address_limit: Counter::default(),
            requests: Counter::default(),
            timeouts: Default::default(),
            tls_handshake_failures: Counter::default(),
        }
    }

    /// How often this timeout ended something.
    pub fn timeouts(&self, timeout: Timeout) -> &Counter {
        let [body, handshake, head, idle, write] = &self.timeouts;
        match timeout {
            Timeout::Body => body,
            Timeout::Handshake => handshake,
            Timeout::Head => head,
            Timeout::Idle => idle,
            Timeout::Write => write,
        }
    }
}

/// What is counted for each listener.
#[derive(Debug)]
pub struct ListenerMetrics {
    /// The bound address.
    pub address: SocketAddr,
    /// Connections taken from the queue, refused ones included.
    pub accepted: Counter,
    open: AtomicU64,
}

impl ListenerMetrics {
    /// Connections open now, refused ones not included.
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a client was too slow at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// Sending the body of a request.
    Body,
    /// The PROXY header or the TLS handshake.
    Handshake,
    /// Sending the head of a request: `request_timeout`.
    Head,
    /// Asking again. No fault of the client's.
    Idle,
    /// Taking an answer.
    Write,
}

impl Timeout {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Body, Self::Handshake, Self::Head, Self::Idle, Self::Write];

    /// The kind as a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Handshake => "handshake",
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Write => "write",
        }
    }
}
