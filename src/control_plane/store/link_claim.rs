//! The uses of links that may be used once. Each changes under its row's lock, which is taken by the
//! statement that reads it: any number of claims at once, at any number of control planes, come one
//! after the other. What a claim does is the record's business.

use super::change::Change;
use super::download_event::Forgotten;
use super::error::StoreError;
use super::statement::{Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::claim::{ClaimDraft, ClaimEnd, ClaimRuling};
use crate::clock::UnixSeconds;
use crate::control_plane::record::LinkClaim;

/// Seconds for which the uses of a link are kept after its end: no clock of an edge is behind so far.
pub(in crate::control_plane) const KEPT_AFTER_END: u64 = 24 * 3600;

/// Links that are forgotten at a time.
const FORGOTTEN_AT_ONCE: u64 = 10_000;

impl View {
    /// The uses of a link.
    pub async fn link_claim(
        &mut self,
        tenant: TenantId,
        link: &str,
    ) -> Result<LinkClaim, StoreError> {
        self.reach(Some(tenant))?;
        let statement =
            Statement::new("SELECT state FROM link_claim WHERE tenant = $1 AND link = $2");
        let row = self.connection().row(statement.bind(tenant).bind(link)).await?;
        row.map_or_else(|| Ok(LinkClaim::default()), |row| row.json("state"))
    }
}

impl Change {
    /// Claims a use of a link. Not audited: what came of it is told as a download.
    pub async fn link_claim_make(&mut self, draft: &ClaimDraft) -> Result<ClaimRuling, StoreError> {
        let ClaimDraft { tenant, link, expires_at, .. } = draft;
        let mut claim = self.link_claim_lock(*tenant, link, *expires_at).await?;
        let verdict = claim.claim(draft, self.now());
        self.link_claim_put(*tenant, link, &claim).await?;
        Ok(ClaimRuling { verdict, holder: claim.holder() })
    }

    /// Says how a claim ended.
    pub async fn link_claim_end(&mut self, end: &ClaimEnd) -> Result<(), StoreError> {
        let ClaimEnd { tenant, link, expires_at, .. } = end;
        let mut claim = self.link_claim_lock(*tenant, link, *expires_at).await?;
        claim.end(end, self.now());
        self.link_claim_put(*tenant, link, &claim).await
    }

    /// Forgets links that ended long before that, some at a time.
    pub async fn link_claim_forget(&mut self, now: UnixSeconds) -> Result<Forgotten, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM link_claim WHERE forget_at IN \
             (SELECT forget_at FROM link_claim WHERE forget_at < $1 ORDER BY forget_at LIMIT $2)",
        );
        let statement = statement.bind(now).bind(FORGOTTEN_AT_ONCE);
        let gone = self.view().connection().execute(statement).await?;
        Ok(if gone < FORGOTTEN_AT_ONCE { Forgotten::All } else { Forgotten::Some })
    }

    async fn link_claim_lock(
        &mut self,
        tenant: TenantId,
        link: &str,
        expires_at: UnixSeconds,
    ) -> Result<LinkClaim, StoreError> {
        self.view().reach(Some(tenant))?;
        let statement = Statement::new(
            "INSERT INTO link_claim (tenant, link, forget_at, state) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, link) DO UPDATE SET forget_at = \
             CASE WHEN link_claim.forget_at < $3 THEN $3 ELSE link_claim.forget_at END \
             RETURNING state",
        );
        let statement = statement
            .bind(tenant)
            .bind(link)
            .bind(expires_at.plus(KEPT_AFTER_END))
            .bind(Value::json(&LinkClaim::default())?);
        self.view().found(statement).await?.json("state")
    }

    async fn link_claim_put(
        &mut self,
        tenant: TenantId,
        link: &str,
        claim: &LinkClaim,
    ) -> Result<(), StoreError> {
        let statement =
            Statement::new("UPDATE link_claim SET state = $3 WHERE tenant = $1 AND link = $2");
        let statement = statement.bind(tenant).bind(link).bind(Value::json(claim)?);
        self.view().connection().execute(statement).await.map(drop)
    }
}
