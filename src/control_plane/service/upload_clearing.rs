//! What is over of uploads: those that nobody goes on with are forgotten, files whose uploader wants
//! them gone unless they are used are deleted, and so are objects whose files were.

use super::desk::Services;
use super::error::ServiceError;
use super::upload::Uploads;
use super::upload_completion::Outcome;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Upload, UploadState};
use crate::control_plane::store::{Expected, StoreErrorKind};
use crate::control_plane::upload::StagingError;
use crate::telemetry::ErrorChain;

/// Uploads whose states are asked for at once.
const AT_ONCE: usize = 500;

impl Services {
    /// One look for what is over.
    #[cfg(test)]
    pub(in crate::control_plane) async fn uploads_look(&self) -> Result<(), ServiceError> {
        self.uploads_clear(self.uploads().unwrap()).await
    }

    /// Removes what is over: uploads that nobody went on with, files that nobody used, and bytes of
    /// uploads that are none any more.
    pub(super) async fn uploads_clear(&self, uploads: &Uploads) -> Result<(), ServiceError> {
        let caller = Caller::system("upload");
        loop {
            let over = self.view(&caller).await?.upload_list_over(self.now()).await?;
            let mut settled = 0;
            for upload in over {
                match self.clear_over(uploads, &caller, upload.number).await? {
                    Outcome::Later => {}
                    Outcome::Settled => settled += 1,
                }
            }
            if settled == 0 {
                break;
            }
        }
        for upload in self.view(&caller).await?.upload_list_unused(self.now()).await? {
            self.clear_unused(uploads, &caller, &upload).await?;
        }
        for upload in self.view(&caller).await?.upload_list_deleting().await? {
            self.clear_object(uploads, &caller, &upload).await?;
        }
        for numbers in uploads.staging.there().await?.chunks(AT_ONCE) {
            let states = self.view(&caller).await?.upload_states(numbers).await?;
            for number in numbers {
                match states.get(number) {
                    Some(UploadState::Completing | UploadState::Uploading) => {}
                    Some(UploadState::Completed | UploadState::Deleting | UploadState::Failed)
                    | None => {
                        uploads.staging.remove(*number).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Forgets an upload that is over, if it still is.
    async fn clear_over(
        &self,
        uploads: &Uploads,
        caller: &Caller,
        number: u64,
    ) -> Result<Outcome, ServiceError> {
        // A request that is bringing more of it now goes first.
        let hold = match uploads.staging.hold(number).await {
            Ok(hold) => Some(hold),
            Err(StagingError::Gone) => None,
            Err(StagingError::Overtaken) => return Ok(Outcome::Later),
            Err(error) => return Err(error.into()),
        };
        let mut change = self.change(caller).await?;
        let upload = match change.upload_lock(number).await {
            Ok(upload) if upload.expires_at < self.now() => upload,
            Ok(_) => return Ok(Outcome::Settled),
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(Outcome::Settled),
            Err(error) => return Err(error.into()),
        };
        match upload.state {
            UploadState::Completing | UploadState::Deleting => return Ok(Outcome::Settled),
            UploadState::Completed | UploadState::Failed => {}
            UploadState::Uploading => {
                if let (Some(hold), Some(said)) = (&hold, upload.draft.size)
                    && hold.size().await? == said
                {
                    // All of it was acknowledged, and this program died before it was on its way.
                    drop(change);
                    self.upload_complete(&upload, said).await?;
                    return Ok(Outcome::Settled);
                }
            }
        }
        change.upload_remove(number).await?;
        change.commit().await?;
        uploads.staging.remove(number).await?;
        Ok(Outcome::Settled)
    }

    /// Deletes the file of an upload that nobody used, with its object.
    async fn clear_unused(
        &self,
        uploads: &Uploads,
        caller: &Caller,
        upload: &Upload,
    ) -> Result<(), ServiceError> {
        let mut change = self.change(caller).await?;
        if change.view().upload_is_used(upload).await? {
            change.upload_used(upload.number).await?;
            change.commit().await?;
            return Ok(());
        }
        if let Some(content) = &upload.content {
            match change.content_remove(content, Expected::Any).await {
                Ok(()) => {}
                // Somebody removed it before.
                Err(error) if error.kind() == StoreErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        change.upload_deleting(upload.number).await?;
        change.commit().await?;
        self.clear_object(uploads, caller, upload).await
    }

    /// Deletes the object of an upload whose file there is not any more, unless it is registered as
    /// anything else too. Its key is taken until it is gone: nobody deletes what somebody else put
    /// there.
    async fn clear_object(
        &self,
        uploads: &Uploads,
        caller: &Caller,
        upload: &Upload,
    ) -> Result<(), ServiceError> {
        let Some(desk) = uploads.desk() else { return Ok(()) };
        let object = self.uploaded_object(caller, upload).await?;
        let mut view = self.view(caller).await?;
        match view.upload(upload.number).await {
            Ok(upload) if upload.state == UploadState::Deleting => {}
            // Another program did it, and the key may be another's.
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let is_shared = view.upload_is_shared(upload).await?;
        drop(view);
        if !is_shared && let Err(error) = desk.delete(&object.origin, &object.key).await {
            let (upload, error) = (upload.number, ErrorChain(&error));
            tracing::warn!(upload, %error, "the object of a deleted file is still there");
            return Ok(());
        }
        let mut change = self.change(caller).await?;
        match change.upload_remove(upload.number).await {
            Ok(()) => change.commit().await.map(drop)?,
            Err(error) if error.kind() == StoreErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
