//! What is of a share: its items, its recipients and its history.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::patch::Patched;
use super::share_body::{
    EventBody, ItemBody, RecipientBody, RecipientPatch, event, item, recipient,
};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id, number, share_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{Scope, ShareRecipient};
use crate::control_plane::service::ServiceError;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(share_item_list))
        .routes(routes!(share_item_remove))
        .routes(routes!(share_recipient_list))
        .routes(routes!(share_recipient_update, share_recipient_revoke))
        .routes(routes!(share_event_list))
}

/// What is left in a share, in its order.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/shares/{share}/items", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"), PageQuery
    ),
    responses((status = 200, description = "A page", body = Listing<ItemBody>), ReadRefusals),
    security(("bearer" = ["shares.write"]), ("bearer" = ["audit.read"]))
)]
async fn share_item_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let path = format!("/api/v1/tenants/{tenant}/shares/{share}/items");
    let page = api.page(&path, &query)?;
    let listed = api.services.share_item_list(&caller, tenant, &share, &page).await?;
    Ok(api.listing(&path, &query, listed, item))
}

/// Takes an item out of a share: links to it that were handed out are closed at every edge within a
/// second.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/shares/{share}/items/{item}", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"),
        ("item" = String, Path, description = "The item's number")
    ),
    responses((status = 204, description = "It is not in it any more"), WriteRefusals),
    security(("bearer" = ["shares.write"]))
)]
async fn share_item_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share, item)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let item = id(&item, number)?;
    api.services.share_item_remove(&caller, tenant, &share, item).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who has an address of their own, by number.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/shares/{share}/recipients", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"), PageQuery
    ),
    responses((status = 200, description = "A page", body = Listing<RecipientBody>), ReadRefusals),
    security(("bearer" = ["shares.write"]), ("bearer" = ["audit.read"]))
)]
async fn share_recipient_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let path = format!("/api/v1/tenants/{tenant}/shares/{share}/recipients");
    let of = api.services.share(&caller, tenant, &share).await?;
    let all = api.services.share_recipient_list(&caller, tenant, &share).await?;
    let keys = api.services.share_keys(&caller).await?;
    let body = |it: ShareRecipient| {
        let url = api.services.share_url_for(&keys, &of, &it.address);
        recipient(it, url)
    };
    api.listing_of_all(&path, &query, all, |it| it.number, body)
}

/// Moves the end of a recipient's address, either way, and never past the share's own; one that is past
/// opens again. With an earlier one, links that were handed out there are closed at every edge within a
/// second.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/shares/{share}/recipients/{recipient}", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"),
        ("recipient" = String, Path, description = "The recipient's number")
    ),
    request_body(content = RecipientPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The recipient", body = RecipientBody), WriteRefusals),
    security(("bearer" = ["shares.write"]))
)]
async fn share_recipient_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share, recipient_number)): Segments<(String, String, String)>,
    Json(patch): Json<RecipientPatch>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let number = id(&recipient_number, number)?;
    caller.require(Scope::SharesWrite).map_err(ServiceError::from)?;
    let services = &api.services;
    let of = services.share(&caller, tenant, &share).await?;
    let now = match patch.expires_at {
        Patched::To(to) => {
            let to = to.map(|it| it.0);
            services.share_recipient_move(&caller, tenant, &share, number, to).await?
        }
        Patched::Same => {
            let all = services.share_recipient_list(&caller, tenant, &share).await?;
            let found = all.into_iter().find(|it| it.number == number);
            found.ok_or(ServiceError::NotFound)?
        }
    };
    let keys = services.share_keys(&caller).await?;
    let url = services.share_url_for(&keys, &of, &now.address);
    Ok(body::answer(StatusCode::OK, &recipient(now, url)))
}

/// Closes a recipient's address: links that were handed out there are closed at every edge within a
/// second. One that is closed stays so.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/shares/{share}/recipients/{recipient}", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"),
        ("recipient" = String, Path, description = "The recipient's number")
    ),
    responses((status = 204, description = "It opens nothing any more"), WriteRefusals),
    security(("bearer" = ["shares.write"]))
)]
async fn share_recipient_revoke(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share, recipient)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let recipient = id(&recipient, number)?;
    api.services.share_recipient_revoke(&caller, tenant, &share, recipient).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What happened to a share and on its page, the latest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/shares/{share}/history", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"), PageQuery
    ),
    responses((status = 200, description = "A page", body = Listing<EventBody>), ReadRefusals),
    security(("bearer" = ["shares.write"]), ("bearer" = ["audit.read"]))
)]
async fn share_event_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let path = format!("/api/v1/tenants/{tenant}/shares/{share}/history");
    let page = api.page(&path, &query)?;
    let listed = api.services.share_event_list(&caller, tenant, &share, &page).await?;
    Ok(api.listing(&path, &query, listed, event))
}
