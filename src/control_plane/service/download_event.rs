//! Downloads: taking what edges report, and showing it to whoever may read the audit log.

use super::desk::Services;
use super::error::{Invalid, ServiceError, at_most, text};
use crate::asset::TenantId;
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::record::{DownloadEventId, KeptDownload, Scope};
use crate::control_plane::store::{DownloadFilter, Listed, Page};
use crate::event::{
    ConnectorUse, DownloadBy, DownloadEvent, Event, EventBatch, FraudEvent, LONGEST_PATH,
    LONGEST_REASON, LONGEST_USER_AGENT, MOST_OF_A_BATCH, Taken,
};

impl Services {
    /// A tenant's downloads, by when they ended.
    pub async fn download_event_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        filter: &DownloadFilter,
        page: &Page<DownloadEventId>,
    ) -> Result<Listed<KeptDownload, DownloadEventId>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::AuditRead, tenant).await?;
        Ok(view.download_event_list(tenant, filter, page).await?)
    }

    /// Takes a batch from the edge that calls, or from this process. One that was taken before is
    /// taken again without effect.
    pub async fn download_event_take(
        &self,
        caller: &Caller,
        batch: EventBatch,
    ) -> Result<Taken, ServiceError> {
        caller.require(Scope::Edge)?;
        let edge = match caller.actor() {
            Actor::Edge(id) => Some(id),
            Actor::System(_) => None,
            Actor::Application(_) | Actor::Person(_) => return Err(ServiceError::NotFound),
        };
        check(&batch)?;
        // Its tenants are whoever's sites it serves.
        let mut change = self.change(&Caller::system("downloads")).await?;
        let name = match edge {
            Some(id) => Some(change.view().edge(id).await?.name),
            None => None,
        };
        let taken = change.download_event_take(name.as_deref(), batch).await?;
        change.commit().await?;
        Ok(Taken { taken })
    }
}

fn check(batch: &EventBatch) -> Result<(), Invalid> {
    at_most("/events", &batch.events, MOST_OF_A_BATCH)?;
    let mut before = 0;
    for (place, numbered) in batch.events.iter().enumerate() {
        if numbered.number <= before || i64::try_from(numbered.number).is_err() {
            return Err(Invalid::new(format!("/events/{place}/number"), "must rise, from 1"));
        }
        before = numbered.number;
        let at = |field| format!("/events/{place}/event/{field}");
        if i64::try_from(numbered.event.tenant().0).is_err() {
            return Err(Invalid::new(at("tenant"), "is out of range"));
        }
        let (link, key, path, request_id) = match &numbered.event {
            Event::Download(DownloadEvent { by, path, request_id, .. }) => match by {
                DownloadBy::Link { link, key } => (Some(link), Some(key), path, request_id),
                DownloadBy::Connector(ConnectorUse { connector, user_agent, .. }) => {
                    text(at("connector"), connector, 256)?;
                    if let Some(agent) = user_agent.as_deref().filter(|agent| !agent.is_empty()) {
                        text(at("user_agent"), agent, LONGEST_USER_AGENT)?;
                    }
                    (None, None, path, request_id)
                }
            },
            Event::Fraud(FraudEvent { link, key, path, request_id, rule, reason, .. }) => {
                text(at("rule"), rule, LONGEST_REASON)?;
                text(at("reason"), reason, LONGEST_REASON)?;
                (link.as_ref(), key.as_ref(), path, request_id)
            }
        };
        for (field, id) in [("link", link), ("key", key)] {
            id.map(|id| text(at(field), id, 256)).transpose()?;
        }
        text(at("path"), path, LONGEST_PATH)?;
        text(at("request_id"), request_id, 256)?;
    }
    Ok(())
}
