//! The gate of a share: its password, then its terms.

use askama::Template;
use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::brand::Brand;
use super::frame::{Shows, rendered};
use super::guest::Guest;
use super::refusal::Refusal;
use crate::control_plane::account::SecretText;
use crate::control_plane::service::{ServiceError, SharePassword, ShareRefusal};
use crate::control_plane::words::Words;

/// What is asked of a visitor.
#[derive(Debug)]
pub(super) enum Asked {
    Password,
    Terms(Terms),
}

/// What is to be accepted.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) text: Box<str>,
    pub(super) digest: Box<str>,
}

#[derive(Template)]
#[template(path = "gate.html", config = "src/control_plane/share_page/askama.toml")]
struct GatePage<'g> {
    words: Words,
    brand: &'g Brand,
    title: String,
    address: &'g str,
    asked: Asked,
    refused: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
pub(super) struct Accepted {
    #[serde(default)]
    digest: String,
}

/// The gate, for whoever stands before it. Of the share nothing is said but that there is one.
pub(super) fn page(
    guest: &Guest,
    asked: Asked,
    status: StatusCode,
    refused: Option<String>,
) -> Result<Response, Refusal> {
    let words = guest.words;
    let title = match asked {
        Asked::Password => words.say("gate-heading"),
        Asked::Terms(_) => words.say("terms-heading"),
    };
    let brand = &guest.brand;
    let page = GatePage { words, brand, title, address: &guest.address, asked, refused };
    rendered(status, &page, Shows::default())
}

/// The terms of the share that a guest stands before.
pub(super) fn terms(guest: &Guest) -> Option<Asked> {
    let share = guest.access.share();
    let (text, digest) = (share.draft.terms.clone()?, share.terms_digest()?);
    Some(Asked::Terms(Terms { text, digest }))
}

/// Lets in whoever knows the password.
pub(super) async fn unlock(
    guest: Guest,
    form: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(Typed { password })) = form else { return Err(Refusal::Foreign) };
    if password.is_empty() {
        let text = guest.words.say("password-missing");
        return page(&guest, Asked::Password, StatusCode::BAD_REQUEST, Some(text));
    }
    let password = SharePassword::typed(&password);
    match guest.services.share_unlock(&guest.address, password, guest.client).await {
        Ok(session) => let_in(&guest, &session),
        Err(ServiceError::Share(
            refusal @ (ShareRefusal::WrongPassword | ShareRefusal::Throttled { .. }),
        )) => {
            let refusal = Refusal::from(refusal);
            let text = refusal.detail(guest.words, &guest.request_id);
            let mut response = page(&guest, Asked::Password, refusal.status(), Some(text))?;
            if let Refusal::TooMany(seconds) = refusal {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets in whoever accepts the terms.
pub(super) async fn accept(
    guest: Guest,
    form: Result<Form<Accepted>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(Accepted { digest })) = form else { return Err(Refusal::Foreign) };
    let (services, address) = (&guest.services, &guest.address);
    let accepted = services.share_accept_terms(address, guest.session(), &digest, guest.client);
    match accepted.await {
        Ok(session) => let_in(&guest, &session),
        // The text is another by now, or the password is: the page shows what is asked.
        Err(ServiceError::Share(ShareRefusal::Locked)) => to(&guest.path()),
        Err(error) => Err(error.into()),
    }
}

/// What the page's script says: that somebody looks at it.
pub(super) async fn viewed(guest: Guest) -> Result<StatusCode, Refusal> {
    guest.services.share_viewed(&guest.access, guest.client).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn let_in(guest: &Guest, session: &SecretText) -> Result<Response, Refusal> {
    let mut response = to(&guest.path())?;
    response.headers_mut().insert(SET_COOKIE, guest.keep(session)?);
    Ok(response)
}

/// To another page or a file, which is asked for by `GET`.
pub(super) fn to(address: &str) -> Result<Response, Refusal> {
    let place = HeaderValue::from_str(address).map_err(Refusal::failed)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response())
}
