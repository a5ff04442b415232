//! Logins of applications and people, and whether a session is in force.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::ThronCaller;
use super::form::Fields;
use super::spelling::Spelling;
use crate::asset::TenantId;
use crate::control_plane::account::ClientCredentials;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::ThronRefusals;
use crate::control_plane::api::segment::Segments;
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::caller::Caller;
use crate::control_plane::service::ServiceError;
use crate::secret::Secret;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(login_app))
        .routes(routes!(login_app_by_query))
        .routes(routes!(login))
        .routes(routes!(validate_token, validate_token_by_query))
}

/// An application and its key.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields by name")]
struct AppLogin {
    /// The application's id.
    app_id: String,
    /// One of its secrets. The vendor has applications that need none; here each does.
    app_key: String,
}

/// Whose the token shall be.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document shows it; the handler takes the field by name")]
struct TokenQuestion {
    /// The holder's name; whosever it is, where it is missing.
    username: Option<String>,
}

/// An application's session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MResponseAppDetail)]
struct AppSession {
    /// `OK`.
    result_code: &'static str,
    /// `OK`.
    sso_code: &'static str,
    /// The application.
    app: AppBody,
    /// For further calls, as `X-TOKENID`: an hour from the last of them.
    app_user_token_id: String,
}

/// An application, as far as it has what the vendor's have.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MApp)]
struct AppBody {
    /// Its id.
    id: String,
    /// Its name.
    display_name: String,
    /// `CUSTOM`.
    app_type: &'static str,
    /// May it log in?
    active: bool,
    /// Since when it exists.
    creation_date: Timestamp,
}

/// A person's session, or what is known of one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MResponseAccessLogin)]
struct SessionBody {
    /// `OK`.
    result_code: &'static str,
    /// `OK`.
    sso_code: &'static str,
    /// For further calls, as `X-TOKENID`: an hour from the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<String>,
    /// The holder's name.
    username: String,
}

/// Begins an application's session (`JApps.loginApp`).
#[utoipa::path(
    post, path = "/api/xadmin/resources/apps/loginApp/{clientId}", tag = "login",
    params(("clientId" = String, Path, description = "The tenant, by name or number")),
    request_body(content = AppLogin, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A session", body = AppSession), ThronRefusals),
    security(())
)]
async fn login_app(
    State(api): State<Api>,
    Segments(client): Segments<String>,
    spelling: Spelling,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let form = Fields::of_body(Request::from_parts(parts.clone(), body)).await?;
    application_session(&api, &parts, spelling, &client, &form).await
}

/// The same, as older clients ask: `clientId` and `appId` in the query.
#[utoipa::path(
    post, path = "/api/xadmin/resources/apps/loginApp", tag = "login",
    params(
        ("clientId" = String, Query, description = "The tenant, by name or number"),
        ("appId" = Option<String>, Query, description = "The application's id; or in the form")
    ),
    request_body(content = AppLogin, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A session", body = AppSession), ThronRefusals),
    security(())
)]
async fn login_app_by_query(
    State(api): State<Api>,
    spelling: Spelling,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let form = Fields::of_body(Request::from_parts(parts.clone(), body)).await?;
    let query = Fields::of_query(parts.uri.query())?;
    let client = query.need("clientId")?.to_owned();
    application_session(&api, &parts, spelling, &client, &form).await
}

async fn application_session(
    api: &Api,
    parts: &Parts,
    spelling: Spelling,
    client: &str,
    form: &Fields,
) -> Result<Response, Problem> {
    let query = Fields::of_query(parts.uri.query())?;
    let id = match form.get("appId")? {
        Some(id) => id,
        None => query.need("appId")?,
    };
    // A secret is taken from a form alone: addresses are kept by everybody.
    let secret = form.get("appKey")?.unwrap_or_default();
    let credentials =
        ClientCredentials { id: id.to_owned(), secret: Secret::new(secret.to_owned()) };
    let tenant = tenant(api, client).await?;
    let address = api.client_address(parts);
    let (session, application) =
        api.accounts.sliding_login_of_application(tenant, credentials, address).await?;
    let body = AppSession {
        result_code: "OK",
        sso_code: "OK",
        app: AppBody {
            id: application.id.to_string(),
            display_name: application.name.into(),
            app_type: "CUSTOM",
            active: application.disabled_at.is_none(),
            creation_date: Timestamp(application.created_at),
        },
        app_user_token_id: session.token.reveal().to_owned(),
    };
    Ok(spelling.answer(StatusCode::OK, "MResponseAppDetail", &body))
}

/// Begins a person's session: their name and password are in the headers `username` and `password`.
#[utoipa::path(
    post, path = "/api/xsso/resources/accessmanager/login/{clientId}", tag = "login",
    params(
        ("clientId" = String, Path, description = "The tenant, by name or number"),
        ("username" = String, Header, description = "The name"),
        ("password" = String, Header, description = "The password")
    ),
    responses((status = 200, description = "A session", body = SessionBody), ThronRefusals),
    security(())
)]
async fn login(
    State(api): State<Api>,
    Segments(client): Segments<String>,
    spelling: Spelling,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let username = header(&parts.headers, "username")?;
    let password = Secret::new(header(&parts.headers, "password")?);
    let tenant = tenant(&api, &client).await?;
    let address = api.client_address(&parts);
    let session = api.accounts.sliding_login(tenant, &username, password, address).await?;
    let body = SessionBody {
        result_code: "OK",
        sso_code: "OK",
        token_id: Some(session.token.reveal().to_owned()),
        username: session.name.into(),
    };
    Ok(spelling.answer(StatusCode::OK, "MResponseLogin", &body))
}

/// Is the session in force, and this person's? It lives on by being asked.
#[utoipa::path(
    post, path = "/api/xsso/resources/accessmanager/validateToken/{clientId}", tag = "login",
    params(("clientId" = String, Path, description = "The tenant, by name or number")),
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "It is", body = SessionBody), ThronRefusals),
    security(("session" = []))
)]
async fn validate_token(
    State(api): State<Api>,
    Segments(client): Segments<String>,
    caller: ThronCaller,
    spelling: Spelling,
    request: Request,
) -> Result<Response, Problem> {
    let form = Fields::of_body(request).await?;
    validated(&api, caller, &client, form.get("username")?, spelling).await
}

/// The same, as browsers ask.
#[utoipa::path(
    get, path = "/api/xsso/resources/accessmanager/validateToken/{clientId}", tag = "login",
    params(
        ("clientId" = String, Path, description = "The tenant, by name or number"),
        ("username" = Option<String>, Query, description = "The holder's name")
    ),
    responses((status = 200, description = "It is", body = SessionBody), ThronRefusals),
    security(("session" = []))
)]
async fn validate_token_by_query(
    State(api): State<Api>,
    Segments(client): Segments<String>,
    caller: ThronCaller,
    spelling: Spelling,
    request: Request,
) -> Result<Response, Problem> {
    let query = Fields::of_query(request.uri().query())?;
    validated(&api, caller, &client, query.get("username")?, spelling).await
}

async fn validated(
    api: &Api,
    ThronCaller { caller, name }: ThronCaller,
    client: &str,
    username: Option<&str>,
    spelling: Spelling,
) -> Result<Response, Problem> {
    client_of(api, &caller, client).await?;
    if username.is_some_and(|username| !username.eq_ignore_ascii_case(&name)) {
        return Err(Problem::new(ProblemCode::CredentialsInvalid));
    }
    let username = name.into();
    let body = SessionBody { result_code: "OK", sso_code: "OK", token_id: None, username };
    Ok(spelling.answer(StatusCode::OK, "MResponseAccessLogin", &body))
}

/// The tenant that a caller names, as far as they reach.
pub(super) async fn client_of(
    api: &Api,
    caller: &Caller,
    client: &str,
) -> Result<TenantId, Problem> {
    Ok(api.services.tenant_of_client(caller, client).await?)
}

/// The tenant that somebody names who is nobody yet. One that is not there has no accounts, and
/// whoever guesses is told so no sooner than that a password is wrong.
async fn tenant(api: &Api, client: &str) -> Result<Option<TenantId>, Problem> {
    match api.services.tenant_of_client(&Caller::system("login"), client).await {
        Ok(tenant) => Ok(Some(tenant)),
        Err(ServiceError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The text of a header that is there once. Names and passwords are in UTF-8.
fn header(headers: &HeaderMap, name: &'static str) -> Result<String, Problem> {
    let mut lines = headers.get_all(name).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(Problem::invalid("", format!("the header {name} is needed, once")));
    };
    let text = String::from_utf8(line.as_bytes().to_vec());
    text.ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| Problem::invalid("", format!("the header {name} is no UTF-8")))
}
