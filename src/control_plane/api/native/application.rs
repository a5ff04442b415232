//! Applications, and their secrets: shown once, two active at a time.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::scope_list::ScopeName;
use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::idempotency::WithoutSecret;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{
    Application, ApplicationDraft, ApplicationId, ApplicationSecret, ScopeSet, SecretId,
};
use crate::control_plane::service::{NewSecret, SecretForm};

const PATH: &str = "/api/v1/applications";

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(application_list, application_create))
        .routes(routes!(application_show, application_update, application_remove))
        .routes(routes!(application_secret_list, application_secret_create))
        .routes(routes!(application_secret_remove))
}

/// An application.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Application)]
struct ApplicationBody {
    /// Its id: the `client_id`.
    id: String,
    /// The tenant it is bound to; null reaches every tenant.
    tenant: Option<u64>,
    /// What people call it.
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<ScopeName>)]
    scopes: ScopeSet,
    /// May it log in?
    disabled: bool,
    /// Since when it exists.
    created_at: Timestamp,
}

/// An application that was just made.
#[derive(Serialize, ToSchema)]
struct NewApplicationBody {
    #[serde(flatten)]
    application: ApplicationBody,
    /// Its first secret's id.
    secret_id: String,
    /// Its first secret: seen this once.
    client_secret: Option<String>,
}

/// An application to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApplication {
    /// The tenant it is bound to; null reaches every tenant.
    tenant: Option<u64>,
    /// What people call it.
    name: String,
    /// What it may do; nothing that its maker may not.
    #[schema(value_type = Vec<ScopeName>)]
    scopes: ScopeSet,
    /// Is its secret to sign requests as well, as `MediaHub`'s clients do? It is then Base64, and
    /// kept sealed.
    #[serde(default)]
    signing: bool,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApplicationPatch {
    /// Another name.
    name: Option<String>,
    /// Other scopes.
    #[schema(value_type = Option<Vec<ScopeName>>)]
    scopes: Option<ScopeSet>,
    /// May it log in? One that may not loses its tokens.
    disabled: Option<bool>,
}

/// A secret, as far as it is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApplicationSecret)]
struct SecretBody {
    /// Its id.
    id: String,
    /// Since when it exists.
    created_at: Timestamp,
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    last_used_at: Option<Timestamp>,
    /// Does it sign requests as well?
    signing: bool,
}

/// A secret that was just made.
#[derive(Serialize, ToSchema)]
struct NewSecretBody {
    #[serde(flatten)]
    secret: SecretBody,
    /// The secret: seen this once.
    client_secret: Option<String>,
}

/// A secret to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApplicationSecret {
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// Is it to sign requests as well, as `MediaHub`'s clients do? It is then Base64, and kept sealed.
    #[serde(default)]
    signing: bool,
}

/// An application's secrets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApplicationSecrets)]
struct Secrets {
    /// The oldest first.
    items: Vec<SecretBody>,
}

/// Applications in reach, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/applications", tag = "applications", params(PageQuery),
    responses((status = 200, description = "A page", body = Listing<ApplicationBody>), ReadRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let page = api.page(PATH, &query)?;
    let listed = api.services.application_list(&caller, &page).await?;
    Ok(api.listing(PATH, &query, listed, wire))
}

/// Makes an application with a first secret.
#[utoipa::path(
    post, path = "/api/v1/applications", tag = "applications",
    params(("Idempotency-Key" = Option<String>, Header, description = "Does it once; a repetition shows no secret")),
    request_body = NewApplication,
    responses(
        (status = 201, description = "The application", body = NewApplicationBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(NewApplication { tenant, name, scopes, signing }): Json<NewApplication>,
) -> Result<Response, Problem> {
    let tenant = tenant.map(TenantId);
    let draft = ApplicationDraft { tenant, name: name.into(), scopes, disabled_at: None };
    let (made, issued) = api.services.application_create(&caller, draft, form(signing)).await?;
    let revision = made.revision;
    let mut shown = NewApplicationBody {
        application: wire(made),
        secret_id: issued.record.id.to_string(),
        client_secret: Some(issued.secret.reveal().to_owned()),
    };
    let mut response = body::answer(StatusCode::CREATED, &shown);
    shown.client_secret = None;
    let kept = serde_json::to_string(&shown).unwrap_or_default();
    response.extensions_mut().insert(WithoutSecret(kept));
    Ok(tagged(revision, response))
}

/// An application.
#[utoipa::path(
    get, path = "/api/v1/applications/{application}", tag = "applications",
    params(("application" = String, Path, description = "The application's id")),
    responses(
        (status = 200, description = "The application", body = ApplicationBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(application): Segments<String>,
) -> Result<Response, Problem> {
    let application = id(&application, ApplicationId::parse)?;
    let found = api.services.application(&caller, &application).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Says something else about an application.
#[utoipa::path(
    patch, path = "/api/v1/applications/{application}", tag = "applications",
    params(
        ("application" = String, Path, description = "The application's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = ApplicationPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The application", body = ApplicationBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(application): Segments<String>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<ApplicationPatch>,
) -> Result<Response, Problem> {
    let application = id(&application, ApplicationId::parse)?;
    let now = api.services.application(&caller, &application).await?;
    let ApplicationPatch { name, scopes, disabled } = patch;
    let draft = ApplicationDraft {
        tenant: now.tenant,
        name: name.map_or(now.name, Into::into),
        scopes: scopes.unwrap_or(now.scopes),
        disabled_at: api.disabled_at(disabled, now.disabled_at),
    };
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let made = api.services.application_update(&caller, &application, seen, draft).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Removes an application, with its secrets and tokens.
#[utoipa::path(
    delete, path = "/api/v1/applications/{application}", tag = "applications",
    params(
        ("application" = String, Path, description = "The application's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(application): Segments<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let application = id(&application, ApplicationId::parse)?;
    api.services.application_remove(&caller, &application, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What is known of an application's secrets.
#[utoipa::path(
    get, path = "/api/v1/applications/{application}/secrets", tag = "applications",
    params(("application" = String, Path, description = "The application's id")),
    responses((status = 200, description = "The secrets", body = Secrets), ReadRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_secret_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(application): Segments<String>,
) -> Result<Response, Problem> {
    let application = id(&application, ApplicationId::parse)?;
    let secrets = api.services.application_secret_list(&caller, &application).await?;
    let items = secrets.into_iter().map(secret_wire).collect();
    Ok(body::ok(&Secrets { items }))
}

/// Gives an application another secret; two are valid at a time.
#[utoipa::path(
    post, path = "/api/v1/applications/{application}/secrets", tag = "applications",
    params(
        ("application" = String, Path, description = "The application's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once; a repetition shows no secret")
    ),
    request_body = NewApplicationSecret,
    responses((status = 201, description = "The secret", body = NewSecretBody), WriteRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_secret_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(application): Segments<String>,
    Json(NewApplicationSecret { expires_at, signing }): Json<NewApplicationSecret>,
) -> Result<Response, Problem> {
    let application = id(&application, ApplicationId::parse)?;
    let new = NewSecret { expires_at: expires_at.map(|Timestamp(at)| at), form: form(signing) };
    let issued = api.services.application_secret_create(&caller, &application, new).await?;
    let client_secret = Some(issued.secret.reveal().to_owned());
    let mut shown = NewSecretBody { secret: secret_wire(issued.record), client_secret };
    let mut response = body::answer(StatusCode::CREATED, &shown);
    shown.client_secret = None;
    let kept = serde_json::to_string(&shown).unwrap_or_default();
    response.extensions_mut().insert(WithoutSecret(kept));
    Ok(response)
}

/// Ends a secret now.
#[utoipa::path(
    delete, path = "/api/v1/applications/{application}/secrets/{secret}", tag = "applications",
    params(
        ("application" = String, Path, description = "The application's id"),
        ("secret" = String, Path, description = "The secret's id")
    ),
    responses((status = 204, description = "It opens nothing any more"), ReadRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn application_secret_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((application, secret)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let application = id(&application, ApplicationId::parse)?;
    let secret = id(&secret, SecretId::parse)?;
    api.services.application_secret_remove(&caller, &application, &secret).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(application: Application) -> ApplicationBody {
    let Application { id, tenant, name, scopes, created_at, disabled_at, revision: _ } =
        application;
    ApplicationBody {
        id: id.to_string(),
        tenant: tenant.map(|tenant| tenant.0),
        name: name.into(),
        scopes,
        disabled: disabled_at.is_some(),
        created_at: Timestamp(created_at),
    }
}

fn secret_wire(secret: ApplicationSecret) -> SecretBody {
    let ApplicationSecret {
        id,
        application: _,
        hash: _,
        sealed,
        created_at,
        expires_at,
        last_used_at,
    } = secret;
    SecretBody {
        id: id.to_string(),
        created_at: Timestamp(created_at),
        expires_at: expires_at.map(Timestamp),
        last_used_at: last_used_at.map(Timestamp),
        signing: sealed.is_some(),
    }
}

fn form(signing: bool) -> SecretForm {
    if signing { SecretForm::Signing } else { SecretForm::Password }
}
