//! What the data plane reports upward: what was handed out for a link or through a connector, and to
//! whom; and whom anti-fraud refused, or would have.
//!
//! A download is made when an answer's body ends, a finding of anti-fraud when it is found. Either is
//! numbered where it is kept until a control plane has it, and kept there under its number: whoever
//! takes a batch twice has taken it once.
//!
//! What is not in it is left out on purpose: the token, the query, and of a link the user agent. Who got
//! the link is known to whoever made it; the client's own words are in the access log of its edge, under
//! the same request id, for as long as that is kept. Through a connector comes whoever likes: nothing but
//! their address and what they call themselves tells who they were.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::asset::{ContentId, TenantId};
use crate::clock::UnixSeconds;
use crate::network::ClientIp;

/// Most events of a batch.
pub const MOST_OF_A_BATCH: usize = 500;

/// Bytes of an event's path that are kept.
pub const LONGEST_PATH: usize = 1_024;

/// Bytes of a finding's rule and of its reason that are kept.
pub const LONGEST_REASON: usize = 256;

/// Bytes of a client's own name that are kept.
pub const LONGEST_USER_AGENT: usize = 256;

/// Something that happened. Told by their fields: what edges said before there were findings is a
/// download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// A delivery ended.
    Download(DownloadEvent),
    /// Anti-fraud found something.
    Fraud(FraudEvent),
}

/// A delivery that one of our own links or a connector decided, after its end. Edges may be newer than
/// control planes: fields that are not known are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadEvent {
    /// When it ended.
    pub at: UnixSeconds,
    /// Milliseconds from the request's head to then.
    pub took_ms: u64,
    /// Whose file.
    pub tenant: TenantId,
    /// What gave it.
    #[serde(flatten)]
    pub by: DownloadBy,
    /// The content that the file is of, where it is of one.
    pub content: Option<ContentId>,
    /// The file: its asset path, or the path that was asked for; cut to [`LONGEST_PATH`].
    pub path: Box<str>,
    /// Who asked.
    pub client: ClientIp,
    /// How.
    pub method: DownloadMethod,
    /// Was all of it asked for?
    pub extent: Extent,
    /// The answer's status.
    pub status: u16,
    /// Bytes of the body that left.
    pub sent: u64,
    /// Bytes that the body was to have; none where that was not known.
    pub promised: Option<u64>,
    /// Did the whole body leave?
    pub end: DownloadEnd,
    /// As in `X-Request-Id`.
    pub request_id: Box<str>,
    /// The version of what was in force at the edge.
    pub snapshot: u64,
}

/// What a delivery was decided by. Told by its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DownloadBy {
    /// One of our own links.
    Link {
        /// Its id.
        link: Box<str>,
        /// The key that verified it.
        key: Box<str>,
    },
    /// A connector, which gives to everybody.
    Connector(ConnectorUse),
}

/// Deliveries through a connector: the first of its like, or those that came again within a minute of
/// it. They are alike in their file, method, extent, status and end, and came from one address under one name of the
/// client, or from all that are not told apart. Bytes are those of all of them; of the rest is told what is so of the
/// last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorUse {
    /// The connector's id.
    pub connector: Box<str>,
    /// The number of the file, by which the version is known.
    pub file: u64,
    /// What the client calls itself; cut to [`LONGEST_USER_AGENT`].
    pub user_agent: Option<Box<str>>,
    /// When the first of them ended.
    pub since: UnixSeconds,
    /// How many they are.
    pub requests: u64,
}

/// Requests for which anti-fraud found one thing: by one link, and within a minute of the first that
/// was told; from one network, or from all that are not told apart. Of the last of them is told what
/// is told of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FraudEvent {
    /// When the last of them came.
    pub at: UnixSeconds,
    /// When the first of them did.
    pub since: UnixSeconds,
    /// How many they are.
    pub requests: u64,
    /// Whose file.
    pub tenant: TenantId,
    /// The link's id, where it is one of our own.
    pub link: Option<Box<str>>,
    /// The key that verified it; none where a site looks at requests without a link, too.
    pub key: Option<Box<str>>,
    /// The content that the file is of, where it is of one.
    pub content: Option<ContentId>,
    /// The file: its asset path, or the path that was asked for; cut to [`LONGEST_PATH`].
    pub path: Box<str>,
    /// Who asked.
    pub client: ClientIp,
    /// How.
    pub method: DownloadMethod,
    /// The rule, by the name that logs and metrics know it by.
    pub rule: Box<str>,
    /// What broke it, in words; cut to [`LONGEST_REASON`].
    pub reason: Box<str>,
    /// What was done.
    pub action: FraudAction,
    /// As in `X-Request-Id`.
    pub request_id: Box<str>,
    /// The version of what was in force at the edge.
    pub snapshot: u64,
}

/// What was done with a request that is suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FraudAction {
    /// It was refused.
    Blocked,
    /// It was served: the operator only watches.
    Monitored,
}

/// How a file was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DownloadMethod {
    /// With its bytes.
    Get,
    /// Without them.
    Head,
}

/// How much of a file was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Some ranges of it.
    Ranges,
    /// All of it.
    Whole,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadEnd {
    /// The client went away, or the origin broke off.
    Aborted,
    /// All of it left.
    Complete,
}

/// What numbers events: a file of an edge's spool, or a process that keeps them itself. Never used
/// again for others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SpoolId(Box<str>);

/// An event under its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedEvent {
    /// Its number in its spool, from 1.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

/// Events of one spool on their way, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBatch {
    /// Whose numbers.
    pub spool: SpoolId,
    /// At most [`MOST_OF_A_BATCH`].
    pub events: Vec<NumberedEvent>,
}

/// How far a spool was taken: the answer to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The number of the last event that need not be sent again.
    pub taken: u64,
}

/// The text is no spool's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a spool's id is 24 hexadecimal digits")]
pub struct NotASpoolId;

impl Event {
    /// When it ended.
    pub fn at(&self) -> UnixSeconds {
        match self {
            Self::Download(DownloadEvent { at, .. }) | Self::Fraud(FraudEvent { at, .. }) => *at,
        }
    }

    /// Whose file it was about.
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Download(DownloadEvent { tenant, .. })
            | Self::Fraud(FraudEvent { tenant, .. }) => *tenant,
        }
    }
}

impl SpoolId {
    const DIGITS: usize = 24;

    /// The id of these bytes, which nobody else has.
    pub fn of_bytes(bytes: [u8; 12]) -> Self {
        Self(hex::encode(bytes).into())
    }

    /// The id of that text.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == Self::DIGITS && text.bytes().all(is_digit)).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SpoolId {
    type Error = NotASpoolId;

    fn try_from(text: String) -> Result<Self, NotASpoolId> {
        Self::parse(&text).ok_or(NotASpoolId)
    }
}

impl fmt::Display for SpoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn download() -> DownloadEvent {
        DownloadEvent {
            at: UnixSeconds::new(1_000),
            took_ms: 12,
            tenant: TenantId(1),
            by: DownloadBy::Link { link: "lnk_a".into(), key: "key_a".into() },
            content: ContentId::parse("film"),
            path: "/private/videos/film/source".into(),
            client: ClientIp::new("::ffff:192.0.2.1".parse().unwrap()),
            method: DownloadMethod::Get,
            extent: Extent::Whole,
            status: 200,
            sent: 4,
            promised: Some(4),
            end: DownloadEnd::Complete,
            request_id: "r".into(),
            snapshot: 7,
        }
    }

    fn connected() -> DownloadEvent {
        let by = ConnectorUse {
            connector: "cnr_a".into(),
            file: u64::MAX,
            user_agent: None,
            since: UnixSeconds::new(990),
            requests: 3,
        };
        DownloadEvent { by: DownloadBy::Connector(by), ..download() }
    }

    fn finding() -> FraudEvent {
        FraudEvent {
            at: UnixSeconds::new(1_060),
            since: UnixSeconds::new(1_000),
            requests: u64::MAX,
            tenant: TenantId(1),
            link: None,
            key: None,
            content: None,
            path: "/vod/a".into(),
            client: ClientIp::new("192.0.2.1".parse().unwrap()),
            method: DownloadMethod::Head,
            rule: "sharing".into(),
            reason: "the link is in use at 2 other place(s)".into(),
            action: FraudAction::Blocked,
            request_id: "r".into(),
            snapshot: 7,
        }
    }

    #[test]
    fn events_are_told_by_their_fields() {
        let found = FraudEvent { link: Some("lnk_a".into()), key: Some("k".into()), ..finding() };
        let downloads = [download(), connected()].map(Event::Download);
        for event in downloads.into_iter().chain([finding(), found].map(Event::Fraud)) {
            let said = serde_json::to_string(&NumberedEvent { number: 1, event: event.clone() });
            let said: NumberedEvent = serde_json::from_str(&said.unwrap()).unwrap();
            assert_eq!(said.event, event);
        }
    }

    #[test]
    fn what_a_newer_edge_says_more_is_passed_over() {
        let event = download();
        let mut said = serde_json::to_value(&event).unwrap();
        assert_eq!((&said["client"], &said["method"]), (&"192.0.2.1".into(), &"GET".into()));
        said["more"] = 1.into();
        assert_eq!(serde_json::from_value::<DownloadEvent>(said).unwrap(), event);
    }

    #[test]
    fn a_spool_has_an_id_of_one_form() {
        let id = SpoolId::of_bytes([0xa0; 12]);
        assert_eq!(SpoolId::parse(id.as_str()), Some(id.clone()));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<SpoolId>(&json).unwrap(), id);
        for text in ["", "a0", &"A0".repeat(12), &"a0".repeat(13), "../a0a0a0a0a0a0a0a0a0a0a"] {
            assert_eq!(SpoolId::parse(text), None, "{text}");
        }
    }
}
