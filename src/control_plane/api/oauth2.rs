//! Tokens for programs: RFC 6749 section 4.4, RFC 7009, RFC 7662 and RFC 8414.
//!
//! The vendor's spellings are taken as well: `client_credential`, commas between scopes, and a
//! slash at the end of the path.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body;
use super::error::Problem;
use super::refusal::OauthRefusals;
use super::state::Api;
use crate::control_plane::account::{AccountError, ClientCredentials, Introspection};
use crate::control_plane::record::{Application, Scope, ScopeSet};
use crate::network::ClientIp;
use crate::secret::Secret;

/// The routes, with their documents.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(token))
        .routes(routes!(token_with_slash))
        .routes(routes!(revoke))
        .routes(routes!(introspect))
        .routes(routes!(metadata))
}

/// A refusal as RFC 6749 section 5.2 has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OauthError {
    /// The kind of refusal.
    error: &'static str,
    /// The kind in words.
    error_description: &'static str,
}

/// A token.
#[derive(Serialize, ToSchema)]
struct TokenBody {
    /// The token.
    access_token: String,
    /// How to show it.
    token_type: &'static str,
    /// For how long, in seconds.
    expires_in: u64,
    /// What it may do.
    scope: String,
}

/// A form with client credentials.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document shows it; the handlers read forms by name")]
struct TokenForm {
    /// `client_credentials`, or the vendor's `client_credential`.
    grant_type: String,
    /// The application's id; here or by HTTP Basic.
    client_id: Option<String>,
    /// One of its secrets; here or by HTTP Basic.
    client_secret: Option<String>,
    /// What the token may do; everything the application may, if it is missing.
    scope: Option<String>,
    /// For how many seconds: an hour, if it is missing, and at most.
    expires_in: Option<u64>,
}

/// A form with a token and client credentials.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document shows it; the handlers read forms by name")]
struct TokenQuestion {
    /// The token.
    token: String,
    /// Ignored: there is one kind of place to look.
    token_type_hint: Option<String>,
    /// The application's id; here or by HTTP Basic.
    client_id: Option<String>,
    /// One of its secrets; here or by HTTP Basic.
    client_secret: Option<String>,
}

/// What a token is.
#[derive(Debug, Default, Serialize, ToSchema)]
struct IntrospectionBody {
    /// Is it in force?
    active: bool,
    /// What it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The holder's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// How it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    /// Since when it exists, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    /// The holder's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The id under which the token is listed and audited.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// Where what is (RFC 8414).
#[derive(Debug, Serialize, ToSchema)]
struct MetadataBody {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    scopes_supported: Vec<String>,
    response_types_supported: Vec<String>,
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    service_documentation: String,
}

/// Why a form was refused.
#[derive(Debug)]
enum Refused {
    /// By an account.
    Account(AccountError),
    /// By what the form says.
    Form(&'static str, &'static str),
    /// Before it was read.
    Problem(Problem),
}

impl From<AccountError> for Refused {
    fn from(error: AccountError) -> Self {
        Self::Account(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refused = |status, error, error_description| {
            body::answer(status, &OauthError { error, error_description })
        };
        match self {
            Self::Account(AccountError::NotValid) => {
                let words = "the client credentials are not valid";
                let mut response = refused(StatusCode::UNAUTHORIZED, "invalid_client", words);
                let challenge = HeaderValue::from_static("Basic realm=\"countersign\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                response
            }
            Self::Account(AccountError::ScopeRefused) => {
                let words = "a scope was asked for that the application may not have";
                refused(StatusCode::BAD_REQUEST, "invalid_scope", words)
            }
            Self::Account(
                error @ (AccountError::Failed(_)
                | AccountError::Full(_)
                | AccountError::Throttled { .. }
                | AccountError::Unavailable(_)),
            ) => Problem::from(error).into_response(),
            Self::Form(error, words) => refused(StatusCode::BAD_REQUEST, error, words),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// Gives an application a token.
#[utoipa::path(
    post, path = "/v1/oauth2/token", tag = "oauth2",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A token", body = TokenBody),
        OauthRefusals
    ),
    security((), ("client" = []))
)]
async fn token(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    issue(&api, request).await
}

/// Gives an application a token; the path that the vendor's clients ask.
#[utoipa::path(
    post, path = "/v1/oauth2/token/", tag = "oauth2",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A token", body = TokenBody),
        OauthRefusals
    ),
    security((), ("client" = []))
)]
async fn token_with_slash(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    issue(&api, request).await
}

/// Ends a token now (RFC 7009).
#[utoipa::path(
    post, path = "/v1/oauth2/revoke", tag = "oauth2",
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is worth nothing now"),
        OauthRefusals
    ),
    security((), ("client" = []))
)]
async fn revoke(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let (form, _) = Form::read(&api, request).await?;
    let client = form.client(&api).await?;
    api.accounts.revoke(&client, form.token()?).await?;
    Ok(StatusCode::OK.into_response())
}

/// Says what a token is (RFC 7662): of the application's own, or any if it administers accounts.
#[utoipa::path(
    post, path = "/v1/oauth2/introspect", tag = "oauth2",
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What it is", body = IntrospectionBody),
        OauthRefusals
    ),
    security((), ("client" = []))
)]
async fn introspect(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let (form, _) = Form::read(&api, request).await?;
    let client = form.client(&api).await?;
    let found = api.accounts.introspect(&client, form.token()?).await?;
    Ok(body::ok(&match found {
        Introspection::Inactive => IntrospectionBody::default(),
        Introspection::Active { token, scopes, subject, name } => IntrospectionBody {
            active: true,
            scope: Some(scopes.to_string()),
            client_id: Some(subject.clone().into()),
            username: Some(name.into()),
            token_type: Some("Bearer"),
            exp: Some(token.expires_at.get()),
            iat: Some(token.created_at.get()),
            sub: Some(subject.into()),
            jti: Some(token.id.to_string()),
        },
    }))
}

/// Says where what is (RFC 8414).
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "oauth2",
    responses((status = 200, description = "Where what is", body = MetadataBody)),
    security(())
)]
async fn metadata(State(api): State<Api>, headers: HeaderMap) -> Response {
    let issuer = api.address(&headers);
    let methods = || vec!["client_secret_basic", "client_secret_post"];
    body::ok(&MetadataBody {
        token_endpoint: format!("{issuer}/v1/oauth2/token"),
        revocation_endpoint: format!("{issuer}/v1/oauth2/revoke"),
        introspection_endpoint: format!("{issuer}/v1/oauth2/introspect"),
        scopes_supported: ScopeSet::EVERY.iter().map(Scope::wire_name).map(str::to_owned).collect(),
        response_types_supported: Vec::new(),
        grant_types_supported: vec!["client_credentials"],
        token_endpoint_auth_methods_supported: methods(),
        revocation_endpoint_auth_methods_supported: methods(),
        introspection_endpoint_auth_methods_supported: methods(),
        service_documentation: format!("{issuer}/docs"),
        issuer,
    })
}

async fn issue(api: &Api, request: Request) -> Result<Response, Refused> {
    let (form, address) = Form::read(api, request).await?;
    match form.get("grant_type")? {
        Some("client_credentials" | "client_credential") => (),
        Some(_) => {
            let words = "the grant is client_credentials";
            return Err(Refused::Form("unsupported_grant_type", words));
        }
        None => return Err(Refused::Form("invalid_request", "grant_type is missing")),
    }
    let credentials = form.credentials()?;
    let scope = form.get("scope")?.filter(|scope| !scope.is_empty());
    let lifetime = match form.get("expires_in")? {
        None | Some("") => None,
        Some(text) => {
            let words = "expires_in is a number of seconds";
            Some(text.parse().map_err(|_| Refused::Form("invalid_request", words))?)
        }
    };
    let grant = api.accounts.client_credentials(credentials, scope, lifetime, address).await?;
    Ok(body::ok(&TokenBody {
        access_token: grant.token.reveal().to_owned(),
        token_type: "Bearer",
        expires_in: grant.expires_in,
        scope: grant.scopes.to_string(),
    }))
}

/// A form, and what `Authorization` says.
struct Form {
    fields: Vec<(String, Secret<String>)>,
    basic: Option<(String, Secret<String>)>,
}

impl Form {
    async fn read(api: &Api, request: Request) -> Result<(Self, Option<ClientIp>), Refused> {
        let (parts, body) = request.into_parts();
        let address = api.client_address(&parts);
        let basic = basic(&parts.headers)?;
        let stated = parts.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let is_form = stated.is_some_and(|it| {
            let essence = it.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        let request = Request::from_parts(parts, body);
        let bytes = body::bytes(request).await.map_err(Refused::Problem)?;
        if !is_form {
            return Err(Refused::Form("invalid_request", "the body must be a form"));
        }
        let fields = form_urlencoded::parse(&bytes)
            .map(|(name, value)| (name.into_owned(), Secret::new(value.into_owned())))
            .collect();
        Ok((Self { fields, basic }, address))
    }

    /// A field, which may be there once (RFC 6749 section 3.2).
    fn get(&self, name: &str) -> Result<Option<&str>, Refused> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| value.expose().as_str());
        if values.next().is_some() {
            return Err(Refused::Form("invalid_request", "a field is there twice"));
        }
        Ok(value)
    }

    fn token(&self) -> Result<&str, Refused> {
        self.get("token")?.ok_or(Refused::Form("invalid_request", "token is missing"))
    }

    /// The credentials, said in one way (RFC 6749 section 2.3).
    fn credentials(&self) -> Result<ClientCredentials, Refused> {
        let secret = self.get("client_secret")?;
        let named = self.get("client_id")?;
        match (&self.basic, secret) {
            (Some(_), Some(_)) => {
                Err(Refused::Form("invalid_request", "the client authenticates in two ways"))
            }
            (Some((id, _)), None) if named.is_some_and(|named| named != id) => {
                Err(Refused::Form("invalid_request", "client_id is somebody else"))
            }
            (Some((id, secret)), None) => Ok(ClientCredentials {
                id: id.clone(),
                secret: Secret::new(secret.expose().clone()),
            }),
            (None, Some(secret)) => Ok(ClientCredentials {
                id: named.unwrap_or_default().to_owned(),
                secret: Secret::new(secret.to_owned()),
            }),
            (None, None) => Err(AccountError::NotValid.into()),
        }
    }

    async fn client(&self, api: &Api) -> Result<Application, Refused> {
        Ok(api.accounts.client(self.credentials()?).await?)
    }
}

/// The id and secret of HTTP Basic, each form-encoded within (RFC 6749 section 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret<String>)>, Refused> {
    let Some(line) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let wrong = || Refused::from(AccountError::NotValid);
    let (scheme, encoded) =
        line.to_str().ok().and_then(|line| line.split_once(' ')).ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(wrong());
    }
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| wrong())?;
    let text = Secret::new(String::from_utf8(bytes).map_err(|_| wrong())?);
    let (id, secret) = text.expose().split_once(':').ok_or_else(wrong)?;
    Ok(Some((form_decoded(id), Secret::new(form_decoded(secret)))))
}

fn form_decoded(text: &str) -> String {
    // A form of one field, whose name has no value.
    let field = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(field.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}
