//! Putting objects into a store, and taking them away.
//!
//! What fits into one request is put by one, the rest in parts. Either is made an object by a
//! request that says: only where there is none. Stores that hold to that condition, as Amazon's and
//! Azure's do, never replace. With one that ignores it, or looks first and makes the object then
//! without a lock (moto), an object that somebody makes between our last look and that request, or
//! during it, is replaced.
//!
//! An object is marked by metadata with the put that made it, so that it is recognised where an
//! answer was lost. What a store had taken when a put was dropped, and not yet done, may still be
//! done after an abort: another abort takes it away. Of uploads that nobody could abort (the answer
//! to beginning one was lost) a store is rid by its own rule for unfinished uploads; Azure drops
//! blocks of which no object was made after a week, and knows no other way.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error as StoreError, GetOptions, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions,
};

use super::super::put::{Occupant, Put, PutError, PutHandle, Source};
use super::creation::Refusal;
use super::parts::{PART, Parts, SendError, read};
use super::store::{ObjectStoreOrigin, Store};

/// The metadata that says which put an object is of: letters only, for Azure takes nothing else and
/// proxies drop the rest.
const MARK: &str = "countersignput";

/// How often a request is made that the store may have done without our knowing. What it says that
/// it failed, `object_store` asks again by itself.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// The longest key that both take.
const LONGEST_KEY: usize = 1024;

impl ObjectStoreOrigin {
    pub(in super::super) async fn begin_put(
        &self,
        key: &str,
        length: u64,
        content_type: Option<&str>,
    ) -> Result<PutHandle, PutError> {
        let path = self.path(key)?;
        let handle = PutHandle::new()?;
        match self.occupant(&path, &handle).await? {
            Occupant::None => {}
            Occupant::Ours | Occupant::Other => return Err(PutError::Exists),
        }
        match &self.store {
            Store::S3(store) if length > PART => {
                let attributes = attributes(&handle, content_type);
                let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
                let begun = store.create_multipart_opts(&path, options).await;
                let upload = begun.map_err(|error| failure(error, Lost::Place))?;
                handle.with_upload(&upload).ok_or_else(|| {
                    PutError::Refused("the upload's name is none that can be kept".into())
                })
            }
            Store::Azure(_) | Store::S3(_) => Ok(handle),
        }
    }

    pub(in super::super) async fn put(
        &self,
        handle: &PutHandle,
        put: Put<'_>,
    ) -> Result<(), PutError> {
        let Put { key, file, length, content_type } = put;
        let path = self.path(key)?;
        let source = Arc::new(Source::new(file, length)?);
        if self.is_there(&path, handle).await? {
            return Ok(());
        }
        let attributes = attributes(handle, content_type);
        let parts = match (&self.store, handle.upload()) {
            (_, None) if length <= PART => {
                return self.put_whole(&path, handle, &source, attributes).await;
            }
            (Store::Azure(_), Some(_)) | (Store::S3(_), None) => return Err(PutError::NotBegun),
            (Store::Azure(store), None) => {
                let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
                let upload = store.put_multipart_opts(&path, options).await;
                Parts::Azure(upload.map_err(|error| failure(error, Lost::Place))?)
            }
            (Store::S3(store), Some(upload)) => Parts::S3 {
                store: store.clone(),
                path: path.clone(),
                upload: upload.to_owned(),
                sent: Vec::new(),
            },
        };
        self.put_in_parts(&path, handle, &source, parts).await
    }

    async fn put_whole(
        &self,
        path: &Path,
        handle: &PutHandle,
        source: &Arc<Source>,
        attributes: Attributes,
    ) -> Result<(), PutError> {
        let payload = read(source, 0, source.length()).await?;
        source.check_unchanged()?;
        let (mut attempt, mut pause) = (1, PAUSE);
        loop {
            let mode = PutMode::Create;
            let attributes = attributes.clone();
            let options = PutOptions { mode, attributes, ..PutOptions::default() };
            let Err(error) = self.store.get().put_opts(path, payload.clone(), options).await else {
                return Ok(());
            };
            let again = attempt < ATTEMPTS && is_undecided(&error);
            match self.settle(path, handle, error, Lost::Place).await {
                Err(_) if again => {}
                settled => return settled,
            }
            tokio::time::sleep(pause).await;
            attempt += 1;
            pause *= 2;
        }
    }

    async fn put_in_parts(
        &self,
        path: &Path,
        handle: &PutHandle,
        source: &Arc<Source>,
        mut parts: Parts,
    ) -> Result<(), PutError> {
        match parts.send(source).await {
            Ok(()) => {}
            Err(SendError::Put(error)) => return Err(error),
            Err(SendError::Store(error)) => return Err(failure(error, Lost::Upload)),
        }
        source.check_unchanged()?;
        // For stores that do not know the condition.
        if self.is_there(path, handle).await? {
            return Ok(());
        }
        match parts.complete().await {
            Ok(()) => Ok(()),
            Err(error) => self.settle(path, handle, error, Lost::Upload).await,
        }
    }

    pub(in super::super) async fn abort_put(
        &self,
        key: &str,
        handle: &PutHandle,
    ) -> Result<(), PutError> {
        let path = self.path(key)?;
        if let (Store::S3(store), Some(upload)) = (&self.store, handle.upload()) {
            let upload = upload.to_owned();
            gone(persistently(|| store.abort_multipart(&path, &upload)).await)?;
        }
        match self.occupant(&path, handle).await? {
            Occupant::Ours => self.remove(&path).await,
            Occupant::None | Occupant::Other => Ok(()),
        }
    }

    pub(in super::super) async fn delete(&self, key: &str) -> Result<(), PutError> {
        self.remove(&self.path(key)?).await
    }

    async fn remove(&self, path: &Path) -> Result<(), PutError> {
        let store = self.store.get();
        gone(persistently(|| store.delete(path)).await)
    }

    fn path(&self, key: &str) -> Result<Path, PutError> {
        let key = format!("{}{key}", self.prefix.as_str());
        if key.len() > LONGEST_KEY {
            return Err(PutError::KeyForm);
        }
        Path::parse(key).map_err(|_| PutError::KeyForm)
    }

    async fn occupant(&self, path: &Path, handle: &PutHandle) -> Result<Occupant, PutError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get().get_opts(path, options).await {
            Ok(found) => {
                let mark = found.attributes.get(&Attribute::Metadata(MARK.into()));
                let ours = mark.is_some_and(|mark| mark.as_ref() == handle.mark());
                Ok(if ours { Occupant::Ours } else { Occupant::Other })
            }
            Err(StoreError::NotFound { .. }) => Ok(Occupant::None),
            Err(error) => Err(failure(error, Lost::Place)),
        }
    }

    /// Was this very put made? Anything else in its place is an error.
    async fn is_there(&self, path: &Path, handle: &PutHandle) -> Result<bool, PutError> {
        match self.occupant(path, handle).await? {
            Occupant::None => Ok(false),
            Occupant::Ours => Ok(true),
            Occupant::Other => Err(PutError::Exists),
        }
    }

    /// What became of a put after an error, which need not mean that it failed.
    async fn settle(
        &self,
        path: &Path,
        handle: &PutHandle,
        error: StoreError,
        lost: Lost,
    ) -> Result<(), PutError> {
        let failed = failure(error, lost);
        match failed {
            PutError::PermissionDenied => return Err(failed),
            PutError::Changed
            | PutError::ContentType
            | PutError::Exists
            | PutError::KeyForm
            | PutError::NoSpace
            | PutError::NotBegun
            | PutError::ReadOnly
            | PutError::Refused(_)
            | PutError::Source(_)
            | PutError::Unavailable(_) => {}
        }
        match (self.is_there(path, handle).await?, failed) {
            (true, _) => Ok(()),
            // Two at once, and neither of them there yet.
            (false, PutError::Exists) => Err(PutError::unavailable(Conflict)),
            (false, failed) => Err(failed),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("another put of the key was under way")]
struct Conflict;

/// What it means that there is nothing of the name.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// The bucket is missing.
    Place,
    /// The upload is.
    Upload,
}

fn attributes(handle: &PutHandle, content_type: Option<&str>) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::Metadata(MARK.into()), handle.mark().to_owned().into());
    if let Some(content_type) = content_type {
        attributes.insert(Attribute::ContentType, content_type.to_owned().into());
    }
    attributes
}

/// Does something that is no different the second time, until it is known to be done.
async fn persistently<F>(mut act: impl FnMut() -> F) -> object_store::Result<()>
where
    F: Future<Output = object_store::Result<()>>,
{
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match act().await {
            Err(error) if is_undecided(&error) => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    act().await
}

/// Where there was nothing, nothing is left either.
fn gone(done: object_store::Result<()>) -> Result<(), PutError> {
    match done {
        Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(failure(error, Lost::Place)),
    }
}

/// Did the request go out without an answer coming back?
fn is_undecided(error: &StoreError) -> bool {
    let kind = caused_by::<HttpError>(error).map(HttpError::kind);
    matches!(kind, Some(HttpErrorKind::Interrupted | HttpErrorKind::Timeout))
}

fn caused_by<E: Error + 'static>(error: &StoreError) -> Option<&E> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// From Azure `object_store` deletes in batches of one, and says in words only what the one was
/// answered.
fn says_denied(error: &StoreError) -> bool {
    error.to_string().ends_with(" (code: 403)")
}

fn failure(error: StoreError, lost: Lost) -> PutError {
    let denied =
        matches!(error, StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. });
    let denied = denied || says_denied(&error);
    let exists =
        matches!(error, StoreError::AlreadyExists { .. } | StoreError::Precondition { .. });
    if denied {
        PutError::PermissionDenied
    } else if exists {
        PutError::Exists
    } else if matches!(error, StoreError::NotFound { .. }) {
        match lost {
            Lost::Place => PutError::Refused(error.into()),
            Lost::Upload => PutError::NotBegun,
        }
    } else {
        match caused_by::<Refusal>(&error) {
            Some(Refusal::Full) => PutError::NoSpace,
            Some(Refusal::Status(..)) => PutError::Refused(error.into()),
            None => PutError::unavailable(error),
        }
    }
}
