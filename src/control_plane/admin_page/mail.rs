//! The tenant's mail server, a letter to try it, and what became of letters.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::form::Posted;
use super::query::{Query, number};
use super::refusal::{Refusal, redirect};
use super::settings::{Setting, tabs};
use super::share_settings::LANGUAGES;
use super::shell::{Here, InTenant, Notice, Section, Shell, Way, rendered};
use super::spelling::Instant;
use crate::control_plane::record::{
    Letter, LetterKind, LetterState, MailSecurity, MailServer, MailServerDraft,
};
use crate::control_plane::service::{
    Expected, LetterFilter, MailPassword, MailStep, Page, ServiceError,
};
use crate::secret::Secret;

/// Letters that are shown.
const SHOWN: u16 = 50;

/// How the way may be secured, as people call it.
const SECURITIES: [(&str, &str); 3] = [
    ("starttls", "STARTTLS, always"),
    ("tls", "TLS from the first byte"),
    ("none", "none: within networks of the configuration"),
];

#[derive(Template)]
#[template(path = "mail.html", config = "src/control_plane/admin_page/askama.toml")]
struct MailPage {
    shell: Shell,
    tabs: Vec<Way>,
    own: String,
    typed: Typed,
    is_set: Here,
    has_password: Here,
    revision: u64,
    to: String,
    /// Where a test stopped, if it did, and what was said.
    trial: Option<(Option<&'static str>, String)>,
    letters: Vec<LetterRow>,
}

struct LetterRow {
    written: Instant,
    to: String,
    share: String,
    what: &'static str,
    state: &'static str,
    due: Option<Instant>,
    answer: String,
}

/// What was typed into the form: kept, so that a refusal loses nothing of it but the password.
struct Typed {
    host: String,
    port: String,
    security: String,
    username: String,
    from_address: String,
    from_name: String,
    reply_to: String,
    language: String,
    revision: String,
}

impl Typed {
    fn of_server(server: Option<&MailServer>) -> Self {
        let draft = server.map(|it| &it.draft);
        let text = |read: fn(&MailServerDraft) -> Option<&str>| {
            draft.and_then(read).unwrap_or_default().to_owned()
        };
        Self {
            host: text(|it| Some(&it.host)),
            port: draft.map_or(587, |it| it.port).to_string(),
            security: draft.map_or(MailSecurity::StartTls, |it| it.security).to_string(),
            username: text(|it| it.username.as_deref()),
            from_address: text(|it| Some(&it.from_address)),
            from_name: text(|it| Some(&it.from_name)),
            reply_to: text(|it| it.reply_to.as_deref()),
            language: draft.and_then(|it| it.language.as_deref()).unwrap_or("en").to_owned(),
            revision: server.map_or(0, |it| it.revision).to_string(),
        }
    }

    fn of(posted: &Posted) -> Self {
        let text = |name| posted.text(name).to_owned();
        Self {
            host: text("host"),
            port: text("port"),
            security: text("security"),
            username: text("username"),
            from_address: text("from_address"),
            from_name: text("from_name"),
            reply_to: text("reply_to"),
            language: text("language"),
            revision: text("revision"),
        }
    }

    fn draft(&self) -> Result<MailServerDraft, String> {
        let said = |text: &str| Some(text).filter(|it| !it.is_empty()).map(Box::from);
        let security = MailSecurity::from_wire_name(&self.security);
        Ok(MailServerDraft {
            host: self.host.as_str().into(),
            port: self.port.parse().map_err(|_| "The port is a number, such as 587.")?,
            security: security.ok_or("Choose how the way to the server is secured.")?,
            username: said(&self.username),
            from_address: self.from_address.as_str().into(),
            from_name: self.from_name.as_str().into(),
            reply_to: said(&self.reply_to),
            language: said(&self.language),
        })
    }
}

/// The settings.
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let notice = match query.text("said") {
        "saved" => Notice::Done("Saved. Send a test letter to see whether it works."),
        "removed" => Notice::Done("The mail server is removed. No letter is sent without one."),
        _ => Notice::None,
    };
    page(&console, &at, None, None, StatusCode::OK, notice).await
}

/// Says which server there is.
pub(super) async fn change(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let typed = Typed::of(&posted);
    match save(&console, &at, &typed, &posted).await {
        Ok(()) => Ok(redirect(&at.path("settings/mail?said=saved"))),
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            page(&console, &at, Some(typed), None, status, notice).await
        }
    }
}

async fn save(
    console: &Console,
    at: &InTenant,
    typed: &Typed,
    posted: &Posted,
) -> Result<(), Refusal> {
    let wrong = |detail| Refusal::Refused { status: StatusCode::BAD_REQUEST, detail };
    let seen = number(&typed.revision).ok_or(Refusal::NoForm)?;
    let mut draft = typed.draft().map_err(wrong)?;
    let forgets = !posted.text("clear").is_empty();
    if forgets {
        draft.username = None;
    }
    let password = match posted.raw("password") {
        _ if forgets => MailPassword::Cleared,
        "" => MailPassword::Kept,
        text => MailPassword::Set(Secret::new(text.to_owned())),
    };
    let (caller, tenant, seen) = (&at.session.caller, at.number(), Expected::Revision(seen));
    console.services().mail_server_set(caller, tenant, seen, draft, password).await?;
    Ok(())
}

/// Sends a letter to try it.
pub(super) async fn try_it(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let to = posted.text("to");
    let (caller, tenant) = (&at.session.caller, at.number());
    match console.services().mail_server_try(caller, tenant, to).await {
        Ok(trial) => {
            let said = (trial.stopped_at.map(stopped), trial.answer.into());
            page(&console, &at, None, Some((to, said)), StatusCode::OK, Notice::None).await
        }
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            page(&console, &at, None, None, status, notice).await
        }
    }
}

/// Removes it.
pub(super) async fn remove(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let seen = number(posted.text("revision")).ok_or(Refusal::NoForm)?;
    let (caller, tenant, seen) = (&at.session.caller, at.number(), Expected::Revision(seen));
    match console.services().mail_server_remove(caller, tenant, seen).await {
        Ok(()) => Ok(redirect(&at.path("settings/mail?said=removed"))),
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            page(&console, &at, None, None, status, notice).await
        }
    }
}

async fn page(
    console: &Console,
    at: &InTenant,
    typed: Option<Typed>,
    trial: Option<(&str, (Option<&'static str>, String))>,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let server = match services.mail_server(caller, tenant).await {
        Ok(server) => Some(server),
        Err(ServiceError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let filter = LetterFilter::default();
    let listed = services.letter_list(caller, tenant, &filter, &Page::first(SHOWN)).await?;
    let letters = listed.items.into_iter().map(|letter| LetterRow::of(at, letter)).collect();
    let (to, trial) = trial.map_or((String::new(), None), |(to, said)| (to.to_owned(), Some(said)));
    let page = MailPage {
        shell: at.shell("Mail", Section::Settings).saying(notice),
        tabs: tabs(at, Setting::Mail),
        own: at.path("settings/mail"),
        typed: typed.unwrap_or_else(|| Typed::of_server(server.as_ref())),
        is_set: Here::when(server.is_some()),
        has_password: Here::when(server.as_ref().is_some_and(|it| it.password.is_some())),
        revision: server.map_or(0, |it| it.revision),
        to,
        trial,
        letters,
    };
    rendered(status, &page)
}

impl LetterRow {
    fn of(at: &InTenant, letter: Letter) -> Self {
        Self {
            written: Instant(letter.created_at),
            to: letter.address.into(),
            share: at.path(&format!("shares/{}", letter.share)),
            what: match letter.kind {
                LetterKind::AccessDigest => "what happened to a share",
                LetterKind::AccessNotice => "a visitor",
                LetterKind::ExpiryWarning => "a share that ends soon",
                LetterKind::Invitation => "a link",
            },
            state: letter.state.wire_name(),
            due: letter.due_at.filter(|_| letter.state == LetterState::Waiting).map(Instant),
            answer: letter.answer.map(String::from).unwrap_or_default(),
        }
    }
}

/// Where a test stopped, for people.
fn stopped(step: MailStep) -> &'static str {
    match step {
        MailStep::Connection => "Nobody answers there as a mail server does.",
        MailStep::Login => "The server refuses the login.",
        MailStep::Message => "The server refuses the letter.",
        MailStep::Name => "No mail server is asked under that name.",
        MailStep::Recipient => "The server refuses the recipient.",
        MailStep::Sender => "The server refuses the address that letters come from.",
        MailStep::Tls => "The way to the server cannot be secured.",
    }
}
