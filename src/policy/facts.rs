//! The whole input of a decision about one request.

use crate::asset::{AssetPath, ConnectorPath};
use crate::network::ClientIp;
use crate::target::RequestTarget;
use crate::token::Candidates;

use super::{AssetSource, ProxyHeader, Route, Site};

/// What is known of a request once it was read: nothing in it is a decision.
#[derive(Debug)]
pub struct RequestFacts<'s> {
    /// Whose host it names.
    pub site: &'s Site,
    /// What it asks for.
    pub target: RequestTarget,
    /// Who asks.
    pub client: ClientIp,
    /// The header that names a proxy between the client and those that are trusted.
    pub untrusted_proxy: Option<ProxyHeader>,
    /// How it came.
    pub way: Way,
    /// What the client spoke.
    pub scheme: ClientScheme,
    /// What the target means on this site.
    pub resource: Resource<'s>,
    /// What may be its token.
    pub candidates: Candidates,
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through a CDN, which might keep what it is given.
    Cdn,
    /// Through nobody that says so.
    Direct,
}

/// What a client spoke with whoever it reached first of those that are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientScheme {
    /// In the clear.
    Http,
    /// TLS.
    Https,
}

/// What a target means on its site.
#[derive(Debug)]
pub enum Resource<'s> {
    /// An asset of the site's tenant.
    Asset(AssetPath),
    /// What a connector of the site's tenant gives under that path.
    Connector(ConnectorPath),
    /// A plain path under a route.
    Route(&'s Route),
}

impl<'s> Resource<'s> {
    /// Finds out: where a site has assets, everything under `/public/` and `/private/` is asset
    /// grammar or nothing, and never falls through to a route; where the catalog says which, so is
    /// everything under `/dl/` a connector's.
    pub fn find(site: &'s Site, target: &RequestTarget) -> Result<Self, super::Denial> {
        if site.assets.is_some() && AssetPath::claims(target) {
            return Ok(Self::Asset(AssetPath::parse(target)?));
        }
        if matches!(site.assets, Some(AssetSource::Catalog(_))) && ConnectorPath::claims(target) {
            let path = ConnectorPath::parse(target).ok_or(super::DenialCode::NoRoute)?;
            return Ok(Self::Connector(path));
        }
        site.route(target.decoded())
            .map(Self::Route)
            .ok_or(super::Denial::Plain(super::DenialCode::NoRoute))
    }
}
