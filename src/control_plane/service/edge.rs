//! Edges: who is let in, who is there, and who is not any more.

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::clock::UnixSeconds;
use crate::control_plane::account::{SecretKind, SecretText};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Edge, EdgeId, EnrolmentCode, EnrolmentId, Scope, SecretHash};
use crate::network::ClientIp;

/// Seconds for which a code is good where nobody says how long.
const CODE_LASTS: u64 = 3_600;

/// Seconds for which a code is good at most.
const CODE_LASTS_AT_MOST: u64 = 30 * 24 * 3_600;

/// A record, and the secret it is of, seen this once.
#[derive(Debug)]
pub struct Issued<T> {
    /// What is kept.
    pub record: T,
    /// The secret.
    pub secret: SecretText,
}

impl Services {
    /// Every edge, by name.
    pub async fn edge_list(&self, caller: &Caller) -> Result<Vec<Edge>, ServiceError> {
        caller.require(Scope::EdgesAdmin)?;
        Ok(self.view(caller).await?.edge_list().await?)
    }

    /// Makes an edge's token worth nothing; its connections end within a second.
    pub async fn edge_revoke(&self, caller: &Caller, id: &EdgeId) -> Result<(), ServiceError> {
        caller.require(Scope::EdgesAdmin)?;
        let mut change = self.change(caller).await?;
        change.edge_revoke(id).await?;
        change.commit().await?;
        Ok(())
    }

    /// Every enrolment code that was not forgotten, the oldest first.
    pub async fn enrolment_code_list(
        &self,
        caller: &Caller,
    ) -> Result<Vec<EnrolmentCode>, ServiceError> {
        caller.require(Scope::EdgesAdmin)?;
        Ok(self.view(caller).await?.enrolment_code_list().await?)
    }

    /// Makes a code by which one edge gets a token, once.
    pub async fn enrolment_code_create(
        &self,
        caller: &Caller,
        edge_name: &str,
        expires_at: Option<UnixSeconds>,
    ) -> Result<Issued<EnrolmentCode>, ServiceError> {
        caller.require(Scope::EdgesAdmin)?;
        text("/edge_name", edge_name, 128)?;
        let now = self.now();
        let expires_at = expires_at.unwrap_or(now.plus(CODE_LASTS));
        if expires_at <= now || expires_at > now.plus(CODE_LASTS_AT_MOST) {
            let wrong = "must be in the future, and no more than thirty days away";
            return Err(Invalid::new("/expires_at", wrong).into());
        }
        let secret = SecretText::random(SecretKind::Enrolment)?;
        let mut change = self.change(caller).await?;
        let record = change.enrolment_code_create(edge_name, secret.hash(), expires_at).await?;
        change.commit().await?;
        Ok(Issued { record, secret })
    }

    /// Takes a code back.
    pub async fn enrolment_code_remove(
        &self,
        caller: &Caller,
        id: &EnrolmentId,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::EdgesAdmin)?;
        let mut change = self.change(caller).await?;
        change.enrolment_code_remove(id).await?;
        change.commit().await?;
        Ok(())
    }

    /// Exchanges a code for an edge's token, once. Whoever has the code may: there is no other
    /// caller yet.
    pub async fn edge_enrol(
        &self,
        code: &str,
        address: Option<ClientIp>,
    ) -> Result<Issued<Edge>, ServiceError> {
        let caller = Caller::system("enrolment").from_address(address);
        let secret = SecretText::random(SecretKind::Edge)?;
        let mut change = self.change(&caller).await?;
        let record = change.edge_enrol(&SecretHash::of(code), secret.hash()).await?;
        change.commit().await?;
        Ok(Issued { record, secret })
    }
}
