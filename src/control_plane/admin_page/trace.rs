//! Whose copy a file is, for people: they bring it, and are told in words (requirement K.6).

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::time::timeout;

use super::console::Console;
use super::library::title_of;
use super::refusal::{Refusal, sentence};
use super::session::Visit;
use super::shell::{InTenant, Notice, Section, Shell, rendered};
use super::spelling::{Instant, Size};
use crate::control_plane::record::{ContentId, CopyIssue, Scope};
use crate::control_plane::request_body::{FieldSource, FormAllowance, FormBody, PATIENCE};
use crate::control_plane::service::{
    AlikeCopy, CompareWith, Comparison, Inspection, LARGEST_TRACED, NotInspected, PictureOriginal,
    TagOrigin, Traced, TracedTag,
};
use crate::forensic::Carrier;

/// What the page is called.
const TITLE: &str = "Whose copy is this?";

/// Bytes of a form before its file begins.
const BEFORE_THE_FILE: u64 = 16 * 1024;

/// Copies that are shown of one file.
const SHOWN: usize = 20;

/// Longest name of a file that is shown, in characters.
const LONGEST: usize = 200;

#[derive(Template)]
#[template(path = "trace.html", config = "src/control_plane/admin_page/askama.toml")]
struct TracePage {
    shell: Shell,
    own: String,
    most: Size,
}

#[derive(Template)]
#[template(path = "traced.html", config = "src/control_plane/admin_page/askama.toml")]
struct TracedPage {
    shell: Shell,
    own: String,
    most: Size,
    heading: String,
    finding: Finding,
    copies: Vec<CopyRow>,
    /// Copies that are not shown.
    beyond: usize,
    /// Tags beside those of copies.
    beside: usize,
    name: String,
    size: Size,
    sha256: Box<str>,
    /// What the copy is for that the whole file is, byte by byte.
    exact: Option<Box<str>>,
    /// What comparing it with an original said, in words.
    compared: Option<String>,
}

/// Where a copy was known by.
#[derive(Debug)]
struct Places {
    /// What its tag is in.
    tags: Vec<Carrier>,
    /// How much more of its mark is in what it shows than chance would put there, in standard deviations.
    mark: Option<f64>,
}

impl Places {
    fn of_tag(carrier: Carrier) -> Self {
        Self { tags: vec![carrier], mark: None }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// A tag that is not genuine, and no other.
    Forged,
    /// No tag.
    Nothing,
    /// The tag of one copy.
    One,
    /// Those of several.
    Several,
    /// A genuine tag of a copy that is not known.
    Unlogged,
}

/// A copy that the file is, or is made of.
struct CopyRow {
    issue: CopyIssue,
    issued: Instant,
    expires: Instant,
    link: Named,
    content: Option<Named>,
    share: Option<Named>,
    recipient: Option<u64>,
    places: String,
}

/// What somebody calls something, and where its page is, if there is one that they may see.
struct Named {
    name: String,
    path: Option<String>,
}

/// The page.
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
) -> Result<Response, Refusal> {
    console.services().trace_admit(&at.session.caller)?;
    page(&at, StatusCode::OK, Notice::None)
}

fn page(at: &InTenant, status: StatusCode, notice: Notice) -> Result<Response, Refusal> {
    let page = TracePage {
        shell: at.shell(TITLE, Section::Traces).saying(notice),
        own: at.path("traces"),
        most: Size(LARGEST_TRACED),
    };
    rendered(status, &page)
}

/// Says whose copy a file is.
pub(super) async fn trace(
    State(console): State<Console>,
    at: InTenant,
    visit: Visit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    console.services().trace_admit(&at.session.caller)?;
    match brought(&console, &at, &visit, &headers, body).await {
        Ok(brought) => answer(&console, &at, brought).await,
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            page(&at, status, notice)
        }
    }
}

/// The file that a form brings.
struct Brought {
    name: String,
    inspection: Inspection,
    compare: Option<CompareWith>,
}

/// The file that a form brings: its name, and what was seen in it.
async fn brought(
    console: &Console,
    at: &InTenant,
    visit: &Visit,
    headers: &HeaderMap,
    body: Body,
) -> Result<Brought, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let boundary = kind.and_then(|it| multer::parse_boundary(it).ok()).ok_or(Refusal::NoForm)?;
    let limits = SizeLimit::new().per_field(BEFORE_THE_FILE).for_field("file", u64::MAX);
    let allowance = FormAllowance::of(BEFORE_THE_FILE);
    let body = FormBody::new(body, allowance.clone());
    let constraints = Constraints::new().size_limit(limits);
    let mut form = Multipart::with_constraints(body, boundary, constraints);
    let file = timeout(PATIENCE, file_of(&mut form, visit)).await;
    let (file, original) = file.map_err(|_| Refusal::NoForm)??;
    let compare = match original {
        Some(number) => {
            let turn = console.services().comparing_turn(&at.session.caller).await?;
            Some(CompareWith { original: PictureOriginal::File(number), turn })
        }
        None => None,
    };
    let name = file.file_name().unwrap_or_default().chars().take(LONGEST).collect::<String>();
    allowance.lift();
    let inspection = match compare {
        Some(_) => Inspection::of_source_kept(FieldSource(file)).await,
        None => Inspection::of_source(FieldSource(file)).await,
    };
    let inspection = inspection.map_err(|error| {
        let status = match error {
            NotInspected::BrokenOff | NotInspected::TooSlow => StatusCode::BAD_REQUEST,
            NotInspected::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Refusal::Refused { status, detail: sentence(&error.to_string()) }
    })?;
    // What browsers send where no file was chosen.
    if name.is_empty() && inspection.size == 0 {
        let detail = "Choose a file first.".to_owned();
        return Err(Refusal::Refused { status: StatusCode::BAD_REQUEST, detail });
    }
    Ok(Brought { name, inspection, compare })
}

/// The file of a form that was made for whoever sends it. The form's token comes first: nobody else's
/// file is read. With it comes the number of the file that it is to be compared with, if there is one.
async fn file_of(
    form: &mut Multipart<'static>,
    visit: &Visit,
) -> Result<(Field<'static>, Option<u64>), Refusal> {
    let (mut token, mut original) = (String::new(), String::new());
    while let Some(field) = form.next_field().await.map_err(|_| Refusal::NoForm)? {
        match field.name() {
            Some("file") => {
                visit.gave(&token)?;
                let original = match original.trim() {
                    "" => None,
                    number => Some(number.parse().map_err(|_| Refusal::Refused {
                        status: StatusCode::BAD_REQUEST,
                        detail: "The original is named by the number of its file.".to_owned(),
                    })?),
                };
                return Ok((field, original));
            }
            Some("original") => original = field.text().await.map_err(|_| Refusal::NoForm)?,
            Some("form_token") => token = field.text().await.map_err(|_| Refusal::NoForm)?,
            Some(_) | None => return Err(Refusal::NoForm),
        }
    }
    Err(Refusal::NoForm)
}

/// The page that says it.
async fn answer(
    console: &Console,
    at: &InTenant,
    Brought { name, inspection, compare }: Brought,
) -> Result<Response, Refusal> {
    // A tenant's pages tell of the tenant.
    let caller = at.session.caller.within(at.number());
    let Traced { exact, tags, comparison } =
        console.services().trace(&caller, &inspection, compare).await?;
    let mut issues: Vec<(CopyIssue, Places)> = Vec::new();
    let (mut beside, mut unlogged) = (0, 0);
    for TracedTag { sighting, origin } in tags {
        match origin {
            TagOrigin::Forged => beside += 1,
            TagOrigin::Unlogged => (beside, unlogged) = (beside + 1, unlogged + 1),
            TagOrigin::Issued(issue) => {
                match issues.iter_mut().find(|(known, _)| known.number == issue.number) {
                    Some((_, places)) => places.tags.push(sighting.carrier),
                    None => issues.push((issue, Places::of_tag(sighting.carrier))),
                }
            }
        }
    }
    let compared = comparison.as_ref().map(said_of);
    if let Some(Comparison::Alike(alike)) = comparison {
        for AlikeCopy { issue, z, p: _ } in alike {
            match issues.iter_mut().find(|(known, _)| known.number == issue.number) {
                Some((_, places)) => places.mark = Some(z),
                None => issues.push((issue, Places { tags: Vec::new(), mark: Some(z) })),
            }
        }
    }
    let (finding, heading) = match &*issues {
        [(issue, _)] => (Finding::One, format!("This is the copy of “{}”", issue.tag)),
        [_, _, ..] => (Finding::Several, format!("These are {} copies in one", issues.len())),
        [] if unlogged > 0 => (Finding::Unlogged, "Nobody here is known to have had it".into()),
        [] if beside > 0 => (Finding::Forged, "The tag in it is not genuine".into()),
        [] => (Finding::Nothing, "The file does not say whose copy it is".into()),
    };
    let beyond = issues.len().saturating_sub(SHOWN);
    let mut copies = Vec::new();
    for (issue, places) in issues.into_iter().take(SHOWN) {
        copies.push(CopyRow::of(console, at, issue, &places).await);
    }
    let page = TracedPage {
        shell: at.shell(&heading, Section::Traces),
        own: at.path("traces"),
        most: Size(LARGEST_TRACED),
        heading,
        finding,
        copies,
        beyond,
        beside,
        name,
        size: Size(inspection.size),
        sha256: inspection.sha256,
        exact: exact.map(|issue| issue.tag),
        compared,
    };
    rendered(StatusCode::OK, &page)
}

impl CopyRow {
    async fn of(console: &Console, at: &InTenant, issue: CopyIssue, places: &Places) -> Self {
        let (services, caller, tenant) = (console.services(), &at.session.caller, at.number());
        // What was handed out outlives in the log what it was of, and the link to it.
        let link = services.download_link(caller, &issue.link).await.is_ok();
        let link = Named {
            name: issue.link.to_string(),
            path: link.then(|| at.path(&format!("links/{}", issue.link))),
        };
        let content = match &issue.content {
            Some(id) => Some(named_content(console, at, id).await),
            None => None,
        };
        let (share, recipient) = issue.share().unzip();
        let share = match share {
            Some(id) => Some(match services.share(caller, tenant, &id).await {
                Ok(share) => Named {
                    name: share.draft.title.to_string(),
                    path: Some(at.path(&format!("shares/{id}"))),
                },
                Err(_) => Named { name: id.to_string(), path: None },
            }),
            None => None,
        };
        Self {
            issued: Instant(issue.created_at),
            expires: Instant(issue.expires_at),
            link,
            content,
            share,
            recipient: recipient.flatten(),
            places: in_words(places),
            issue,
        }
    }
}

/// A content by its title, if whoever asks may see it.
async fn named_content(console: &Console, at: &InTenant, id: &ContentId) -> Named {
    let unseen = Named { name: id.to_string(), path: None };
    if !at.session.has(Scope::CatalogRead) {
        return unseen;
    }
    match console.services().content(&at.session.caller, at.number(), id).await {
        Ok(content) => {
            Named { name: title_of(&content), path: Some(at.path(&format!("contents/{id}"))) }
        }
        Err(_) => unseen,
    }
}

/// Where in the file its tag is.
fn in_words(Places { tags, mark }: &Places) -> String {
    let mark = mark.map(|z| format!("in what the picture shows (z {z:.1})"));
    match (&**tags, mark) {
        ([], mark) => mark.unwrap_or_default(),
        (tags, None) => of_tags(tags),
        (tags, Some(mark)) => format!("{}; and {mark}", of_tags(tags)),
    }
}

/// What comparing said, for people.
fn said_of(comparison: &Comparison) -> String {
    match comparison {
        Comparison::Alike(copies) if copies.is_empty() => {
            "it is the picture, and no mark of a copy is found in what it shows".to_owned()
        }
        Comparison::Alike(_) => "the mark of a copy is in what it shows".to_owned(),
        Comparison::NotComparable(why) => format!("not done: {why}"),
        Comparison::OtherPicture => "it is another picture, or too little of this one".to_owned(),
    }
}

fn of_tags(places: &[Carrier]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for place in places {
        let place = place_in_words(*place);
        if !words.contains(&place) {
            words.push(place);
        }
    }
    let times =
        if places.len() == 1 { "once".to_owned() } else { format!("{} times", places.len()) };
    format!("{times}: {}", words.join(", "))
}

/// In what a tag is, for people.
const fn place_in_words(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::AiffAnnotation => "in an annotation of the recording",
        Carrier::Box => "in a box of its own",
        Carrier::FlacBlock => "in a block of its own",
        Carrier::GifComment | Carrier::JpegComment | Carrier::OggComment => "in a comment",
        Carrier::Id3Frame => "in the ID3 tag",
        Carrier::MarkupComment => "in a comment of the markup",
        Carrier::MatroskaTag => "in a tag of the film",
        Carrier::PdfComment => "in a comment of the document",
        Carrier::PdfObject => "in an object of the document",
        Carrier::PngText => "in a text of the picture",
        Carrier::RiffChunk => "in a chunk of its own",
        Carrier::TiffField => "in a field of the picture",
        Carrier::Xmp => "in the XMP description",
        Carrier::ZipComment => "in the comment of the archive",
        Carrier::Elsewhere => "in plain sight, where no copy has it by itself: a program moved it",
    }
}
