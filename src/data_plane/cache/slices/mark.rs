//! A file that says up to where what control planes said was dropped from the folder beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::purging::{Dropped, is_worth_writing};
use crate::policy::PurgeMark;

const NAME: &str = "purged";
const DRAFT: &str = "purged.new";

/// The file, and what it says; none where there is none that can be read.
#[derive(Debug)]
pub(super) struct MarkFile {
    folder: PathBuf,
    mark: Mutex<Option<PurgeMark>>,
}

impl MarkFile {
    pub(super) fn open(folder: &Path) -> Self {
        let text = fs::read(folder.join(NAME)).ok();
        let mark = text.and_then(|text| serde_json::from_slice(&text).ok());
        Self { folder: folder.to_owned(), mark: Mutex::new(mark) }
    }

    pub(super) fn get(&self) -> Option<PurgeMark> {
        self.locked().clone()
    }

    /// Writes it where a restart would make much of its lack.
    pub(super) fn set(&self, mark: &PurgeMark, dropped: Dropped) -> io::Result<()> {
        let mut known = self.locked();
        if !is_worth_writing(known.as_ref(), mark, dropped) {
            return Ok(());
        }
        *known = Some(mark.clone());
        // What was dropped is gone from the disk before the disk says so.
        for moved in ["", "trash"] {
            File::open(self.folder.join(moved))?.sync_all()?;
        }
        let draft = self.folder.join(DRAFT);
        fs::write(&draft, serde_json::to_vec(mark)?)?;
        File::open(&draft)?.sync_all()?;
        fs::rename(draft, self.folder.join(NAME))
    }

    fn locked(&self) -> MutexGuard<'_, Option<PurgeMark>> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
