//! Overrides: which protected assets are public (requirements D18 to D26, G10 to G13).

use super::desk::Services;
use super::error::{Invalid, ServiceError};
use crate::asset::{AssetType, AssetTypeSet, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Opening, OverrideLevel, OverrideList, OverrideRevision, OverrideStep, Scope,
};
use crate::control_plane::store::{Expected, Listed, Page, override_steps};

/// Most entries of one tenant's table.
const MOST_OVERRIDES: usize = 100_000;

/// A table that somebody would like.
#[derive(Clone, Debug, Default)]
pub struct OverrideProposal(pub Vec<(OverrideLevel, Opening)>);

/// What a table would change.
#[derive(Clone, Debug)]
pub struct OverrideDifference {
    /// The revision of the table as it is.
    pub revision: u64,
    /// What would change, by level.
    pub steps: Vec<OverrideStep>,
}

impl Services {
    /// A tenant's whole table.
    pub async fn override_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<OverrideList, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        Ok(self.view(caller).await?.override_list(tenant).await?)
    }

    /// Says what is open at one level (G10), and gives the whole table after it (G11).
    pub async fn override_set(
        &self,
        caller: &Caller,
        tenant: TenantId,
        level: &OverrideLevel,
        opens: Option<Opening>,
    ) -> Result<OverrideList, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        if let Some(opens) = opens {
            accept(level, opens)?;
        }
        let mut change = self.change(caller).await?;
        change.override_set(tenant, Expected::Any, level, opens).await?;
        let list = change.view().override_list(tenant).await?;
        change.commit().await?;
        Ok(list)
    }

    /// Makes everything of a tenant private, on all levels (D20, G11).
    pub async fn override_clear(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<OverrideList, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        let mut change = self.change(caller).await?;
        change.override_clear(tenant, Expected::Any).await?;
        let list = change.view().override_list(tenant).await?;
        change.commit().await?;
        Ok(list)
    }

    /// Puts a table in place of a tenant's.
    pub async fn override_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
        proposal: OverrideProposal,
    ) -> Result<OverrideList, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        accept_all(&proposal)?;
        let mut change = self.change(caller).await?;
        change.override_replace(tenant, expected, proposal.0).await?;
        let list = change.view().override_list(tenant).await?;
        change.commit().await?;
        Ok(list)
    }

    /// What a table would change, without changing it.
    pub async fn override_difference(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
        proposal: OverrideProposal,
    ) -> Result<OverrideDifference, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        accept_all(&proposal)?;
        let list = self.view(caller).await?.override_list(tenant).await?;
        if let Expected::Revision(revision) = expected
            && revision != list.revision
        {
            return Err(ServiceError::Stale);
        }
        let before = list.overrides.into_iter().map(|it| (it.level, it.opens)).collect();
        let after = proposal.0.into_iter().collect();
        let steps = override_steps(&before, &after);
        Ok(OverrideDifference { revision: list.revision, steps })
    }

    /// Changes of a tenant's table, the first first.
    pub async fn override_revision_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<u64>,
    ) -> Result<Listed<OverrideRevision, u64>, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        Ok(self.view(caller).await?.override_revision_list(tenant, page).await?)
    }

    /// Brings a tenant's table back to what it was at a revision.
    pub async fn override_rollback(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
        revision: u64,
    ) -> Result<OverrideList, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        let mut change = self.change(caller).await?;
        change.override_rollback(tenant, expected, revision).await?;
        let list = change.view().override_list(tenant).await?;
        change.commit().await?;
        Ok(list)
    }
}

fn accept_all(proposal: &OverrideProposal) -> Result<(), Invalid> {
    if proposal.0.len() > MOST_OVERRIDES {
        return Err(Invalid::new("", format!("a table has at most {MOST_OVERRIDES} entries")));
    }
    proposal.0.iter().try_for_each(|(level, opens)| accept(level, *opens))
}

/// Refuses what opens nothing, and types a level has no assets of (D22, G13).
fn accept(level: &OverrideLevel, opens: Opening) -> Result<(), Invalid> {
    let attachments = AssetTypeSet::EMPTY.with(AssetType::Attachment);
    let types = match opens {
        Opening::Everything => AssetTypeSet::EVERY,
        Opening::Types(types) => types,
    };
    if types == AssetTypeSet::EMPTY {
        return Err(Invalid::new("", "at least one asset type is needed"));
    }
    let fits = match (level, opens) {
        (OverrideLevel::Tenant, Opening::Everything)
        | (OverrideLevel::AssetTypes, Opening::Types(_))
        | (OverrideLevel::Video(_), Opening::Everything | Opening::Types(_)) => true,
        (OverrideLevel::Channel(_), Opening::Types(types)) => types == attachments,
        (OverrideLevel::Tenant, Opening::Types(_))
        | (OverrideLevel::AssetTypes | OverrideLevel::Channel(_), Opening::Everything) => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Invalid::new("", "channels support ATTACHMENT and nothing else"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{ChannelId, VideoId};

    #[test]
    fn a_level_takes_what_it_has_assets_of() {
        let video = OverrideLevel::Video(VideoId::new("-a").unwrap());
        let channel = OverrideLevel::Channel(ChannelId(7));
        let subtitles = Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Subtitle));
        let attachments = Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Attachment));
        let nothing = Opening::Types(AssetTypeSet::EMPTY);
        assert!(accept(&video, Opening::Everything).is_ok());
        assert!(accept(&video, subtitles).is_ok());
        assert!(accept(&video, nothing).is_err());
        assert!(accept(&channel, attachments).is_ok());
        assert!(accept(&channel, subtitles).is_err());
        assert!(accept(&channel, Opening::Everything).is_err());
        assert!(accept(&OverrideLevel::Tenant, Opening::Everything).is_ok());
        assert!(accept(&OverrideLevel::Tenant, subtitles).is_err());
        assert!(accept(&OverrideLevel::AssetTypes, subtitles).is_ok());
        assert!(accept(&OverrideLevel::AssetTypes, Opening::Everything).is_err());
    }
}
