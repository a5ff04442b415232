//! The vendor's login: five minutes of access, an hour in which it can be renewed.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::account::Session;
use crate::control_plane::api::body::{self, LooseJson};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{LoginRefusals, RefreshRefusals};
use crate::control_plane::api::segment::{Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::network::ClientIp;
use crate::secret::Secret;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(refresh_for))
        .routes(routes!(refresh))
}

/// Where the call comes from; nobody is known yet.
struct From(Option<ClientIp>);

impl FromRequestParts<Api> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        Ok(Self(api.client_address(parts)))
    }
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct Login {
    /// The name.
    username: String,
    /// The password.
    password: String,
}

/// The token with which a session is renewed, once.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the field by name")]
struct Refresh {
    /// The token.
    refresh_token: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SessionBody {
    /// For calls; five minutes.
    access_token: String,
    /// For `/v1/vms/auth/refresh/{videoManagerId}`; an hour, once.
    refresh_token: String,
    /// Which video managers the session reaches.
    video_manager_list: Vec<ReachedTenant>,
    /// The one it is bound to; null reaches every one.
    valid_for_video_manager: Option<u64>,
}

/// A VideoManager: a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = VideoManager)]
struct ReachedTenant {
    /// Its number.
    id: u64,
    /// Its name.
    name: String,
}

/// Begins a session.
#[utoipa::path(
    post, path = "/v1/vms/auth/login", tag = "login", request_body = Login,
    responses((status = 200, description = "A session", body = SessionBody), LoginRefusals),
    security(())
)]
async fn login(
    State(api): State<Api>,
    From(address): From,
    LooseJson(body): LooseJson,
) -> Result<Response, Problem> {
    let username = field(body.as_ref(), "username")?;
    let password = Secret::new(field(body.as_ref(), "password")?);
    let session = api.accounts.login(&username, password, address).await?;
    answer(&api, &session).await
}

/// Renews a session for one VideoManager that it reaches; the token is spent.
#[utoipa::path(
    post, path = "/v1/vms/auth/refresh/{videoManagerId}", tag = "login", request_body = Refresh,
    params(("videoManagerId" = String, Path, description = "The VideoManager's number")),
    responses((status = 200, description = "A session", body = SessionBody), RefreshRefusals),
    security(())
)]
async fn refresh_for(
    State(api): State<Api>,
    From(address): From,
    Segments(manager): Segments<String>,
    LooseJson(body): LooseJson,
) -> Result<Response, Problem> {
    let tenant = tenant(&manager)?;
    let token = Secret::new(field(body.as_ref(), "refreshToken")?);
    let session = api.accounts.refresh(token.expose(), Some(tenant), address).await?;
    answer(&api, &session).await
}

/// Renews a session for all that it reaches; the token is spent. An extension of the vendor's API.
#[utoipa::path(
    post, path = "/v1/vms/auth/refresh", tag = "login", request_body = Refresh,
    responses((status = 200, description = "A session", body = SessionBody), LoginRefusals),
    security(())
)]
async fn refresh(
    State(api): State<Api>,
    From(address): From,
    LooseJson(body): LooseJson,
) -> Result<Response, Problem> {
    let token = Secret::new(field(body.as_ref(), "refreshToken")?);
    let session = api.accounts.refresh(token.expose(), None, address).await?;
    answer(&api, &session).await
}

fn field(body: Option<&Value>, name: &'static str) -> Result<String, Problem> {
    let text = body.and_then(|body| body.get(name)).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| Problem::invalid(format!("/{name}"), "a text is needed"))
}

async fn answer(api: &Api, session: &Session) -> Result<Response, Problem> {
    let tenants = api.accounts.tenants(session).await?;
    let managers = tenants
        .into_iter()
        .map(|tenant| ReachedTenant { id: tenant.number.0, name: tenant.name.into() });
    Ok(body::ok(&SessionBody {
        access_token: session.access.reveal().to_owned(),
        refresh_token: session.refresh.reveal().to_owned(),
        video_manager_list: managers.collect(),
        valid_for_video_manager: session.tenant.map(|tenant| tenant.0),
    }))
}
