//! What lets clients take up a session again without a whole handshake: ticket keys, and the few
//! sessions of TLS 1.2 clients that know no tickets.
//!
//! Shared by all workers and listeners, so that a client is recognised wherever it arrives. The keys
//! are made at the start and rotate by themselves: a ticket is good for half a day at most, and no key
//! is ever written down. They are forgotten when other certificates come into force: in a session
//! taken up again nobody shows a certificate, and one that was withdrawn would live on in it. A reload
//! that finds the same certificates forgets nothing. After a restart every client begins anew.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use rustls::crypto::ring::Ticketer;
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};

/// Sessions kept for clients without tickets.
const SESSIONS: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Resumption(RwLock<Remembered>);

#[derive(Debug)]
struct Remembered {
    /// None where the system had no randomness for a key.
    tickets: Option<Arc<dyn ProducesTickets>>,
    sessions: Arc<ServerSessionMemoryCache>,
}

impl Remembered {
    fn new() -> Self {
        Self { tickets: Ticketer::new().ok(), sessions: ServerSessionMemoryCache::new(SESSIONS) }
    }
}

impl Resumption {
    /// With keys of its own.
    pub(super) fn new() -> Self {
        Self(RwLock::new(Remembered::new()))
    }

    /// From now on nobody is recognised who was before.
    pub(super) fn forget(&self) {
        let new = Remembered::new();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Looked at in handshakes only, as are the locks within it.
    fn remembered(&self) -> RwLockReadGuard<'_, Remembered> {
        // It is sound between any two statements.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProducesTickets for Resumption {
    fn enabled(&self) -> bool {
        self.remembered().tickets.is_some()
    }

    fn lifetime(&self) -> u32 {
        self.remembered().tickets.as_ref().map_or(0, |tickets| tickets.lifetime())
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.remembered().tickets.as_ref()?.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.remembered().tickets.as_ref()?.decrypt(cipher)
    }
}

impl StoresServerSessions for Resumption {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.remembered().sessions.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.remembered().sessions.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.remembered().sessions.take(key)
    }

    fn can_cache(&self) -> bool {
        self.remembered().sessions.can_cache()
    }
}
