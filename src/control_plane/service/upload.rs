//! Uploads: what is brought here to become a file of an origin.
//!
//! Whoever uploads chooses an object's key, and so it is for those who work with all of a tenant's
//! catalog, as registering is. A key is one that is free; nothing is ever written over. A version of a
//! content needs no key: whoever may change the content may upload one (`upload_version`).

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

use super::desk::Services;
use super::error::{Invalid, ServiceError, UploadRefusal, text};
use super::upload_version::UploadPlace;
use super::{file_draft, object_key};
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::account::{SecretKind, SecretText};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Pipeline, Scope, Upload, UploadDraft, UploadState, VersionOf};
use crate::control_plane::store::{Change, Listed, Page};
use crate::control_plane::upload::Staging;
use crate::delivery::{DeliveryDesk, PlacingError, PutError};
use crate::policy::OriginName;

/// Seconds after which an upload that nothing comes of is forgotten: the vendor's seven days.
pub(super) const LIFETIME: u64 = 7 * 24 * 3_600;

/// Uploads of a tenant that are under way at once.
const MOST_OPEN: u64 = 10_000;

/// The longest name, in bytes.
const NAME: usize = 255;

/// How much may be uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimits {
    /// Bytes of one upload.
    pub most: u64,
    /// Bytes of a tenant's files in all; none: any number.
    pub quota: Option<u64>,
}

/// The origins there are now.
type Desk = Arc<dyn Fn() -> Option<Arc<DeliveryDesk>> + Send + Sync>;

/// Where uploads wait, and what brings them to their origins. Clones are the same.
#[derive(Clone)]
pub struct Uploads {
    pub(super) staging: Staging,
    pub(super) limits: UploadLimits,
    desk: Desk,
    pub(super) complete: Arc<Notify>,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { staging, limits, desk: _, complete: _ } = self;
        f.debug_struct("Uploads").field("staging", staging).field("limits", limits).finish()
    }
}

impl Uploads {
    /// Uploads that wait in that folder. The desk is asked each time, for configurations reload.
    pub fn new(
        staging: Staging,
        limits: UploadLimits,
        desk: impl Fn() -> Option<Arc<DeliveryDesk>> + Send + Sync + 'static,
    ) -> Self {
        Self { staging, limits, desk: Arc::new(desk), complete: Arc::default() }
    }

    pub(super) fn desk(&self) -> Option<Arc<DeliveryDesk>> {
        (self.desk)()
    }
}

/// How an upload's bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadWay {
    /// By forms, each with a part.
    Forms,
    /// From where it is, which its client asks.
    Resumed,
}

/// What is said of an upload before its bytes come.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// How its bytes come.
    pub way: UploadWay,
    /// The pipeline that is to have it; of a version, that of the one which is handed out, if nothing
    /// is said.
    pub pipeline: Option<u64>,
    /// Its key there, after the pipeline's prefix; of a version, one that nothing else has, if nothing
    /// is said.
    pub key: Option<Box<str>>,
    /// The name it is saved under; the key's last part, or of a version that of the one which is handed
    /// out, if nothing is said.
    pub name: Option<Box<str>>,
    /// Its media type; found out, if nothing is said.
    pub mime: Option<Box<str>>,
    /// How many bytes will come.
    pub size: Option<u64>,
    /// Their SHA-256, as hex.
    pub sha256: Option<Box<str>>,
    /// The folder that its content comes to be in.
    pub folder: Option<ChannelId>,
    /// What it is to be a version of; a new content, if nothing.
    pub version_of: Option<VersionOf>,
    /// What its client said of it, word for word, for that client (tus).
    pub metadata: Option<Box<str>>,
    /// When its file is deleted, if nobody used it by then.
    pub unused_until: Option<UnixSeconds>,
}

/// An upload, and how much of it is here.
#[derive(Clone, Debug)]
pub struct Received {
    /// The upload.
    pub upload: Upload,
    /// How many bytes are here.
    pub size: u64,
}

/// An upload that began, with what a form has to know: shown once.
#[derive(Debug)]
pub struct OpenUpload {
    /// The upload.
    pub upload: Upload,
    /// The secret, where forms bring it.
    pub secret: Option<SecretText>,
}

impl Services {
    /// Begins an upload.
    pub async fn upload_begin(
        &self,
        caller: &Caller,
        tenant: TenantId,
        new: NewUpload,
    ) -> Result<OpenUpload, ServiceError> {
        let UploadPlace { pipeline, key, name } = self.upload_place(caller, tenant, &new).await?;
        let uploads = self.uploads().ok_or(UploadRefusal::NoFolder)?;
        let Uploads { staging, limits, .. } = uploads;
        let NewUpload {
            way,
            pipeline: _,
            key: _,
            name: _,
            mime,
            size,
            sha256,
            folder,
            version_of,
            metadata,
            unused_until,
        } = new;
        object_key::key("/key", &key)?;
        text("/name", &name, NAME)?;
        if name.contains(['/', '\\']) {
            return Err(Invalid::new("/name", "must have no slashes").into());
        }
        if let Some(mime) = &mime {
            file_draft::accept_mime("/mime", mime)?;
        }
        if let Some(sha256) = &sha256 {
            file_draft::accept_digest("/sha256", sha256, 64)?;
        }
        let now = self.now();
        if unused_until.is_some_and(|end| end <= now) {
            return Err(Invalid::new("/expires_at", "must be in the future").into());
        }
        if size.is_some_and(|size| size > limits.most) {
            return Err(UploadRefusal::TooLong { most: limits.most }.into());
        }
        self.upload_vacancy(uploads, caller, tenant, pipeline, &key).await?;
        let mut change = self.upload_change(&caller.within(tenant)).await?;
        let standing = change.upload_standing(tenant).await?;
        if standing.open >= MOST_OPEN {
            return Err(UploadRefusal::TooMany { most: MOST_OPEN }.into());
        }
        let most = match limits.quota {
            None => limits.most,
            Some(quota) => {
                let left = quota.saturating_sub(standing.bytes);
                if left == 0 || size.is_some_and(|size| size > left) {
                    return Err(UploadRefusal::OverQuota { quota }.into());
                }
                limits.most.min(left)
            }
        };
        let secret = match way {
            UploadWay::Forms => Some(SecretText::random(SecretKind::Upload)?),
            UploadWay::Resumed => None,
        };
        let draft = UploadDraft {
            pipeline,
            key,
            name,
            mime,
            size,
            sha256,
            folder,
            // A version is its content's: nobody deletes it for that it was not used.
            unused_until: unused_until.filter(|_| version_of.is_none()),
            version_of,
            metadata,
            issuer: caller.actor().to_string().into(),
            form_secret: secret.as_ref().map(SecretText::hash),
            most: size.unwrap_or(most),
            place: staging.name().into(),
        };
        let upload = change.upload_create(tenant, draft, now.plus(LIFETIME)).await?;
        change.commit().await?;
        // Behind it: bytes of an upload that nobody knows are removed at any time.
        if let Err(error) = staging.create(upload.number).await {
            let mut change = self.upload_change(&Caller::system("upload")).await?;
            change.upload_remove(upload.number).await?;
            change.commit().await?;
            return Err(error.into());
        }
        if upload.draft.size == Some(0) {
            self.upload_complete(&upload, 0).await?;
        }
        Ok(OpenUpload { upload, secret })
    }

    /// The tenant that a pipeline is of, for whoever may upload there.
    pub async fn upload_tenant(
        &self,
        caller: &Caller,
        pipeline: u64,
    ) -> Result<TenantId, ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        Ok(self.view(caller).await?.pipeline(pipeline).await?.tenant)
    }

    /// How much may be uploaded; none where nothing is.
    pub fn upload_limits(&self) -> Option<UploadLimits> {
        self.uploads().map(|uploads| uploads.limits)
    }

    /// An upload, and how much of it is here. A request that is bringing more does not mind.
    pub async fn upload_show(
        &self,
        caller: &Caller,
        number: u64,
    ) -> Result<Received, ServiceError> {
        let upload = self.upload_of(caller, number).await?;
        let size = self.upload_size(&upload).await?;
        Ok(Received { upload, size })
    }

    /// A tenant's uploads, by number.
    pub async fn upload_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<u64>,
    ) -> Result<Listed<Received, u64>, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogWrite, tenant).await?;
        rights.everything(Scope::CatalogWrite)?;
        let Listed { items: uploads, next } = view.upload_list(tenant, page).await?;
        drop(view);
        let mut items = Vec::with_capacity(uploads.len());
        for upload in uploads {
            let size = self.upload_size(&upload).await?;
            items.push(Received { upload, size });
        }
        Ok(Listed { items, next })
    }

    /// Gives an upload up; what came of it is forgotten.
    pub async fn upload_remove(&self, caller: &Caller, number: u64) -> Result<(), ServiceError> {
        let upload = self.upload_of(caller, number).await?;
        let staging = match upload.state {
            UploadState::Uploading => Some(self.staging_of(&upload)?),
            UploadState::Completed
            | UploadState::Completing
            | UploadState::Deleting
            | UploadState::Failed => None,
        };
        let mut change = self.upload_change(caller).await?;
        match change.upload_lock(number).await?.state {
            // It is a file, or about to be one: it is deleted as such.
            UploadState::Completed | UploadState::Completing | UploadState::Deleting => {
                return Err(UploadRefusal::Ended.into());
            }
            UploadState::Failed | UploadState::Uploading => {}
        }
        change.upload_remove(number).await?;
        change.commit().await?;
        // Bytes of no upload are found and removed, if these are not.
        if let Some(staging) = staging {
            staging.remove(number).await?;
        }
        Ok(())
    }

    /// Refuses what no origin of this program can take: better now than when all of it is here.
    async fn upload_vacancy(
        &self,
        uploads: &Uploads,
        caller: &Caller,
        tenant: TenantId,
        pipeline: u64,
        key: &str,
    ) -> Result<(), ServiceError> {
        let pipelines = self.view(&caller.within(tenant)).await?.pipeline_list(tenant).await?;
        let found = pipelines.into_iter().find(|known| known.number == pipeline);
        let Pipeline { origin, prefix, .. } =
            found.ok_or_else(|| Invalid::new("/pipeline", "must be one of the tenant's"))?;
        let origin = OriginName::new(&origin);
        let desk = uploads.desk().ok_or(UploadRefusal::NoOrigin)?;
        match desk.vacancy(&origin, &format!("{prefix}{key}"), self.clock()).await {
            Err(PlacingError::NoOrigin) => Err(UploadRefusal::NoOrigin.into()),
            Err(PlacingError::Put(PutError::Exists)) => Err(ServiceError::Conflict),
            Err(PlacingError::Put(PutError::ReadOnly)) => Err(UploadRefusal::ReadOnly.into()),
            Err(PlacingError::Put(PutError::KeyForm)) => {
                Err(Invalid::new("/key", "no object of the origin can have it").into())
            }
            // An origin that fails may be back when all of it is here.
            Ok(()) | Err(PlacingError::Put(_)) => Ok(()),
        }
    }

    pub(super) fn staging_of(&self, upload: &Upload) -> Result<&Staging, UploadRefusal> {
        let Uploads { staging, .. } = self.uploads().ok_or(UploadRefusal::NoFolder)?;
        if *upload.draft.place == *staging.name() {
            Ok(staging)
        } else {
            Err(UploadRefusal::Elsewhere)
        }
    }

    /// How much of an upload is here; all of it, where it is a file.
    pub(super) async fn upload_size(&self, upload: &Upload) -> Result<u64, ServiceError> {
        match upload.state {
            UploadState::Uploading | UploadState::Completing => {
                match self.staging_of(upload)?.size(upload.number).await {
                    Ok(size) => Ok(size),
                    // It became a file at this moment.
                    Err(_) => Ok(upload.draft.size.unwrap_or_default()),
                }
            }
            UploadState::Completed => {
                let caller = Caller::system("upload");
                match self.view(&caller).await?.file(upload.number).await {
                    Ok(file) => Ok(file.draft.size),
                    // It was removed since.
                    Err(_) => Ok(upload.draft.size.unwrap_or_default()),
                }
            }
            UploadState::Deleting | UploadState::Failed => Ok(0),
        }
    }

    /// A change that is one by itself: where a request is made with an idempotency key as well, for
    /// files are no part of any transaction.
    pub(super) async fn upload_change(&self, caller: &Caller) -> Result<Change, ServiceError> {
        Ok(self.store().change_apart(caller, self.now()).await?)
    }
}
