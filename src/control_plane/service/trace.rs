//! Whose copy a file is (requirement K.6): the tags in it, and what the log of issues says of each.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::copy_issue::TagOrigin;
use super::desk::Services;
use super::error::ServiceError;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{CopyIssue, CopyTrace, Scope};
use crate::forensic::{Scanner, Sighting};

/// Read at a time.
const PIECE: usize = 64 << 10;

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
}

/// A tag that was found, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedTag {
    /// Where in the file, and in what.
    pub sighting: Sighting,
    /// Where it is from.
    pub origin: TagOrigin,
}

impl Inspection {
    /// Of a file, from its first byte to its last. Holds some kilobytes of it, however long it is.
    pub fn of(mut file: impl Read) -> io::Result<Self> {
        let (mut scanner, mut hash, mut size) = (Scanner::new(), Sha256::new(), 0_u64);
        let mut buffer = vec![0; PIECE];
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            scanner.feed(bytes);
            hash.update(bytes);
            size = size.saturating_add(read as u64);
        }
        let more = scanner.not_kept();
        let sha256 = hex::encode(hash.finalize()).into();
        Ok(Self { size, sha256, sightings: scanner.finish(), more })
    }
}

impl Services {
    /// Whose copy a file is as a whole, byte by byte: none where it was changed, or where no digest of
    /// the copy is known.
    pub async fn trace_exact(
        &self,
        caller: &Caller,
        inspection: &Inspection,
    ) -> Result<Option<CopyIssue>, ServiceError> {
        caller.require(Scope::Trace)?;
        Ok(self.view(caller).await?.copy_issue_of_sha256(&inspection.sha256).await?)
    }

    /// Says whose copy a file is. That it was asked is in the audit log, with what came of it.
    pub async fn trace(
        &self,
        caller: &Caller,
        inspection: &Inspection,
    ) -> Result<Vec<TracedTag>, ServiceError> {
        caller.require(Scope::Trace)?;
        let mut traced = Vec::with_capacity(inspection.sightings.len());
        for sighting in &inspection.sightings {
            let origin = self.tag_origin(caller, sighting.tag).await?;
            traced.push(TracedTag { sighting: *sighting, origin });
        }
        let issues = traced.iter().filter_map(|tag| match &tag.origin {
            TagOrigin::Issued(issue) => Some(issue),
            TagOrigin::Forged | TagOrigin::Unlogged => None,
        });
        let trace = CopyTrace {
            sha256: inspection.sha256.clone(),
            tags: inspection.sightings.len() as u64,
            links: issues.map(|issue| issue.link.clone()).collect(),
        };
        let mut change = self.change(caller).await?;
        change.copy_traced(&trace);
        change.commit().await?;
        Ok(traced)
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_file_is_read_to_its_end() {
        let mark = "countersign-tag:010701020304050607080ff920c73baf";
        let file = ["words ", mark, " and ", mark, "."].concat();
        let inspection = Inspection::of(Slow(file.as_bytes(), false)).unwrap();
        assert_eq!(inspection.size, file.len() as u64);
        assert_eq!(*inspection.sha256, *hex::encode(Sha256::digest(&file)));
        let offsets: Vec<u64> = inspection.sightings.iter().map(|it| it.offset).collect();
        assert_eq!((offsets, inspection.more), (vec![6, 59], 0));
    }
}
