//! A tenant's mail server.

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
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{MailSecurity, MailServer, MailServerDraft};
use crate::control_plane::service::{MailPassword, MailStep, MailTrial};
use crate::secret::Secret;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(mail_server_show, mail_server_set, mail_server_remove))
        .routes(routes!(mail_server_try))
}

/// A tenant's mail server. Its password is never shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailServer)]
struct MailServerBody {
    /// Its name, or its address.
    host: String,
    /// Its port.
    port: u16,
    /// How the way there is secured.
    #[schema(schema_with = wire_enum::mail_securities)]
    security: MailSecurity,
    /// Who logs in there.
    username: Option<String>,
    /// Is a password kept?
    has_password: bool,
    /// Where letters come from.
    from_address: String,
    /// What that is called.
    from_name: String,
    /// Where answers go; null: to where letters come from.
    reply_to: Option<String>,
    /// The language of letters where a share says none; null: English.
    language: Option<String>,
}

/// What a tenant's mail server is to be: all of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMailServer {
    /// Its name, or its address.
    host: String,
    /// Its port: 25, 465, 587, 2525, or another that the configuration allows.
    port: u16,
    /// How the way there is secured. `none` is for servers within the networks that the configuration
    /// names: others are not asked in the clear.
    #[schema(schema_with = wire_enum::mail_securities)]
    security: MailSecurity,
    /// Who logs in there; nobody does, unless it is said.
    username: Option<String>,
    /// Their password; without it the one that is kept stays, if the server is the same; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Patched<String>,
    /// Where letters come from.
    from_address: String,
    /// What that is called.
    #[serde(default)]
    from_name: String,
    /// Where answers go; to where letters come from, unless it is said.
    reply_to: Option<String>,
    /// The language of letters (BCP 47) where a share says none; English, unless it is said.
    language: Option<String>,
}

/// Whom a letter is to go to that tries the server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MailTrialOrder {
    /// Their mail address.
    to: String,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailTrial)]
struct MailTrialBody {
    /// Did the server take the letter?
    taken: bool,
    /// Where it stopped, if it did not.
    #[schema(schema_with = wire_enum::mail_steps)]
    stopped_at: Option<MailStep>,
    /// What the server answered, or what is wrong. Of what answers before a login its code alone is told.
    answer: String,
}

/// A tenant's mail server.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/mail", tag = "mail",
    params(("tenant" = String, Path, description = "The tenant's number")),
    responses(
        (status = 200, description = "The mail server", body = MailServerBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["settings.admin"]))
)]
async fn mail_server_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
) -> Result<Response, Problem> {
    let found = api.services.mail_server(&caller, tenant(&tenant_number)?).await?;
    Ok(shown(found))
}

/// Says which mail server a tenant has. The first one is put with `If-Match: *`, or `"r0"`.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/mail", tag = "mail",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is replaced, or `*`")
    ),
    request_body = NewMailServer,
    responses(
        (status = 200, description = "The mail server", body = MailServerBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["settings.admin"]))
)]
async fn mail_server_set(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    IfMatch(expected): IfMatch,
    Json(new): Json<NewMailServer>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let (draft, password) = new.said();
    let set = api.services.mail_server_set(&caller, tenant, expected, draft, password).await?;
    Ok(shown(set))
}

/// Removes a tenant's mail server. Letters that wait are sent by the next one, if that comes in time.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/mail", tag = "mail",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn mail_server_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    api.services.mail_server_remove(&caller, tenant(&tenant_number)?, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sends a letter to try the server, at once. What the server said is the answer, whether it took the
/// letter or not.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/mail/test", tag = "mail",
    params(("tenant" = String, Path, description = "The tenant's number")),
    request_body = MailTrialOrder,
    responses((status = 200, description = "What came of it", body = MailTrialBody), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn mail_server_try(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(order): Json<MailTrialOrder>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let MailTrial { stopped_at, answer } =
        api.services.mail_server_try(&caller, tenant, &order.to).await?;
    let body = MailTrialBody { taken: stopped_at.is_none(), stopped_at, answer: answer.into() };
    Ok(body::ok(&body))
}

impl NewMailServer {
    fn said(self) -> (MailServerDraft, MailPassword) {
        let Self {
            host,
            port,
            security,
            username,
            password,
            from_address,
            from_name,
            reply_to,
            language,
        } = self;
        let password = match password {
            Patched::Same => MailPassword::Kept,
            Patched::To(None) => MailPassword::Cleared,
            Patched::To(Some(text)) => MailPassword::Set(Secret::new(text)),
        };
        let draft = MailServerDraft {
            host: host.into(),
            port,
            security,
            username: username.map(Into::into),
            from_address: from_address.into(),
            from_name: from_name.into(),
            reply_to: reply_to.map(Into::into),
            language: language.map(Into::into),
        };
        (draft, password)
    }
}

fn shown(server: MailServer) -> Response {
    let MailServer { tenant: _, draft, password, revision } = server;
    let body = MailServerBody {
        host: draft.host.into(),
        port: draft.port,
        security: draft.security,
        username: draft.username.map(Into::into),
        has_password: password.is_some(),
        from_address: draft.from_address.into(),
        from_name: draft.from_name.into(),
        reply_to: draft.reply_to.map(Into::into),
        language: draft.language.map(Into::into),
    };
    tagged(revision, body::ok(&body))
}
