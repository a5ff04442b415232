//! What requests bring of an upload.
//!
//! Whoever brings bytes has a [`Hold`] of the upload until the store knows of them, and looks at what
//! the store knows when they have it: no request counts, or cuts off, what another one brought.

use super::desk::Services;
use super::error::{Invalid, ServiceError, UploadRefusal};
use super::upload::{LIFETIME, Received};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{SecretHash, Upload, UploadState};
use crate::control_plane::store::{Change, UploadStanding};
use crate::control_plane::upload::{Appended, BodyEnd, ByteSource, Checksum, Hold, Keep};

impl Services {
    /// An upload that its client goes on with: a request of it that hangs stops where it is.
    pub async fn upload_resume(
        &self,
        caller: &Caller,
        number: u64,
    ) -> Result<Received, ServiceError> {
        let upload = self.upload_of(caller, number).await?;
        let size = match upload.state {
            UploadState::Uploading => {
                let hold = self.staging_of(&upload)?.hold(number).await?;
                let size = hold.size().await?;
                // Its client was told of no end, and takes this for one.
                if upload.draft.size == Some(size) {
                    self.upload_complete(&upload, size).await?;
                }
                size
            }
            UploadState::Completed | UploadState::Completing => self.upload_size(&upload).await?,
            UploadState::Deleting | UploadState::Failed => {
                return Err(UploadRefusal::Ended.into());
            }
        };
        Ok(Received { upload, size })
    }

    /// Takes what a request brings, from `at` on. The upload is complete when all of its size is
    /// here, also where its client does not wait to hear of it. `size` says it, where it was not said
    /// before.
    pub async fn upload_append(
        &self,
        caller: &Caller,
        number: u64,
        at: u64,
        size: Option<u64>,
        checksum: Option<Checksum>,
        source: impl ByteSource + 'static,
    ) -> Result<Appended, ServiceError> {
        let upload = self.upload_of(caller, number).await?;
        if upload.draft.form_secret.is_some() {
            return Err(Invalid::new("", "the bytes of this upload come by forms").into());
        }
        let services = self.clone();
        let appending = tokio::spawn(async move {
            let staging = services.staging_of(&upload)?;
            let hold = match upload.state {
                UploadState::Uploading => staging.hold(number).await?,
                UploadState::Completed
                | UploadState::Completing
                | UploadState::Deleting
                | UploadState::Failed => {
                    return Err(UploadRefusal::Ended.into());
                }
            };
            services.upload_append_held(hold, number, at, size, checksum, source).await
        });
        appending.await.unwrap_or_else(|error| Err(ServiceError::Failed(Box::new(error))))
    }

    async fn upload_append_held(
        &self,
        hold: Hold,
        number: u64,
        at: u64,
        size: Option<u64>,
        checksum: Option<Checksum>,
        source: impl ByteSource + 'static,
    ) -> Result<Appended, ServiceError> {
        let caller = Caller::system("upload");
        // As it is now that nobody else is at it.
        let mut upload = self.upload_going_on(number).await?;
        if let Some(size) = size {
            if size > upload.draft.most {
                return Err(UploadRefusal::TooLong { most: upload.draft.most }.into());
            }
            if size < at {
                return Err(Invalid::new("", "Upload-Length is less than what came").into());
            }
            if upload.draft.size != Some(size) {
                let mut change = self.upload_change(&caller).await?;
                self.upload_within_quota(&mut change, &upload, size).await?;
                upload = change.upload_sized(number, size).await?;
                change.commit().await?;
            }
        }
        let most = self.upload_most(&upload).await?;
        let keep = checksum.map_or(Keep::Beginning, Keep::Verified);
        let (_hold, appended) = hold.append(at, most, keep, source).await?;
        if upload.draft.size == Some(appended.size) {
            self.upload_complete(&upload, appended.size).await?;
        } else {
            if upload.draft.size.is_none() {
                let mut change = self.upload_change(&caller).await?;
                change.upload_grown(number, appended.size).await?;
                change.commit().await?;
            }
            self.upload_prolong(&upload).await?;
        }
        Ok(appended)
    }

    /// An upload by its number and its secret, for a form.
    pub async fn upload_by_secret(
        &self,
        number: u64,
        secret: &str,
    ) -> Result<Upload, ServiceError> {
        let caller = Caller::system("upload form");
        let upload = self.view(&caller).await?.upload(number).await?;
        if upload.draft.form_secret == Some(SecretHash::of(secret)) {
            Ok(upload)
        } else {
            Err(ServiceError::NotFound)
        }
    }

    /// Takes a part of an upload, of those that forms bring: the next one, or one whose answer was
    /// lost, which is here already.
    pub async fn upload_chunk(
        &self,
        upload: &Upload,
        chunk: u64,
        source: impl ByteSource + 'static,
    ) -> Result<(), ServiceError> {
        let number = upload.number;
        if upload.state != UploadState::Uploading {
            return Err(UploadRefusal::Ended.into());
        }
        if chunk < upload.chunks {
            return Ok(());
        }
        let hold = self.staging_of(upload)?.hold(number).await?;
        // As it is now: what is behind the parts that are counted is cut off.
        let upload = self.upload_going_on(number).await?;
        let Upload { chunks, form_bytes, .. } = upload;
        if chunk < chunks {
            return Ok(());
        }
        if chunk > chunks {
            return Err(
                Invalid::new("/chunk", format!("must be {chunks}: parts come in order")).into()
            );
        }
        let most = self.upload_most(&upload).await?;
        let (_hold, appended) = hold.append(form_bytes, most, Keep::Whole, source).await?;
        if appended.body == BodyEnd::BrokenOff {
            return Err(Invalid::new("/file", "was broken off: send the part again").into());
        }
        let mut change = self.upload_change(&Caller::system("upload form")).await?;
        change.upload_chunk(number, chunk, appended.size).await?;
        change.commit().await?;
        self.upload_prolong(&upload).await
    }

    /// All of an upload is here, as its client says: so many parts, if forms brought it.
    pub async fn upload_finish(
        &self,
        caller: &Caller,
        number: u64,
        chunks: u64,
    ) -> Result<Received, ServiceError> {
        let upload = self.upload_of(caller, number).await?;
        match upload.state {
            UploadState::Completed | UploadState::Completing => {}
            UploadState::Deleting | UploadState::Failed => {
                return Err(UploadRefusal::Ended.into());
            }
            UploadState::Uploading => {
                let hold = self.staging_of(&upload)?.hold(number).await?;
                let upload = self.upload_going_on(number).await?;
                if chunks != upload.chunks {
                    let detail = format!("{} came, and {chunks} are said", upload.chunks);
                    return Err(Invalid::new("/upload/nb_chunks", detail).into());
                }
                if upload.draft.form_secret.is_some() {
                    // A part that was not counted is none.
                    hold.cut(upload.form_bytes).await?;
                }
                let size = hold.size().await?;
                if upload.draft.size.is_some_and(|said| said != size) {
                    return Err(UploadRefusal::Offset { at: size }.into());
                }
                self.upload_complete(&upload, size).await?;
            }
        }
        self.upload_show(caller, number).await
    }

    async fn upload_prolong(&self, upload: &Upload) -> Result<(), ServiceError> {
        let now = self.now();
        // Once a day is often enough.
        if upload.expires_at.get() < now.get() + LIFETIME - 24 * 3_600 {
            let mut change = self.change(&Caller::system("upload")).await?;
            change.upload_prolonged(upload.number, now.plus(LIFETIME)).await?;
            change.commit().await?;
        }
        Ok(())
    }

    /// All of an upload is here. Whoever calls this has a hold of it.
    pub(super) async fn upload_complete(
        &self,
        upload: &Upload,
        size: u64,
    ) -> Result<(), ServiceError> {
        let mut change = self.upload_change(&Caller::system("upload")).await?;
        if upload.draft.size.is_none() {
            self.upload_within_quota(&mut change, upload, size).await?;
        }
        change.upload_completing(upload.number, size).await?;
        change.commit().await?;
        if let Some(uploads) = self.uploads() {
            uploads.complete.notify_one();
        }
        Ok(())
    }

    /// The upload as it is now, of which bytes are awaited.
    async fn upload_going_on(&self, number: u64) -> Result<Upload, ServiceError> {
        let upload = self.view(&Caller::system("upload")).await?.upload(number).await?;
        match upload.state {
            UploadState::Uploading => Ok(upload),
            UploadState::Completed
            | UploadState::Completing
            | UploadState::Deleting
            | UploadState::Failed => Err(UploadRefusal::Ended.into()),
        }
    }

    /// How many bytes an upload may have in all, now. Where nobody said how many will come, others
    /// may have used up the quota meanwhile.
    async fn upload_most(&self, upload: &Upload) -> Result<u64, ServiceError> {
        let quota = self.uploads().and_then(|uploads| uploads.limits.quota);
        match (upload.draft.size, quota) {
            (Some(size), _) => Ok(size),
            (None, None) => Ok(upload.draft.most),
            (None, Some(quota)) => {
                let mut view = self.view(&Caller::system("upload")).await?;
                let standing = view.upload_standing(upload.tenant).await?;
                Ok(upload.draft.most.min(left(quota, &standing, upload)))
            }
        }
    }

    /// Refuses a size with which a tenant would have more than it may. Until the change ends nobody
    /// else of the tenant is asked.
    async fn upload_within_quota(
        &self,
        change: &mut Change,
        upload: &Upload,
        size: u64,
    ) -> Result<(), ServiceError> {
        let Some(quota) = self.uploads().and_then(|uploads| uploads.limits.quota) else {
            return Ok(());
        };
        let standing = change.upload_standing(upload.tenant).await?;
        if size > left(quota, &standing, upload) {
            return Err(UploadRefusal::OverQuota { quota }.into());
        }
        Ok(())
    }
}

/// What a quota leaves to an upload of which nobody said how long it is.
fn left(quota: u64, standing: &UploadStanding, upload: &Upload) -> u64 {
    quota.saturating_sub(standing.bytes.saturating_sub(upload.form_bytes))
}
