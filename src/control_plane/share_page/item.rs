//! One item of a share: how it is shown, what is said of it, and the files that may be saved.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::brand::Brand;
use super::frame::{Shows, rendered};
use super::gallery::{Card, card};
use super::gate::to;
use super::guest::Guest;
use super::paging;
use super::preview::{self, Preview};
use super::refusal::Refusal;
use crate::control_plane::record::{
    ContentKind, FileKind, ShareDownloads, frame_number, reading_order,
};
use crate::control_plane::service::{
    Beside, CompleteInformation, FileUse, Page, ShareStanding, ShownFile, ShownItem,
};
use crate::control_plane::words::Words;

/// A file that may be saved.
#[derive(Debug)]
struct SavedFile {
    number: u64,
    original: bool,
    label: String,
    facts: String,
    size: u64,
}

#[derive(Template)]
#[template(path = "item.html", config = "src/control_plane/share_page/askama.toml")]
struct ItemPage<'g> {
    words: Words,
    brand: &'g Brand,
    title: String,
    address: &'g str,
    card: Card,
    description: &'g str,
    about: Option<&'g CompleteInformation>,
    preview: Preview,
    files: Vec<SavedFile>,
    /// How many frames of it are saved at once; nothing, where it does not turn.
    frames: u64,
    /// May it be had in a format of the visitor's own?
    custom: bool,
    /// How wide and how high the picture is that such a format is made of, where that is known.
    whole: Option<(u32, u32)>,
    all: String,
    beside: Beside,
}

/// One item of a share that is open.
pub(super) async fn show(
    guest: Guest,
    axum::extract::Path((_, number)): axum::extract::Path<(String, u64)>,
) -> Result<Response, Refusal> {
    if guest.access.standing() != ShareStanding::Open {
        return to(&guest.path());
    }
    let item = find(&guest, number).await?.ok_or(Refusal::Missing)?;
    let mut shows = Shows::default();
    let preview = preview::of(&guest, &item, &mut shows).await?;
    let card = card(&guest, &item, &mut shows).await?;
    let may_download = guest.access.share().draft.download == ShareDownloads::Allowed;
    let page = ItemPage {
        words: guest.words,
        brand: &guest.brand,
        title: item.title.to_string(),
        address: &guest.address,
        card,
        description: &item.description,
        about: item.complete.as_ref().filter(|it| !it.tags.is_empty() || !it.metadata.is_empty()),
        preview,
        files: files(&item),
        frames: frames(&item),
        custom: may_download && item.pictured.is_some(),
        whole: whole(&item),
        all: paging::path_of(&guest.path(), number),
        beside: guest.services.share_beside(&guest.access, number).await?,
    };
    rendered(StatusCode::OK, &page, shows)
}

/// The item of that number, if it is given now.
pub(super) async fn find(guest: &Guest, number: u64) -> Result<Option<ShownItem>, Refusal> {
    let page = match number.checked_sub(1) {
        Some(before) => Page::after(before, 1),
        None => Page::first(1),
    };
    let language = guest.words.tag();
    let listed = guest.services.share_shown(&guest.access, Some(&language), &page).await?;
    Ok(listed.items.into_iter().find(|item| item.number == number))
}

fn is_had(shown: &ShownFile) -> bool {
    matches!(shown.may, FileUse::Had | FileUse::SeenAndHad)
}

/// What may be saved: renditions first, then the original, then the rest, each kind in its order.
fn files(item: &ShownItem) -> Vec<SavedFile> {
    let mut files: Vec<&ShownFile> = item.files.iter().filter(|it| is_had(it)).collect();
    let kind = |it: &ShownFile| match it.file.place.kind {
        FileKind::Format => 0,
        FileKind::Source => 1,
        FileKind::Subtitle => 2,
        FileKind::Attachment => 3,
        FileKind::Thumbnail | FileKind::ChapterThumbnail => 4,
    };
    files.sort_by(|one, other| {
        let places = || reading_order(&one.file.place, &other.file.place);
        kind(one).cmp(&kind(other)).then_with(places)
    });
    files.into_iter().map(saved).collect()
}

/// How wide and how high the picture is of which others are made.
fn whole(item: &ShownItem) -> Option<(u32, u32)> {
    let pictured = item.files.iter().find(|it| Some(it.file.number) == item.pictured)?;
    Some((pictured.width?, pictured.height?))
}

/// How many frames of a thing that turns may be saved.
fn frames(item: &ShownItem) -> u64 {
    let is_frame = |it: &&ShownFile| is_had(it) && frame_number(&it.file.place).is_some();
    match item.kind {
        ContentKind::Image360 => item.files.iter().filter(is_frame).count() as u64,
        ContentKind::Audio
        | ContentKind::Image
        | ContentKind::Other
        | ContentKind::Playlist
        | ContentKind::Url
        | ContentKind::Video => 0,
    }
}

fn saved(shown: &ShownFile) -> SavedFile {
    let ShownFile { file, may: _, width, height } = shown;
    let label = match file.place.kind {
        FileKind::Source => String::new(),
        FileKind::Attachment => file.place.variant.to_string(),
        FileKind::Format => file.place.slot.to_string(),
        FileKind::ChapterThumbnail | FileKind::Subtitle | FileKind::Thumbnail => {
            format!("{} {}", file.place.slot, file.place.variant)
        }
    };
    let kind = file.mime.split(';').next().unwrap_or_default();
    let kind = kind.rsplit('/').next().unwrap_or_default().to_ascii_uppercase();
    let facts = match (width, height) {
        (Some(width), Some(height)) => format!("{kind} · {width} × {height}"),
        (_, _) => kind,
    };
    let original = file.place.kind == FileKind::Source;
    SavedFile { number: file.number, original, label, facts, size: file.size }
}
