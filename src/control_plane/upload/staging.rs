//! The folder, and appending.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedMutexGuard, watch};

use super::digest::{Checksum, Running, RunningChecksum, UploadDigest};
use super::source::ByteSource;
use crate::control_plane::record::chance;

/// Bytes that are collected before they are written.
const BATCH: usize = 1024 * 1024;

/// The file that says which folder it is.
const NAME: &str = "place";

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// They are not what the client said they are: none of them was taken.
    #[error("the bytes are not those of the checksum")]
    Checksum,
    /// The disk failed.
    #[error("the upload folder cannot be written")]
    Disk(#[source] io::Error),
    /// The disk is full. What was taken is kept.
    #[error("the upload folder has no room")]
    Full,
    /// There is no such upload any more.
    #[error("the upload has ended")]
    Gone,
    /// The client goes on elsewhere than where it is.
    #[error("the upload is at {at}")]
    Offset {
        /// How many bytes there are.
        at: u64,
    },
    /// Another request goes on with it.
    #[error("another request goes on with the upload")]
    Overtaken,
    /// More than may come. What was taken is kept.
    #[error("the upload has at most {most} bytes")]
    TooLong {
        /// How many may come.
        most: u64,
    },
}

impl From<io::Error> for StagingError {
    fn from(error: io::Error) -> Self {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        if full.contains(&error.kind()) { Self::Full } else { Self::Disk(error) }
    }
}

/// How far an upload is after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// How many bytes there are, all of them on the disk.
    pub size: u64,
    /// Did the request bring all that it had?
    pub body: BodyEnd,
}

/// What of a request is kept that breaks off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All that came: its client asks how far it is, and goes on there.
    Beginning,
    /// Nothing, nor what is behind where it begins: its client sends all of it again.
    Whole,
    /// Nothing, also where the bytes are others than the client said.
    Verified(Checksum),
}

/// How a request's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// The client went away, or another request of it took over.
    BrokenOff,
    /// All of it came.
    Whole,
}

/// A folder of uploads. Clones are the same one.
#[derive(Clone)]
pub struct Staging(Arc<Folder>);

struct Folder {
    path: PathBuf,
    name: Box<str>,
    writers: Mutex<HashMap<u64, Arc<Writer>>>,
}

/// What a process knows of an upload.
struct Writer {
    /// Whose turn it is: the newest request's.
    turn: watch::Sender<u64>,
    /// The digests of what is in the file, as far as this process wrote all of it.
    running: Arc<tokio::sync::Mutex<Option<Running>>>,
}

/// An upload that nobody else writes to, in this process or in one that shares the folder, until this
/// is dropped.
pub struct Hold {
    file: Arc<File>,
    running: OwnedMutexGuard<Option<Running>>,
    turn: Turn,
}

impl fmt::Debug for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Staging").field(&self.0.path).finish()
    }
}

impl Staging {
    /// Opens the folder, and makes it if there is none: nobody else reads what is in it.
    pub fn open(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let named = path.join(NAME);
        let name = match fs::read_to_string(&named) {
            Ok(name) => name,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = hex::encode(chance::<8>().map_err(io::Error::other)?);
                // Whole before anybody sees it; two that begin at once agree on the first one.
                let draft = path.join(format!("{NAME}.{name}"));
                let mut file = new_file(&draft)?;
                file.write_all(name.as_bytes())?;
                file.sync_all()?;
                let linked = fs::hard_link(&draft, &named);
                fs::remove_file(&draft)?;
                match linked {
                    Ok(()) => name,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        fs::read_to_string(&named)?
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        File::open(path)?.sync_all()?;
        Ok(Self(Arc::new(Folder {
            path: path.to_owned(),
            name: name.trim().into(),
            writers: Mutex::default(),
        })))
    }

    /// Its name: control planes that share the folder share the name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Makes room for an upload.
    pub async fn create(&self, number: u64) -> Result<(), StagingError> {
        let folder = Arc::clone(&self.0);
        blocking(move || {
            new_file(&folder.file(number))?;
            File::open(&folder.path)?.sync_all()?;
            Ok(())
        })
        .await
    }

    /// Has an upload to itself: a request that is bringing more of it stops where it is.
    pub async fn hold(&self, number: u64) -> Result<Hold, StagingError> {
        let writer = self.0.writer(number);
        let mut turn = writer.take_turn();
        let running = tokio::select! {
            running = Arc::clone(&writer.running).lock_owned() => running,
            () = turn.lost() => return Err(StagingError::Overtaken),
        };
        let folder = Arc::clone(&self.0);
        let file = blocking(move || {
            let file = folder.open(number)?;
            locked(&file)?;
            Ok(file)
        })
        .await?;
        Ok(Hold { file: Arc::new(file), running, turn })
    }

    /// How many bytes of an upload are here by now.
    pub async fn size(&self, number: u64) -> Result<u64, StagingError> {
        let folder = Arc::clone(&self.0);
        blocking(move || Ok(folder.open(number)?.metadata()?.len())).await
    }

    /// What an upload's bytes are, and the file that has them. While it or a copy of it is open nobody
    /// else has the upload, in this process or in one that shares the folder.
    pub async fn finish(&self, number: u64) -> Result<(UploadDigest, File), StagingError> {
        let Hold { file, mut running, turn: _ } = self.hold(number).await?;
        let known = running.take();
        drop(running);
        let file = Arc::into_inner(file).ok_or(StagingError::Overtaken)?;
        blocking(move || Ok((caught_up(&file, known)?.finish(), file))).await
    }

    /// The first bytes of an upload, by which its type is told.
    pub async fn beginning(&self, number: u64) -> Result<Vec<u8>, StagingError> {
        let folder = Arc::clone(&self.0);
        blocking(move || {
            let mut first = Vec::new();
            folder.open(number)?.take(512).read_to_end(&mut first)?;
            Ok(first)
        })
        .await
    }

    /// Forgets an upload's bytes. A request that is bringing more of it stops.
    pub async fn remove(&self, number: u64) -> Result<(), StagingError> {
        let known = self.0.writers().remove(&number);
        if let Some(writer) = known {
            drop(writer.take_turn());
        }
        let folder = Arc::clone(&self.0);
        blocking(move || {
            match fs::remove_file(folder.file(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
            File::open(&folder.path)?.sync_all()?;
            Ok(())
        })
        .await
    }

    /// The uploads that have a file here.
    pub async fn there(&self) -> Result<Vec<u64>, StagingError> {
        let folder = Arc::clone(&self.0);
        blocking(move || {
            let mut numbers = Vec::new();
            for entry in fs::read_dir(&folder.path)? {
                let name = entry?.file_name();
                let number = name.to_str().and_then(|it| it.strip_suffix(".part"));
                numbers.extend(number.and_then(|it| it.parse::<u64>().ok()));
            }
            // What is known of uploads that another process ended. One that somebody is at stays.
            let listed: HashSet<u64> = numbers.iter().copied().collect();
            folder
                .writers()
                .retain(|number, it| listed.contains(number) || Arc::strong_count(it) > 1);
            Ok(numbers)
        })
        .await
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, running: _, turn: _ } = self;
        f.debug_struct("Hold").field("file", file).finish_non_exhaustive()
    }
}

impl Hold {
    /// How many bytes are here, all of them on the disk.
    pub async fn size(&self) -> Result<u64, StagingError> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            file.sync_data()?;
            Ok(file.metadata()?.len())
        })
        .await
    }

    /// Drops what is behind so many bytes. Fewer than that are [`StagingError::Offset`].
    pub async fn cut(&self, size: u64) -> Result<(), StagingError> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            let there = file.metadata()?.len();
            if there < size {
                return Err(StagingError::Offset { at: there });
            }
            if there > size {
                file.set_len(size)?;
            }
            Ok(file.sync_data()?)
        })
        .await
    }

    /// Appends what a request brings, from `at` on, up to `most` bytes in all. What came is on the
    /// disk when this returns, also where the request broke off; and whoever does not wait for it any
    /// more does not stop it half-way.
    pub async fn append(
        mut self,
        at: u64,
        most: u64,
        keep: Keep,
        source: impl ByteSource + 'static,
    ) -> Result<(Self, Appended), StagingError> {
        let appending = tokio::spawn(async move {
            let appended = self.append_all(at, most, keep, source).await?;
            Ok((self, appended))
        });
        appending.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }

    async fn append_all(
        &mut self,
        at: u64,
        most: u64,
        keep: Keep,
        mut source: impl ByteSource,
    ) -> Result<Appended, StagingError> {
        let Self { file, running, turn } = self;
        let (file, known) = (Arc::clone(file), running.clone());
        let mut appending = blocking(move || Appending::begin(file, at, keep, known)).await?;
        // Copied, for a part may be one byte of a large buffer.
        let mut waiting = BytesMut::new();
        let body = loop {
            let next = tokio::select! {
                next = source.next() => next,
                () = turn.lost() => break BodyEnd::BrokenOff,
            };
            match next {
                Ok(Some(part)) => {
                    let room = most.saturating_sub(appending.size);
                    if (waiting.len() + part.len()) as u64 > room {
                        // Of what does not fit nothing is taken.
                        let (back, failed) = appending.close(BodyEnd::BrokenOff).await;
                        **running = back;
                        failed?;
                        return Err(StagingError::TooLong { most });
                    }
                    waiting.extend_from_slice(&part);
                    if waiting.len() >= BATCH {
                        let (back, written) = appending.write(waiting.split().freeze()).await;
                        appending = back;
                        if let Err(error) = written {
                            **running = appending.close(BodyEnd::BrokenOff).await.0;
                            return Err(error);
                        }
                    }
                }
                Ok(None) => break BodyEnd::Whole,
                Err(_) => break BodyEnd::BrokenOff,
            }
        };
        let (back, written) = appending.write(waiting.freeze()).await;
        let (known, closed) = match written {
            Ok(()) => back.close(body).await,
            Err(error) => (back.close(BodyEnd::BrokenOff).await.0, Err(error)),
        };
        **running = known;
        closed.map(|size| Appended { size, body })
    }
}

impl Folder {
    fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number}.part"))
    }

    fn open(&self, number: u64) -> Result<File, StagingError> {
        match OpenOptions::new().read(true).write(true).open(self.file(number)) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StagingError::Gone),
            Err(error) => Err(error.into()),
        }
    }

    fn writers(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Writer>>> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self, number: u64) -> Arc<Writer> {
        let new = || Writer { turn: watch::Sender::new(0), running: Arc::default() };
        Arc::clone(self.writers().entry(number).or_insert_with(|| Arc::new(new())))
    }
}

impl Writer {
    /// From now on it is the caller's turn.
    fn take_turn(&self) -> Turn {
        let mut own = 0;
        self.turn.send_modify(|turn| {
            *turn += 1;
            own = *turn;
        });
        Turn { own, turns: self.turn.subscribe() }
    }
}

/// A request's turn to write.
struct Turn {
    own: u64,
    turns: watch::Receiver<u64>,
}

impl Turn {
    /// Ends when a newer request came, or the upload is gone.
    async fn lost(&mut self) {
        let own = self.own;
        // An error says that nobody will ever come.
        let _ = self.turns.wait_for(|turn| *turn != own).await;
    }
}

/// A file that is appended to.
struct Appending {
    file: Arc<File>,
    /// Where the request began.
    from: u64,
    size: u64,
    running: Option<Running>,
    before: Option<Running>,
    keep: Keep,
    checksum: Option<RunningChecksum>,
}

impl Appending {
    fn begin(
        file: Arc<File>,
        at: u64,
        keep: Keep,
        running: Option<Running>,
    ) -> Result<Self, StagingError> {
        let mut size = file.metadata()?.len();
        if keep == Keep::Whole && size > at {
            // What an earlier attempt left behind that died.
            file.set_len(at)?;
            size = at;
        }
        if size != at {
            return Err(StagingError::Offset { at: size });
        }
        let running = match running {
            Some(running) if running.size() == size => Some(running),
            Some(_) | None => (size == 0).then(Running::new),
        };
        let checksum = match &keep {
            Keep::Beginning | Keep::Whole => None,
            Keep::Verified(checksum) => Some(checksum.running()),
        };
        let before = running.clone();
        Ok(Self { file, from: size, size, running, before, keep, checksum })
    }

    async fn write(mut self, part: Bytes) -> (Self, Result<(), StagingError>) {
        if part.is_empty() {
            return (self, Ok(()));
        }
        let Ok(done) = tokio::task::spawn_blocking(move || {
            let written = self.write_all(&part);
            (self, written)
        })
        .await
        else {
            // It neither panics nor is aborted.
            return std::future::pending().await;
        };
        done
    }

    fn write_all(&mut self, part: &[u8]) -> Result<(), StagingError> {
        self.file.write_all_at(part, self.size)?;
        self.size += part.len() as u64;
        if let Some(running) = &mut self.running {
            running.update(part);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(part);
        }
        Ok(())
    }

    /// Has everything on the disk that is kept. Where bytes are missing nobody can tell whether they
    /// are those of the checksum.
    async fn close(mut self, body: BodyEnd) -> (Option<Running>, Result<u64, StagingError>) {
        let closed = tokio::task::spawn_blocking(move || {
            let is_kept = match (&self.keep, self.checksum.take()) {
                (Keep::Beginning, _) => true,
                (Keep::Verified(checksum), Some(running)) => {
                    body == BodyEnd::Whole && checksum.is_met(running)
                }
                (Keep::Verified(_) | Keep::Whole, _) => body == BodyEnd::Whole,
            };
            let length = if is_kept { self.size } else { self.from };
            // Also what a write left behind that failed half-way.
            let settled = self.file.set_len(length).and_then(|()| self.file.sync_data());
            let known = if is_kept { self.running } else { self.before };
            match settled {
                Err(error) => (None, Err(error.into())),
                Ok(()) if !is_kept && body == BodyEnd::Whole => {
                    (known, Err(StagingError::Checksum))
                }
                Ok(()) => (known, Ok(length)),
            }
        });
        closed.await.unwrap_or_else(|error| (None, Err(io::Error::other(error).into())))
    }
}

/// The digests of a whole file: those that are known, and the rest of it read.
fn caught_up(file: &File, known: Option<Running>) -> Result<Running, StagingError> {
    let size = file.metadata()?.len();
    let mut running = known.filter(|known| known.size() <= size).unwrap_or_else(Running::new);
    let mut buffer = vec![0; BATCH];
    while running.size() < size {
        let read = file.read_at(&mut buffer, running.size())?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        };
        running.update(part);
    }
    Ok(running)
}

/// Has other processes that share the folder keep off, until the file is closed.
fn locked(file: &File) -> Result<(), StagingError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StagingError::Overtaken),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StagingError> + Send + 'static,
) -> Result<T, StagingError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(io::Error::other(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio::sync::mpsc;

    use super::super::source::BrokenOff;
    use super::*;

    /// What a test brings; it ends when the test drops the other end, and breaks off at `None`.
    struct Parts(mpsc::UnboundedReceiver<Option<Bytes>>);

    impl ByteSource for Parts {
        async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
            match self.0.recv().await {
                Some(Some(part)) => Ok(Some(part)),
                Some(None) => Err(BrokenOff),
                None => Ok(None),
            }
        }
    }

    fn bringing(parts: &[Option<&[u8]>]) -> Parts {
        let (sender, receiver) = mpsc::unbounded_channel();
        for part in parts {
            sender.send(part.map(Bytes::copy_from_slice)).unwrap();
        }
        Parts(receiver)
    }

    async fn staging() -> (TempDir, Staging) {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(&folder.path().join("uploads")).unwrap();
        staging.create(7).await.unwrap();
        (folder, staging)
    }

    const MANY: u64 = 1 << 40;

    impl Staging {
        async fn append(
            &self,
            number: u64,
            at: u64,
            most: u64,
            keep: Keep,
            source: impl ByteSource + 'static,
        ) -> Result<Appended, StagingError> {
            Ok(self.hold(number).await?.append(at, most, keep, source).await?.1)
        }

        async fn settled(&self, number: u64) -> Result<u64, StagingError> {
            self.hold(number).await?.size().await
        }
    }

    #[tokio::test]
    async fn bytes_are_appended_where_the_upload_is() {
        let (_folder, staging) = staging().await;
        let appended =
            staging.append(7, 0, MANY, Keep::Beginning, bringing(&[Some(b"1234")])).await.unwrap();
        assert_eq!(appended, Appended { size: 4, body: BodyEnd::Whole });
        let refused = staging.append(7, 3, MANY, Keep::Beginning, bringing(&[Some(b"x")])).await;
        assert!(matches!(refused, Err(StagingError::Offset { at: 4 })), "{refused:?}");
        let source = bringing(&[Some(b"56"), Some(b"789"), None]);
        let appended = staging.append(7, 4, MANY, Keep::Beginning, source).await.unwrap();
        assert_eq!(appended, Appended { size: 9, body: BodyEnd::BrokenOff });
        assert_eq!(staging.settled(7).await.unwrap(), 9);
        let (digest, mut file) = staging.finish(7).await.unwrap();
        assert_eq!((digest.size, digest.crc32), (9, 0xcbf4_3926));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "123456789");
    }

    #[tokio::test]
    async fn another_process_goes_on_and_knows_the_whole() {
        let (folder, staging) = staging().await;
        staging.append(7, 0, MANY, Keep::Beginning, bringing(&[Some(b"1234")])).await.unwrap();
        let other = Staging::open(&folder.path().join("uploads")).unwrap();
        assert_eq!(other.name(), staging.name());
        assert_eq!(other.there().await.unwrap(), [7]);
        other.append(7, 4, MANY, Keep::Beginning, bringing(&[Some(b"56789")])).await.unwrap();
        assert_eq!(other.finish(7).await.unwrap().0.crc32, 0xcbf4_3926);
        // The first knows the beginning only, and reads the rest.
        assert_eq!(staging.finish(7).await.unwrap().0.crc32, 0xcbf4_3926);
        let elsewhere = tempfile::tempdir().unwrap();
        assert_ne!(Staging::open(elsewhere.path()).unwrap().name(), staging.name());
    }

    #[tokio::test]
    async fn bytes_that_are_not_those_of_the_checksum_are_not_kept() {
        let (_folder, staging) = staging().await;
        staging.append(7, 0, MANY, Keep::Beginning, bringing(&[Some(b"1234")])).await.unwrap();
        let keep = Keep::Verified(Checksum::parse("crc32 y/Q5Jg==").unwrap());
        let wrong = staging.append(7, 4, MANY, keep.clone(), bringing(&[Some(b"5")])).await;
        assert!(matches!(wrong, Err(StagingError::Checksum)), "{wrong:?}");
        // Of a part of them nobody can say whether it is right.
        let source = bringing(&[Some(b"123456789"), None]);
        let broken = staging.append(7, 4, MANY, keep.clone(), source).await.unwrap();
        assert_eq!(broken, Appended { size: 4, body: BodyEnd::BrokenOff });
        assert_eq!(staging.settled(7).await.unwrap(), 4);
        let right = bringing(&[Some(b"12345"), Some(b"6789")]);
        assert_eq!(staging.append(7, 4, MANY, keep, right).await.unwrap().size, 13);
        let (digest, _) = staging.finish(7).await.unwrap();
        let mut expected = Running::new();
        expected.update(b"1234123456789");
        assert_eq!(digest, expected.finish());
    }

    #[tokio::test]
    async fn a_part_that_is_sent_again_is_there_once() {
        let (_folder, staging) = staging().await;
        let append = async |at, parts: &[Option<&[u8]>]| {
            staging.append(7, at, MANY, Keep::Whole, bringing(parts)).await.unwrap()
        };
        assert_eq!(append(0, &[Some(b"1234")]).await.size, 4);
        let broken = append(4, &[Some(b"5"), None]).await;
        assert_eq!(broken, Appended { size: 4, body: BodyEnd::BrokenOff });
        // A process that died had written some of it.
        let source = bringing(&[Some(b"56"), None]);
        staging.append(7, 4, MANY, Keep::Beginning, source).await.unwrap();
        assert_eq!(append(4, &[Some(b"56789")]).await.size, 9);
        assert_eq!(staging.finish(7).await.unwrap().0.crc32, 0xcbf4_3926);
    }

    #[tokio::test]
    async fn a_newer_request_takes_over_from_one_that_hangs() {
        let (_folder, staging) = staging().await;
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(Some(Bytes::from_static(b"1234"))).unwrap();
        let hanging = tokio::spawn({
            let staging = staging.clone();
            async move { staging.append(7, 0, MANY, Keep::Beginning, Parts(receiver)).await }
        });
        // What it brought is taken, and its other end stays open.
        while !sender.is_closed() && staging.0.writer(7).running.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let at = staging.settled(7).await.unwrap();
        let stopped = hanging.await.unwrap().unwrap();
        assert_eq!(stopped, Appended { size: at, body: BodyEnd::BrokenOff });
        let rest = bringing(&[b"123456789".get(usize::try_from(at).unwrap()..)]);
        assert_eq!(staging.append(7, at, MANY, Keep::Beginning, rest).await.unwrap().size, 9);
        assert_eq!(staging.finish(7).await.unwrap().0.crc32, 0xcbf4_3926);
    }

    #[tokio::test]
    async fn no_more_comes_than_may() {
        let (_folder, staging) = staging().await;
        let long = staging.append(7, 0, 8, Keep::Beginning, bringing(&[Some(b"123456789")])).await;
        assert!(matches!(long, Err(StagingError::TooLong { most: 8 })), "{long:?}");
        assert_eq!(staging.settled(7).await.unwrap(), 0);
        let large = vec![7; BATCH];
        let source = bringing(&[Some(&large), Some(b"1"), Some(b"2")]);
        let most = BATCH as u64 + 1;
        let long = staging.append(7, 0, most, Keep::Beginning, source).await;
        assert!(matches!(long, Err(StagingError::TooLong { .. })), "{long:?}");
        // What was written before that is kept.
        assert_eq!(staging.settled(7).await.unwrap(), BATCH as u64);
    }

    #[tokio::test]
    async fn what_is_removed_is_gone() {
        let (_folder, staging) = staging().await;
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(Some(Bytes::from_static(b"1234"))).unwrap();
        let hold = staging.hold(7).await.unwrap();
        let hanging = tokio::spawn(hold.append(0, MANY, Keep::Beginning, Parts(receiver)));
        staging.remove(7).await.unwrap();
        assert_eq!(hanging.await.unwrap().unwrap().1.body, BodyEnd::BrokenOff);
        assert_eq!(staging.there().await.unwrap(), [0_u64; 0]);
        for outcome in [
            staging.settled(7).await.err(),
            staging.append(7, 4, MANY, Keep::Beginning, bringing(&[])).await.err(),
            staging.finish(7).await.err(),
        ] {
            assert!(matches!(outcome, Some(StagingError::Gone)), "{outcome:?}");
        }
        staging.remove(7).await.unwrap();
        drop(sender);
    }
}
