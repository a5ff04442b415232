//! What becomes of an upload when all of it is here: its bytes go to the origin, and it is a file.
//!
//! Each step is one that can be made again: what dies half-way is gone on with by the next start, or
//! by another control plane that shares the folder. The origin's handle of what is being put there
//! is in the store before a byte is sent, so nothing is left behind that nobody knows of.
//!
//! Not here: what is over and forgotten (`upload_clearing`).

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::catalog_scan::of_source;
use super::desk::Services;
use super::error::ServiceError;
use super::upload::{LIFETIME, Uploads};
use super::upload_version::unfit;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Autograph, FileDraft, FileKind, FilePlace, Pipeline, Publication, Upload, UploadState,
    VersionOf,
};
use crate::control_plane::store::StoreErrorKind;
use crate::control_plane::upload::{StagingError, UploadDigest};
use crate::delivery::{
    DeliveryDesk, PlacingError, Put, PutError, PutHandle, Retry, sniffed_media_type,
};
use crate::policy::OriginName;
use crate::telemetry::ErrorChain;

/// Between two looks for uploads that another program completed, or that are over.
const REST: Duration = Duration::from_secs(15);

/// Before an upload whose origin failed is tried again, at first and at most.
const LEFT_ALONE: Duration = Duration::from_secs(1);
const LONGEST_LEFT_ALONE: Duration = Duration::from_mins(5);

/// The language of titles that are made of names.
const LANGUAGE: &str = "und";

/// Why an upload is not a file yet, or never.
#[derive(Debug, thiserror::Error)]
enum Incomplete {
    #[error(transparent)]
    Later(#[from] ServiceError),
    #[error("{0}")]
    Never(String),
    #[error("its origin")]
    Origin(#[source] PlacingError),
}

/// What became of an upload that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is to be tried again.
    Later,
    /// It is a file, or will be none.
    Settled,
}

/// Who registered what was uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Registered {
    /// Another program did.
    ByAnother,
    /// This one.
    Now,
}

/// Uploads that could not be completed: how long each is left alone, since when.
type LeftAlone = HashMap<u64, (Instant, Duration)>;

impl Services {
    /// Completes uploads, and forgets those that are over, for ever.
    pub async fn uploads_complete(&self) -> Infallible {
        let Some(uploads) = self.uploads() else { return std::future::pending().await };
        let mut left_alone = LeftAlone::new();
        let mut looked = None::<Instant>;
        loop {
            let mut rest = REST;
            match self.complete_all(uploads, &mut left_alone).await {
                Ok(soonest) => rest = rest.min(soonest),
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "uploads are not completed");
                }
            }
            if looked.is_none_or(|at| at.elapsed() >= REST) {
                looked = Some(Instant::now());
                if let Err(error) = self.uploads_clear(uploads).await {
                    tracing::warn!(error = %ErrorChain(&error), "old uploads are not removed");
                }
            }
            // Woken, or not.
            let _ = timeout(rest, uploads.complete.notified()).await;
        }
    }

    /// Completes an upload as another program does that found it a while ago.
    #[cfg(test)]
    pub(in crate::control_plane) async fn upload_complete_late(
        &self,
        number: u64,
    ) -> Result<(), ServiceError> {
        self.complete_one(self.uploads().unwrap(), number).await.map(drop)
    }

    /// Gives when the next is to be tried again.
    async fn complete_all(
        &self,
        uploads: &Uploads,
        left_alone: &mut LeftAlone,
    ) -> Result<Duration, ServiceError> {
        let caller = Caller::system("upload");
        let (mut after, mut soonest) = (0, REST);
        loop {
            let mut view = self.view(&caller).await?;
            let place = uploads.staging.name();
            let found = view.upload_list_at(place, UploadState::Completing, after).await?;
            drop(view);
            let Some(last) = found.last() else { return Ok(soonest) };
            after = last.number;
            for upload in found {
                let number = upload.number;
                if let Some((since, patience)) = left_alone.get(&number)
                    && let Some(left) = patience.checked_sub(since.elapsed())
                {
                    soonest = soonest.min(left);
                    continue;
                }
                match self.complete_one(uploads, number).await? {
                    Outcome::Settled => {
                        left_alone.remove(&number);
                    }
                    Outcome::Later => {
                        let before = left_alone.get(&number).map_or(Duration::ZERO, |it| it.1);
                        let patience = (before * 2).clamp(LEFT_ALONE, LONGEST_LEFT_ALONE);
                        soonest = soonest.min(patience);
                        left_alone.insert(number, (Instant::now(), patience));
                    }
                }
            }
        }
    }

    /// Completes an upload, or notes that it is never complete. Whoever has its file is the only one
    /// who does, and by then another program may have: what was read before is not believed.
    async fn complete_one(&self, uploads: &Uploads, number: u64) -> Result<Outcome, ServiceError> {
        let held = match uploads.staging.finish(number).await {
            Err(StagingError::Overtaken) => return Ok(Outcome::Later),
            held => held,
        };
        let mut upload = match self.view(&Caller::system("upload")).await?.upload(number).await {
            Ok(upload) if upload.state == UploadState::Completing => upload,
            Ok(_) => return Ok(Outcome::Settled),
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(Outcome::Settled),
            Err(error) => return Err(error.into()),
        };
        let completed = match &held {
            Ok((digest, file)) => self.complete_held(uploads, &mut upload, digest, file).await,
            Err(StagingError::Gone) => Err(Incomplete::Never("what came of it is gone".to_owned())),
            Err(_) => Ok(Outcome::Later),
        };
        let outcome = match completed {
            Ok(outcome) => outcome,
            Err(error) => self.incomplete(uploads, &upload, error).await?,
        };
        if let Err(error) = held {
            tracing::warn!(upload = number, error = %ErrorChain(&error), "an upload cannot be read");
        }
        Ok(outcome)
    }

    async fn complete_held(
        &self,
        uploads: &Uploads,
        upload: &mut Upload,
        digest: &UploadDigest,
        held: &File,
    ) -> Result<Outcome, Incomplete> {
        let caller = Caller::system("upload");
        if upload.draft.sha256.as_ref().is_some_and(|said| *said != digest.sha256) {
            return Err(Incomplete::Never("its SHA-256 is not the one that was said".to_owned()));
        }
        let unreadable = |error| Incomplete::Later(ServiceError::Failed(Box::new(error)));
        let beginning = uploads.staging.beginning(upload.number).await;
        let beginning = beginning.map_err(ServiceError::from)?;
        // The same open file: it is held until the file is registered.
        let file = held.try_clone().map_err(unreadable)?;
        let mime = media_type(upload, &beginning);
        let desk = uploads.desk().ok_or(Incomplete::Origin(PlacingError::NoOrigin))?;
        let object = self.uploaded_object(&caller, upload).await?;
        let digest = digest.clone();
        let known = upload.put.as_deref().and_then(|put| put.parse::<PutHandle>().ok());
        let handle = if let Some(handle) = known {
            handle
        } else {
            let handle = self.begin_put(&desk, &object, upload, &digest, &mime).await?;
            upload.put = Some(handle.to_string().into());
            handle
        };
        let put = Put { key: &object.key, file, length: digest.size, content_type: Some(&mime) };
        match desk.put(&object.origin, &handle, put).await {
            Ok(()) => {}
            Err(PlacingError::Put(PutError::NotBegun)) => {
                // The store forgot it: from the beginning, the next time.
                let mut change = self.change(&caller).await?;
                change.upload_put_begun(upload.number, "").await.map_err(ServiceError::from)?;
                change.commit().await.map_err(ServiceError::from)?;
                return Err(Incomplete::Origin(PutError::NotBegun.into()));
            }
            Err(error) => return Err(Incomplete::Origin(error)),
        }
        let source = FileDraft {
            place: FilePlace { kind: FileKind::Source, slot: "".into(), variant: "".into() },
            pipeline: upload.draft.pipeline,
            key: upload.draft.key.clone(),
            name: upload.draft.name.clone(),
            size: digest.size,
            mime,
            sha256: Some(digest.sha256),
            crc32: Some(digest.crc32),
            duration_ms: None,
            width: None,
            height: None,
            language: None,
            md5: Some(digest.md5),
            autograph: Autograph::Refused,
        };
        match self.register(upload, source).await? {
            Registered::ByAnother => return Ok(Outcome::Settled),
            Registered::Now => {}
        }
        tracing::info!(upload = upload.number, "an upload became a file");
        // What is left behind is found and removed.
        let _ = uploads.staging.remove(upload.number).await;
        Ok(Outcome::Settled)
    }

    /// Registers what is at its origin by now: as a new content, or as a version of one.
    async fn register(&self, upload: &Upload, source: FileDraft) -> Result<Registered, Incomplete> {
        let Upload { number, draft, .. } = upload;
        let mut change = self.change(&Caller::system("upload")).await?;
        match change.upload_lock(*number).await.map(|now| now.state) {
            Ok(UploadState::Completing) => {}
            Ok(_) => return Ok(Registered::ByAnother),
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                return Ok(Registered::ByAnother);
            }
            Err(error) => return Err(Incomplete::Later(error.into())),
        }
        let forgotten_at = self.now().plus(LIFETIME);
        let (completed, gone) = match &draft.version_of {
            None => {
                let import = of_source(source, draft.folder, Publication::Unpublished, LANGUAGE);
                let completed = change.upload_completed(*number, import, forgotten_at).await;
                (completed, "the folder it was for is gone")
            }
            Some(VersionOf { content, .. }) => {
                let found = change.content_lock(content).await;
                let unfit = match &found {
                    Ok(content) => unfit(change.view(), upload, content, &source).await?,
                    Err(_) => None,
                };
                if let Some(why) = unfit {
                    return Err(Incomplete::Never(why));
                }
                let completed = match found {
                    Ok(_) => {
                        change.upload_completed_as_version(*number, source, forgotten_at).await
                    }
                    Err(error) => Err(error),
                };
                (completed, "the content it was for is gone")
            }
        };
        match completed {
            Ok(_) => change.commit().await.map_err(ServiceError::from)?,
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                return Err(Incomplete::Never(gone.to_owned()));
            }
            Err(error) => return Err(Incomplete::Later(error.into())),
        };
        Ok(Registered::Now)
    }

    async fn begin_put(
        &self,
        desk: &DeliveryDesk,
        object: &UploadedObject,
        upload: &Upload,
        digest: &UploadDigest,
        mime: &str,
    ) -> Result<PutHandle, Incomplete> {
        let UploadedObject { origin, key } = object;
        let handle = desk.begin_put(origin, key, digest.size, Some(mime)).await;
        let handle = handle.map_err(Incomplete::Origin)?;
        let mut change = self.change(&Caller::system("upload")).await?;
        let kept = change.upload_put_begun(upload.number, &handle.to_string()).await;
        let kept = match kept {
            Ok(()) => change.commit().await.map(drop),
            Err(error) => Err(error),
        };
        match kept {
            Ok(()) => Ok(handle),
            Err(error) => {
                // Nobody would know of it. Where that fails too, the store forgets it by itself.
                let _ = desk.abort_put(origin, key, &handle).await;
                Err(Incomplete::Later(error.into()))
            }
        }
    }

    /// Notes that an upload is not a file, now or ever.
    async fn incomplete(
        &self,
        uploads: &Uploads,
        upload: &Upload,
        error: Incomplete,
    ) -> Result<Outcome, ServiceError> {
        let number = upload.number;
        let problem = match &error {
            Incomplete::Never(why) => why.clone(),
            Incomplete::Origin(origin) if !may_succeed_later(origin) => {
                ErrorChain(origin).to_string()
            }
            Incomplete::Later(_) | Incomplete::Origin(_) => {
                let error = ErrorChain(&error);
                tracing::warn!(upload = number, %error, "an upload is not completed yet");
                return Ok(Outcome::Later);
            }
        };
        let caller = Caller::system("upload");
        if let Some(handle) = upload.put.as_deref().and_then(|put| put.parse::<PutHandle>().ok())
            && let Some(desk) = uploads.desk()
            && let Ok(object) = self.uploaded_object(&caller, upload).await
            && let Err(error) = desk.abort_put(&object.origin, &object.key, &handle).await
        {
            let error = ErrorChain(&error);
            tracing::warn!(upload = number, %error, "what was put of an upload is not removed");
            // It stays known, and is tried again.
            return Ok(Outcome::Later);
        }
        tracing::warn!(upload = number, problem, "an upload failed");
        let mut change = self.change(&caller).await?;
        change.upload_failed(number, &problem, self.now().plus(LIFETIME)).await?;
        change.commit().await?;
        let _ = uploads.staging.remove(number).await;
        Ok(Outcome::Settled)
    }

    pub(super) async fn uploaded_object(
        &self,
        caller: &Caller,
        upload: &Upload,
    ) -> Result<UploadedObject, ServiceError> {
        let pipeline = self.view(caller).await?.pipeline(upload.draft.pipeline).await?;
        let Pipeline { origin, prefix, .. } = pipeline;
        let key = format!("{prefix}{}", upload.draft.key);
        Ok(UploadedObject { origin: OriginName::new(&origin), key })
    }
}

/// Where an upload's object is.
pub(super) struct UploadedObject {
    pub(super) origin: OriginName,
    pub(super) key: String,
}

/// The media type of an upload: what the first bytes tell, if they do; else what its client says, or
/// the name. What is said is believed of no image, sound or film whose bytes are another one.
fn media_type(upload: &Upload, beginning: &[u8]) -> Box<str> {
    let said = upload.draft.mime.as_deref();
    let named = || mime_guess::from_path(&*upload.draft.name).first_raw();
    match (sniffed_media_type(beginning), said) {
        (None, Some(said)) => said.into(),
        (None, None) => named().unwrap_or("application/octet-stream").into(),
        (Some(found), _) => {
            // Of several names for one container the client knows which.
            let kind = |mime: &str| mime.split('/').next().unwrap_or_default().to_owned();
            let finer = said.or_else(named).filter(|finer| kind(finer) == kind(found));
            finer.unwrap_or(found).into()
        }
    }
}

fn may_succeed_later(error: &PlacingError) -> bool {
    match error.retry() {
        Retry::Later => true,
        Retry::Pointless => matches!(error, PlacingError::Put(PutError::NotBegun)),
    }
}
