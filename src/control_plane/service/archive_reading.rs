//! Files that an archive needs and that nobody has read yet: they are read at once, one after the other,
//! and few at a time whoever asks. Who asked waits a moment for them, and is told to come back where that
//! is not enough.

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::desk::Services;
use super::source::Sources;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::FileState;
use crate::control_plane::store::{StoreError, StoreErrorKind};
use crate::delivery::{DeliveryDesk, ObjectDigest};
use crate::policy::OriginName;
use crate::telemetry::ErrorChain;

/// How long whoever asked for the archive waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are read a second at most.
const PACE: NonZeroU64 = NonZeroU64::new(64 << 20).unwrap();

/// Files that are read at the same time, whoever asked for them.
const AT_ONCE: usize = 2;

/// Files that are being read.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    /// By number; those that wait for their turn as well.
    files: Arc<Mutex<HashSet<u64>>>,
    turns: Arc<Semaphore>,
}

impl Default for Readings {
    fn default() -> Self {
        Self { files: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Readings {
    /// Waits for a turn. Whoever has asked for many files waits for each anew, and so behind others.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // An error: it was closed, which nobody does.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Those that nobody reads already.
    fn begin(&self, mut files: Vec<FileState>) -> Vec<FileState> {
        let mut reading = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|file| reading.insert(file.number));
        files
    }

    fn end(&self, number: u64) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

/// Ends a reading, however it ends.
struct Reading<'r>(&'r Readings, u64);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

impl Services {
    /// Reads these files, and waits a moment for that. It goes on afterwards.
    pub(super) async fn files_read(&self, files: Vec<FileState>) {
        let Some(in_force) = self.sources().and_then(Sources::in_force) else { return };
        let files = self.readings().begin(files);
        let services = self.clone();
        let reading = tokio::spawn(async move {
            for file in files {
                let _reading = Reading(services.readings(), file.number);
                let _turn = services.readings().turn().await;
                services.file_read(&in_force.delivery, &file).await;
            }
        });
        // Whoever is told too early comes back.
        timeout(PATIENCE, reading).await.ok();
    }

    async fn file_read(&self, desk: &DeliveryDesk, file: &FileState) {
        let origin = OriginName::new(&file.origin);
        let number = file.number;
        match desk.digest(&origin, &file.key, PACE, self.clock()).await {
            Ok(digest) => match self.file_found(file, &digest).await {
                Ok(()) => {}
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::warn!(file = number, %error, "what a file is was not kept");
                }
            },
            Err(error) => {
                let error = ErrorChain(&error);
                tracing::warn!(file = number, %error, "a file cannot be read for an archive");
            }
        }
    }

    async fn file_found(&self, file: &FileState, digest: &ObjectDigest) -> Result<(), StoreError> {
        let ObjectDigest { size, sha256, crc32 } = digest;
        let sha256 = hex::encode(sha256);
        if file.sha256.as_deref().is_some_and(|known| known != sha256) {
            tracing::warn!(file = file.number, "a file is not the one that was registered");
            return Ok(());
        }
        let caller = Caller::system("archive reading");
        let mut change = self.store().change(&caller, self.now()).await?;
        match change.file_hashed(file.number, *size, &sha256, *crc32).await {
            Ok(()) => change.commit().await.map(drop),
            // It was forgotten meanwhile.
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn few_files_are_read_at_a_time() {
        let readings = Readings::default();
        let other = readings.clone();
        let held = (readings.turn().await, other.turn().await);
        let third = timeout(Duration::from_hours(1), other.turn()).await;
        assert!(third.is_err(), "a third is read beside the two");
        drop(held);
        assert!(timeout(Duration::from_secs(1), readings.turn()).await.unwrap().is_some());
    }
}
