//! Who is signed in: the cookie, and the token of a form that comes of it.
//!
//! The browser keeps one secret. Before anybody signs in it is a number that nobody kept; signing in
//! puts a session's token in its place. A form's token is a hash of whichever it is, so that only
//! pages which this browser was given have it.

use axum::extract::FromRequestParts;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

use super::arrival::Arrival;
use super::console::Console;
use super::refusal::Refusal;
use crate::control_plane::account::{BROWSER_SESSION, SecretText, SignedIn};
use crate::control_plane::browser::Transport;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Scope, SecretHash};
use crate::secret::Secret;

/// The cookie over TLS: a browser takes one of this name only from this host, and only so secured
/// (RFC 6265bis section 4.1.3.2).
const SECURED: &str = "__Host-countersign_console";

/// The cookie over plain HTTP: on loopback, most likely.
const PLAIN: &str = "countersign_console";

/// Longest value of the cookie that is looked at.
const LONGEST: usize = 128;

/// A request to the console, as far as it is known before its page is.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) arrival: Arrival,
    /// What was asked for.
    pub(super) asked: Box<str>,
    /// What the browser keeps.
    pub(super) kept: Option<Kept>,
    pub(super) signed_in: Option<SignedIn>,
}

/// The secret that a browser keeps.
#[derive(Debug)]
pub(super) struct Kept(Secret<String>);

/// Somebody who is signed in. A page that takes this cannot be reached by anybody else.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) caller: Caller,
    pub(super) username: Box<str>,
    pub(super) form_token: Box<str>,
}

impl Kept {
    /// What the browser shows.
    pub(super) fn of(headers: &HeaderMap, transport: Transport) -> Option<Self> {
        let name = cookie_name(transport);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
        let (_, value) = pairs.find(|(found, _)| found.trim() == name)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let value = value.trim();
        let is_ours = (1..=LONGEST).contains(&value.len()) && value.bytes().all(fits);
        is_ours.then(|| Self(Secret::new(value.to_owned())))
    }

    /// The token, for whoever looks it up.
    pub(super) fn token(&self) -> &str {
        self.0.expose()
    }

    /// What forms bring that are of this browser's pages.
    pub(super) fn form_token(&self) -> Box<str> {
        form_token(self.0.expose())
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self(Secret::new(self.0.expose().clone()))
    }
}

impl Visit {
    /// Is that the token of a form of this browser's?
    pub(super) fn gave(&self, token: &str) -> Result<(), Refusal> {
        let own = self.kept.as_ref().map(|kept| Secret::new(kept.form_token().into_string()));
        if own == Some(Secret::new(token.to_owned())) { Ok(()) } else { Err(Refusal::FormExpired) }
    }
}

impl Session {
    /// May they do that? For what a page offers; services ask again.
    pub(super) fn has(&self, scope: Scope) -> bool {
        self.caller.scopes().contains(scope)
    }
}

impl FromRequestParts<Console> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or(Refusal::NotFound)
    }
}

impl FromRequestParts<Console> for Session {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Refusal> {
        let Visit { kept, signed_in, asked, arrival: _ } =
            Visit::from_request_parts(parts, console).await?;
        let (Some(kept), Some(SignedIn { caller, username })) = (kept, signed_in) else {
            return Err(Refusal::SignedOut { asked: asked.into() });
        };
        Ok(Self { caller, username, form_token: kept.form_token() })
    }
}

/// What forms bring that are of a page made for whoever keeps that secret. The secret is 256 bits of
/// chance: a hash of it tells nothing of it, and is not the hash that is stored.
pub(super) fn form_token(secret: &str) -> Box<str> {
    SecretHash::of(&format!("countersign-console-form-1\n{secret}")).as_str().into()
}

/// Has the browser keep that secret.
pub(super) fn keep(secret: &SecretText, transport: Transport) -> Option<HeaderValue> {
    set_cookie(secret.reveal(), BROWSER_SESSION, transport)
}

/// Has the browser forget it.
pub(super) fn forget(transport: Transport) -> Option<HeaderValue> {
    set_cookie("", 0, transport)
}

/// Lax, not strict: an address of the console that somebody follows from a letter finds them signed
/// in; what changes something never comes from elsewhere (`frame`).
fn set_cookie(value: &str, seconds: u64, transport: Transport) -> Option<HeaderValue> {
    let name = cookie_name(transport);
    let secured = match transport {
        Transport::Plain => "",
        Transport::Secured => "; Secure",
    };
    let line =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secured}");
    let mut line = HeaderValue::from_str(&line).ok()?;
    line.set_sensitive(true);
    Some(line)
}

fn cookie_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Plain => PLAIN,
        Transport::Secured => SECURED,
    }
}
