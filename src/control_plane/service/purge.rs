//! Purges: files that edges shall ask of their origins anew, within a second.

use super::desk::Services;
use super::error::{Invalid, ServiceError};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{FeedVersion, PurgedFiles};
use crate::policy::HostPattern;

impl Services {
    /// Has every edge drop what it cached of these files of a tenant. Gives the version of the feed
    /// that says so: where that is in force, it is done. No member's: an origin may be asked for all
    /// of them again.
    pub async fn cache_purge(
        &self,
        caller: &Caller,
        tenant: TenantId,
        files: PurgedFiles,
    ) -> Result<FeedVersion, ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        let files = match files {
            PurgedFiles::Site(host) => match HostPattern::parse(&host) {
                Some(HostPattern::Exact(host)) => PurgedFiles::Site(host),
                Some(HostPattern::Any | HostPattern::Below(_)) | None => {
                    return Err(Invalid::new("/files/subject", "must be a host of a site").into());
                }
            },
            other @ (PurgedFiles::Content(_) | PurgedFiles::Everything) => other,
        };
        change.cache_purge(tenant, files)?;
        // A change with an entry in the feed has a version.
        Ok(change.commit().await?.unwrap_or_default())
    }
}
