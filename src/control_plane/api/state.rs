//! What every handler works with.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::admission::ConnectionLimits;
use axum::http::HeaderMap;
use axum::http::header::HOST;

use super::cursor::CursorKey;
use super::rate_limit::RateLimit;
use super::share::SharePages;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::account::{Accounts, PasswordHasher};
use crate::control_plane::edge_sync::EdgeHub;
use crate::control_plane::link::{LinkSigner, MasterKey};
use crate::control_plane::mail::Post;
use crate::control_plane::service::{
    ImageMarks, KnownOrigins, ServiceError, Services, Sources, Store, Uploads,
};
use crate::control_plane::share_page;
use crate::control_plane::webhooks::Reach;
use crate::delivery::DeliveryDesk;
use crate::network::NetworkSet;

/// May a session's token be in an address (requirement G1)?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryToken {
    /// It is nobody's.
    Refused,
    /// It is taken.
    Taken,
}

/// What every handler works with. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Api {
    pub(super) services: Services,
    pub(super) accounts: Accounts,
    pub(super) edges: EdgeHub,
    pub(super) public_url: Option<Arc<str>>,
    pub(super) trusted_proxies: Arc<NetworkSet>,
    pub(super) cursors: CursorKey,
    pub(super) rate_limit: RateLimit,
    pub(super) connections: ConnectionLimits,
    /// May a session's token be in an address (G1)?
    pub(super) query_token: bool,
}

impl Api {
    /// An API over that store. `public_url` is where clients find it, `trusted_proxies` are those
    /// whose `X-Forwarded-For` is believed, `master_key` is what keys are sealed under, and
    /// `link_signer` makes links to files.
    pub async fn new(
        store: Store,
        clock: Clock,
        public_url: Option<&str>,
        trusted_proxies: NetworkSet,
        master_key: Option<MasterKey>,
        link_signer: LinkSigner,
    ) -> Result<Self, ServiceError> {
        let passwords =
            PasswordHasher::new().map_err(|error| ServiceError::Failed(Box::new(error)))?;
        let edges = EdgeHub::new(store.clone(), clock, master_key.clone());
        let services = Services::new(store.clone(), clock, passwords.clone())
            .with_master_key(master_key.clone())
            .with_link_signer(link_signer);
        let cursors = CursorKey::of(&services.lineage().await?);
        Ok(Self {
            services,
            edges,
            accounts: Accounts::new(store, clock, passwords).with_master_key(master_key),
            public_url: public_url.map(|url| url.trim_end_matches('/').into()),
            trusted_proxies: Arc::new(trusted_proxies),
            cursors,
            rate_limit: RateLimit::default(),
            connections: ConnectionLimits::default(),
            query_token: true,
        })
    }

    /// The same, with so many requests a minute for each caller; none: any number.
    #[must_use]
    pub fn with_rate_limit(self, a_minute: Option<NonZeroU32>) -> Self {
        Self { rate_limit: RateLimit::new(a_minute), ..self }
    }

    /// The same, whose links live so many seconds at most.
    #[must_use]
    pub fn with_longest_link(self, seconds: u64) -> Self {
        Self { services: self.services.with_longest_link(seconds), ..self }
    }

    /// The same, which reads originals there for pictures to be compared with.
    #[must_use]
    pub fn with_originals(
        self,
        desk: impl Fn() -> Option<Arc<DeliveryDesk>> + Send + Sync + 'static,
    ) -> Self {
        Self { services: self.services.with_originals(desk), ..self }
    }

    /// The same, whose copies of pictures have marks, or not.
    #[must_use]
    pub fn with_image_marks(self, image_marks: ImageMarks) -> Self {
        Self { services: self.services.with_image_marks(image_marks), ..self }
    }

    /// The same, with so many connections.
    #[must_use]
    pub fn with_connections(self, connections: ConnectionLimits) -> Self {
        Self { connections, ..self }
    }

    /// The same, which hands originals over.
    #[must_use]
    pub fn with_sources(self, sources: Sources) -> Self {
        Self { services: self.services.with_sources(sources), ..self }
    }

    /// The same, whose webhooks may lead there.
    #[must_use]
    pub fn with_webhook_reach(self, reach: Reach) -> Self {
        Self { services: self.services.with_webhook_reach(reach), ..self }
    }

    /// The same, with what brings letters to mail servers.
    #[must_use]
    pub fn with_post(self, post: Post) -> Self {
        Self { services: self.services.with_post(post), ..self }
    }

    /// The same, which takes tokens in addresses, or does not.
    #[must_use]
    pub fn with_query_token(self, taken: QueryToken) -> Self {
        Self { query_token: taken == QueryToken::Taken, ..self }
    }

    /// The same, with the origins that there are.
    #[must_use]
    pub fn with_origins(self, origins: KnownOrigins) -> Self {
        Self { services: self.services.with_origins(origins), ..self }
    }

    /// The same, which takes uploads.
    #[must_use]
    pub fn with_uploads(self, uploads: Uploads) -> Self {
        Self { services: self.services.with_uploads(uploads), ..self }
    }

    /// How whoever asks finds it: as is configured, else by the host that they asked.
    pub(super) fn address(&self, headers: &HeaderMap) -> String {
        let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        self.public_url.as_deref().map_or_else(|| format!("http://{asked}"), str::to_owned)
    }

    /// What its operations ask.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Since when somebody is disabled, after a patch that may say whether they are.
    pub(super) fn disabled_at(
        &self,
        disabled: Option<bool>,
        before: Option<UnixSeconds>,
    ) -> Option<UnixSeconds> {
        match disabled {
            None => before,
            Some(false) => None,
            Some(true) => before.or_else(|| Some(self.services.now())),
        }
    }

    /// What visitors are answered by.
    pub fn share_pages(&self) -> SharePages {
        SharePages::new(share_page::router(self.services.clone()))
    }

    /// What edges follow; it is to be [run](EdgeHub::run).
    pub fn edges(&self) -> EdgeHub {
        self.edges.clone()
    }
}
