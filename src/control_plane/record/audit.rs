//! Audit events: who changed what, from what to what, in a chain of hashes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::FeedVersion;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// The hash before the first event.
pub const FIRST_AUDIT_HASH: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// One change, as it was recorded. An export line is its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// Its place in the log, from 1, without gaps.
    pub sequence: u64,
    /// The feed's version after it.
    pub version: FeedVersion,
    /// When.
    pub at: UnixSeconds,
    /// Who: an id, or `system:` and why.
    pub actor: Box<str>,
    /// The id of the token or key that proved it.
    pub credential: Option<Box<str>>,
    /// Where they called from.
    pub address: Option<Box<str>>,
    /// Whose records; none for those that are nobody's.
    pub tenant: Option<TenantId>,
    /// What was done: noun and verb, `override.set`.
    pub action: Box<str>,
    /// To what: its id.
    pub object: Box<str>,
    /// Field by field `[before, after]`; fields that stayed the same, and secrets, are not in it.
    pub diff: Map<String, Value>,
    /// The hash of the event before.
    pub previous_hash: Box<str>,
    /// The hash of this one.
    pub hash: Box<str>,
}

impl AuditEvent {
    /// The hash that follows from everything else in the event.
    ///
    /// SHA-256 over the previous hash and the event as a JSON array of its fields, in the order of
    /// this struct. Keys of `diff` are in the order of their bytes.
    pub fn expected_hash(&self) -> String {
        let Self {
            sequence,
            version,
            at,
            actor,
            credential,
            address,
            tenant,
            action,
            object,
            diff,
            previous_hash,
            hash: _,
        } = self;
        let canonical = serde_json::json!([
            "countersign-audit-1",
            sequence,
            version,
            at,
            actor,
            credential,
            address,
            tenant,
            action,
            object,
            diff,
        ]);
        let mut hash = Sha256::new();
        hash.update(previous_hash.as_bytes());
        hash.update(b"\n");
        hash.update(canonical.to_string().as_bytes());
        hex::encode(hash.finalize())
    }
}

/// What differs between two states of a record, field by field `[before, after]`. A record that is
/// new has no state before, one that is removed none after.
pub fn difference<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Map<String, Value> {
    let fields = |state: Option<&T>| match state.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        Some(Ok(other)) => Map::from_iter([("value".to_owned(), other)]),
        Some(Err(_)) | None => Map::new(),
    };
    let (before, mut after) = (fields(before), fields(after));
    let mut diff = Map::new();
    for (name, old) in before {
        let new = after.remove(&name).unwrap_or(Value::Null);
        if old != new {
            diff.insert(name, Value::Array(vec![old, new]));
        }
    }
    for (name, new) in after {
        if !new.is_null() {
            diff.insert(name, Value::Array(vec![Value::Null, new]));
        }
    }
    diff
}

/// What a walk along the chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainState {
    /// An event, or the end of the log, is not what the rest says it must be.
    Broken {
        /// The first event that does not fit, or that is missing.
        sequence: u64,
        /// How.
        fault: ChainFault,
    },
    /// Every event follows from the one before.
    Whole {
        /// How many.
        events: u64,
    },
}

/// How a chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// Its content was changed.
    #[error("the event's hash is not that of its content")]
    Content,
    /// The one before was removed, or changed with its hash.
    #[error("the event does not follow from the one before")]
    Link,
    /// Events are missing, here or at the end.
    #[error("an event is missing")]
    Missing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_under_the_hash() {
        let event = AuditEvent {
            sequence: 1,
            version: FeedVersion(2),
            at: UnixSeconds::new(3),
            actor: "system:test".into(),
            credential: None,
            address: None,
            tenant: Some(TenantId(1)),
            action: "override.set".into(),
            object: "1".into(),
            diff: Map::from_iter([("opens".to_owned(), Value::Null)]),
            previous_hash: FIRST_AUDIT_HASH.into(),
            hash: "".into(),
        };
        let hash = event.expected_hash();
        let json = serde_json::to_value(&event).unwrap();
        for (name, changed) in [
            ("sequence", Value::from(9)),
            ("version", Value::from(9)),
            ("at", Value::from(9)),
            ("actor", Value::from("x")),
            ("credential", Value::from("x")),
            ("address", Value::from("x")),
            ("tenant", Value::from(9)),
            ("action", Value::from("x")),
            ("object", Value::from("x")),
            ("diff", serde_json::json!({"x": 1})),
            ("previous_hash", Value::from("x")),
        ] {
            let mut other = json.clone();
            other[name] = changed;
            let other: AuditEvent = serde_json::from_value(other).unwrap();
            assert_ne!(other.expected_hash(), hash, "{name}");
        }
        assert_eq!(json.as_object().unwrap().len(), 12, "a new field is not under this test");
    }

    #[test]
    fn a_difference_holds_what_changed() {
        let old = serde_json::json!({"a": 1, "b": 2, "c": null});
        let new = serde_json::json!({"a": 1, "b": 3, "d": 4});
        let diff = Value::Object(difference(Some(&old), Some(&new)));
        assert_eq!(diff, serde_json::json!({"b": [2, 3], "d": [null, 4]}));
        let diff = Value::Object(difference(Some(&old), None));
        assert_eq!(diff, serde_json::json!({"a": [1, null], "b": [2, null]}));
        assert!(difference(None, Some(&())).is_empty());
    }
}
