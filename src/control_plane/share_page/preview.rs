//! How an item is shown: a picture, a film, a sound, a document, a thing that turns, or a list of others.

use std::cmp;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::frame::Shows;
use super::gallery::{Card, card, link};
use super::guest::Guest;
use super::picture::{self, Shown};
use super::refusal::Refusal;
use crate::control_plane::record::ContentKind;
use crate::control_plane::service::{PreviewSize, ShareVisit, ShownItem};

/// Elements of a playlist that are shown on its page.
const ELEMENTS: u16 = 200;

/// Seconds for which a browser keeps a preview that it was shown.
const KEPT: u64 = 600;

/// How an item is shown.
#[derive(Debug)]
pub(super) enum Preview {
    Document {
        url: String,
        picture: Option<String>,
    },
    Elsewhere(Box<str>),
    Film(Film),
    List(Vec<Element>),
    Nothing,
    Picture(String),
    Sound(String),
    /// A thing, seen from all around: its frames in their order.
    Turning(Vec<String>),
}

/// What plays, with what stands before it and what is said in it.
#[derive(Debug)]
pub(super) struct Film {
    pub(super) url: String,
    pub(super) poster: Option<String>,
    pub(super) subtitles: Vec<Subtitles>,
}

/// What is said in a film, in writing.
#[derive(Debug)]
pub(super) struct Subtitles {
    pub(super) url: String,
    pub(super) language: Box<str>,
}

/// What a playlist has at a place.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) card: Card,
    pub(super) film: Option<Film>,
    pub(super) sound: Option<String>,
    pub(super) picture: Option<String>,
}

/// How an item is shown to a guest.
pub(super) async fn of(
    guest: &Guest,
    item: &ShownItem,
    shows: &mut Shows,
) -> Result<Preview, Refusal> {
    let is_address = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    match item.kind {
        ContentKind::Url => {
            if let Some(url) = item.url.as_deref().filter(|it| is_address(it)) {
                return Ok(Preview::Elsewhere(url.into()));
            }
        }
        ContentKind::Playlist => return list(guest, item, shows).await.map(Preview::List),
        ContentKind::Video => {
            if let Some(film) = film(guest, item, shows).await? {
                return Ok(Preview::Film(film));
            }
        }
        ContentKind::Audio => {
            if let Some(url) = sound(guest, item, shows).await? {
                return Ok(Preview::Sound(url));
            }
        }
        ContentKind::Image360 => {
            let frames = picture::frames(item);
            if frames.len() > 1 {
                let mut urls = Vec::with_capacity(frames.len());
                for frame in frames {
                    urls.push(link(guest, item, frame.file.number, shows).await?);
                }
                return Ok(Preview::Turning(urls));
            }
        }
        ContentKind::Other => {
            if let Some(file) = picture::document(item) {
                let url = link(guest, item, file.file.number, shows).await?;
                shows.add_document(&url);
                let picture = whole(guest, item, shows).await?;
                return Ok(Preview::Document { url, picture });
            }
        }
        ContentKind::Image => {}
    }
    Ok(whole(guest, item, shows).await?.map_or(Preview::Nothing, Preview::Picture))
}

/// What shows it, as large as a page has room for.
async fn whole(
    guest: &Guest,
    item: &ShownItem,
    shows: &mut Shows,
) -> Result<Option<String>, Refusal> {
    address(guest, item, picture::whole(item), PreviewSize::Page, shows).await
}

/// Where a picture of an item is had.
pub(super) async fn address(
    guest: &Guest,
    item: &ShownItem,
    shown: Option<Shown<'_>>,
    size: PreviewSize,
    shows: &mut Shows,
) -> Result<Option<String>, Refusal> {
    match shown {
        Some(Shown::File(file)) => link(guest, item, file.file.number, shows).await.map(Some),
        Some(Shown::Rendition) => {
            let size = size_name(size);
            Ok(Some(format!("{}/items/{}/preview/{size}", guest.path(), item.number)))
        }
        None => Ok(None),
    }
}

async fn film(guest: &Guest, item: &ShownItem, shows: &mut Shows) -> Result<Option<Film>, Refusal> {
    let Some(file) = picture::film(item) else { return Ok(None) };
    let url = link(guest, item, file.file.number, shows).await?;
    let poster = whole(guest, item, shows).await?;
    let mut subtitles = Vec::new();
    for file in picture::subtitles(item) {
        let url = link(guest, item, file.file.number, shows).await?;
        subtitles.push(Subtitles { url, language: file.file.place.slot.clone() });
    }
    Ok(Some(Film { url, poster, subtitles }))
}

async fn sound(
    guest: &Guest,
    item: &ShownItem,
    shows: &mut Shows,
) -> Result<Option<String>, Refusal> {
    match picture::sound(item) {
        Some(file) => link(guest, item, file.file.number, shows).await.map(Some),
        None => Ok(None),
    }
}

/// What is in a playlist, in its order.
async fn list(guest: &Guest, item: &ShownItem, shows: &mut Shows) -> Result<Vec<Element>, Refusal> {
    let mut elements = Vec::new();
    let language = guest.words.tag();
    let services = &guest.services;
    let all = services.share_elements(&guest.access, Some(&language), item, ELEMENTS).await?;
    for item in all {
        let (mut film_of, mut sound_of, mut picture) = (None, None, None);
        match item.kind {
            ContentKind::Video => film_of = film(guest, &item, shows).await?,
            ContentKind::Audio => sound_of = sound(guest, &item, shows).await?,
            ContentKind::Image
            | ContentKind::Image360
            | ContentKind::Other
            | ContentKind::Playlist
            | ContentKind::Url => {}
        }
        if film_of.is_none() && sound_of.is_none() {
            picture = whole(guest, &item, shows).await?;
        }
        let card = card(guest, &item, shows).await?;
        elements.push(Element { card, film: film_of, sound: sound_of, picture });
    }
    Ok(elements)
}

const fn size_name(size: PreviewSize) -> &'static str {
    match size {
        PreviewSize::Card => "card",
        PreviewSize::Page => "page",
    }
}

/// An item's image, made as large as that.
pub(super) async fn picture(
    guest: Guest,
    Path((_, item, size)): Path<(String, u64, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let sizes = [PreviewSize::Card, PreviewSize::Page];
    let size = sizes.into_iter().find(|it| size_name(*it) == size).ok_or(Refusal::Missing)?;
    let visit = ShareVisit { client: guest.client, method: &Method::GET, headers: &headers };
    let made = guest.services.share_preview(&guest.access, item, size, visit).await?;
    let etag = format!("\"{}\"", hex::encode(made.sha256));
    let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_known = known.split(',').any(|it| it.trim().trim_start_matches("W/") == etag);
    // Whoever was shown it may go back to it for a moment, and no longer than the share is open.
    let kept = cmp::min(KEPT, guest.access.until().since(guest.services.now()));
    let kept = HeaderValue::try_from(format!("private, max-age={kept}"));
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static(made.rendered.media_type)),
        (ETAG, HeaderValue::try_from(etag).map_err(Refusal::failed)?),
        (CACHE_CONTROL, kept.map_err(Refusal::failed)?),
    ];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, fields).into_response());
    }
    Ok((fields, made.rendered.bytes).into_response())
}
