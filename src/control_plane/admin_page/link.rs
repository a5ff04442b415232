//! Links that were signed for somebody: the list of them, one with what it was used for, its end; and
//! a new one to a file.

use std::num::NonZeroU16;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::content::{file_kind_name, found};
use super::download::{By, DownloadRow};
use super::form::Posted;
use super::library::title_of;
use super::query::{Query, address, number};
use super::refusal::{Refusal, redirect};
use super::shell::{Here, InTenant, Notice, Section, Shell, rendered};
use super::spelling::Instant;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{DownloadLink, DownloadTerms, File, LinkId, Scope};
use crate::control_plane::service::{
    DownloadFilter, FileChoice, FilesOf, LinkFilter, LinkOrder, ListOrder, OrderedLink,
    OrderedLinks, Page, Shown,
};
use crate::network::parse_network;
use crate::token::{Sharing, Uses};

/// Links of a page.
const SHOWN: u16 = 50;

/// Downloads that are shown with a link.
const DOWNLOADS: u16 = 50;

#[derive(Template)]
#[template(path = "links.html", config = "src/control_plane/admin_page/askama.toml")]
struct LinksPage {
    shell: Shell,
    own: String,
    issuer: String,
    tag: String,
    file: String,
    narrowed: Here,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

struct Row {
    link: DownloadLink,
    path: String,
    state: LinkState,
    made: Instant,
    ends: Instant,
}

/// Does a link open?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkState {
    Ended,
    Open,
    Revoked,
}

#[derive(Template)]
#[template(path = "link.html", config = "src/control_plane/admin_page/askama.toml")]
struct LinkPage {
    shell: Shell,
    list: String,
    row: Row,
    content: Option<String>,
    revoked: Option<Instant>,
    may_revoke: Here,
    downloads: Vec<DownloadRow>,
}

#[derive(Template)]
#[template(path = "link_order.html", config = "src/control_plane/admin_page/askama.toml")]
struct OrderPage {
    shell: Shell,
    target: Target,
    typed: Typed,
    made: Option<Made>,
}

/// The file that a link is made to.
struct Target {
    title: String,
    file: File,
    kind: &'static str,
    own: String,
    back: String,
}

/// What was typed into the form: kept, so that a refusal loses nothing of it.
struct Typed {
    amount: String,
    unit: String,
    uses: String,
    addresses: String,
    parallel: String,
    tag: String,
    shown: String,
    watched: Here,
}

/// A link that was just made: the one time that it is seen.
struct Made {
    url: String,
    id: Option<String>,
    ends: Option<Instant>,
    shortened: Here,
}

impl LinkState {
    fn of(link: &DownloadLink, now: UnixSeconds) -> Self {
        if link.revoked_at.is_some() {
            Self::Revoked
        } else if link.expires_at < now {
            Self::Ended
        } else {
            Self::Open
        }
    }
}

impl Row {
    fn of(at: &InTenant, link: DownloadLink, now: UnixSeconds) -> Self {
        Self {
            path: at.path(&format!("links/{}", link.id)),
            state: LinkState::of(&link, now),
            made: Instant(link.created_at),
            ends: Instant(link.expires_at),
            link,
        }
    }

    /// On which terms it opens, for people.
    fn terms(&self) -> String {
        let DownloadTerms { sharing, uses, parallel, addresses } = self.link.terms;
        let mut terms = Vec::new();
        match uses {
            Uses::Any => {}
            Uses::One => terms.push("once".to_owned()),
        }
        terms.extend(addresses.map(|it| format!("from {it}")));
        terms.extend(parallel.map(|it| format!("{it} at a time")));
        match sharing {
            Sharing::Allowed => {}
            Sharing::Watched => terms.push("watched".to_owned()),
        }
        if terms.is_empty() { "none".to_owned() } else { terms.join(", ") }
    }
}

/// The list.
pub(super) async fn show_all(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let [issuer, tag, file] = ["issuer", "tag", "file"].map(|name| query.text(name).to_owned());
    let filter = LinkFilter {
        // A number that is none is no file's.
        file: query.said("file").map(|text| number(text).unwrap_or(u64::MAX)),
        issuer: query.said("issuer").map(Into::into),
        tag: query.said("tag").map(Into::into),
        order: ListOrder::NewestFirst,
    };
    let after = query.said("after").and_then(LinkId::parse);
    let is_first = after.is_none();
    let page = Page { after, limit: SHOWN };
    let services = console.services();
    let listed =
        services.download_link_list(&at.session.caller, at.number(), &filter, &page).await?;
    let own = at.path("links");
    let behind = |after: &str| {
        address(&own, &[("issuer", &issuer), ("tag", &tag), ("file", &file), ("after", after)])
    };
    let now = services.now();
    let page = LinksPage {
        shell: at.shell("Links", Section::Links),
        narrowed: Here::when(!(issuer.is_empty() && tag.is_empty() && file.is_empty())),
        rows: listed.items.into_iter().map(|link| Row::of(&at, link, now)).collect(),
        first: (!is_first).then(|| behind("")),
        next: listed.next.map(|next| behind(next.as_str())),
        own,
        issuer,
        tag,
        file,
    };
    rendered(StatusCode::OK, &page)
}

/// One, with what it was used for.
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    Path((_, link)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let link = of_tenant(&console, &at, &link).await?;
    let services = console.services();
    let filter = DownloadFilter {
        link: Some(link.id.as_str().into()),
        order: ListOrder::NewestFirst,
        ..DownloadFilter::default()
    };
    let (caller, page) = (&at.session.caller, Page::first(DOWNLOADS));
    let downloads = services.download_event_list(caller, at.number(), &filter, &page).await?;
    let notice = match query.text("said") {
        "revoked" => Notice::Done("The link is revoked. It opens nowhere within a second."),
        _ => Notice::None,
    };
    let page = LinkPage {
        shell: at.shell("Link", Section::Links).saying(notice),
        list: at.path("links"),
        content: link.content.as_ref().map(|id| at.path(&format!("contents/{id}"))),
        revoked: link.revoked_at.map(Instant),
        may_revoke: Here::when(at.session.has(Scope::LinksRevoke)),
        row: Row::of(&at, link, services.now()),
        downloads: downloads.items.into_iter().map(|it| DownloadRow::of(&at, it)).collect(),
    };
    rendered(StatusCode::OK, &page)
}

/// Ends one.
pub(super) async fn revoke(
    State(console): State<Console>,
    at: InTenant,
    Path((_, link)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, Refusal> {
    let link = of_tenant(&console, &at, &link).await?;
    console.services().download_link_revoke(&at.session.caller, &link.id).await?;
    Ok(redirect(&at.path(&format!("links/{}?said=revoked", link.id))))
}

async fn of_tenant(console: &Console, at: &InTenant, link: &str) -> Result<DownloadLink, Refusal> {
    let id = LinkId::parse(link).ok_or(Refusal::NotFound)?;
    let link = console.services().download_link(&at.session.caller, &id).await?;
    if link.tenant == at.number() { Ok(link) } else { Err(Refusal::NotFound) }
}

/// The form for a new one.
pub(super) async fn show_order(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content, file)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    let target = Target::found(&console, &at, &content, &file).await?;
    order_page(&at, target, Typed::usual(), None, StatusCode::OK, Notice::None)
}

/// Makes one, and shows it.
pub(super) async fn order(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content, file)): Path<(String, String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let target = Target::found(&console, &at, &content, &file).await?;
    let typed = Typed::of(&posted);
    let number = target.file.number;
    let made = match typed.order(number, console.services().now()) {
        Ok(order) => {
            let made = console.services().download_link_order(&at.session.caller, &order).await;
            made.map_err(Refusal::from)
        }
        Err(detail) => Err(Refusal::Refused { status: StatusCode::BAD_REQUEST, detail }),
    };
    match made {
        Ok(OrderedLinks::One(link)) => {
            let made = Some(Made::of(link));
            let notice = Notice::Done("The link is made.");
            order_page(&at, target, typed, made, StatusCode::OK, notice)
        }
        Ok(OrderedLinks::Archive(_)) => Err(Refusal::NotFound),
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            order_page(&at, target, typed, None, status, notice)
        }
    }
}

fn order_page(
    at: &InTenant,
    target: Target,
    typed: Typed,
    made: Option<Made>,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let shell = at.shell("Make a link", Section::Library).saying(notice);
    rendered(status, &OrderPage { shell, target, typed, made })
}

impl Target {
    async fn found(
        console: &Console,
        at: &InTenant,
        content: &str,
        file: &str,
    ) -> Result<Self, Refusal> {
        let content = found(console, at, content).await?;
        let asked = number(file).ok_or(Refusal::NotFound)?;
        let version = content.active_version.clone().ok_or(Refusal::NotFound)?;
        let of = FilesOf::Version(content.id.clone(), version);
        let table = console.services().file_list(&at.session.caller, at.number(), &of).await?;
        let file = table.files.into_iter().find(|it| it.number == asked);
        let file = file.ok_or(Refusal::NotFound)?;
        Ok(Self {
            title: title_of(&content),
            kind: file_kind_name(file.draft.place.kind),
            own: at.path(&format!("contents/{}/files/{}/link", content.id, file.number)),
            back: at.path(&format!("contents/{}/advanced", content.id)),
            file,
        })
    }

    fn name(&self) -> &str {
        if self.file.draft.name.is_empty() { self.kind } else { &self.file.draft.name }
    }
}

impl Typed {
    /// What the form begins with: requirement D11's two hours, as a download.
    fn usual() -> Self {
        let text = str::to_owned;
        Self {
            amount: text("2"),
            unit: text("hours"),
            uses: text("any"),
            addresses: String::new(),
            parallel: String::new(),
            tag: String::new(),
            shown: text("save"),
            watched: Here::No,
        }
    }

    fn of(posted: &Posted) -> Self {
        let text = |name| posted.text(name).to_owned();
        Self {
            amount: text("amount"),
            unit: text("unit"),
            uses: text("uses"),
            addresses: text("addresses"),
            parallel: text("parallel"),
            tag: text("tag"),
            shown: text("shown"),
            watched: Here::when(!posted.text("watched").is_empty()),
        }
    }

    /// What is ordered, or what is wrong with it.
    fn order(&self, file: u64, now: UnixSeconds) -> Result<LinkOrder, String> {
        let unit = match &*self.unit {
            "minutes" => 60,
            "days" => 24 * 60 * 60,
            _ => 60 * 60,
        };
        let amount = number(&self.amount).filter(|amount| *amount > 0);
        let amount = amount.ok_or("How long it opens is a whole number of at least 1.")?;
        let addresses = match &*self.addresses {
            "" => None,
            text => Some(parse_network(text).map_err(|_| {
                "The address is none: write one such as 192.0.2.7, or a network such as \
                 192.0.2.0/24."
            })?),
        };
        let parallel = match &*self.parallel {
            "" => None,
            text => Some(text.parse::<NonZeroU16>().map_err(
                |_| "Downloads at a time are a whole number from 1 to 65535, or nothing.",
            )?),
        };
        let sharing = if self.watched.holds() { Sharing::Watched } else { Sharing::Allowed };
        let uses = if self.uses == "one" { Uses::One } else { Uses::Any };
        Ok(LinkOrder {
            to: FileChoice::File(file),
            expiry: Some(now.plus(amount.saturating_mul(unit))),
            terms: DownloadTerms { sharing, uses, parallel, addresses },
            shown: if self.shown == "show" { Shown::InPlace } else { Shown::AsDownload },
            tag: Some(self.tag.as_str()).filter(|tag| !tag.is_empty()).map(Into::into),
            request: None,
        })
    }
}

impl Made {
    fn of(link: OrderedLink) -> Self {
        let OrderedLink { file: _, url, token, asked } = link;
        Self {
            url,
            id: token.as_ref().map(|token| token.id.to_string()),
            ends: token.map(|token| Instant(token.expiry)),
            shortened: Here::when(asked.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_an_order_or_a_sentence() {
        let now = UnixSeconds::new(1_000);
        let typed = || Typed::usual();
        let order = typed().order(7, now).unwrap();
        assert_eq!(order.expiry, Some(UnixSeconds::new(1_000 + 7_200)));
        assert_eq!(order.terms, DownloadTerms::default());
        let bound = Typed { addresses: "192.0.2.0/24".to_owned(), ..typed() };
        let bound = Typed { parallel: "3".to_owned(), uses: "one".to_owned(), ..bound };
        let order = Typed { amount: "2".to_owned(), unit: "days".to_owned(), ..bound };
        let order = order.order(7, now).unwrap();
        assert_eq!(order.terms.uses, Uses::One);
        assert_eq!(order.terms.parallel.map(NonZeroU16::get), Some(3));
        assert_eq!(order.expiry, Some(UnixSeconds::new(1_000 + 2 * 86_400)));
        for wrong in [
            Typed { amount: String::new(), ..typed() },
            Typed { amount: "0".to_owned(), ..typed() },
            Typed { amount: "1.5".to_owned(), ..typed() },
            Typed { addresses: "192.0.2".to_owned(), ..typed() },
            Typed { parallel: "0".to_owned(), ..typed() },
            Typed { parallel: "70000".to_owned(), ..typed() },
        ] {
            assert!(wrong.order(7, now).is_err());
        }
        let endless = Typed { amount: i64::MAX.to_string(), unit: "days".to_owned(), ..typed() };
        assert_eq!(endless.order(7, now).unwrap().expiry, Some(UnixSeconds::new(u64::MAX)));
    }
}
