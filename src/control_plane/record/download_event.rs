//! What edges handed out for links and through connectors, and what anti-fraud found there, as it is
//! kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{NotAnId, VersionId};
use crate::clock::UnixSeconds;
use crate::event::{DownloadEvent, FraudEvent, SpoolId};

/// An event's id: it says when, and sorts by that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DownloadEventId(Box<str>);

/// A delivery that a link or a connector decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDownload {
    /// Its id.
    pub id: DownloadEventId,
    /// The name of the edge; none where the control plane's own process is it.
    pub edge: Option<Box<str>>,
    /// The version that the file is of; none where a link decided, or where the file was gone when the
    /// edge told of it.
    pub version: Option<VersionId>,
    /// What happened.
    pub event: DownloadEvent,
}

/// What anti-fraud found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFinding {
    /// Its id.
    pub id: DownloadEventId,
    /// The name of the edge; none where the control plane's own process is it.
    pub edge: Option<Box<str>>,
    /// What happened.
    pub event: FraudEvent,
}

impl DownloadEventId {
    const PREFIX: &str = "evt_";
    /// Of the time, the spool and the number.
    const DIGITS: usize = 9 + 24 + 12;

    /// Of the event of that number, which ended then.
    pub fn of(at: UnixSeconds, spool: &SpoolId, number: u64) -> Self {
        Self(format!("{}{spool}{number:012x}", Self::earliest(at)).into())
    }

    /// What the ids of events from then on do not sort before.
    pub fn earliest(at: UnixSeconds) -> String {
        // Nine digits last until the year 4147.
        format!("{}{:09x}", Self::PREFIX, at.get().min(0xf_ffff_ffff))
    }

    /// The id of that text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(Self::PREFIX)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fits = digits.len() == Self::DIGITS && digits.bytes().all(is_digit);
        fits.then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DownloadEventId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        Self::parse(&text).ok_or(NotAnId)
    }
}

impl fmt::Display for DownloadEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_then_spool_then_number() {
        let spool = |byte| SpoolId::of_bytes([byte; 12]);
        let of = |at, byte, number| DownloadEventId::of(UnixSeconds::new(at), &spool(byte), number);
        let sorted = [of(15, 9, 70), of(16, 1, 15), of(16, 1, 16), of(16, 2, 1), of(300, 0, 1)];
        assert!(sorted.is_sorted());
        assert!(*DownloadEventId::earliest(UnixSeconds::new(16)) <= *sorted[1].as_str());
        assert!(*DownloadEventId::earliest(UnixSeconds::new(17)) > *sorted[3].as_str());
        assert_eq!(DownloadEventId::parse(sorted[0].as_str()).as_ref(), Some(&sorted[0]));
        assert_eq!(DownloadEventId::parse("evt_0"), None);
    }
}
