//! Whose copy a file is (requirement K.6): the tags in it, and what the log of issues says of each.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::copy_issue::TagOrigin;
use super::desk::Services;
use super::error::ServiceError;
use super::likeness::{AlikeCopy, ComparingTurn, Comparison, PictureOriginal};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{CopyIssue, CopyTrace, Scope};
use crate::control_plane::upload::{BrokenOff, ByteSource};
use crate::forensic::{MOST_BYTES, Scanner, Sighting};

/// Read at a time.
const PIECE: usize = 64 << 10;

/// Bytes that are looked at before others have their turn.
const TURN: usize = 256 << 10;

/// The longest that somebody may take to bring a picture that is compared: others wait for their turn.
const LONGEST_BROUGHT: Duration = Duration::from_mins(2);

/// Most bytes of a file that somebody brings to have it traced.
pub const LARGEST_TRACED: u64 = 64 << 30;

/// What was seen in a file, before anybody says what it means.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256, as hex.
    pub sha256: Box<str>,
    /// The tags, in their order.
    pub sightings: Vec<Sighting>,
    /// Tags beyond those.
    pub more: u64,
    /// All of it, where it was kept.
    pub kept: Option<Bytes>,
}

/// A tag that was found, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedTag {
    /// Where in the file, and in what.
    pub sighting: Sighting,
    /// Where it is from.
    pub origin: TagOrigin,
}

/// Whose copy a file is.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// Whose it is as a whole, byte by byte: none where it was changed, or where the digest of the copy
    /// is not known.
    pub exact: Option<CopyIssue>,
    /// The tags in it, in their order.
    pub tags: Vec<TracedTag>,
    /// What comparing it with an original said; none where there was nothing to compare it with.
    pub comparison: Option<Comparison>,
}

/// Why a file was not looked at to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInspected {
    /// It stopped coming.
    #[error("the file was broken off: send it again, from its first byte")]
    BrokenOff,
    /// It came too slowly.
    #[error("a picture that is compared has to come within two minutes")]
    TooSlow,
    /// It is longer than files may be.
    #[error("the file is longer than {most} bytes")]
    TooLong {
        /// How many it may have.
        most: u64,
    },
}

/// What a file is compared with, and leave to do it.
#[derive(Debug)]
pub struct CompareWith {
    /// With what.
    pub original: PictureOriginal,
    /// The leave.
    pub turn: ComparingTurn,
}

/// An [`Inspection`] that is under way: it is fed a file from its first byte to its last, and holds
/// some hundred bytes of it, however long it is, unless all of it is to be kept.
#[derive(Debug, Default)]
pub struct Inspecting {
    scanner: Scanner,
    hash: Sha256,
    size: u64,
    /// All that came, where it is kept and not too long.
    kept: Option<Vec<u8>>,
}

impl Inspecting {
    /// One that keeps the file as well, unless it is longer than pictures that are compared.
    pub fn keeping() -> Self {
        Self { kept: Some(Vec::new()), ..Self::default() }
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.scanner.feed(bytes);
        self.hash.update(bytes);
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > MOST_BYTES {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
    }

    /// What was seen in all of it.
    pub fn finish(self) -> Inspection {
        let Self { scanner, hash, size, kept } = self;
        let more = scanner.not_kept();
        let sha256 = hex::encode(hash.finalize()).into();
        let kept = kept.map(Bytes::from);
        Inspection { size, sha256, sightings: scanner.finish(), more, kept }
    }

    /// Takes what a request brings, to its end, and lets others have their turn meanwhile.
    async fn take(
        mut self,
        mut source: impl ByteSource,
        most: u64,
    ) -> Result<Inspection, NotInspected> {
        let mut since = 0;
        loop {
            let next = source.next().await.map_err(|BrokenOff| NotInspected::BrokenOff)?;
            let Some(bytes) = next else { return Ok(self.finish()) };
            for piece in bytes.chunks(PIECE) {
                self.feed(piece);
                if self.size > most {
                    return Err(NotInspected::TooLong { most });
                }
                since += piece.len();
                if since >= TURN {
                    since = 0;
                    yield_now().await;
                }
            }
        }
    }
}

impl Inspection {
    /// Of a file that somebody brings, as its bytes come: [`LARGEST_TRACED`] of them at most.
    pub async fn of_source(source: impl ByteSource) -> Result<Self, NotInspected> {
        Inspecting::default().take(source, LARGEST_TRACED).await
    }

    /// The same of a picture that is compared, and keeps it.
    pub async fn of_source_kept(source: impl ByteSource) -> Result<Self, NotInspected> {
        let taken = timeout(LONGEST_BROUGHT, Inspecting::keeping().take(source, MOST_BYTES)).await;
        taken.unwrap_or(Err(NotInspected::TooSlow))
    }

    /// Of a file, from its first byte to its last, by an inspecting that was fed nothing yet.
    pub fn of(mut file: impl Read, mut inspecting: Inspecting) -> io::Result<Self> {
        let mut buffer = vec![0; PIECE];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(inspecting.finish()),
                Ok(read) => inspecting.feed(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Services {
    /// Refuses whoever may not ask whose copy a file is: before they bring it.
    pub fn trace_admit(&self, caller: &Caller) -> Result<(), ServiceError> {
        Ok(caller.require(Scope::Trace)?)
    }

    /// Says whose copy a file is. That it was asked is in the audit log, with what came of it: in that
    /// of the tenant that the caller is of, if they are of one. A picture that was kept may be compared
    /// with what it may be a copy of.
    pub async fn trace(
        &self,
        caller: &Caller,
        inspection: &Inspection,
        compare: Option<CompareWith>,
    ) -> Result<Traced, ServiceError> {
        self.trace_admit(caller)?;
        let mut view = self.view(caller).await?;
        let exact = view.copy_issue_of_sha256(&inspection.sha256).await?;
        drop(view);
        let origins = self.tag_origins(caller, inspection).await?;
        let mut traced = Vec::with_capacity(inspection.sightings.len());
        for sighting in &inspection.sightings {
            let origin = origins.get(&sighting.tag).cloned().unwrap_or(TagOrigin::Forged);
            traced.push(TracedTag { sighting: *sighting, origin });
        }
        let original = compare.as_ref().and_then(|it| match it.original {
            PictureOriginal::File(number) => Some(number),
            PictureOriginal::Bytes(_) => None,
        });
        let comparison = match (compare, &inspection.kept) {
            (None, _) => None,
            (Some(_), None) => {
                let why = format!("the file is longer than {MOST_BYTES} bytes");
                Some(Comparison::NotComparable(why.into()))
            }
            (Some(CompareWith { original, turn }), Some(suspect)) => {
                Some(self.compare(caller, suspect.clone(), &original, turn).await?)
            }
        };
        // One tag of a copy is in several places of it.
        let mut links = Vec::new();
        for tag in &traced {
            if let TagOrigin::Issued(issue) = &tag.origin
                && !links.contains(&issue.link)
            {
                links.push(issue.link.clone());
            }
        }
        if let Some(Comparison::Alike(copies)) = &comparison {
            for AlikeCopy { issue, .. } in copies {
                if !links.contains(&issue.link) {
                    links.push(issue.link.clone());
                }
            }
        }
        let trace = CopyTrace {
            sha256: inspection.sha256.clone(),
            tags: inspection.sightings.len() as u64,
            links,
            exact: exact.as_ref().map(|issue| issue.link.clone()),
            original,
            comparison: comparison.as_ref().map(Comparison::outcome),
        };
        let mut change = self.change(caller).await?;
        change.copy_traced(&trace);
        change.commit().await?;
        Ok(Traced { exact, tags: traced, comparison })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A reader that is interrupted and gives little at a time.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = self.0.len().min(buffer.len()).min(7);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    /// What a request brings.
    struct Brought(std::vec::IntoIter<Result<Bytes, BrokenOff>>);

    impl ByteSource for Brought {
        async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
            self.0.next().transpose()
        }
    }

    async fn taken(
        parts: Vec<Result<Bytes, BrokenOff>>,
        most: u64,
    ) -> Result<Inspection, NotInspected> {
        Inspecting::default().take(Brought(parts.into_iter()), most).await
    }

    #[tokio::test]
    async fn a_file_is_taken_as_it_comes_to_its_last_byte_and_no_further() {
        let mark = "countersign-tag:010701020304050607080ff920c73baf";
        let long = vec![b'.'; 3 * TURN];
        let file = [&*long, mark.as_bytes()].concat();
        let parts = |at: usize| {
            let (first, second) = file.split_at(at);
            vec![Ok(Bytes::copy_from_slice(first)), Ok(Bytes::copy_from_slice(second))]
        };
        let most = file.len() as u64;
        for at in [0, 1, PIECE, long.len() + 5, file.len()] {
            let inspection = taken(parts(at), most).await.unwrap();
            assert_eq!(inspection.size, most);
            assert_eq!(*inspection.sha256, *hex::encode(Sha256::digest(&file)));
            let offsets: Vec<u64> = inspection.sightings.iter().map(|it| it.offset).collect();
            assert_eq!(offsets, [long.len() as u64], "{at}");
        }
        let longer = taken(parts(9), most - 1).await.unwrap_err();
        assert_eq!(longer, NotInspected::TooLong { most: most - 1 });
        let broken = taken(vec![Ok(Bytes::from_static(b"a")), Err(BrokenOff)], most).await;
        assert_eq!(broken.unwrap_err(), NotInspected::BrokenOff);
    }

    #[test]
    fn a_file_is_read_to_its_end() {
        let mark = "countersign-tag:010701020304050607080ff920c73baf";
        let file = ["words ", mark, " and ", mark, "."].concat();
        let slow = Slow(file.as_bytes(), false);
        let inspection = Inspection::of(slow, Inspecting::keeping()).unwrap();
        assert_eq!(inspection.kept.as_deref(), Some(file.as_bytes()));
        assert_eq!(inspection.size, file.len() as u64);
        assert_eq!(*inspection.sha256, *hex::encode(Sha256::digest(&file)));
        let offsets: Vec<u64> = inspection.sightings.iter().map(|it| it.offset).collect();
        assert_eq!((offsets, inspection.more), (vec![6, 59], 0));
    }
}
