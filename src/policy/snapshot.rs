//! Everything a decision reads, immutable, swapped as a whole.
//!
//! One swap, never two: keys, rules, overrides, blocklists and revocations change together or not
//! at all. A reader loads once per request and holds what it loaded to the end. The cell is
//! generic, so that the data plane can publish what its fetches need (origins, settings) in the
//! same swap.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::asset::{AssetPath, TenantId, Visibility};
use crate::clock::UnixSeconds;
use crate::network::ClientIp;
use crate::token::VerifiedToken;
use crate::token::edge_auth::EdgeAuth;

use super::revocations::Signed;
use super::{
    AntiFraud, AntiFraudUse, Blocklist, ControlState, FraudFinding, FraudMode, OverrideTable,
    RequestFacts, Revocations, Site, SiteTable,
};

/// The compiled policy.
#[derive(Clone, Debug)]
pub struct EdgeSnapshot {
    /// Grows by one with each publication.
    pub version: u64,
    /// When it was published.
    pub published: UnixSeconds,
    /// Sites, with their routes and keyrings.
    pub sites: Arc<SiteTable>,
    /// Which protected assets are public.
    pub overrides: Arc<OverrideTable>,
    /// Who is refused whatever they ask.
    pub blocklist: Arc<Blocklist>,
    /// Which link ids are dead.
    pub revocations: Arc<Revocations>,
    /// What makes a request suspect.
    pub anti_fraud: Arc<AntiFraud>,
    /// What a control plane says beside all this, where there is one.
    pub control: Option<Arc<ControlState>>,
}

impl EdgeSnapshot {
    /// The visibility that is in force.
    pub fn effective(&self, tenant: TenantId, asset: &AssetPath) -> Visibility {
        let of_control = || self.control.as_ref().map(|it| it.overrides.effective(tenant, asset));
        match self.overrides.effective(tenant, asset) {
            Visibility::Public => Visibility::Public,
            Visibility::Private => of_control().unwrap_or(Visibility::Private),
        }
    }

    /// Was a control plane not heard for longer than what it said is believed?
    pub fn is_stale(&self, now: UnixSeconds) -> bool {
        self.control.as_ref().is_some_and(|control| control.lease.is_over(now))
    }

    /// Is the client refused whatever it asks?
    pub fn blocks(&self, client: ClientIp) -> bool {
        let of_control = || self.control.as_ref().is_some_and(|it| it.blocklist.contains(client));
        self.blocklist.contains(client) || of_control()
    }

    /// What speaks against whoever asks, as far as one request shows it.
    pub fn suspects(&self, facts: &RequestFacts<'_>) -> Option<FraudFinding> {
        let pushed = self.control.as_ref().map(|it| &*it.fraud_lists);
        self.anti_fraud.find(facts.client, facts.untrusted_proxy, pushed)
    }

    /// The same of a client that asks past the sites of a tenant, where one of them asks who comes
    /// whatever they ask; none where the operator only watches.
    pub(super) fn suspects_client_of(
        &self,
        tenant: TenantId,
        client: ClientIp,
    ) -> Option<FraudFinding> {
        let asks = |site: &Site| site.tenant == tenant && site.anti_fraud == AntiFraudUse::Always;
        if self.anti_fraud.mode == FraudMode::Monitor || !self.sites.sites().iter().any(asks) {
            return None;
        }
        let pushed = self.control.as_ref().map(|it| &*it.fraud_lists);
        self.anti_fraud.find(client, None, pushed)
    }

    /// What opens a tenant's files at a site, beside the keys that the site has.
    pub fn link_rules(&self, site: &Site) -> impl Iterator<Item = &EdgeAuth> {
        let (tenant, delivery) = (site.tenant, site.delivery);
        self.control.iter().flat_map(move |control| control.links.of(tenant, delivery))
    }

    /// Is a verified token dead, for the file of this decoded path?
    pub fn revokes(&self, tenant: TenantId, path: &str, token: &VerifiedToken<'_>) -> bool {
        self.all_revocations().any(|it| it.revokes(tenant, path, token))
    }

    /// The same of what was promised without a token.
    pub(super) fn revokes_signed(&self, tenant: TenantId, path: &str, signed: Signed<'_>) -> bool {
        self.all_revocations().any(|it| it.revokes_signed(tenant, path, signed))
    }

    fn all_revocations(&self) -> impl Iterator<Item = &Revocations> {
        let control = self.control.as_ref().map(|it| &it.revocations);
        [Some(&*self.revocations), control].into_iter().flatten()
    }
}

/// The end that replaces what is in force.
#[derive(Debug)]
pub struct SnapshotPublisher<T>(Arc<ArcSwapOption<T>>);

/// The end that reads what is in force; it cannot publish.
#[derive(Debug)]
pub struct SnapshotReader<T>(Arc<ArcSwapOption<T>>);

impl<T> SnapshotPublisher<T> {
    /// Nothing is in force yet.
    pub fn new() -> Self {
        Self(Arc::new(ArcSwapOption::empty()))
    }

    /// Puts `next` in force.
    pub fn publish(&self, next: Arc<T>) {
        self.0.store(Some(next));
    }

    /// A reader of what is published here.
    pub fn reader(&self) -> SnapshotReader<T> {
        SnapshotReader(Arc::clone(&self.0))
    }
}

impl<T> Default for SnapshotPublisher<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> SnapshotReader<T> {
    /// What is in force; `None` before the first publication.
    pub fn load(&self) -> Option<Arc<T>> {
        self.0.load_full()
    }
}

impl<T> Clone for SnapshotReader<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_nothing_then_each_publication_whole() {
        let publisher = SnapshotPublisher::new();
        let reader = publisher.reader();
        assert!(reader.load().is_none());
        publisher.publish(Arc::new((1, 1)));
        let held = reader.load().unwrap();
        publisher.publish(Arc::new((2, 2)));
        assert_eq!((*held, *reader.load().unwrap()), ((1, 1), (2, 2)));
    }
}
