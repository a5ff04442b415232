//! Webhooks: where a tenant is told of what happens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::patch::Patched;
use super::wire_enum;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::idempotency::WithoutSecret;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, tenant, webhook_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Webhook, WebhookDraft, WebhookEvent, WebhookState};
use crate::control_plane::service::{NewWebhook, NewWebhookSecret};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(webhook_list, webhook_create))
        .routes(routes!(webhook_show, webhook_update, webhook_remove))
        .routes(routes!(webhook_secret_create))
}

/// Where a tenant is told of what happens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
struct WebhookBody {
    /// Its id.
    id: String,
    /// Where messages go.
    url: String,
    /// What is told; null: everything.
    #[schema(schema_with = events)]
    events: Option<Vec<WebhookEvent>>,
    /// What it is for.
    description: String,
    /// Is it told?
    enabled: bool,
    /// Why it was switched off by itself: `failing`, nothing arrived for five days; `gone`, its receiver
    /// answered 410. Null where nobody did, or somebody switched it off.
    stopped: Option<&'static str>,
    /// Since when nothing but failures came back.
    failing_since: Option<Timestamp>,
    /// Since when it exists.
    created_at: Timestamp,
}

/// A webhook that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = NewWebhookWithSecret)]
struct NewWebhookBody {
    #[serde(flatten)]
    webhook: WebhookBody,
    /// What its messages are signed with: seen this once.
    secret: Option<String>,
}

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhookDraft {
    /// Where messages are to go: `https://`, at the port 443 or 8443, on the public internet.
    url: String,
    /// What is to be told; everything, unless it is said.
    #[schema(schema_with = events)]
    events: Option<Vec<WebhookEvent>>,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Is it told? It is, unless it is said.
    enabled: Option<bool>,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookPatch {
    /// Another address.
    url: Option<String>,
    /// Something else that is told; null: everything.
    #[serde(default)]
    #[schema(schema_with = events)]
    events: Patched<Vec<WebhookEvent>>,
    /// Something else that it is for.
    description: Option<String>,
    /// Whether it is told. Of one that is switched off, what waits is given up.
    enabled: Option<bool>,
}

/// A secret that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = NewWebhookSecret)]
struct SecretBody {
    /// What messages are signed with from now on: seen this once.
    secret: Option<String>,
    /// Until when they are signed with the one before it as well.
    previous_expires_at: Timestamp,
}

/// A tenant's webhooks, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/webhooks", tag = "webhooks",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    responses((status = 200, description = "A page", body = Listing<WebhookBody>), ReadRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let list = format!("/api/v1/tenants/{tenant}/webhooks");
    let all = api.services.webhook_list(&caller, tenant).await?;
    api.listing_of_all(&list, &query, all, |webhook| webhook.id.to_string(), wire)
}

/// Makes a webhook, with a secret that signs its messages.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/webhooks", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once; a repetition shows no secret")
    ),
    request_body = NewWebhookDraft,
    responses(
        (status = 201, description = "The webhook", body = NewWebhookBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(NewWebhookDraft { url, events, description, enabled }): Json<NewWebhookDraft>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let state = state(enabled.unwrap_or(true));
    let draft = WebhookDraft { url: url.into(), events, description: description.into(), state };
    let NewWebhook { webhook, secret } =
        api.services.webhook_create(&caller, tenant, draft).await?;
    let revision = webhook.revision;
    // For this one answer.
    let secret = Some(secret.reveal().expose().clone());
    let mut shown = NewWebhookBody { webhook: wire(webhook), secret };
    let mut response = body::answer(StatusCode::CREATED, &shown);
    shown.secret = None;
    let kept = serde_json::to_string(&shown).unwrap_or_default();
    response.extensions_mut().insert(WithoutSecret(kept));
    Ok(tagged(revision, response))
}

/// A webhook.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id")
    ),
    responses(
        (status = 200, description = "The webhook", body = WebhookBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, id) = webhook_path(&tenant_number, &webhook)?;
    let found = api.services.webhook(&caller, tenant, &id).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Says something else about a webhook. One that was switched off by itself goes on when it is switched
/// on.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = WebhookPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The webhook", body = WebhookBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<WebhookPatch>,
) -> Result<Response, Problem> {
    let (tenant, id) = webhook_path(&tenant_number, &webhook)?;
    let now = api.services.webhook(&caller, tenant, &id).await?;
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let draft = patch.over(now.draft);
    let made = api.services.webhook_replace(&caller, tenant, &id, seen, draft).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Removes a webhook, with the messages that wait for it.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, id) = webhook_path(&tenant_number, &webhook)?;
    api.services.webhook_remove(&caller, tenant, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Gives a webhook another secret. Messages are signed with both for a day, so that a receiver may
/// change in its own time.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}/secrets", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once; a repetition shows no secret")
    ),
    responses((status = 201, description = "The secret", body = SecretBody), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_secret_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, id) = webhook_path(&tenant_number, &webhook)?;
    let made = api.services.webhook_secret_create(&caller, tenant, &id).await?;
    let NewWebhookSecret { secret, previous_until } = made;
    let previous_expires_at = Timestamp(previous_until);
    // For this one answer.
    let secret = Some(secret.reveal().expose().clone());
    let mut shown = SecretBody { secret, previous_expires_at };
    let mut response = body::answer(StatusCode::CREATED, &shown);
    shown.secret = None;
    let kept = serde_json::to_string(&shown).unwrap_or_default();
    response.extensions_mut().insert(WithoutSecret(kept));
    Ok(response)
}

impl WebhookPatch {
    fn over(self, now: WebhookDraft) -> WebhookDraft {
        let Self { url, events, description, enabled } = self;
        // Whatever switched it off: it is not switched on by something else that is said.
        let state = match enabled {
            Some(enabled) if enabled != (now.state == WebhookState::Enabled) => state(enabled),
            Some(_) | None => now.state,
        };
        WebhookDraft {
            url: url.map_or(now.url, Into::into),
            events: events.or(now.events),
            description: description.map_or(now.description, Into::into),
            state,
        }
    }
}

fn state(enabled: bool) -> WebhookState {
    if enabled { WebhookState::Enabled } else { WebhookState::Disabled }
}

/// A list of names, or null.
fn events() -> utoipa::openapi::schema::Schema {
    wire_enum::list_or_null(wire_enum::webhook_events())
}

fn wire(webhook: Webhook) -> WebhookBody {
    let Webhook { id, tenant: _, draft, failing_since, created_at, revision: _ } = webhook;
    let WebhookDraft { url, events, description, state } = draft;
    WebhookBody {
        id: id.to_string(),
        url: url.into(),
        events,
        description: description.into(),
        enabled: state == WebhookState::Enabled,
        stopped: match state {
            WebhookState::Disabled | WebhookState::Enabled => None,
            WebhookState::Failing | WebhookState::Gone => Some(state.wire_name()),
        },
        failing_since: failing_since.map(Timestamp),
        created_at: Timestamp(created_at),
    }
}
