//! Which of an item's files shows it.

use crate::control_plane::record::{ContentKind, FileKind};
use crate::control_plane::service::{FileUse, ShownFile, ShownItem};

/// Pixels across that a card has, at two to the point.
const CARD: u32 = 480;

/// Pixels across that a preview has.
const PREVIEW: u32 = 1_600;

/// Most bytes of an original that stands for itself on a card.
const SMALL: u64 = 2_000_000;

/// What browsers show as a picture, that can hold no script.
const PICTURES: [&str; 5] = ["image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"];

const FILMS: [&str; 2] = ["video/mp4", "video/webm"];

const SOUNDS: [&str; 7] =
    ["audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm"];

/// The file that stands for an item on its card.
pub(super) fn on_card(item: &ShownItem) -> Option<&ShownFile> {
    let small = |it: &&ShownFile| it.file.place.kind != FileKind::Source || it.file.size <= SMALL;
    thumbnail(item, CARD).or_else(|| pictures(item).filter(small).min_by_key(closest(CARD)))
}

/// The picture that shows an item of pictures as a whole.
pub(super) fn whole(item: &ShownItem) -> Option<&ShownFile> {
    match item.kind {
        ContentKind::Image | ContentKind::Image360 => {
            pictures(item).min_by_key(closest(PREVIEW)).or_else(|| thumbnail(item, PREVIEW))
        }
        ContentKind::Audio
        | ContentKind::Other
        | ContentKind::Playlist
        | ContentKind::Url
        | ContentKind::Video => thumbnail(item, PREVIEW),
    }
}

/// The film that plays.
pub(super) fn film(item: &ShownItem) -> Option<&ShownFile> {
    playing(item, &FILMS)
}

/// The sound that plays.
pub(super) fn sound(item: &ShownItem) -> Option<&ShownFile> {
    playing(item, &SOUNDS)
}

/// The subtitles that browsers read.
pub(super) fn subtitles(item: &ShownItem) -> impl Iterator<Item = &ShownFile> {
    seen(item).filter(|it| {
        it.file.place.kind == FileKind::Subtitle
            && it.file.place.variant.eq_ignore_ascii_case("vtt")
    })
}

fn seen(item: &ShownItem) -> impl Iterator<Item = &ShownFile> {
    item.files.iter().filter(|it| matches!(it.may, FileUse::Seen | FileUse::SeenAndHad))
}

fn is_one_of(file: &ShownFile, types: &[&str]) -> bool {
    let own = file.file.mime.split(';').next().unwrap_or_default().trim();
    types.iter().any(|it| own.eq_ignore_ascii_case(it))
}

/// Its renditions that are pictures, and its original.
fn pictures(item: &ShownItem) -> impl Iterator<Item = &ShownFile> {
    seen(item).filter(|it| {
        matches!(it.file.place.kind, FileKind::Format | FileKind::Source)
            && is_one_of(it, &PICTURES)
    })
}

/// Of the thumbnail that is active, or of the first.
fn thumbnail(item: &ShownItem, width: u32) -> Option<&ShownFile> {
    let all = || {
        seen(item)
            .filter(|it| it.file.place.kind == FileKind::Thumbnail && is_one_of(it, &PICTURES))
    };
    let active = item.active_thumbnail.as_deref();
    let active = all().filter(|it| Some(&*it.file.place.slot) == active);
    active.min_by_key(closest(width)).or_else(|| all().min_by_key(closest(width)))
}

/// A rendition before the original; of renditions the highest that phones play.
fn playing<'i>(item: &'i ShownItem, types: &[&str]) -> Option<&'i ShownFile> {
    let renditions = seen(item).filter(|it| it.file.place.kind == FileKind::Format);
    let best = renditions.filter(|it| is_one_of(it, types)).min_by_key(closest(1_920));
    let original = || {
        let mut sources = seen(item).filter(|it| it.file.place.kind == FileKind::Source);
        sources.find(|it| is_one_of(it, types))
    };
    best.or_else(original)
}

/// First what is as wide as that or a little more, then what is nearly so, then what nobody measured.
fn closest(width: u32) -> impl Fn(&&ShownFile) -> (u8, u32) {
    move |file| match file.width {
        Some(own) if own >= width => (0, own - width),
        Some(own) => (1, width - own),
        None => (2, 0),
    }
}
