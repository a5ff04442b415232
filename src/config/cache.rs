//! `[cache]`, and what sites and routes say of keeping answers.

use std::time::Duration;

use super::document::{Bounds, Section};
use super::finding::Finding;
use super::origins::OriginKind;
use crate::data_plane::{CacheConfig, DiskConfig};
use crate::policy::{CacheRules, CacheTimes};

pub(super) const CACHE_KEYS: &[&str] = &["memory", "max_object", "disk"];

pub(super) const DISK_KEYS: &[&str] = &["path", "size", "slice"];

const MEMORY: Bounds<u64> = Bounds {
    min: 0,
    max: 1 << 46,
    why: "0 switches the tier off; 64TiB is more than a machine holds",
};

const MAX_OBJECT: Bounds<u64> =
    Bounds { min: 1, max: 1 << 30, why: "an object is kept, and first read, as a whole" };

const DISK_SIZE: Bounds<u64> = Bounds { min: 0, max: 1 << 60, why: "0 switches the tier off" };

/// Bytes of a slice, where nothing else is said.
const SLICE: u64 = 1 << 20;

const SLICE_SIZE: Bounds<u64> = Bounds {
    min: 64 << 10,
    max: 64 << 20,
    why: "each is a file, and is in memory while it is filled",
};

const TTL: Bounds<Duration> = Bounds {
    min: Duration::ZERO,
    max: Duration::from_hours(24 * 366),
    why: "what is kept longer than a year is never asked about again",
};

const NEGATIVE_TTL: Bounds<Duration> = Bounds {
    min: Duration::ZERO,
    max: Duration::from_hours(1),
    why: "a file that was missing is not found for so long after it is there",
};

/// `[cache]`
pub(super) fn cache(section: Section<'_>) -> CacheConfig {
    let standard = CacheConfig::default();
    let size = |key, bounds| section.value(key).and_then(|it| it.size(bounds));
    let memory = size("memory", MEMORY).unwrap_or(standard.memory);
    let max_object = size("max_object", MAX_OBJECT);
    if let (Some(max_object), Some(value)) = (max_object, section.value("max_object"))
        && memory > 0
        && max_object > memory
    {
        value.report(Finding::error("`max_object` is larger than `memory`"));
    }
    let disk = disk(section);
    if let (Some(_), 0, Some(value)) = (&disk, memory, section.value("disk")) {
        value.report(Finding::warning("[cache.disk] has no effect where `memory` is 0"));
    }
    let max_object = max_object.unwrap_or(standard.max_object.min(memory.max(1)));
    CacheConfig { memory, max_object, disk }
}

/// None where there is to be none.
fn disk(section: Section<'_>) -> Option<DiskConfig> {
    let disk = section.value("disk")?.section("[cache.disk]", DISK_KEYS)?;
    let path = disk.required("path", "a folder of its own: path = \"cache\"");
    let size = disk.required("size", "for example size = \"100GiB\"");
    let slice = disk.value("slice").map_or(Some(SLICE), |it| it.size(SLICE_SIZE));
    let (path, size) = (path.and_then(|it| it.path()), size.and_then(|it| it.size(DISK_SIZE)));
    let config = DiskConfig { path: path?, size: size?, slice: slice? };
    (config.size > 0).then_some(config)
}

/// What a section says of keeping answers; none where it is silent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    switch: Option<Switch>,
    default_ttl: Option<u64>,
    negative_ttl: Option<u64>,
    stale_if_error: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    Off,
    On,
}

impl Said {
    /// Reads `cache`, `default_ttl`, `negative_ttl` and `stale_if_error` of a site or a route.
    pub(super) fn read(section: Section<'_>) -> Self {
        let choices = [("on", Switch::On), ("off", Switch::Off)];
        let seconds = |key, bounds| section.value(key).and_then(|it| it.seconds(bounds));
        Self {
            switch: section.value("cache").and_then(|it| it.one_of(&choices)),
            default_ttl: seconds("default_ttl", TTL),
            negative_ttl: seconds("negative_ttl", NEGATIVE_TTL),
            stale_if_error: seconds("stale_if_error", TTL),
        }
    }

    /// What is in force where this is said within a section that said `outer`.
    pub(super) fn within(self, outer: Self) -> Self {
        Self {
            switch: self.switch.or(outer.switch),
            default_ttl: self.default_ttl.or(outer.default_ttl),
            negative_ttl: self.negative_ttl.or(outer.negative_ttl),
            stale_if_error: self.stale_if_error.or(outer.stale_if_error),
        }
    }

    /// With the defaults. A folder is not kept unless somebody asks for it: the system does that
    /// already, and sees every change.
    pub(super) fn rules(self, origin: OriginKind) -> CacheRules {
        let standard = CacheTimes::default();
        let times = CacheTimes {
            default_ttl: self.default_ttl.unwrap_or(standard.default_ttl),
            negative_ttl: self.negative_ttl.unwrap_or(standard.negative_ttl),
            stale_if_error: self.stale_if_error.unwrap_or(standard.stale_if_error),
        };
        match (self.switch, origin) {
            (Some(Switch::On), _)
            | (None, OriginKind::Azure | OriginKind::Http | OriginKind::S3) => {
                CacheRules::On(times)
            }
            (Some(Switch::Off), _) | (None, OriginKind::Disk) => CacheRules::Off,
        }
    }
}
