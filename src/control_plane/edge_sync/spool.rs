//! A snapshot for edges that need one, in a file without a name.
//!
//! It is written once and read by any number of edges at once, each at its own pace: neither the
//! memory nor a connection of the database is held for them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::control_plane::publish::{Everything, Unsealing};
use crate::control_plane::record::{FeedHead, chance};
use crate::control_plane::service::ServiceError;
use crate::control_plane::store::{StoreError, View};
use crate::feed::{BatchWriter, Position};

/// Bytes that are read, or written, at once.
const PIECE: usize = 256 * 1024;

/// A whole snapshot.
#[derive(Debug)]
pub(super) struct Spool {
    pub(super) at: Position,
    pub(super) made: Instant,
    file: Arc<File>,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolError {
    #[error("a snapshot for edges cannot be written to a file")]
    File(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SpoolError> for ServiceError {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::File(error) => Self::Failed(Box::new(error)),
            SpoolError::Store(error) => error.into(),
        }
    }
}

impl Spool {
    /// Writes down what the view shows.
    pub(super) async fn write(view: &mut View, unsealing: &Unsealing) -> Result<Self, SpoolError> {
        let made = Instant::now();
        let file = Arc::new(nameless()?);
        let FeedHead { lineage, version } = view.feed_head().await?;
        let at = Position { lineage, version: version.0 };
        let mut writer = BatchWriter::snapshot(&at);
        let mut lines = Vec::new();
        let mut everything = Everything::Purges;
        while let Some(changes) = everything.next(view, unsealing).await? {
            for change in &changes {
                writer.push(change);
            }
            lines.extend(writer.take_lines());
            if lines.len() >= PIECE {
                append(&file, std::mem::take(&mut lines)).await?;
            }
        }
        lines.extend(writer.end());
        append(&file, lines).await?;
        Ok(Self { at, made, file })
    }

    /// The piece at that place; empty at the end.
    pub(super) async fn piece(&self, offset: u64) -> io::Result<Bytes> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            let mut piece = vec![0; PIECE];
            let read = file.read_at(&mut piece, offset)?;
            piece.truncate(read);
            Ok(piece.into())
        })
        .await
    }
}

async fn append(file: &Arc<File>, lines: Vec<u8>) -> io::Result<()> {
    let file = Arc::clone(file);
    blocking(move || (&*file).write_all(&lines)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// A file that nobody else can open, and that is gone with this program.
fn nameless() -> io::Result<File> {
    let name = hex::encode(chance::<16>().map_err(io::Error::other)?);
    let path = std::env::temp_dir().join(format!("countersign-{name}"));
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
