//! The static override table, `overrides.toml`: which protected assets are public (requirements
//! D18–D26, G10–G14).
//!
//! The meaning is that of the API, and so is the strictness: what is ambiguous is refused rather
//! than opened.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use toml::de::DeTable;

use super::document::{Bounds, Document, Section, Value};
use super::finding::{Finding, Reading};
use super::pieces::with_pieces;
use super::source::SourceFile;
use crate::asset::{AssetType, AssetTypeSet, ChannelId, TenantId, VideoId};
use crate::policy::{OverrideTable, TenantOverrides};

pub(super) const TABLE_KEYS: &[&str] = &["vm"];

pub(super) const VM_KEYS: &[&str] = &["id", "scope", "asset_types", "videos", "channels"];

pub(super) const VIDEO_KEYS: &[&str] = &["id", "scope", "asset_types"];

pub(super) const CHANNEL_KEYS: &[&str] = &["id", "asset_types"];

/// Bytes of the file.
pub(super) const MAX_OVERRIDES_BYTES: u64 = 64 * 1024 * 1024;

/// Videos and channels of all tenants. Larger tables belong into a control plane, which sends
/// changes instead of the whole.
pub(super) const MAX_OVERRIDES: usize = 250_000;

/// Bytes of a video's id: a path segment that a file system could name.
const MAX_VIDEO_ID_BYTES: usize = 255;

const ID: Bounds<u64> = Bounds { min: 0, max: i64::MAX.unsigned_abs(), why: "ids are numbers" };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Private,
    Public,
}

/// A table, and the content it was read from: a long one takes a hundred times as long to read as
/// to recognise.
#[derive(Clone, Debug)]
pub struct KnownOverrides {
    content: [u8; 32],
    table: Arc<OverrideTable>,
}

impl KnownOverrides {
    /// The table.
    pub fn table(&self) -> &Arc<OverrideTable> {
        &self.table
    }
}

/// Reads the file, unless it holds what is known already. What is wrong with a file lets the whole
/// configuration fail, so that only right ones become known.
pub(super) fn known_or_read(
    reading: &Reading<'_>,
    file: &Rc<SourceFile>,
    known: Option<&KnownOverrides>,
) -> KnownOverrides {
    let content = Sha256::digest(file.text()).into();
    match known {
        Some(known) if known.content == content => known.clone(),
        Some(_) | None => {
            KnownOverrides { content, table: Arc::new(override_table(reading, file)) }
        }
    }
}

/// Reads the whole file.
pub(super) fn override_table(reading: &Reading<'_>, file: &Rc<SourceFile>) -> OverrideTable {
    let mut tenants = HashMap::new();
    let mut entries = 0;
    with_pieces(reading, file, MAX_OVERRIDES, |document, table| {
        add_tenants(document, table, &mut tenants, &mut entries);
    });
    if entries > MAX_OVERRIDES {
        reading.report_file(
            file.path(),
            Finding::error(format!("the table has {entries} entries; at most {MAX_OVERRIDES}")),
        );
    }
    OverrideTable::new(tenants)
}

/// Reads the file or a piece of it.
pub(super) fn add_tenants(
    document: Document<'_>,
    table: &DeTable<'_>,
    tenants: &mut HashMap<TenantId, TenantOverrides>,
    entries: &mut usize,
) {
    let root = Section::open(document, table, 0..0, "the override table", TABLE_KEYS);
    let items = root.value("vm").and_then(|it| it.items(MAX_OVERRIDES));
    for item in items.into_iter().flatten() {
        let Some(vm) = item.section("[[vm]]", VM_KEYS) else { continue };
        let id_value = vm.required("id", "the tenant's number (videoManagerId)");
        let id = id_value.and_then(|it| it.integer(ID)).map(TenantId);
        let overrides = TenantOverrides {
            asset_types: tenant_types(vm),
            videos: videos(vm, entries),
            channels: channels(vm, entries),
            ..TenantOverrides::default()
        };
        if let (Some(id), Some(value)) = (id, id_value)
            && tenants.insert(id, overrides).is_some()
        {
            value.report(Finding::error(format!("there are two [[vm]] with the id {id}")));
        }
    }
}

fn tenant_types(vm: Section<'_>) -> AssetTypeSet {
    let scopes = [("private", Scope::Private), ("public", Scope::Public)];
    let scope = vm.value("scope").map_or(Some(Scope::Private), |it| it.one_of(&scopes));
    let types = vm.value("asset_types");
    match (scope, types) {
        (Some(Scope::Public), Some(types)) => {
            types.report(together());
            AssetTypeSet::EMPTY
        }
        (Some(Scope::Public), None) => AssetTypeSet::EVERY,
        (Some(Scope::Private) | None, types) => {
            types.and_then(|it| asset_types(it, AssetType::ALL)).unwrap_or_default()
        }
    }
}

fn videos(vm: Section<'_>, entries: &mut usize) -> HashMap<VideoId, AssetTypeSet> {
    let mut videos = HashMap::new();
    let Some(list) = vm.value("videos") else { return videos };
    list.each(MAX_OVERRIDES, |item| {
        *entries += 1;
        let Some(video) = item.section("a video", VIDEO_KEYS) else { return };
        let id_value = video.required("id", "the id of the video (videoId)");
        let id = id_value.and_then(video_id);
        let types = video_types(video);
        if let (Some(id), Some(value), Some(types)) = (id, id_value, types)
            && let Some(_) = videos.insert(id, types)
        {
            value.report(
                Finding::error("the video is listed twice")
                    .help("one entry says everything that is open of a video"),
            );
        }
    });
    videos
}

fn video_id(value: Value<'_>) -> Option<VideoId> {
    let text = value.text()?;
    let id = VideoId::new(text).filter(|_| text.len() <= MAX_VIDEO_ID_BYTES);
    if id.is_none() {
        value.report(Finding::error(format!(
            "a video's id is one path segment of 1 to {MAX_VIDEO_ID_BYTES} bytes"
        )));
    }
    id
}

fn video_types(video: Section<'_>) -> Option<AssetTypeSet> {
    let scope = video.value("scope");
    let types = video.value("asset_types");
    match (scope, types) {
        (Some(_), Some(types)) => types.refuse(together()),
        (Some(scope), None) => {
            if scope.text()? == "public" {
                return Some(AssetTypeSet::EVERY);
            }
            scope.refuse(
                Finding::error("the `scope` of a video can only be \"public\"")
                    .help("overrides only ever open; a video without an entry is private"),
            )
        }
        (None, Some(types)) => asset_types(types, AssetType::ALL),
        (None, None) => {
            video.report(
                Finding::absent("the entry opens nothing")
                    .help("say scope = \"public\" or asset_types = [\"SUBTITLE\"]"),
            );
            None
        }
    }
}

fn channels(vm: Section<'_>, entries: &mut usize) -> HashMap<ChannelId, AssetTypeSet> {
    let mut channels = HashMap::new();
    let Some(list) = vm.value("channels") else { return channels };
    list.each(MAX_OVERRIDES, |item| {
        *entries += 1;
        let Some(channel) = item.section("a channel", CHANNEL_KEYS) else { return };
        let id_value = channel.required("id", "the number of the channel (channelId)");
        let id = id_value.and_then(|it| it.integer(ID)).map(ChannelId);
        let types = channel
            .required("asset_types", "asset_types = [\"ATTACHMENT\"], all that a channel has")
            .and_then(|it| asset_types(it, &[AssetType::Attachment]));
        if let (Some(id), Some(value), Some(types)) = (id, id_value, types)
            && channels.insert(id, types).is_some()
        {
            value.report(Finding::error("the channel is listed twice"));
        }
    });
    channels
}

fn asset_types(value: Value<'_>, allowed: &[AssetType]) -> Option<AssetTypeSet> {
    let names = || allowed.iter().map(|it| it.wire_name()).collect::<Vec<_>>().join(", ");
    let mut types = AssetTypeSet::EMPTY;
    for item in value.items(64)? {
        let Some(text) = item.text() else { continue };
        let Some(kind) = AssetType::from_wire_name(text).filter(|it| allowed.contains(it)) else {
            let finding = if AssetType::from_wire_name(text).is_some() {
                Finding::error("a channel has attachments only")
            } else {
                Finding::error("unknown asset type")
            };
            item.report(finding.help(format!("the types here are {}", names())));
            continue;
        };
        types = types.with(kind);
    }
    if value.is_empty_list() {
        return value.refuse(
            Finding::absent("`asset_types` is empty").help(
                "name at least one type, or leave the entry out: an empty list opens nothing",
            ),
        );
    }
    Some(types)
}

fn together() -> Finding {
    Finding::error("`scope` and `asset_types` exclude each other")
        .label("\"public\" opens every type already")
        .help("keep the one that is meant")
}
