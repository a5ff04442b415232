//! The services, and what they work with.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::asset::TenantId;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::account::PasswordHasher;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::{LinkRefusal, LinkSigner, MasterKey};
use crate::control_plane::mail::Post;
use crate::control_plane::record::Scope;
use crate::control_plane::rendering::Renderings;
use crate::control_plane::store::{Change, Store, View};
use crate::control_plane::webhooks::Reach;

use super::archive_reading::Readings;
use super::copy_issue::ImageMarks;
use super::error::ServiceError;
use super::likeness::Comparing;
use super::pipeline::KnownOrigins;
use super::share_marks::ShareMarks;
use super::share_sent::SentBytes;
use super::signing_key::LONGEST_LINK;
use super::source::Sources;
use super::turns::TitleSearches;
use super::upload::Uploads;

/// Everything the APIs can ask for. Clones work with the same store.
#[derive(Clone, Debug)]
pub struct Services {
    store: Store,
    clock: Clock,
    passwords: PasswordHasher,
    master_key: Option<MasterKey>,
    link_signer: Option<LinkSigner>,
    longest_link: u64,
    image_marks: ImageMarks,
    origins: Option<KnownOrigins>,
    uploads: Option<Uploads>,
    sources: Option<Sources>,
    readings: Readings,
    title_searches: TitleSearches,
    renderings: Renderings,
    share_marks: ShareMarks,
    sent_bytes: SentBytes,
    webhook_reach: Reach,
    post: Post,
    letters_written: Arc<Notify>,
    backtraces: Arc<Notify>,
    comparing: Comparing,
}

impl Services {
    /// Services over that store.
    pub fn new(store: Store, clock: Clock, passwords: PasswordHasher) -> Self {
        Self {
            store,
            clock,
            passwords,
            master_key: None,
            link_signer: None,
            longest_link: LONGEST_LINK,
            image_marks: ImageMarks::default(),
            origins: None,
            uploads: None,
            sources: None,
            readings: Readings::default(),
            title_searches: TitleSearches::default(),
            renderings: Renderings::default(),
            share_marks: ShareMarks::default(),
            sent_bytes: SentBytes::default(),
            webhook_reach: Reach::default(),
            post: Post::default(),
            letters_written: Arc::default(),
            backtraces: Arc::default(),
            comparing: Comparing::default(),
        }
    }

    /// The same, with what keys are sealed under.
    #[must_use]
    pub fn with_master_key(self, master_key: Option<MasterKey>) -> Self {
        Self { master_key, ..self }
    }

    /// The same, at another time.
    #[cfg(test)]
    pub(in crate::control_plane) fn at(self, now: UnixSeconds) -> Self {
        Self { clock: Clock::Fixed(now), ..self }
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn title_searches(&self) -> &TitleSearches {
        &self.title_searches
    }

    /// Woken by a backtrace that is to be looked at.
    pub(super) fn backtraces(&self) -> &Notify {
        &self.backtraces
    }

    pub(super) fn comparing(&self) -> &Comparing {
        &self.comparing
    }

    pub(super) fn with_comparing(self, comparing: Comparing) -> Self {
        Self { comparing, ..self }
    }

    /// What time it is.
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    /// The name of the store's history: the same for every control plane that shares it.
    pub async fn lineage(&self) -> Result<Box<str>, ServiceError> {
        let mut view = self.view(&Caller::system("lineage")).await?;
        Ok(view.feed_head().await?.lineage)
    }

    /// The same, with what makes links.
    #[must_use]
    pub fn with_link_signer(self, signer: LinkSigner) -> Self {
        Self { link_signer: Some(signer), ..self }
    }

    /// The same, whose links live so many seconds at most.
    #[must_use]
    pub fn with_longest_link(self, seconds: u64) -> Self {
        Self { longest_link: seconds, ..self }
    }

    /// The same, whose copies of pictures have marks, or not.
    #[must_use]
    pub fn with_image_marks(self, image_marks: ImageMarks) -> Self {
        Self { image_marks, ..self }
    }

    pub(super) fn image_marks(&self) -> ImageMarks {
        self.image_marks
    }

    pub(super) fn longest_link(&self) -> u64 {
        self.longest_link
    }

    /// The same, with the origins that there are.
    #[must_use]
    pub fn with_origins(self, origins: KnownOrigins) -> Self {
        Self { origins: Some(origins), ..self }
    }

    /// The origins that there are; none where that is not known, for edges elsewhere have them.
    pub(super) fn origins(&self) -> Option<&KnownOrigins> {
        self.origins.as_ref()
    }

    /// The same, with where uploads wait and what brings them to their origins.
    #[must_use]
    pub fn with_uploads(self, uploads: Uploads) -> Self {
        Self { uploads: Some(uploads), ..self }
    }

    pub(super) fn uploads(&self) -> Option<&Uploads> {
        self.uploads.as_ref()
    }

    /// The same, which hands originals over.
    #[must_use]
    pub fn with_sources(self, sources: Sources) -> Self {
        Self { sources: Some(sources), ..self }
    }

    pub(super) fn sources(&self) -> Option<&Sources> {
        self.sources.as_ref()
    }

    /// The same, with what brings letters to mail servers.
    #[must_use]
    pub fn with_post(self, post: Post) -> Self {
        Self { post, ..self }
    }

    pub(super) fn post(&self) -> &Post {
        &self.post
    }

    /// Wakes whoever sends letters in this process.
    pub(super) fn letters_written(&self) {
        self.letters_written.notify_one();
    }

    /// Waits until a letter was written in this process.
    pub(in crate::control_plane) async fn letters_await(&self) {
        self.letters_written.notified().await;
    }

    pub(super) fn readings(&self) -> &Readings {
        &self.readings
    }

    pub(super) fn share_marks(&self) -> &ShareMarks {
        &self.share_marks
    }

    pub(super) fn sent_bytes(&self) -> &SentBytes {
        &self.sent_bytes
    }

    pub(super) fn renderings(&self) -> &Renderings {
        &self.renderings
    }

    /// The same, whose webhooks may lead there.
    #[must_use]
    pub fn with_webhook_reach(self, reach: Reach) -> Self {
        Self { webhook_reach: reach, ..self }
    }

    pub(super) fn webhook_reach(&self) -> &Reach {
        &self.webhook_reach
    }

    pub(super) fn link_signer(&self) -> Result<&LinkSigner, ServiceError> {
        self.link_signer.as_ref().ok_or(ServiceError::NoLink(LinkRefusal::NothingInForce))
    }

    pub(super) fn master_key(&self) -> Option<&MasterKey> {
        self.master_key.as_ref()
    }

    pub(super) fn passwords(&self) -> &PasswordHasher {
        &self.passwords
    }

    /// A tenant's records, for a caller with that scope.
    pub(super) async fn tenant_view(
        &self,
        caller: &Caller,
        needed: Scope,
        tenant: TenantId,
    ) -> Result<View, ServiceError> {
        caller.require(needed)?;
        let mut view = self.view(&caller.within(tenant)).await?;
        view.tenant(tenant).await?;
        Ok(view)
    }

    /// A change of a tenant's records, by a caller with that scope.
    pub(super) async fn tenant_change(
        &self,
        caller: &Caller,
        needed: Scope,
        tenant: TenantId,
    ) -> Result<Change, ServiceError> {
        caller.require(needed)?;
        let mut change = self.change(&caller.within(tenant)).await?;
        change.view().tenant(tenant).await?;
        Ok(change)
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) async fn view(&self, caller: &Caller) -> Result<View, ServiceError> {
        Ok(self.store.view(caller).await?)
    }

    pub(super) async fn change(&self, caller: &Caller) -> Result<Change, ServiceError> {
        let mut change = self.store.change(caller, self.clock.now()).await?;
        // It may have waited for others.
        change.happens_at(self.clock.now());
        Ok(change)
    }
}
