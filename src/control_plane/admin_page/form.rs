//! What a form brings: read once, bounded, and only with the token of its page.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use tokio::time::timeout;

use super::console::Console;
use super::refusal::Refusal;
use super::session::Visit;

/// The field that every form has.
const TOKEN: &str = "form_token";

/// Most bytes of a form.
const MOST: usize = 64 * 1024;

/// Most fields of one.
const MOST_FIELDS: usize = 256;

/// How long one may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The fields of a form that was made for whoever sends it.
#[derive(Debug)]
pub(super) struct Posted(Vec<(String, String)>);

impl Posted {
    /// What was typed into a field; nothing, if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.texts(name).next().unwrap_or_default().trim()
    }

    /// The same as it was typed.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.texts(name).next().unwrap_or_default()
    }

    /// Every value of a field, such as that of boxes which are ticked.
    pub(super) fn texts<'f, 'n>(
        &'f self,
        name: &'n str,
    ) -> impl Iterator<Item = &'f str> + use<'f, 'n> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequest<Console> for Posted {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Console) -> Result<Self, Refusal> {
        let visit = request.extensions().get::<Visit>().cloned().ok_or(Refusal::NotFound)?;
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        if !is_form {
            return Err(Refusal::NoForm);
        }
        let body = Limited::new(request.into_body(), MOST).collect();
        let body = timeout(PATIENCE, body).await.map_err(|_| Refusal::NoForm)?;
        let body = body.map_err(|_| Refusal::NoForm)?.to_bytes();
        let fields: Vec<(String, String)> = form_urlencoded::parse(&body)
            .take(MOST_FIELDS)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if fields.iter().any(|(_, value)| value.contains('\0')) {
            return Err(Refusal::NoForm);
        }
        let form = Self(fields);
        visit.gave(form.text(TOKEN))?;
        Ok(form)
    }
}
