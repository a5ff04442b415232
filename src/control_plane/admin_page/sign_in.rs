//! Coming in and going out.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE};
use axum::response::Response;

use super::console::Console;
use super::form::Posted;
use super::query::Query;
use super::refusal::{Refusal, redirect};
use super::session::{Visit, forget, form_token, keep};
use super::shell::{Notice, Shell, rendered};
use crate::control_plane::account::{AccountError, SecretKind, SecretText};
use crate::secret::Secret;

/// Where one comes in.
const START: &str = "/console/";

/// Longest user name and password that are looked at, in bytes.
const LONGEST: usize = 1_024;

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/control_plane/admin_page/askama.toml")]
struct SignInPage {
    shell: Shell,
    username: String,
    next: String,
}

/// The form. Whoever is signed in already has no need of it.
pub(super) async fn show(visit: Visit, query: Query) -> Result<Response, Refusal> {
    let next = query.text("next");
    if visit.signed_in.is_some() {
        return Ok(redirect(own_path(next)));
    }
    let notice = match query.text("said") {
        "signed-out" => Notice::Done("You are signed out."),
        _ => Notice::None,
    };
    form(&visit, String::new(), next, StatusCode::OK, notice)
}

/// Signs in, and goes where one wanted to.
pub(super) async fn sign_in(
    State(console): State<Console>,
    visit: Visit,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (username, password, next) =
        (posted.text("username"), posted.raw("password"), posted.text("next"));
    let again = |status, notice: String| {
        form(&visit, username.to_owned(), next, status, Notice::Refused(notice))
    };
    if username.is_empty() || password.is_empty() {
        let detail = "Both the user name and the password are needed.";
        return again(StatusCode::BAD_REQUEST, detail.to_owned());
    }
    if username.len() > LONGEST || password.len() > LONGEST {
        return again(StatusCode::BAD_REQUEST, Refusal::from(AccountError::NotValid).detail());
    }
    let address = visit.arrival.address;
    let password = Secret::new(password.to_owned());
    match console.accounts().sign_in(username, password, address).await {
        Ok(session) => {
            // Whoever was signed in with this browser is so no more.
            end(&console, &visit).await?;
            let mut response = redirect(own_path(next));
            set(&mut response, keep(&session.token, visit.arrival.transport));
            Ok(response)
        }
        Err(error @ (AccountError::NotValid | AccountError::Throttled { .. })) => {
            let refusal = Refusal::from(error);
            again(refusal.status(), refusal.detail())
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends the session.
pub(super) async fn sign_out(
    State(console): State<Console>,
    visit: Visit,
    _: Posted,
) -> Result<Response, Refusal> {
    end(&console, &visit).await?;
    let mut response = redirect("/console/login?said=signed-out");
    set(&mut response, forget(visit.arrival.transport));
    Ok(response)
}

async fn end(console: &Console, visit: &Visit) -> Result<(), Refusal> {
    let (Some(_), Some(kept)) = (&visit.signed_in, &visit.kept) else { return Ok(()) };
    match console.accounts().sign_out(kept.token(), visit.arrival.address).await {
        Ok(()) | Err(AccountError::NotValid) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn form(
    visit: &Visit,
    username: String,
    next: &str,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let mut shell = Shell::of_visit(visit, "Sign in").saying(notice);
    let next = own_path(next).to_owned();
    let given = match &visit.kept {
        Some(_) => None,
        // A form needs something that its browser keeps.
        None => Some(SecretText::random(SecretKind::Console).map_err(AccountError::from)?),
    };
    if let Some(secret) = &given {
        shell.form_token = form_token(secret.reveal());
    }
    let mut response = rendered(status, &SignInPage { shell, username, next })?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set(&mut response, given.and_then(|secret| keep(&secret, visit.arrival.transport)));
    Ok(response)
}

fn set(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

/// The path, if it is one of this console's pages; else where one comes in. What a browser could
/// read as another host's address is none.
pub(super) fn own_path(next: &str) -> &str {
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let path = next.split(['?', '#']).next().unwrap_or_default();
    // As browsers read them, `%2e` as well (URL Standard, section 4.4).
    let leads_out = path.split('/').any(|segment| {
        let segment = segment.replace("%2e", ".").replace("%2E", ".");
        segment == "." || segment == ".."
    });
    let is_sign_in = next.starts_with("/console/login") || next.starts_with("/console/logout");
    if next.starts_with(START) && is_plain && !leads_out && !is_sign_in { next } else { START }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_on_to_pages_of_the_console_only() {
        for own in ["/console/", "/console/tenants/1/contents?title=a%20b/../c&after=x"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in [
            "",
            "/",
            "/docs",
            "//evil.example/console/",
            "/\\evil.example",
            "https://evil.example/console/",
            "/console/\r\nSet-Cookie: a=b",
            "/console/\\\\evil.example",
            "/console",
            "console/",
            "/console/login?next=/console/login",
            "/console/../dl/connector/page",
            "/console/tenants/%2E%2e/.%2e/dl/connector/page?a=b",
            "/console/./login",
        ] {
            assert_eq!(own_path(foreign), START, "{foreign}");
        }
    }
}
