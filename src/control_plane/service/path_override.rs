//! Overrides: which protected assets are public (requirements D18 to D26, G10 to G13).

use std::collections::HashSet;

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

/// Entries from which on a table does not lose more than half of them by mistake: a list that was
/// cut off on its way, or is of another tenant.
const LARGE: usize = 20;

/// May a table lose most of its entries at once?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shrinking {
    /// It may: somebody said so.
    Meant,
    /// It is asked about.
    Refused,
}

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

/// What of something is public, and by which levels (G11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideStanding {
    /// What its own level opens.
    pub own: Option<Opening>,
    /// Each type that it has assets of.
    pub types: Vec<TypeStanding>,
}

/// Whether the assets of one type are public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStanding {
    /// Which type.
    pub kind: AssetType,
    /// The levels that open it; where there is none it is protected.
    pub through: Vec<OverrideLevel>,
}

impl OverrideStanding {
    /// How the assets of a level stand by that table.
    fn of(list: &OverrideList, level: &OverrideLevel) -> Self {
        let kinds: &[AssetType] = match level {
            OverrideLevel::Tenant | OverrideLevel::AssetTypes | OverrideLevel::Video(_) => {
                AssetType::ALL
            }
            OverrideLevel::Channel(_) => &[AssetType::Attachment],
        };
        let is_above = |it: &OverrideLevel| {
            matches!(it, OverrideLevel::Tenant | OverrideLevel::AssetTypes) || it == level
        };
        let open = |kind: AssetType| {
            let openers = list
                .overrides
                .iter()
                .filter(|it| is_above(&it.level) && it.opens.types().contains(kind));
            openers.map(|it| it.level.clone()).collect()
        };
        let own = list.overrides.iter().find(|it| it.level == *level).map(|it| it.opens);
        let types = kinds.iter().map(|kind| TypeStanding { kind: *kind, through: open(*kind) });
        Self { own, types: types.collect() }
    }
}

impl Services {
    /// What of something of a tenant is public, and by which levels.
    pub async fn override_standing(
        &self,
        caller: &Caller,
        tenant: TenantId,
        level: &OverrideLevel,
    ) -> Result<OverrideStanding, ServiceError> {
        let list = self.override_list(caller, tenant).await?;
        Ok(OverrideStanding::of(&list, level))
    }

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
        shrinking: Shrinking,
    ) -> Result<OverrideList, ServiceError> {
        caller.require(Scope::OverridesAdmin)?;
        accept_all(&proposal)?;
        let mut change = self.change(caller).await?;
        let now = change.view().override_list(tenant).await?;
        match shrinking {
            Shrinking::Meant => {}
            // Whoever means another revision is told of that.
            Shrinking::Refused if expected.meet(now.revision).is_err() => {}
            Shrinking::Refused => keeps_most(&now, &proposal)?,
        }
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

/// Refuses a table that lacks more than half of a large one's levels.
fn keeps_most(now: &OverrideList, proposal: &OverrideProposal) -> Result<(), ServiceError> {
    let kept: HashSet<&OverrideLevel> = proposal.0.iter().map(|(level, _)| level).collect();
    let entries = now.overrides.len();
    let removed = now.overrides.iter().filter(|it| !kept.contains(&it.level)).count();
    if entries >= LARGE && removed * 2 > entries {
        return Err(ServiceError::Shrinks { entries, removed });
    }
    Ok(())
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
    use crate::asset::{AssetPath, ChannelId, VideoId, Visibility};
    use crate::control_plane::record::PathOverride;
    use crate::policy::OverrideTable;
    use crate::target::{PathToken, RequestTarget};

    /// Whatever levels are open, what stands as public here is what edges hand out.
    #[test]
    fn standing_is_what_is_in_force() {
        let tenant = TenantId(1);
        let video = OverrideLevel::Video(VideoId::new("-a").unwrap());
        let channel = OverrideLevel::Channel(ChannelId(7));
        let asset = |text: &str| {
            let target = RequestTarget::parse(text, PathToken::Absent, 8192).unwrap();
            AssetPath::parse(&target).unwrap()
        };
        let of_video = ["source", "formats/hd", "attachments/t/n", "subtitles/de?source=VTT"];
        let of_video = of_video.map(|it| asset(&format!("/private/videos/-a/{it}")));
        let of_channel = asset("/private/channels/7/attachments/t/n");
        let types = |kind| Opening::Types(AssetTypeSet::EMPTY.with(kind));
        let openings = [
            (OverrideLevel::Tenant, Opening::Everything),
            (OverrideLevel::AssetTypes, types(AssetType::Attachment)),
            (video.clone(), types(AssetType::VideoSource)),
            (OverrideLevel::Video(VideoId::new("-b").unwrap()), Opening::Everything),
            (channel.clone(), types(AssetType::Attachment)),
            (OverrideLevel::Channel(ChannelId(8)), types(AssetType::Attachment)),
        ];
        for chosen in 0..1_u32 << openings.len() {
            let mut table = OverrideTable::default();
            let mut list = OverrideList::default();
            for (place, (level, opens)) in openings.iter().enumerate() {
                if chosen & (1 << place) != 0 {
                    table.tenant_mut(tenant).set(level, Some(*opens));
                    let (level, opens) = (level.clone(), *opens);
                    list.overrides.push(PathOverride { tenant, level, opens });
                }
            }
            let stands = |level: &OverrideLevel, asset: &AssetPath| {
                let standing = OverrideStanding::of(&list, level);
                let of_type = standing.types.iter().find(|it| it.kind == asset.asset_type());
                let is_open = !of_type.unwrap().through.is_empty();
                let in_force = table.effective(tenant, asset) == Visibility::Public;
                assert_eq!(is_open, in_force, "{chosen:b} {asset:?}");
            };
            for asset in &of_video {
                stands(&video, asset);
            }
            stands(&channel, &of_channel);
        }
    }

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
