//! Failures to log in. A subject is a name that was tried, as its hash, or none: the network's own.
//!
//! An attempt is counted before it is looked at, under the lock of its row, so that any number at
//! once, at any number of control planes, count one after the other.

use super::change::Change;
use super::error::StoreError;
use super::statement::{Row, Statement};
use crate::clock::UnixSeconds;

/// What was tried before, and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginFailures {
    /// How often.
    pub count: u64,
    /// When last.
    pub last_at: UnixSeconds,
}

impl Change {
    /// Counts an attempt as failed. Gives what had failed before, after `forgotten`.
    pub async fn login_failure_count(
        &mut self,
        subject: &str,
        network: &str,
        forgotten: UnixSeconds,
    ) -> Result<LoginFailures, StoreError> {
        let statement = Statement::new(
            "INSERT INTO login_failure (subject, network, failures, before_at, last_at) \
             VALUES ($1, $2, 1, $3, $3) ON CONFLICT (subject, network) DO UPDATE SET \
             failures = CASE WHEN login_failure.last_at <= $4 THEN 1 \
             ELSE login_failure.failures + 1 END, \
             before_at = login_failure.last_at, last_at = $3 RETURNING failures, before_at",
        );
        let now = self.now();
        let statement = statement.bind(subject).bind(network).bind(now).bind(forgotten);
        let row: Row = self.view().found(statement).await?;
        let count: u64 = row.number("failures")?;
        Ok(LoginFailures { count: count.saturating_sub(1), last_at: row.number("before_at")? })
    }

    /// Takes back one attempt of a network: it succeeded.
    pub async fn login_failure_take_back(
        &mut self,
        subject: &str,
        network: &str,
    ) -> Result<(), StoreError> {
        let last = Statement::new(
            "DELETE FROM login_failure WHERE subject = $1 AND network = $2 AND failures <= 1",
        );
        let one = Statement::new(
            "UPDATE login_failure SET failures = failures - 1, last_at = before_at \
             WHERE subject = $1 AND network = $2",
        );
        for statement in [last, one] {
            self.view().connection().execute(statement.bind(subject).bind(network)).await?;
        }
        Ok(())
    }

    /// Forgets what was tried of a name from a network.
    pub async fn login_failure_clear(
        &mut self,
        subject: &str,
        network: &str,
    ) -> Result<(), StoreError> {
        let statement =
            Statement::new("DELETE FROM login_failure WHERE subject = $1 AND network = $2");
        let statement = statement.bind(subject).bind(network);
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Forgets what failed until then. Gives of how many.
    pub async fn login_failure_forget(&mut self, until: UnixSeconds) -> Result<u64, StoreError> {
        let statement = Statement::new("DELETE FROM login_failure WHERE last_at <= $1");
        self.view().connection().execute(statement.bind(until)).await
    }
}
