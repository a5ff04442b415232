//! A form that brings a file beside its fields: read once, bounded, and only with the token of its page.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use multer::Multipart;
use tokio::time::timeout;

use super::console::Console;
use super::refusal::Refusal;
use super::session::Visit;

/// Most bytes of such a form.
const MOST: usize = 512 * 1024;

/// Most parts of one.
const MOST_PARTS: usize = 16;

/// How long one may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a form brought that was made for whoever sends it.
#[derive(Debug, Default)]
pub(super) struct PostedFile {
    /// What was typed into its fields.
    fields: Vec<(String, Bytes)>,
    /// The bytes of its file; nothing, where none was chosen.
    pub(super) bytes: Bytes,
}

impl PostedFile {
    /// What was typed into a field; nothing, if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(found, _)| found == name);
        field.and_then(|(_, value)| std::str::from_utf8(value).ok()).unwrap_or_default().trim()
    }

    async fn read(body: Bytes, boundary: String) -> Result<Self, multer::Error> {
        let mut parts = Multipart::new(Body::from(body).into_data_stream(), boundary);
        let mut form = Self::default();
        for _ in 0..MOST_PARTS {
            let Some(part) = parts.next_field().await? else { break };
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let bytes = part.bytes().await?;
            if is_file {
                form.bytes = bytes;
            } else {
                form.fields.push((name, bytes));
            }
        }
        Ok(form)
    }
}

impl FromRequest<Console> for PostedFile {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Console) -> Result<Self, Refusal> {
        let visit = request.extensions().get::<Visit>().cloned().ok_or(Refusal::NotFound)?;
        let kind = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let boundary = kind.and_then(|it| multer::parse_boundary(it).ok());
        let boundary = boundary.ok_or(Refusal::NoForm)?;
        let body = Limited::new(request.into_body(), MOST).collect();
        let body = timeout(PATIENCE, body).await.map_err(|_| Refusal::NoForm)?;
        let body = match body {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let detail = "The file is too large for this form.".to_owned();
                return Err(Refusal::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, detail });
            }
            Err(_) => return Err(Refusal::NoForm),
        };
        let form = Self::read(body, boundary).await.map_err(|_| Refusal::NoForm)?;
        visit.gave(form.text("form_token"))?;
        Ok(form)
    }
}
