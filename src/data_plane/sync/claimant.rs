//! The ledger of one-use links, at whichever control plane answers.
//!
//! A claim names itself, so that one which was not answered is made again, on another connection or
//! at another control plane, and counts once.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;
use tokio::time::timeout;

use super::connect::{Connection, Connector, SyncSetupError};
use super::session::{Over, send};
use super::settings::{ControlUrl, SyncConfig};
use crate::asset::TenantId;
use crate::claim::{ClaimDraft, ClaimEnd, ClaimOutcome, ClaimRuling};
use crate::clock::UnixSeconds;
use crate::data_plane::usage::{Ledger, LedgerError};

const CLAIMS: &str = "/api/v1/edge/claims";

/// For one control plane, with everything. A client waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections that are kept while nobody needs them.
const MOST_IDLE: usize = 16;

/// See the module.
pub struct Claimant {
    urls: Vec<ControlUrl>,
    connector: Connector,
    /// The one that answered last.
    place: AtomicUsize,
    idle: Mutex<Vec<(usize, Connection)>>,
}

/// How a claim ended; which one is in the address.
#[derive(Serialize)]
struct EndLine<'e> {
    tenant: TenantId,
    link: &'e str,
    expires_at: UnixSeconds,
    sent: u64,
    outcome: ClaimOutcome,
}

impl Claimant {
    /// Of these control planes, by that edge's token.
    pub fn new(config: &SyncConfig) -> Result<Self, SyncSetupError> {
        Ok(Self {
            urls: config.urls.clone(),
            connector: Connector::new(config)?,
            place: AtomicUsize::new(0),
            idle: Mutex::default(),
        })
    }

    /// Says it to one after the other, until one takes it or refuses it for what it is.
    async fn say(&self, method: Method, target: &str, body: Bytes) -> Result<Bytes, LedgerError> {
        let begin = self.place.load(Ordering::Relaxed);
        let mut last = LedgerError::Away(Box::new(Over::Ended));
        for step in 0..self.urls.len() {
            let place = (begin + step) % self.urls.len();
            let Some(url) = self.urls.get(place) else { break };
            let said = self.say_to(place, url, &method, target, &body);
            let over = match timeout(PATIENCE, said).await {
                Ok(Ok(said)) => {
                    self.place.store(place, Ordering::Relaxed);
                    return Ok(said);
                }
                Ok(Err(over)) => over,
                Err(elapsed) => Over::Silent(elapsed),
            };
            if matches!(over, Over::Refused(status) if is_about_what_is_said(status)) {
                return Err(LedgerError::Refused(Box::new(over)));
            }
            last = LedgerError::Away(Box::new(over));
        }
        Err(last)
    }

    async fn say_to(
        &self,
        place: usize,
        url: &ControlUrl,
        method: &Method,
        target: &str,
        body: &Bytes,
    ) -> Result<Bytes, Over> {
        loop {
            let open = self.take_idle(place);
            let was_open = open.is_some();
            let (method, body) = (method.clone(), body.clone());
            match send(&self.connector, url, open, method, target, body).await {
                Ok((open, said)) => {
                    self.keep_idle(place, open);
                    return Ok(said);
                }
                // It was closed while nobody needed it, most likely.
                Err(Over::Broken(_)) if was_open => {}
                Err(over) => return Err(over),
            }
        }
    }

    fn take_idle(&self, place: usize) -> Option<Connection> {
        let mut idle = self.idle();
        idle.retain(|(_, open)| !open.requests.is_closed());
        let found = idle.iter().position(|(of, open)| *of == place && open.requests.is_ready())?;
        Some(idle.swap_remove(found).1)
    }

    fn keep_idle(&self, place: usize, open: Connection) {
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push((place, open));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(usize, Connection)>> {
        // Connections are moved in and out whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Claimant {
    async fn claim(&self, draft: &ClaimDraft) -> Result<ClaimRuling, LedgerError> {
        let body = serde_json::to_vec(draft).map_err(unspeakable)?;
        let said = self.say(Method::POST, CLAIMS, body.into()).await?;
        serde_json::from_slice(&said).map_err(unspeakable)
    }

    async fn end(&self, end: &ClaimEnd) -> Result<(), LedgerError> {
        let ClaimEnd { id, tenant, link, expires_at, sent, outcome } = end;
        let (tenant, expires_at, sent, outcome) = (*tenant, *expires_at, *sent, *outcome);
        let line = EndLine { tenant, link, expires_at, sent, outcome };
        let body = serde_json::to_vec(&line).map_err(unspeakable)?;
        self.say(Method::PUT, &format!("{CLAIMS}/{id}"), body.into()).await.map(drop)
    }
}

impl fmt::Debug for Claimant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimant").field("urls", &self.urls).finish_non_exhaustive()
    }
}

fn unspeakable(error: serde_json::Error) -> LedgerError {
    LedgerError::Refused(Box::new(error))
}

/// Would it be refused again, by whomever? A control plane that does not know the operation is older
/// than this edge, and another may be newer.
fn is_about_what_is_said(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}
