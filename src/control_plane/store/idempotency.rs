//! Idempotency keys.
//!
//! A key is claimed in a change of its own, so that a second request sees it at once, and the
//! answer is kept in the change that the request makes: both last, or neither does. A claim whose
//! request died with the process is taken over after a while.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::statement::Statement;
use crate::control_plane::record::{IDEMPOTENCY_LIFETIME, IdempotencyClaim, KeptAnswer};

/// How long a request may be in flight, in seconds.
const PATIENCE: u64 = 60;

impl Change {
    /// Claims the caller's key for a request, which is known by a hash of all that is in it.
    pub async fn idempotency_claim(
        &mut self,
        key: &str,
        request: &str,
    ) -> Result<IdempotencyClaim, StoreError> {
        let now = self.now();
        // No claim is as old as that before the clock is: on a clock near 1970 nothing is over.
        let ago = |seconds: u64| {
            i64::try_from(now.get()).unwrap_or(i64::MAX).saturating_sub_unsigned(seconds)
        };
        let actor = self.view().caller().actor().to_string();
        let claim = Statement::new(
            "INSERT INTO idempotency (actor, name, request, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (actor, name) DO UPDATE \
             SET request = $3, status = NULL, answer = NULL, created_at = $4 \
             WHERE idempotency.created_at <= $5 OR (idempotency.status IS NULL \
             AND idempotency.request = $3 AND idempotency.created_at <= $6) RETURNING name",
        )
        .bind(&*actor)
        .bind(key)
        .bind(request)
        .bind(now)
        .bind(ago(IDEMPOTENCY_LIFETIME))
        .bind(ago(PATIENCE));
        if self.view().connection().row(claim).await?.is_some() {
            return Ok(IdempotencyClaim::Claimed);
        }
        let statement = Statement::new(
            "SELECT request, status, answer, created_at FROM idempotency \
             WHERE actor = $1 AND name = $2",
        );
        let row = self.view().found(statement.bind(actor).bind(key)).await?;
        if row.text::<Box<str>>("request")?.as_ref() != request {
            return Ok(IdempotencyClaim::OtherRequest);
        }
        Ok(match row.number_opt("status")? {
            Some(status) => {
                IdempotencyClaim::Answered(KeptAnswer { status, body: row.text("answer")? })
            }
            None => IdempotencyClaim::InFlight { since: row.number("created_at")? },
        })
    }

    /// Keeps the answer to a request that claimed the caller's key.
    pub async fn idempotency_keep(
        &mut self,
        key: &str,
        answer: &KeptAnswer,
    ) -> Result<(), StoreError> {
        let actor = self.view().caller().actor().to_string();
        let statement = Statement::new(
            "UPDATE idempotency SET status = $3, answer = $4 \
             WHERE actor = $1 AND name = $2 AND status IS NULL",
        );
        let statement = statement.bind(actor).bind(key).bind(answer.status).bind(&answer.body);
        match self.view().connection().execute(statement).await? {
            0 => Err(StoreErrorKind::NotFound.into()),
            _ => Ok(()),
        }
    }

    /// Gives the caller's key back: the request failed, and may be made again.
    pub async fn idempotency_release(&mut self, key: &str) -> Result<(), StoreError> {
        let actor = self.view().caller().actor().to_string();
        let statement = Statement::new(
            "DELETE FROM idempotency WHERE actor = $1 AND name = $2 AND status IS NULL",
        );
        self.view().connection().execute(statement.bind(actor).bind(key)).await.map(drop)
    }

    /// Forgets answers that are older than they are kept for.
    pub async fn idempotency_forget(&mut self) -> Result<u64, StoreError> {
        let statement = Statement::new("DELETE FROM idempotency WHERE created_at <= $1");
        let oldest = self.now().get().saturating_sub(IDEMPOTENCY_LIFETIME);
        self.view().connection().execute(statement.bind(oldest)).await
    }
}
