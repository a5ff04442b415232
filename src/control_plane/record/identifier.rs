//! Identifiers, one type a role: a prefix and 26 characters that sort by time.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::asset::ContentId;
use crate::clock::UnixSeconds;

/// The text of an id: 48 bits of milliseconds and 80 of chance, as ULIDs have them.
fn sortable(now: UnixSeconds, chance: [u8; 10]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let time = u128::from(now.get().saturating_mul(1000) & 0xffff_ffff_ffff) << 80;
    let mut chance_bits = [0; 16];
    chance_bits[6..].copy_from_slice(&chance);
    let mut bits = time | u128::from_be_bytes(chance_bits);
    let mut text = [b'0'; 26];
    for place in text.iter_mut().rev() {
        if let Some(digit) = DIGITS.get((bits & 31) as usize) {
            *place = *digit;
        }
        bits >>= 5;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

/// Is it what [`sortable`] makes?
fn is_sortable(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// Bytes nobody can guess.
pub(crate) fn chance<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// The text is no id of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct NotAnId;

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// A new one. Fails only where the system has no random numbers.
            pub fn random(now: UnixSeconds) -> Result<Self, getrandom::Error> {
                Ok(Self(format!(concat!($prefix, "{}"), sortable(now, chance()?)).into()))
            }

            /// The id of that text.
            pub fn parse(text: &str) -> Option<Self> {
                text.strip_prefix($prefix).filter(|rest| is_sortable(rest))?;
                Some(Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                Self::parse(&text).ok_or(NotAnId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )* };
}

identifiers! {
    /// An application's id: its `client_id`.
    ApplicationId = "app_";
    /// The id of one of an application's secrets.
    SecretId = "sec_";
    /// A person's id.
    PersonId = "per_";
    /// The id under which an access token is listed; not the token.
    AccessTokenId = "tok_";
    /// A revocation's id.
    RevocationId = "rev_";
    /// The id of an entry of the blocklist.
    BlocklistId = "blk_";
    /// A signing key's id, which tokens of the control plane name.
    SigningKeyId = "key_";
    /// An edge's id.
    EdgeId = "edg_";
    /// The id under which an enrolment code is listed; not the code.
    EnrolmentId = "enr_";
    /// The id of a version of a content.
    VersionId = "ver_";
    /// The id of a link to a file: what its token names, and a revocation.
    LinkId = "lnk_";
    /// The id of a link between two contents.
    ContentLinkId = "rel_";
    /// The id under which a ticket for an original is audited; not the ticket.
    SourceTicketId = "tic_";
    /// The id of an archive.
    ArchiveId = "arc_";
    /// The id of an archive that was promised to somebody.
    ArchivePlanId = "dla_";
    /// A connector's id, which stands in its addresses.
    ConnectorId = "cnr_";
    /// The id under which it is known what came of a file whose copy it is was asked.
    BacktraceId = "btr_";
    /// A letter's id.
    LetterId = "ltr_";
    /// A share's id, which opens nothing.
    ShareId = "shr_";
    /// A webhook's id.
    WebhookId = "whk_";
    /// The id of what messages to a webhook are signed with; not the secret.
    WebhookSecretId = "whs_";
    /// The id of a message to webhooks, by which receivers know a repetition.
    WebhookMessageId = "msg_";
}

impl ConnectorId {
    /// What stands for the id of a connector that is not made yet.
    pub fn sample() -> Self {
        Self(format!("cnr_{}", sortable(UnixSeconds::new(0), [0; 10])).into())
    }
}

impl WebhookMessageId {
    /// What the ids of messages from then on do not sort before.
    pub fn earliest(at: UnixSeconds) -> String {
        format!("msg_{}", sortable(at, [0; 10]))
    }
}

#[cfg(test)]
impl WebhookMessageId {
    /// The one of the vector of requirements, part J: Standard Webhooks takes any text.
    pub(crate) fn of_vector() -> Self {
        Self("msg_1".into())
    }
}

impl ContentId {
    /// A new one. Fails only where the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        Ok(Self::of_bits(u128::from_be_bytes(chance()?)))
    }
}

/// SHA-256 of a secret that is itself random enough to need no salt: a bearer token, a client
/// secret, a one-time code. What is stored in its place.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretHash(Box<str>);

impl SecretHash {
    /// The hash of that secret.
    pub fn of(secret: &str) -> Self {
        use sha2::{Digest, Sha256};
        Self(hex::encode(Sha256::digest(secret.as_bytes())).into())
    }

    /// The hash as hex text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_stored(text: &str) -> Option<Self> {
        let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| Self(text.into()))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_are_read_back() {
        let early = PersonId::random(UnixSeconds::new(1_700_000_000)).unwrap();
        let late = PersonId::random(UnixSeconds::new(1_700_000_001)).unwrap();
        assert!(early < late);
        assert_eq!(PersonId::parse(early.as_str()).as_ref(), Some(&early));
        assert_eq!(ApplicationId::parse(early.as_str()), None);
        let json = serde_json::to_string(&early).unwrap();
        assert_eq!(serde_json::from_str::<PersonId>(&json).unwrap(), early);
        assert!(serde_json::from_str::<EdgeId>(&json).is_err());
        assert_eq!(sortable(UnixSeconds::new(0), [0; 10]), "00000000000000000000000000");
        assert_eq!(sortable(UnixSeconds::new(0), [255; 10]), "0000000000zzzzzzzzzzzzzzzz");
    }

    #[test]
    fn a_content_has_22_characters_and_takes_foreign_ones() {
        let id = ContentId::random().unwrap();
        assert_eq!(id.as_str().len(), 22);
        assert_eq!(ContentId::parse(id.as_str()).as_ref(), Some(&id));
        for text in ["", "..", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(ContentId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_hash_of_a_secret_is_not_printed() {
        let hash = SecretHash::of("hunter2");
        assert_eq!(format!("{hash:?}"), "[redacted]");
        assert_eq!(SecretHash::from_stored(hash.as_str()), Some(hash));
        assert_eq!(SecretHash::from_stored("f5"), None);
    }
}
