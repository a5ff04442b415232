//! What every page has: the bar with where one is and who is signed in, and a line that says what
//! just happened.

use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::extract::RawPathParams;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::console::Console;
use super::query::number;
use super::refusal::Refusal;
use super::session::{Session, Visit};
use crate::asset::TenantId;
use crate::control_plane::record::{Scope, Tenant};

/// What every page has.
#[derive(Debug)]
pub(super) struct Shell {
    /// What the page is called.
    pub(super) title: String,
    /// Who is signed in.
    pub(super) username: Option<Box<str>>,
    /// What its forms bring.
    pub(super) form_token: Box<str>,
    /// The tenant that the page is of.
    pub(super) tenant: Option<Box<str>>,
    /// Where one can go.
    pub(super) ways: Vec<Way>,
    /// What just happened.
    pub(super) notice: Notice,
}

/// A page that one can go to.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) label: &'static str,
    pub(super) path: String,
    pub(super) here: Here,
}

/// Is a page the one that is shown, or of its section?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Here {
    No,
    Yes,
}

impl Here {
    pub(super) fn when(same: bool) -> Self {
        if same { Self::Yes } else { Self::No }
    }

    pub(super) fn holds(self) -> bool {
        self == Self::Yes
    }
}

/// What just happened.
#[derive(Clone, Debug)]
pub(super) enum Notice {
    /// Nothing.
    None,
    /// What was asked for.
    Done(&'static str),
    /// What was asked for was refused, and why.
    Refused(String),
}

impl Notice {
    pub(super) fn done(&self) -> Option<&str> {
        match self {
            Self::Done(text) => Some(text),
            Self::None | Self::Refused(_) => None,
        }
    }

    pub(super) fn refused(&self) -> Option<&str> {
        match self {
            Self::Refused(text) => Some(text),
            Self::None | Self::Done(_) => None,
        }
    }
}

/// The sections of a tenant's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Library,
    Connectors,
    Shares,
    Protection,
    Links,
    Traces,
    Audit,
    Settings,
}

/// A tenant's pages, for somebody who is signed in and reaches that tenant.
#[derive(Debug)]
pub(super) struct InTenant {
    pub(super) session: Session,
    pub(super) tenant: Tenant,
}

impl Section {
    const ALL: [Self; 8] = [
        Self::Library,
        Self::Connectors,
        Self::Shares,
        Self::Protection,
        Self::Links,
        Self::Traces,
        Self::Audit,
        Self::Settings,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Library => "Library",
            Self::Connectors => "Connectors",
            Self::Shares => "Shares",
            Self::Protection => "Protection",
            Self::Links => "Links",
            Self::Traces => "Whose copy?",
            Self::Audit => "Audit",
            Self::Settings => "Settings",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Library => "contents",
            Self::Connectors => "connectors",
            Self::Shares => "shares",
            Self::Protection => "protection",
            Self::Links => "links",
            Self::Traces => "traces",
            Self::Audit => "audit",
            Self::Settings => "settings/sharing",
        }
    }

    /// The scope without which there is nothing to see.
    fn scope(self) -> Scope {
        match self {
            Self::Library | Self::Connectors => Scope::CatalogRead,
            Self::Shares => Scope::SharesWrite,
            Self::Protection => Scope::OverridesAdmin,
            Self::Links | Self::Audit => Scope::AuditRead,
            Self::Settings => Scope::SettingsAdmin,
            Self::Traces => Scope::Trace,
        }
    }
}

impl Shell {
    /// The shell of a page for whoever visits, signed in or not.
    pub(super) fn of_visit(visit: &Visit, title: &str) -> Self {
        let form_token = visit.kept.as_ref().map(super::session::Kept::form_token);
        Self {
            title: title.to_owned(),
            username: visit.signed_in.as_ref().map(|it| it.username.clone()),
            form_token: form_token.unwrap_or_default(),
            tenant: None,
            ways: Vec::new(),
            notice: Notice::None,
        }
    }

    /// The shell of a page that is of no tenant.
    pub(super) fn of_session(session: &Session, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            username: Some(session.username.clone()),
            form_token: session.form_token.clone(),
            tenant: None,
            ways: Vec::new(),
            notice: Notice::None,
        }
    }

    /// The same, which says what just happened.
    pub(super) fn saying(self, notice: Notice) -> Self {
        Self { notice, ..self }
    }
}

impl InTenant {
    /// The tenant's number.
    pub(super) fn number(&self) -> TenantId {
        self.tenant.number
    }

    /// The address of one of its pages.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/console/tenants/{}/{rest}", self.tenant.number)
    }

    /// Where one comes in: the first section of which one may see anything.
    pub(super) fn start(&self) -> Option<String> {
        let seen = Section::ALL.into_iter().find(|it| self.session.has(it.scope()));
        seen.map(|it| self.path(it.path()))
    }

    /// The shell of one of its pages.
    pub(super) fn shell(&self, title: &str, section: Section) -> Shell {
        let seen = Section::ALL.into_iter().filter(|it| self.session.has(it.scope()));
        let ways = seen.map(|it| Way {
            label: it.label(),
            path: self.path(it.path()),
            here: Here::when(it == section),
        });
        Shell {
            tenant: Some(self.tenant.name.clone()),
            ways: ways.collect(),
            ..Shell::of_session(&self.session, title)
        }
    }
}

impl FromRequestParts<Console> for InTenant {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Refusal> {
        let session = Session::from_request_parts(parts, console).await?;
        let names = RawPathParams::from_request_parts(parts, console).await;
        let names = names.map_err(|_| Refusal::NotFound)?;
        let asked = names.iter().find(|(name, _)| *name == "tenant").and_then(|(_, it)| number(it));
        let asked = TenantId(asked.ok_or(Refusal::NotFound)?);
        let tenant = console.services().tenant_reached(&session.caller, asked).await?;
        Ok(Self { session, tenant })
    }
}

/// The page as an answer.
pub(super) fn rendered(status: StatusCode, page: &impl Template) -> Result<Response, Refusal> {
    let text = page.render().map_err(|error| Refusal::Failed(Arc::new(error)))?;
    let media_type = [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    Ok((status, media_type, text).into_response())
}
