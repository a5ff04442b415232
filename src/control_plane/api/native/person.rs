//! People, and their passwords: set here, shown nowhere.

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
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Person, PersonDraft, PersonId, Role, ScopeSet};
use crate::control_plane::service::PersonPassword;
use crate::secret::Secret;

const PATH: &str = "/api/v1/people";

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(person_list, person_create))
        .routes(routes!(person_show, person_update, person_remove))
        .routes(routes!(person_password_set))
}

/// What a person is to their tenant.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
enum RoleName {
    /// Everything, protection included.
    Admin,
    /// What their folder rights say.
    Member,
}

/// Somebody who can log in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
struct PersonBody {
    /// Their id.
    id: String,
    /// The tenant they belong to; null reaches every tenant.
    tenant: Option<u64>,
    /// The name they log in with.
    username: String,
    /// What they are to their tenant.
    role: RoleName,
    /// What they may do at most.
    #[schema(value_type = Vec<ScopeName>)]
    scopes: ScopeSet,
    /// Do they have a password?
    has_password: bool,
    /// May they log in?
    disabled: bool,
    /// Since when they exist.
    created_at: Timestamp,
}

/// Somebody to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPerson {
    /// The tenant they belong to; null reaches every tenant.
    tenant: Option<u64>,
    /// The name they log in with; nobody else's, however it is capitalised.
    username: String,
    /// What they are to their tenant.
    role: RoleName,
    /// What they may do at most; nothing that their maker may not.
    #[schema(value_type = Vec<ScopeName>)]
    scopes: ScopeSet,
    /// Their password: 12 characters for an admin, 8 for others.
    password: Option<String>,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonPatch {
    /// Another name.
    username: Option<String>,
    /// Another role.
    role: Option<RoleName>,
    /// Other scopes.
    #[schema(value_type = Option<Vec<ScopeName>>)]
    scopes: Option<ScopeSet>,
    /// May they log in? Those who may not lose their sessions.
    disabled: Option<bool>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password.
    password: String,
}

/// People in reach, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "people", params(PageQuery),
    responses((status = 200, description = "A page", body = Listing<PersonBody>), ReadRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn person_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let page = api.page(PATH, &query)?;
    let listed = api.services.person_list(&caller, &page).await?;
    Ok(api.listing(PATH, &query, listed, wire))
}

/// Makes somebody who can log in.
#[utoipa::path(
    post, path = "/api/v1/people", tag = "people",
    params(("Idempotency-Key" = Option<String>, Header, description = "Does it once")),
    request_body = NewPerson,
    responses(
        (status = 201, description = "The person", body = PersonBody,
            headers(("ETag" = String, description = "Their revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn person_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(NewPerson { tenant, username, role, scopes, password }): Json<NewPerson>,
) -> Result<Response, Problem> {
    let draft = PersonDraft {
        tenant: tenant.map(TenantId),
        username: username.into(),
        role: role_of(role),
        scopes,
        disabled_at: None,
    };
    let password = password.map(Secret::new).map(PersonPassword);
    let made = api.services.person_create(&caller, draft, password).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &wire(made))))
}

/// A person.
#[utoipa::path(
    get, path = "/api/v1/people/{person}", tag = "people",
    params(("person" = String, Path, description = "The person's id")),
    responses(
        (status = 200, description = "The person", body = PersonBody,
            headers(("ETag" = String, description = "Their revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn person_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(person): Segments<String>,
) -> Result<Response, Problem> {
    let person = id(&person, PersonId::parse)?;
    let found = api.services.person(&caller, &person).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Says something else about somebody.
#[utoipa::path(
    patch, path = "/api/v1/people/{person}", tag = "people",
    params(
        ("person" = String, Path, description = "The person's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = PersonPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The person", body = PersonBody,
            headers(("ETag" = String, description = "Their revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn person_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(person): Segments<String>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<PersonPatch>,
) -> Result<Response, Problem> {
    let person = id(&person, PersonId::parse)?;
    let now = api.services.person(&caller, &person).await?;
    let PersonPatch { username, role, scopes, disabled } = patch;
    let draft = PersonDraft {
        tenant: now.tenant,
        username: username.map_or(now.username, Into::into),
        role: role.map_or(now.role, role_of),
        scopes: scopes.unwrap_or(now.scopes),
        disabled_at: api.disabled_at(disabled, now.disabled_at),
    };
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let made = api.services.person_update(&caller, &person, seen, draft).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Gives somebody another password: every session of theirs is over.
#[utoipa::path(
    put, path = "/api/v1/people/{person}/password", tag = "people",
    params(("person" = String, Path, description = "The person's id")),
    request_body = NewPassword,
    responses((status = 204, description = "It is in force"), WriteRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn person_password_set(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(person): Segments<String>,
    Json(NewPassword { password }): Json<NewPassword>,
) -> Result<Response, Problem> {
    let person = id(&person, PersonId::parse)?;
    let password = PersonPassword(Secret::new(password));
    api.services.person_password_set(&caller, &person, password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes somebody, with their tokens and rights.
#[utoipa::path(
    delete, path = "/api/v1/people/{person}", tag = "people",
    params(
        ("person" = String, Path, description = "The person's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "They are gone"), WriteRefusals),
    security(("bearer" = ["accounts.admin"]))
)]
async fn person_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(person): Segments<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let person = id(&person, PersonId::parse)?;
    api.services.person_remove(&caller, &person, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

const fn role_of(role: RoleName) -> Role {
    match role {
        RoleName::Admin => Role::Admin,
        RoleName::Member => Role::Member,
    }
}

fn wire(person: Person) -> PersonBody {
    let Person {
        id,
        tenant,
        username,
        role,
        scopes,
        password,
        password_version: _,
        created_at,
        disabled_at,
        revision: _,
    } = person;
    PersonBody {
        id: id.to_string(),
        tenant: tenant.map(|tenant| tenant.0),
        username: username.into(),
        role: match role {
            Role::Admin => RoleName::Admin,
            Role::Member => RoleName::Member,
        },
        scopes,
        has_password: password.is_some(),
        disabled: disabled_at.is_some(),
        created_at: Timestamp(created_at),
    }
}
