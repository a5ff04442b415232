//! Messages to webhooks: which there were, what came of each, and those that are delivered again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire_enum;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::cursor::{Listing, PageQuery, list_address};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id, webhook_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{
    AttemptFault, DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEvent, WebhookMessageId,
};
use crate::control_plane::service::WebhookMessage;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(webhook_test))
        .routes(routes!(webhook_message_list))
        .routes(routes!(webhook_message_show))
        .routes(routes!(webhook_message_redeliver))
        .routes(routes!(webhook_redeliver))
}

/// A message to a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookMessage)]
struct MessageBody {
    /// Its id: the header `webhook-id`, the same in each attempt.
    id: String,
    /// What is told.
    #[schema(schema_with = wire_enum::webhook_events)]
    r#type: WebhookEvent,
    /// What became of it.
    #[schema(schema_with = wire_enum::delivery_states)]
    state: DeliveryState,
    /// Attempts that were begun.
    attempts: u64,
    /// When it is tried next, if it is on its way.
    next_attempt_at: Option<Timestamp>,
    /// When it happened.
    created_at: Timestamp,
}

/// A message to a webhook, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WholeWebhookMessage)]
struct WholeMessage {
    #[serde(flatten)]
    message: MessageBody,
    /// The text that is sent and signed.
    body: String,
    /// The last attempts, the last first.
    log: Vec<AttemptBody>,
}

/// An attempt to deliver a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
struct AttemptBody {
    /// Which, from 1. One that is missing was cut off here.
    number: u64,
    /// When it was begun.
    at: Timestamp,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// The status of the answer; null where there was none.
    status: Option<u16>,
    /// Why there was none.
    #[schema(schema_with = wire_enum::attempt_faults)]
    fault: Option<&'static str>,
    /// The same for people.
    detail: Option<&'static str>,
}

/// Which messages.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct MessageQuery {
    /// Those of that state: `dead` are those that were given up.
    #[param(schema_with = wire_enum::delivery_states)]
    state: Option<DeliveryState>,
}

/// Which messages are to be delivered again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Redelivery {
    /// Those of that time and later that were given up.
    since: Timestamp,
}

/// How many messages are delivered again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookRedelivered)]
struct Redelivered {
    /// How many.
    messages: u64,
}

/// Tells a webhook that it is tried (`webhook.test`), whatever else it is told. What came of it stands at
/// the message in a moment.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}/test", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    responses((status = 202, description = "The message", body = MessageBody), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_test(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, webhook) = webhook_path(&tenant_number, &webhook)?;
    let told = api.services.webhook_test(&caller, tenant, &webhook).await?;
    Ok(body::answer(StatusCode::ACCEPTED, &wire(&told)))
}

/// Messages to a webhook, the newest first; they are known for 30 days.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}/messages", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"), MessageQuery, PageQuery
    ),
    responses((status = 200, description = "A page", body = Listing<MessageBody>), ReadRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_message_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook)): Segments<(String, String)>,
    Parameters(MessageQuery { state }): Parameters<MessageQuery>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (tenant, webhook) = webhook_path(&tenant_number, &webhook)?;
    let path = format!("/api/v1/tenants/{tenant}/webhooks/{webhook}/messages");
    let path = list_address(path, [("state", state.map(|it| it.wire_name().to_owned()))]);
    let page = api.page(&path, &query)?;
    let listed =
        api.services.webhook_delivery_list(&caller, tenant, &webhook, state, &page).await?;
    Ok(api.listing(&path, &query, listed, |delivery| wire(&delivery)))
}

/// A message to a webhook, with what came of it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}/messages/{message}", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"),
        ("message" = String, Path, description = "The message's id")
    ),
    responses((status = 200, description = "The message", body = WholeMessage), ReadRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_message_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook, message)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, webhook) = webhook_path(&tenant_number, &webhook)?;
    let message = id(&message, WebhookMessageId::parse)?;
    let found = api.services.webhook_message(&caller, tenant, &webhook, &message).await?;
    let WebhookMessage { delivery, attempts } = found;
    let log = attempts.iter().map(attempt).collect();
    let message = wire(&delivery);
    Ok(body::ok(&WholeMessage { message, body: delivery.body.into(), log }))
}

/// Delivers a message again, whatever became of it: the same text under the same id.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}/messages/{message}/redeliver",
    tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"),
        ("message" = String, Path, description = "The message's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    responses((status = 202, description = "The message", body = MessageBody), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_message_redeliver(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook, message)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, webhook) = webhook_path(&tenant_number, &webhook)?;
    let message = id(&message, WebhookMessageId::parse)?;
    let again = api.services.webhook_redeliver(&caller, tenant, &webhook, &message).await?;
    Ok(body::answer(StatusCode::ACCEPTED, &wire(&again)))
}

/// Delivers messages again that were given up, of a time and later: the oldest, as many as may wait.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/webhooks/{webhook}/redeliver", tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("webhook" = String, Path, description = "The webhook's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = Redelivery,
    responses((status = 202, description = "How many", body = Redelivered), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn webhook_redeliver(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, webhook)): Segments<(String, String)>,
    Json(Redelivery { since: Timestamp(since) }): Json<Redelivery>,
) -> Result<Response, Problem> {
    let (tenant, webhook) = webhook_path(&tenant_number, &webhook)?;
    let messages = api.services.webhook_redeliver_since(&caller, tenant, &webhook, since).await?;
    Ok(body::answer(StatusCode::ACCEPTED, &Redelivered { messages }))
}

fn wire(delivery: &WebhookDelivery) -> MessageBody {
    let WebhookDelivery {
        webhook: _,
        message,
        event,
        body: _,
        state,
        tries: _,
        attempts,
        due_at,
        created_at,
    } = delivery;
    MessageBody {
        id: message.to_string(),
        r#type: *event,
        state: *state,
        attempts: *attempts,
        next_attempt_at: due_at.map(Timestamp),
        created_at: Timestamp(*created_at),
    }
}

fn attempt(attempt: &WebhookAttempt) -> AttemptBody {
    let WebhookAttempt { number, at, duration_ms, status, fault } = attempt;
    AttemptBody {
        number: *number,
        at: Timestamp(*at),
        duration_ms: *duration_ms,
        status: *status,
        fault: fault.map(AttemptFault::wire_name),
        detail: fault.map(AttemptFault::meaning),
    }
}
