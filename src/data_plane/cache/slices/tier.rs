//! Which slices there are, on disk and on their way there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use tokio::time::Instant;

use super::super::fill::Room;
use super::super::key::PurgeScope;
use super::super::purging::Dropped;
use super::file::{self, HEADER, Trust, Unusable};
use super::filling::Filling;

use super::key::{SliceKey, VersionId, hex, object_name};
use super::mark::MarkFile;
use crate::delivery::{ByteRange, Spans};
use crate::policy::PurgeMark;

/// After a failure nothing is written for so long.
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// Between two lines of the log about a disk that fails.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// File systems give room in blocks of this size.
const BLOCK: u64 = 4096;

/// `[cache.disk]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// A folder that nothing else uses.
    pub path: PathBuf,
    /// Bytes of it, blocks counted whole.
    pub size: u64,
    /// Bytes of a slice.
    pub slice: u64,
}

/// See the module.
#[derive(Debug)]
pub(in super::super) struct Tier {
    config: DiskConfig,
    index: moka::sync::Cache<SliceKey, Arc<Slice>>,
    fillings: Mutex<HashMap<SliceKey, Arc<Filling>>>,
    room: Arc<Room>,
    /// Held shared while a file is put in its place, or found there, and alone by a purge.
    landing: RwLock<()>,
    /// A purge failed to move what it dropped out of reach.
    undone: AtomicBool,
    numbers: AtomicU64,
    failing: Mutex<Failing>,
    mark: MarkFile,
    chores: Sender<Chore>,
    /// Locked while this process uses the folder.
    _lock: File,
}

/// A file.
#[derive(Debug)]
struct Slice {
    length: u64,
    hashed: AtomicBool,
}

#[derive(Debug, Default)]
struct Failing {
    until: Option<Instant>,
    told: Option<Instant>,
}

#[derive(Debug)]
enum Chore {
    Delete(SliceKey),
    EmptyTrash,
}

/// What to do about a slice that is not on disk.
#[derive(Debug)]
pub(super) enum Joined {
    /// It is on disk by now.
    Landed,
    /// It is being filled.
    Follower(Arc<Filling>),
    /// It is to be filled.
    Leader(Arc<Filling>),
    /// There is no room to fill it.
    NoRoom,
}

impl Tier {
    /// Takes possession of the folder. What is there already is found little by little.
    pub(in super::super) fn open(config: DiskConfig, memory: usize) -> io::Result<Arc<Self>> {
        for folder in ["slices", "trash"] {
            fs::create_dir_all(config.path.join(folder))?;
        }
        let lock = File::create(config.path.join("lock"))?;
        lock.try_lock()?;
        let (chores, to_do) = channel();
        let evicted = chores.clone();
        let index = moka::sync::Cache::builder()
            .max_capacity(config.size)
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|_: &SliceKey, slice: &Arc<Slice>| {
                let blocks = (slice.length + HEADER).div_ceil(BLOCK) * BLOCK;
                u32::try_from(blocks).unwrap_or(u32::MAX)
            })
            .eviction_listener(move |key, _, cause| match cause {
                RemovalCause::Replaced => {}
                RemovalCause::Expired | RemovalCause::Explicit | RemovalCause::Size => {
                    // The thread is gone only when the tier is about to be.
                    let _ = evicted.send(Chore::Delete(*key));
                }
            })
            .build();
        let tier = Arc::new(Self {
            index,
            fillings: Mutex::default(),
            room: Room::new(memory),
            landing: RwLock::default(),
            undone: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
            failing: Mutex::default(),
            mark: MarkFile::open(&config.path),
            chores,
            _lock: lock,
            config,
        });
        // What a process that was killed was writing is no part of anything.
        tier.discard(&tier.config.path.join("writing"))?;
        fs::create_dir(tier.config.path.join("writing"))?;
        let keeper = Arc::downgrade(&tier);
        std::thread::Builder::new()
            .name("slices".to_owned())
            .spawn(move || keep(&keeper, &to_do))?;
        Ok(tier)
    }

    /// As it was configured.
    pub(in super::super) fn config(&self) -> &DiskConfig {
        &self.config
    }

    /// The slice that holds this byte of an object, and which bytes are in it.
    pub(super) fn slice_of(&self, byte: u64, complete: u64) -> Option<(u32, ByteRange)> {
        let index = byte.checked_div(self.config.slice)?;
        let first = index * self.config.slice;
        let last = first.saturating_add(self.config.slice).min(complete).checked_sub(1)?;
        Some((u32::try_from(index).ok()?, ByteRange::new(first, last)?))
    }

    /// Is every byte of these ranges in a slice that is here?
    pub(in super::super) fn holds(&self, version: VersionId, spans: &Spans) -> Held {
        let all = spans.as_slice().iter().all(|span| {
            let (first, last) = (span.first() / self.config.slice, span.last() / self.config.slice);
            (first..=last).all(|index| {
                u32::try_from(index).is_ok_and(|index| self.has(SliceKey { version, index }))
            })
        });
        if all { Held::All } else { Held::NotAll }
    }

    /// Is it here?
    pub(super) fn has(&self, key: SliceKey) -> bool {
        self.index.contains_key(&key)
    }

    /// From this slice on, how many in a row are not here, of at most so many.
    pub(super) fn missing_from(&self, key: SliceKey, at_most: u32) -> u32 {
        let index = |after: u32| SliceKey { index: key.index.saturating_add(after), ..key };
        (0..at_most).take_while(|after| !self.has(index(*after))).count().try_into().unwrap_or(1)
    }

    /// Opens a slice that is here, on a thread that may wait. Tells what is wrong with one that is
    /// not right, which is gone then.
    pub(super) fn open_slice(&self, key: SliceKey, length: u64) -> Option<Result<File, Unusable>> {
        let slice = self.index.get(&key)?;
        let trust =
            if slice.hashed.load(Ordering::Acquire) { Trust::Content } else { Trust::Nothing };
        let opened = file::open(&self.path(key), key, length, trust);
        match &opened {
            Ok(_) => slice.hashed.store(true, Ordering::Release),
            Err(_) => self.drop_slice(key),
        }
        Some(opened)
    }

    /// The same where no disk has to be waited for; none where it has, or there is nothing to open.
    pub(super) fn open_slice_at_once(&self, key: SliceKey, length: u64) -> Option<File> {
        let slice = self.index.get(&key)?;
        let hashed = slice.hashed.load(Ordering::Acquire);
        if hashed { file::open_at_once(&self.path(key), key, length) } else { None }
    }

    /// Has what is over the bounds evicted now.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.index.run_pending_tasks();
    }

    /// Lets go of a slice.
    pub(super) fn drop_slice(&self, key: SliceKey) {
        self.index.invalidate(&key);
    }

    /// Fills a slice, unless somebody does.
    pub(super) fn join(&self, key: SliceKey) -> Joined {
        match self.fillings().entry(key) {
            Entry::Occupied(filling) => Joined::Follower(Arc::clone(filling.get())),
            // Under the lock: a filling goes when its file is here.
            Entry::Vacant(_) if self.has(key) => Joined::Landed,
            Entry::Vacant(vacant) => {
                let bytes = usize::try_from(self.config.slice).unwrap_or(usize::MAX);
                match self.room.take(bytes) {
                    Some(room) => {
                        Joined::Leader(Arc::clone(vacant.insert(Arc::new(Filling::new(room)))))
                    }
                    None => Joined::NoRoom,
                }
            }
        }
    }

    /// A filling is over.
    pub(super) fn finish(&self, key: SliceKey, filling: &Arc<Filling>) {
        if let Entry::Occupied(entry) = self.fillings().entry(key)
            && Arc::ptr_eq(entry.get(), filling)
        {
            entry.remove();
        }
    }

    fn fillings(&self) -> MutexGuard<'_, HashMap<SliceKey, Arc<Filling>>> {
        // The map is whole after every statement above.
        self.fillings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a slice and puts it in its place, if that is still wanted then.
    pub(super) fn land(
        &self,
        key: SliceKey,
        content: &[Bytes],
        still: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let written = self.config.path.join("writing").join(number.to_string());
        let landed = file::write(&written, key, content)
            .and_then(|()| self.put(key, content, &written, still));
        if landed.is_err() {
            // Of a disk that is full, the part that was written goes at once.
            let _ = fs::remove_file(&written);
        }
        landed
    }

    fn put(
        &self,
        key: SliceKey,
        content: &[Bytes],
        written: &Path,
        still: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let _landing = self.landing.read().unwrap_or_else(PoisonError::into_inner);
        if !still() {
            return fs::remove_file(written);
        }
        let path = self.path(key);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(written, path)?;
        let length = content.iter().map(|chunk| chunk.len() as u64).sum();
        self.index.insert(key, Arc::new(Slice { length, hashed: AtomicBool::new(true) }));
        Ok(())
    }

    fn path(&self, key: SliceKey) -> PathBuf {
        key.path(&self.config.path.join("slices"))
    }

    /// Forgets, with what `forget` forgets elsewhere. Of a prefix it knows only the origin: all of
    /// that goes.
    pub(in super::super) fn purge(&self, scope: &PurgeScope, forget: impl FnOnce()) {
        let _alone = self.landing.write().unwrap_or_else(PoisonError::into_inner);
        forget();
        self.fillings().clear();
        let (origin, object) = match scope {
            PurgeScope::Everything => (None, None),
            PurgeScope::Origin(origin) | PurgeScope::Prefix(origin, _) => (Some(origin), None),
            PurgeScope::Object(origin, key) => (Some(origin), Some(object_name(key))),
        };
        let mut folder = self.config.path.join("slices");
        let origin = match origin.map(|it| it.lasting()) {
            // It has nothing here.
            Some(None) => return,
            Some(Some(lasting)) => Some(lasting.0),
            None => None,
        };
        for name in [origin, object].iter().flatten() {
            folder.push(hex(name));
        }
        for (key, _) in &self.index {
            let VersionId { origin: of, object: is, .. } = key.version;
            if origin.is_none_or(|it| it == of) && object.is_none_or(|it| it == is) {
                self.index.invalidate(&*key);
            }
        }
        match self.discard(&folder) {
            Ok(()) => {
                if *scope == PurgeScope::Everything {
                    self.undone.store(false, Ordering::Release);
                }
            }
            Err(error) => {
                self.undone.store(true, Ordering::Release);
                self.step_aside(&error);
            }
        }
        let _ = self.chores.send(Chore::EmptyTrash);
    }

    /// Up to where what control planes said was dropped; none where that is not known, or is not so.
    pub(in super::super) fn mark(&self) -> Option<PurgeMark> {
        if self.undone.load(Ordering::Acquire) { None } else { self.mark.get() }
    }

    /// It was dropped up to there. Written where a restart would make much of its lack.
    pub(in super::super) fn set_mark(&self, mark: &PurgeMark, dropped: Dropped) {
        // The files are where a restart would find them: it is to drop them again.
        if self.undone.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = self.mark.set(mark, dropped) {
            self.step_aside(&error);
        }
    }

    /// Takes in a file that is here, or deletes it. Tells how many it took in.
    fn find(&self, key: Option<SliceKey>, file: &Path) -> usize {
        // Between the look at it and the entry no purge may take it away: the entry would stay.
        let _landing = self.landing.read().unwrap_or_else(PoisonError::into_inner);
        let length = fs::symlink_metadata(file).ok().filter(fs::Metadata::is_file);
        let length = length.and_then(|it| it.len().checked_sub(HEADER));
        match (key, length) {
            // What a purge could not take away is nothing to be served.
            (Some(_), Some(_)) if self.undone.load(Ordering::Acquire) => 0,
            (Some(key), Some(length)) => {
                let slice = || Arc::new(Slice { length, hashed: AtomicBool::new(false) });
                self.index.entry(key).or_insert_with(slice);
                1
            }
            (None, _) | (_, None) => {
                let _ = fs::remove_file(file);
                0
            }
        }
    }

    /// Moves a folder out of reach.
    fn discard(&self, folder: &Path) -> io::Result<()> {
        loop {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            let place = self.config.path.join("trash").join(number.to_string());
            // A rename would take the place of an empty one.
            if place.exists() {
                continue;
            }
            return match fs::rename(folder, place) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            };
        }
    }

    /// May slices be written?
    pub(super) fn takes_writes(&self) -> bool {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.until.is_none_or(|until| Instant::now() >= until)
    }

    /// Leaves the disk alone for a while.
    pub(super) fn step_aside(&self, error: &io::Error) {
        let now = Instant::now();
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.until = Some(now + LEFT_ALONE);
        if failing.told.is_none_or(|told| now >= told + TOLD_EVERY) {
            failing.told = Some(now);
            let path = self.config.path.display();
            tracing::warn!(%error, %path, "the disk of the cache fails; answers come from the origins");
        }
    }
}

/// See [`Tier::holds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Held {
    All,
    NotAll,
}

/// Finds what is there, and deletes what is to go, until the tier is gone.
fn keep(tier: &Weak<Tier>, chores: &Receiver<Chore>) {
    let Some(path) = tier.upgrade().map(|it| it.config.path.clone()) else { return };
    empty(&path.join("trash"));
    let slices = find(tier, &path.join("slices"));
    tracing::info!(event = "slices_found", slices, path = %path.display());
    while let Ok(chore) = chores.recv() {
        match chore {
            Chore::EmptyTrash => empty(&path.join("trash")),
            Chore::Delete(key) => {
                let Some(tier) = tier.upgrade() else { return };
                // It may have come again.
                if !tier.has(key) {
                    let file = tier.path(key);
                    let _ = fs::remove_file(&file);
                    // Only where it was the last one there.
                    let _ = file.parent().map(fs::remove_dir);
                }
            }
        }
    }
}

fn empty(trash: &Path) {
    for entry in entries(trash) {
        let _ = fs::remove_dir_all(&entry).or_else(|_| fs::remove_file(&entry));
    }
}

/// Tells how many there are.
fn find(tier: &Weak<Tier>, slices: &Path) -> usize {
    let mut found = 0;
    for stray in entries(slices).iter().filter(|it| !it.is_dir()) {
        let _ = fs::remove_file(stray);
    }
    for file in entries(slices).iter().flat_map(|it| entries(it)).flat_map(|it| entries(&it)) {
        let Some(tier) = tier.upgrade() else { break };
        let mut names = file.iter().rev().filter_map(|name| name.to_str());
        let (name, object, origin) = (names.next(), names.next(), names.next());
        let key = match (origin, object, name) {
            (Some(origin), Some(object), Some(name)) => SliceKey::from_names(origin, object, name),
            _ => None,
        };
        found += tier.find(key, &file);
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|it| it.path())).collect()
}
