//! What edges handed out for links and through connectors, and what anti-fraud found there, as it is
//! kept.

use std::fmt;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{ContentId, NotAnId, VersionId};
use crate::clock::UnixSeconds;
use crate::event::{DownloadBy, DownloadEvent, DownloadMethod, FraudEvent, SpoolId};
use crate::network::ClientIp;

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

/// A connector gave something of an original: what the audit log says of it (requirement A13). Whoever
/// asked is kept there for ever, so that of them it has the network alone; their address is in the event,
/// as long as that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectorDelivery {
    /// The event that has all of it.
    pub event: DownloadEventId,
    /// The connector's id.
    pub connector: Box<str>,
    /// The version; none where the file was gone when the edge told of it.
    pub version: Option<VersionId>,
    /// The file's number.
    pub file: u64,
    /// From where: the /24 of an IPv4 address, the /56 of an IPv6 address.
    pub network: IpNet,
    /// How many requests they were.
    pub requests: u64,
    /// When the first of them ended.
    pub since: UnixSeconds,
    /// When the last of them did.
    pub at: UnixSeconds,
    /// Bytes that left.
    pub bytes: u64,
    /// The status of the answers: 206 where parts were asked for.
    pub status: u16,
    /// The name of the edge; none where the control plane's own process is it.
    pub edge: Option<Box<str>>,
}

impl KeptDownload {
    /// What the audit log says of it, and of which content: of an original through a connector of which
    /// bytes left. What an answer without the file says is none of them.
    ///
    /// One line for each event, so that the log grows no faster than edges tell downloads apart: three
    /// lines at most, within a minute, for each of the 8,192 askers that one edge tells apart; 24,576.
    pub fn audited(&self) -> Option<(&ContentId, ConnectorDelivery)> {
        let Self { id, edge, version, event } = self;
        let DownloadBy::Connector(by) = &event.by else { return None };
        let gave = event.method == DownloadMethod::Get && matches!(event.status, 200 | 206);
        if !gave || event.sent == 0 {
            return None;
        }
        let delivery = ConnectorDelivery {
            event: id.clone(),
            connector: by.connector.clone(),
            version: version.clone(),
            file: by.file,
            network: network(event.client),
            requests: by.requests,
            since: by.since,
            at: event.at,
            bytes: event.sent,
            status: event.status,
            edge: edge.clone(),
        };
        Some((event.content.as_ref()?, delivery))
    }
}

/// The network of a client, as those that anti-fraud tells apart are (requirement G23).
fn network(client: ClientIp) -> IpNet {
    let bits = match client.get() {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 56,
    };
    IpNet::new_assert(client.get(), bits).trunc()
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
