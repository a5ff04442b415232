//! What edges ask of the ledger of one-use links, and what it answers.
//!
//! A claim is made when the head of an answer is known and before its first byte leaves: it says who
//! asks, and which positions of which file. It is ended with how many bytes left. Its id is the
//! edge's own choice, so that one that was not answered can be made again, with any control plane,
//! and counts once.
//!
//! What is not in it is left out on purpose: the token, and the user agent, of which a digest is
//! enough to know the same client again.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::network::ClientIp;

/// Most runs of positions of a claim: as many as one answer has ranges.
pub const MOST_RUNS: usize = 8;

/// The last position there is. What has no known length ends there.
pub const LAST_POSITION: u64 = i64::MAX as u64;

/// A use of a link that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimDraft {
    /// Its id.
    pub id: ClaimId,
    /// Whose link.
    pub tenant: TenantId,
    /// The link's id.
    pub link: Box<str>,
    /// The link's last second: the ledger may forget it some time after.
    pub expires_at: UnixSeconds,
    /// Who asks.
    pub client: ClientIp,
    /// What with.
    pub agent: ClaimDigest,
    /// Which file, in which form.
    pub file: ClaimDigest,
    /// Bytes in it; none where its origin does not say.
    pub size: Option<u64>,
    /// What of it is about to leave, in ascending order; not empty.
    pub positions: Vec<PositionRun>,
}

impl ClaimDraft {
    /// Who asks for what, in short.
    pub fn asker(&self) -> ClaimDigest {
        ClaimDigest::of_asker(self.client, &self.agent, &self.file, self.size)
    }
}

/// The ledger's answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRuling {
    /// What it says.
    pub verdict: ClaimVerdict,
    /// Whose link it was at that moment ([`ClaimDraft::asker`]); none: nobody's. Whoever else asked
    /// at that moment is refused.
    pub holder: Option<ClaimDigest>,
}

/// How a claim ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimEnd {
    /// The claim.
    pub id: ClaimId,
    /// Whose link.
    pub tenant: TenantId,
    /// The link's id.
    pub link: Box<str>,
    /// The link's last second.
    pub expires_at: UnixSeconds,
    /// Bytes of the answer's body that left, from its beginning.
    pub sent: u64,
    /// Did all of them?
    pub outcome: ClaimOutcome,
}

/// How the body of a claimed answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimOutcome {
    /// The client went away, or the origin broke off.
    Aborted,
    /// All of it left.
    Complete,
}

/// What the ledger says to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimVerdict {
    /// It is this client's link, and another answer to it holds some of these positions: it is on
    /// its way still, or nobody heard how it ended.
    Busy,
    /// The link was not used before: it is this client's now.
    Granted,
    /// It is this client's, who has not had these positions.
    Resumed,
    /// It was used: by another client, for another file, too long ago, or for these positions.
    Used,
}

impl ClaimVerdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Busy, Self::Granted, Self::Resumed, Self::Used];

    /// The name, as on the wire and as a metric's label.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Granted => "granted",
            Self::Resumed => "resumed",
            Self::Used => "used",
        }
    }
}

/// Positions of a file, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRun {
    /// The first.
    pub first: u64,
    /// The last; not before the first, and at most [`LAST_POSITION`].
    pub last: u64,
}

impl PositionRun {
    /// How many positions.
    pub const fn length(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// What names a claim: chosen by chance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ClaimId(Box<str>);

/// Sixteen bytes of a digest, of what only has to be known again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ClaimDigest(Box<str>);

/// The text has not the form of such an id or digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("32 hexadecimal digits are expected")]
pub struct NotHex;

impl ClaimId {
    /// The id of these bytes, which nobody else has.
    pub fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes).into())
    }

    /// The id of that text.
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ClaimDigest {
    /// Of these parts: no two lists of parts are taken for one.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let digest = digest.finalize();
        Self(hex::encode(digest.first_chunk::<16>().copied().unwrap_or_default()).into())
    }

    /// Of one client with one program, and one file.
    pub fn of_asker(client: ClientIp, agent: &Self, file: &Self, size: Option<u64>) -> Self {
        let (client, size) =
            (client.to_string(), size.map_or_else(String::new, |it| it.to_string()));
        let parts = [&*client, &agent.0, &file.0, &size];
        Self::of(&parts.map(str::as_bytes))
    }

    /// The digest of that text.
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text).then(|| Self(text.into()))
    }

    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_hex(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl TryFrom<String> for ClaimId {
    type Error = NotHex;

    fn try_from(text: String) -> Result<Self, NotHex> {
        Self::parse(&text).ok_or(NotHex)
    }
}

impl TryFrom<String> for ClaimDigest {
    type Error = NotHex;

    fn try_from(text: String) -> Result<Self, NotHex> {
        Self::parse(&text).ok_or(NotHex)
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_on_the_wire_what_they_are_in_metrics() {
        for verdict in ClaimVerdict::ALL {
            let wire = serde_json::to_value(verdict).unwrap();
            assert_eq!(wire, verdict.code());
            assert_eq!(serde_json::from_value::<ClaimVerdict>(wire).unwrap(), verdict);
        }
    }

    #[test]
    fn ids_and_digests_have_one_form() {
        let id = ClaimId::of_bytes([0xa0; 16]);
        assert_eq!(ClaimId::parse(id.as_str()), Some(id.clone()));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ClaimId>(&json).unwrap(), id);
        let digest = ClaimDigest::of(&[b"a", b"b"]);
        assert_eq!(ClaimDigest::parse(digest.as_str()), Some(digest.clone()));
        for other in [&[b"ab" as &[u8]] as &[&[u8]], &[b"a", b"b", b""], &[b"", b"ab"], &[]] {
            assert_ne!(ClaimDigest::of(other), digest);
        }
        for text in ["", "a0", &"A0".repeat(16), &"a0".repeat(17)] {
            assert_eq!(ClaimId::parse(text), None, "{text}");
            assert_eq!(ClaimDigest::parse(text), None, "{text}");
        }
    }
}
