//! Instants as RFC 3339 writes them, in UTC.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::clock::UnixSeconds;

/// An instant on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp(pub(super) UnixSeconds);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.get()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("is not an RFC 3339 date and time after 1970");
        let text = String::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        let seconds = u64::try_from(instant.as_second()).map_err(|_| wrong())?;
        Ok(Self(UnixSeconds::new(seconds)))
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn instants_round_trip() {
        let instant = Timestamp(UnixSeconds::new(1_893_456_000));
        assert_eq!(serde_json::to_string(&instant).unwrap(), "\"2030-01-01T00:00:00Z\"");
        let read: Timestamp = serde_json::from_str("\"2030-01-01T01:00:00+01:00\"").unwrap();
        assert_eq!(read, instant);
        assert!(serde_json::from_str::<Timestamp>("\"1969-12-31T23:59:59Z\"").is_err());
        assert!(serde_json::from_str::<Timestamp>("\"tomorrow\"").is_err());
        assert_eq!(
            Timestamp(UnixSeconds::new(u64::MAX)).to_string(),
            jiff::Timestamp::MAX.to_string()
        );
    }
}
