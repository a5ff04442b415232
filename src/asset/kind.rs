//! Closed enums of the asset grammar, with their wire names.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The asset types of movingimage's override API (requirements D21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AssetType {
    /// Attachments of videos and channels.
    Attachment,
    /// A thumbnail's original still.
    StillSource,
    /// A thumbnail in one of its resolutions.
    StillResolution,
    /// Subtitle files.
    Subtitle,
    /// Transcoded renditions.
    VideoFormat,
    /// The uploaded original.
    VideoSource,
}

impl AssetType {
    /// Every type.
    pub const ALL: &'static [Self] = &[
        Self::Attachment,
        Self::StillSource,
        Self::StillResolution,
        Self::Subtitle,
        Self::VideoFormat,
        Self::VideoSource,
    ];

    /// The name in APIs and in `overrides.toml`.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Attachment => "ATTACHMENT",
            Self::StillSource => "STILL_SOURCE",
            Self::StillResolution => "STILL_RESOLUTION",
            Self::Subtitle => "SUBTITLE",
            Self::VideoFormat => "VIDEO_FORMAT",
            Self::VideoSource => "VIDEO_SOURCE",
        }
    }

    /// The type of that wire name, case-sensitive.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.wire_name() == name)
    }
}

impl fmt::Display for AssetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

/// A set of asset types in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetTypeSet(u8);

impl AssetTypeSet {
    /// No type.
    pub const EMPTY: Self = Self(0);
    /// Every type.
    pub const EVERY: Self = Self(0b11_1111);

    /// The set with one type more.
    #[must_use]
    pub const fn with(self, kind: AssetType) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Is the type in the set?
    pub const fn contains(self, kind: AssetType) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

impl AssetTypeSet {
    /// The types of the set, in the order of [`AssetType::ALL`].
    pub fn iter(self) -> impl Iterator<Item = AssetType> {
        AssetType::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

/// A list of wire names.
impl Serialize for AssetTypeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for AssetTypeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<AssetType>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl FromIterator<AssetType> for AssetTypeSet {
    fn from_iter<I: IntoIterator<Item = AssetType>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// Who may have an asset without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Nobody.
    Private,
    /// Everybody.
    Public,
}

impl Visibility {
    /// The first segment of an asset URL.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }

    /// The visibility of that first segment.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        match name {
            "private" => Some(Self::Private),
            "public" => Some(Self::Public),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_names_round_trip_and_fit_the_set() {
        for &kind in AssetType::ALL {
            assert_eq!(AssetType::from_wire_name(kind.wire_name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.wire_name());
            assert!(AssetTypeSet::EVERY.contains(kind));
            assert!(!AssetTypeSet::EMPTY.contains(kind));
        }
        assert_eq!(AssetType::ALL.iter().copied().collect::<AssetTypeSet>(), AssetTypeSet::EVERY);
        assert_eq!(AssetType::from_wire_name("video_source"), None);
        let some = AssetTypeSet::EMPTY.with(AssetType::Subtitle).with(AssetType::Attachment);
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["ATTACHMENT","SUBTITLE"]"#);
        assert_eq!(
            serde_json::from_str::<AssetTypeSet>(r#"["ATTACHMENT","SUBTITLE"]"#).unwrap(),
            some
        );
        assert!(serde_json::from_str::<AssetTypeSet>(r#"["subtitle"]"#).is_err());
    }
}
