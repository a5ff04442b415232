//! Letters: which there are, and another one to a recipient of a share.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire_enum;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::cursor::{Listing, PageQuery, list_address};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, ShareRefusals};
use crate::control_plane::api::segment::{
    Parameters, Segments, id, number, share_path, tenant, without_nul,
};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Letter, LetterKind, LetterState, ShareId};
use crate::control_plane::service::LetterFilter;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(letter_list)).routes(routes!(share_invitation_send))
}

/// A letter about a share.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Letter)]
struct LetterBody {
    /// Its id, which its `Message-ID` begins with.
    id: String,
    /// The share that it is about.
    share: String,
    /// The share's recipient that it is to, by number; null: whoever made the share.
    recipient: Option<u64>,
    /// What it is about.
    #[schema(schema_with = wire_enum::letter_kinds)]
    kind: LetterKind,
    /// Where it goes.
    to: String,
    /// What became of it.
    #[schema(schema_with = wire_enum::letter_states)]
    state: LetterState,
    /// How often it was begun to be sent.
    attempts: u64,
    /// What the server answered last, or what was wrong.
    answer: Option<String>,
    /// Since when it exists.
    created_at: Timestamp,
    /// When it is sent, or tried again; null: nothing is to be done any more.
    due_at: Option<Timestamp>,
    /// Since when nothing is to be done any more.
    ended_at: Option<Timestamp>,
}

/// Which letters.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LetterQuery {
    /// Those of which this became.
    #[param(schema_with = wire_enum::letter_states)]
    state: Option<LetterState>,
    /// Those about a share, by its id.
    share: Option<String>,
}

/// A tenant's letters, the newest first. What became of one is known for 30 days.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/mail/outbox", tag = "mail",
    params(
        ("tenant" = String, Path, description = "The tenant's number"), PageQuery, LetterQuery
    ),
    responses((status = 200, description = "A page", body = Listing<LetterBody>), ReadRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn letter_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
    Parameters(which): Parameters<LetterQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let LetterQuery { state, share } = which;
    without_nul([("share", share.as_deref()), ("", None)])?;
    let parameters =
        [("state", state.map(|it| it.wire_name().to_owned())), ("share", share.clone())];
    let path = list_address(format!("/api/v1/tenants/{tenant}/mail/outbox"), parameters);
    let share = share.map(|text| {
        ShareId::parse(&text).ok_or_else(|| Problem::invalid("", "share is no share's id"))
    });
    let filter = LetterFilter { state, share: share.transpose()? };
    let page = api.page(&path, &query)?;
    let listed = api.services.letter_list(&caller, tenant, &filter, &page).await?;
    Ok(api.listing(&path, &query, listed, wire))
}

/// Sends a recipient of a share another letter with their own link. One that waits to be sent is given
/// instead.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/shares/{share}/recipients/{recipient}/mail",
    tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"),
        ("recipient" = String, Path, description = "The recipient's number")
    ),
    responses(
        (status = 202, description = "The letter, which waits", body = LetterBody), ShareRefusals
    ),
    security(("bearer" = ["shares.write"]))
)]
async fn share_invitation_send(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share, recipient)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let recipient = id(&recipient, number)?;
    let letter = api.services.share_invitation_send(&caller, tenant, &share, recipient).await?;
    Ok(body::answer(StatusCode::ACCEPTED, &wire(letter)))
}

fn wire(letter: Letter) -> LetterBody {
    let Letter {
        id,
        tenant: _,
        share,
        recipient,
        kind,
        address,
        about: _,
        author: _,
        detail: _,
        state,
        attempts,
        created_at,
        due_at,
        ended_at,
        answer,
    } = letter;
    LetterBody {
        id: id.to_string(),
        share: share.to_string(),
        recipient,
        kind,
        to: address.into(),
        state,
        attempts,
        answer: answer.map(Into::into),
        created_at: Timestamp(created_at),
        due_at: due_at.map(Timestamp),
        ended_at: ended_at.map(Timestamp),
    }
}
