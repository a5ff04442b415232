//! What a purge means at this edge: its sites' origins, and the objects that are a content's.

use crate::policy::{AssetSource, ControlState, OriginName, Purge, PurgedFiles, Site};

use super::PurgeScope;
use super::state::EdgeState;
use crate::asset::{ContentId, OriginKey};

/// Drops from the cache what control planes said is to be dropped, and was not yet. For whoever has
/// just put that state in force.
pub fn keep_up(state: &EdgeState) {
    let (Some(cache), Some(control)) = (&state.cache, &state.policy.control) else { return };
    cache.keep_up(control.version, &control.purges, |purge| scopes(purge, state, control));
}

/// More than was meant may go, never less.
fn scopes(purge: &Purge, state: &EdgeState, control: &ControlState) -> Vec<PurgeScope> {
    let Purge { version: _, tenant, files } = purge;
    let sites = &state.policy.sites;
    let mut own = sites.sites().iter().filter(|site| site.tenant == *tenant);
    match files {
        PurgedFiles::Content(id) => {
            own.flat_map(|site| of_content(id, site, state, control)).collect()
        }
        PurgedFiles::Everything => own.flat_map(|site| of_site(site, state)).collect(),
        PurgedFiles::Site(host) => {
            let found = sites.find(host);
            let site = own.find(|site| found.is_some_and(|found| std::ptr::eq(found, *site)));
            site.map(|site| of_site(site, state)).unwrap_or_default()
        }
    }
}

/// Everything that the site's origins have.
fn of_site(site: &Site, state: &EdgeState) -> Vec<PurgeScope> {
    let assets: Vec<&OriginName> = match &site.assets {
        Some(AssetSource::Catalog(rules)) => rules.origins().collect(),
        Some(AssetSource::Template(rules)) => vec![&rules.origin],
        None => Vec::new(),
    };
    let origins = assets.into_iter().chain(site.routes.iter().map(|route| &route.origin));
    origins.filter_map(|name| state.delivery.identity(name)).map(PurgeScope::Origin).collect()
}

fn of_content(
    id: &ContentId,
    site: &Site,
    state: &EdgeState,
    control: &ControlState,
) -> Vec<PurgeScope> {
    match &site.assets {
        Some(AssetSource::Catalog(_)) => {
            // What was another version's, or of a content that is gone, is not found any more.
            let Some(entry) = control.catalog.content(site.tenant, id) else { return Vec::new() };
            let object = |file| {
                let name = control.catalog.origin(&file)?;
                let origin = state.delivery.identity(&OriginName::new(&name))?;
                Some(PurgeScope::Object(origin, OriginKey::Object(file.key().into())))
            };
            entry.files().filter_map(object).collect()
        }
        Some(AssetSource::Template(rules)) => {
            let Some(origin) = state.delivery.identity(&rules.origin) else { return Vec::new() };
            let beginnings = rules.key.beginnings(&format!("videos/{id}/"));
            beginnings.into_iter().map(|it| PurgeScope::Prefix(origin, it.into())).collect()
        }
        None => Vec::new(),
    }
}
