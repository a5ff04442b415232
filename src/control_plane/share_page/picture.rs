//! Which of an item's files shows it, or whether a picture is made that does.

use crate::control_plane::record::{ContentKind, FileKind, frame_number};
use crate::control_plane::service::{FileUse, ShownFile, ShownItem};

/// Pixels across that a card has, at two to the point.
const CARD: u32 = 480;

/// Pixels across that a preview has.
const PREVIEW: u32 = 1_600;

/// Most bytes of a file that is shown on a card, where a smaller one can be made.
const SMALL: u64 = 500_000;

/// Most bytes of one that is shown on a page, and the fewest pixels across that fill it.
const LARGE: u64 = 4_000_000;
const ENOUGH: u32 = 1_000;

/// Most frames of a thing that turns.
const FRAMES: usize = 360;

/// What browsers show as a picture, that can hold no script.
const PICTURES: [&str; 5] = ["image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"];

const FILMS: [&str; 2] = ["video/mp4", "video/webm"];

const SOUNDS: [&str; 7] =
    ["audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm"];

/// What shows an item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown<'i> {
    /// One of its files.
    File(&'i ShownFile),
    /// A rendition of its image, which is made.
    Rendition,
}

/// What stands for an item on its card.
pub(super) fn on_card(item: &ShownItem) -> Option<Shown<'_>> {
    let made = made(item);
    let small = |it: &&ShownFile| match (made, it.file.place.kind) {
        (Some(_), _) | (None, FileKind::Source) => it.file.size <= SMALL,
        (None, _) => true,
    };
    let small = || pictures(item).filter(small).min_by_key(closest(CARD));
    thumbnail(item, CARD).or_else(small).map(Shown::File).or(made)
}

/// What shows an item of pictures as a whole, or stands before one that plays.
pub(super) fn whole(item: &ShownItem) -> Option<Shown<'_>> {
    match item.kind {
        ContentKind::Image | ContentKind::Image360 => {
            let made = made(item);
            let fits = |it: &&ShownFile| {
                it.file.size <= LARGE && it.width.is_none_or(|width| width >= ENOUGH)
            };
            let fitting = pictures(item).filter(fits).min_by_key(closest(PREVIEW));
            let any = || pictures(item).min_by_key(closest(PREVIEW));
            let file = || any().or_else(|| thumbnail(item, PREVIEW)).map(Shown::File);
            fitting.map(Shown::File).or(made).or_else(file)
        }
        ContentKind::Audio
        | ContentKind::Other
        | ContentKind::Playlist
        | ContentKind::Url
        | ContentKind::Video => thumbnail(item, PREVIEW).map(Shown::File).or(made(item)),
    }
}

fn made(item: &ShownItem) -> Option<Shown<'_>> {
    item.pictured.map(|_| Shown::Rendition)
}

/// The frames of a thing that turns: its renditions whose names are numbers, in their order (G28).
pub(super) fn frames(item: &ShownItem) -> Vec<&ShownFile> {
    let mut frames: Vec<(u32, &ShownFile)> =
        pictures(item).filter_map(|it| Some((frame_number(&it.file.place)?, it))).collect();
    frames.sort_by_key(|(place, _)| *place);
    frames.truncate(FRAMES);
    frames.into_iter().map(|(_, file)| file).collect()
}

/// The document that browsers show by themselves: a rendition before the original.
pub(super) fn document(item: &ShownItem) -> Option<&ShownFile> {
    let of = |kind| {
        seen(item).find(move |it| it.file.place.kind == kind && is_one_of(it, &["application/pdf"]))
    };
    of(FileKind::Format).or_else(|| of(FileKind::Source))
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
