//! What is saved of a share. Pressing the button begins a download, which is what its limit counts; the
//! bytes come by `GET`, as often as a browser asks to get them whole.

use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Request};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::gate::to;
use super::guest::Guest;
use super::refusal::Refusal;
use crate::control_plane::record::ArchivePlanId;
use crate::control_plane::service::{ArchiveAsk, ShareArchiveOrder, ShareForm};

#[derive(Deserialize)]
pub(super) struct One {
    file: u64,
}

/// Begins a download of one file, and goes to it.
pub(super) async fn one(
    guest: Guest,
    Path((_, item)): Path<(String, u64)>,
    form: Result<Form<One>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(One { file })) = form else { return Err(Refusal::Missing) };
    let ticket = guest.services.share_ticket(&guest.access, item, file, guest.client).await?;
    to(&ticket.url)
}

/// Begins a download of several items, and goes to it.
pub(super) async fn several(
    guest: Guest,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(fields)) = form else { return Err(Refusal::Missing) };
    let one = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, it)| &**it);
    let form = match one("as") {
        Some("frames") => ShareForm::Frames,
        Some("original") => ShareForm::Original,
        Some(_) | None => ShareForm::Default,
    };
    let mut items = Vec::new();
    if one("what") != Some("all") {
        for (_, number) in fields.iter().filter(|(name, _)| name == "item") {
            items.push(number.parse().map_err(|_| Refusal::Missing)?);
        }
        if items.is_empty() {
            return Err(Refusal::Not(StatusCode::BAD_REQUEST, "nothing-selected"));
        }
    }
    let order = ShareArchiveOrder { items, form };
    let id = guest.services.share_archive(&guest.access, &order, guest.client).await?;
    to(&format!("{}/archive/{id}", guest.path()))
}

/// Hands an archive over, or the part that is asked for.
pub(super) async fn archive(
    guest: Guest,
    Path((_, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let id = ArchivePlanId::parse(&id).ok_or(Refusal::Missing)?;
    let title = &guest.access.share().draft.title;
    let ask = ArchiveAsk {
        name: &format!("{title}.zip"),
        method: request.method(),
        headers: request.headers(),
        request_id: &guest.request_id,
    };
    let (services, access) = (&guest.services, &guest.access);
    let response = services.share_archive_hand_over(access, &id, ask, guest.client).await?;
    Ok(response.map(Body::new))
}
