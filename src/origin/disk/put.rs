//! Putting files into a folder, and taking them away.
//!
//! All of it happens on threads that may wait for the disk. A put whose caller went away never names
//! its file: that is settled between the two under a lock, so an abort that comes after finds either
//! the named file or nothing to come.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::put::{Occupant, Put, PutError, PutHandle, Source};
use super::copy::copy;
use super::folder::Place;
use super::jail::Jail;
use super::store::DiskOrigin;
use super::unfinished::{Naming, Unfinished};

impl DiskOrigin {
    pub(in super::super) async fn begin_put(&self, key: &str) -> Result<PutHandle, PutError> {
        let handle = PutHandle::new()?;
        self.blocking(key, move |jail, key| {
            match Place::find(jail, key)?.map(|place| place.occupant(&handle)).transpose()? {
                None | Some(Occupant::None) => Ok(handle),
                Some(Occupant::Ours | Occupant::Other) => Err(PutError::Exists),
            }
        })
        .await
    }

    pub(in super::super) async fn put(
        &self,
        handle: &PutHandle,
        put: Put<'_>,
    ) -> Result<(), PutError> {
        let Put { key, file, length, content_type: _ } = put;
        let (handle, naming) = (handle.clone(), self.naming);
        let caller = Caller(Arc::new(Mutex::new(Wanted::Yes)));
        let wanted = Arc::clone(&caller.0);
        let putting = self.blocking(key, move |jail, key| {
            write(jail, key, &handle, &Source::new(file, length)?, naming, &wanted)
        });
        let done = putting.await;
        drop(caller);
        done
    }

    pub(in super::super) async fn abort_put(
        &self,
        key: &str,
        handle: &PutHandle,
    ) -> Result<(), PutError> {
        let handle = handle.clone();
        self.blocking(key, move |jail, key| {
            let Some(place) = Place::find_any(jail, key)? else { return Ok(()) };
            place.remove_unfinished(&handle)?;
            match place.occupant(&handle)? {
                Occupant::Ours => place.remove(),
                Occupant::None | Occupant::Other => Ok(()),
            }
        })
        .await
    }

    pub(in super::super) async fn delete(&self, key: &str) -> Result<(), PutError> {
        self.blocking(key, |jail, key| {
            Place::find_any(jail, key)?.map_or(Ok(()), |place| place.remove())
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        act: impl FnOnce(&Jail, &str) -> Result<T, PutError> + Send + 'static,
    ) -> Result<T, PutError> {
        let (jail, key) = (Arc::clone(&self.jail), Box::<str>::from(key));
        tokio::task::spawn_blocking(move || act(&jail, &key))
            .await
            .map_err(PutError::unavailable)?
    }
}

/// Does anybody wait for the put?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Yes,
    No,
}

/// Whoever waits for a put. When this is gone nobody does.
struct Caller(Arc<Mutex<Wanted>>);

impl Drop for Caller {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Wanted::No;
    }
}

#[derive(Debug, thiserror::Error)]
#[error("nobody waits for the put any more")]
struct GivenUp;

fn still(wanted: Wanted) -> Result<(), PutError> {
    match wanted {
        Wanted::Yes => Ok(()),
        Wanted::No => Err(PutError::unavailable(GivenUp)),
    }
}

fn write(
    jail: &Jail,
    key: &str,
    handle: &PutHandle,
    source: &Source,
    naming: Naming,
    wanted: &Mutex<Wanted>,
) -> Result<(), PutError> {
    let look = || wanted.lock().unwrap_or_else(PoisonError::into_inner);
    still(*look())?;
    let place = Place::make(jail, key)?;
    if is_there(&place, handle)? {
        return Ok(());
    }
    let unfinished = Unfinished::create(&place, handle, naming)?;
    copy(source, unfinished.file(), || still(*look()))?;
    source.check_unchanged()?;
    unfinished.seal(handle)?;
    let published = {
        let wanted = look();
        still(*wanted).and_then(|()| unfinished.publish())
    };
    match published {
        Ok(()) => place.sync(),
        Err(PutError::Exists) if is_there(&place, handle)? => Ok(()),
        Err(error) => Err(error),
    }
}

/// Was this very put made, durably? Anything else in its place is an error.
fn is_there(place: &Place<'_>, handle: &PutHandle) -> Result<bool, PutError> {
    match place.occupant(handle)? {
        Occupant::None => Ok(false),
        Occupant::Ours => place.sync().map(|()| true),
        Occupant::Other => Err(PutError::Exists),
    }
}
