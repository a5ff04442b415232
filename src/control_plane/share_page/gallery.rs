//! What is shared, as cards.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::brand::Brand;
use super::frame::{Shows, rendered};
use super::gate::{self, Asked};
use super::guest::Guest;
use super::paging::{Place, Ways};
use super::picture;
use super::preview;
use super::refusal::Refusal;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{ContentKind, ShareDownloads};
use crate::control_plane::service::{PreviewSize, ShareStanding, ShownItem};
use crate::control_plane::words::Words;

/// What stands over every page of a share that is open.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) title: Box<str>,
    pub(super) message: Box<str>,
    pub(super) sender: Box<str>,
    pub(super) items: u64,
    pub(super) until: Option<Day>,
    pub(super) downloads_left: Option<u64>,
    pub(super) may_download: bool,
    /// Is it to be said that somebody looks? Whoever typed a password has said so.
    pub(super) says_viewed: bool,
}

/// A day, for people and for programs.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) machine: String,
    pub(super) day: String,
}

/// An item, as it is shown in a list.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) number: u64,
    pub(super) title: Box<str>,
    pub(super) language: Option<Box<str>>,
    /// The name of what it is, in the page's words.
    pub(super) kind: String,
    /// A sign that stands for it where there is no picture.
    pub(super) sign: &'static str,
    pub(super) picture: Option<String>,
}

#[derive(Template)]
#[template(path = "gallery.html", config = "src/control_plane/share_page/askama.toml")]
struct GalleryPage<'g> {
    words: Words,
    brand: &'g Brand,
    title: String,
    address: &'g str,
    head: Head,
    cards: Vec<Card>,
    ways: Option<Ways>,
}

#[derive(Deserialize)]
pub(super) struct Asks {
    page: Option<u64>,
}

/// The share, or its gate.
pub(super) async fn show(
    guest: Guest,
    asks: Result<Query<Asks>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refusal> {
    match guest.access.standing() {
        ShareStanding::Open => {}
        ShareStanding::Locked => return gate::page(&guest, Asked::Password, StatusCode::OK, None),
        ShareStanding::TermsWanted => {
            let asked = gate::terms(&guest).ok_or(Refusal::Missing)?;
            return gate::page(&guest, asked, StatusCode::OK, None);
        }
    }
    let Ok(Query(Asks { page })) = asks else { return Err(Refusal::Missing) };
    let last = guest.services.share_last(&guest.access).await?;
    let place = Place::of(page.unwrap_or(1), last).ok_or(Refusal::Missing)?;
    let words = guest.words;
    let (language, page) = (words.tag(), place.items());
    let listed = guest.services.share_shown(&guest.access, Some(&language), &page).await?;
    let mut shows = Shows::default();
    let mut cards = Vec::with_capacity(listed.items.len());
    for item in listed.items.iter().filter(|it| place.has(it.number)) {
        cards.push(card(&guest, item, &mut shows).await?);
    }
    let page = GalleryPage {
        words,
        brand: &guest.brand,
        title: guest.access.share().draft.title.to_string(),
        address: &guest.address,
        head: head(&guest),
        cards,
        ways: place.ways(&guest.path()),
    };
    rendered(StatusCode::OK, &page, shows)
}

/// What stands over the pages of the share that is open to a guest.
pub(super) fn head(guest: &Guest) -> Head {
    let share = guest.access.share();
    Head {
        title: share.draft.title.clone(),
        message: share.draft.message.clone(),
        sender: share.creator_name.clone(),
        items: share.items,
        until: guest.access.ends_at().map(Day::of),
        downloads_left: share.downloads_left(),
        may_download: share.draft.download == ShareDownloads::Allowed,
        says_viewed: share.password.is_none(),
    }
}

impl Day {
    fn of(at: UnixSeconds) -> Self {
        let seconds = i64::try_from(at.get()).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        Self { machine: at.to_string(), day: at.strftime("%Y-%m-%d").to_string() }
    }
}

/// An item as a card, with a link to its picture.
pub(super) async fn card(
    guest: &Guest,
    item: &ShownItem,
    shows: &mut Shows,
) -> Result<Card, Refusal> {
    let shown = picture::on_card(item);
    let picture = preview::address(guest, item, shown, PreviewSize::Card, shows).await?;
    Ok(Card {
        number: item.number,
        title: item.title.clone(),
        language: item.language.clone(),
        kind: guest.words.say(&format!("kind-{}", item.kind.wire_name())),
        sign: sign(item.kind),
        picture,
    })
}

/// A link to look at a file of an item.
pub(super) async fn link(
    guest: &Guest,
    item: &ShownItem,
    file: u64,
    shows: &mut Shows,
) -> Result<String, Refusal> {
    let url = guest.services.share_view_link(&guest.access, item.number, file).await?;
    shows.add(&url);
    Ok(url)
}

fn sign(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::Audio => "♪",
        ContentKind::Image => "▣",
        ContentKind::Image360 => "↻",
        ContentKind::Other => "≡",
        ContentKind::Playlist => "☰",
        ContentKind::Url => "↗",
        ContentKind::Video => "▶",
    }
}
