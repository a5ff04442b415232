//! Uploads that are gone on with where they broke off: tus 1.0.0 (tus.io/protocols/resumable-upload),
//! with its extensions creation, creation-with-upload, creation-defer-length, checksum, expiration
//! and termination.
//!
//! Besides what tus knows, `GET` shows an upload as JSON: what became of it when all of it came.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::upload_header::{
    EXTENSIONS, METHOD_OVERRIDE, OFFSET_TYPE, TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION, TUS_MAX_SIZE,
    TUS_VERSION, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET, VERSION,
    check_version, checksum, count, expires, metadata, refused, text,
};
use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::{ReadRefusals, UploadRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id, number, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Upload, UploadDraft, UploadState, VersionStanding};
use crate::control_plane::request_body::BodySource;
use crate::control_plane::service::{BodyEnd, ChecksumAlgorithm, NewUpload, Received};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(upload_list, upload_create, upload_options)).routes(
        routes!(upload_show, upload_resume, upload_append, upload_overridden, upload_remove),
    )
}

/// An upload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
struct UploadBody {
    /// Its number: the one that its file has.
    number: u64,
    /// `uploading`, `completing` while its bytes go to their origin, `completed` when it is a file,
    /// `deleting` when that was deleted and its object is to be, or `failed`.
    state: String,
    /// How many bytes are here.
    received: u64,
    /// How many there will be, where that is known.
    size: Option<u64>,
    /// The pipeline that will have it.
    pipeline: u64,
    /// Its key there, after the pipeline's prefix.
    key: String,
    /// The name it is saved under.
    name: String,
    /// Its media type, as far as its uploader said one.
    mime: Option<String>,
    /// The folder that its content comes to be in.
    folder: Option<u64>,
    /// Who uploads it.
    issuer: String,
    /// Why it failed.
    problem: Option<String>,
    /// The content that it is to be a version of, where it is to be one.
    version_of: Option<String>,
    /// Is that version handed out as soon as it is one? Null where it is to be none.
    activate: Option<bool>,
    /// The content that was made of it, or that has the version.
    content: Option<String>,
    /// The version that was made of it, of a content that was there before.
    version: Option<String>,
    /// Since when it exists.
    created_at: Timestamp,
    /// When it is forgotten; with what came of it, if it is not complete by then.
    expires_at: Timestamp,
}

/// A tenant's uploads of the last days, by number.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/uploads", tag = "uploads",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    responses((status = 200, description = "A page", body = Listing<UploadBody>), ReadRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let path = format!("/api/v1/tenants/{tenant}/uploads");
    let page = api.page(&path, &query)?;
    let listed = api.services.upload_list(&caller, tenant, &page).await?;
    Ok(api.listing(&path, &query, listed, wire))
}

/// What is spoken here (tus).
#[utoipa::path(
    options, path = "/api/v1/tenants/{tenant}/uploads", tag = "uploads",
    params(("tenant" = String, Path, description = "The tenant's number")),
    responses((status = 204, description = "Versions and extensions, in the headers"))
)]
async fn upload_options(State(api): State<Api>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(TUS_VERSION, VERSION);
    headers.insert(TUS_EXTENSION, EXTENSIONS);
    let names = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(",");
    headers.extend(HeaderValue::from_str(&names).ok().map(|it| (TUS_CHECKSUM_ALGORITHM, it)));
    let most = api.services.upload_limits().map(|limits| limits.most);
    headers.extend(most.map(|most| (TUS_MAX_SIZE, HeaderValue::from(most))));
    response
}

/// Begins an upload (tus, creation). `Upload-Metadata` says what it is to be: `pipeline` and `key`
/// say where, and `filename`, `filetype`, `folder` and `sha256` may be there as well. With `content` it
/// becomes a version of that content, which is handed out at once unless `activate` is `false`; `pipeline`
/// and `key` need not be said then, and the right to change the content is enough. With a body of
/// `application/offset+octet-stream` its first bytes are taken at once.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/uploads", tag = "uploads",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Tus-Resumable" = Option<String>, Header, description = "1.0.0"),
        ("Upload-Length" = Option<u64>, Header, description = "How many bytes will come"),
        ("Upload-Defer-Length" = Option<u64>, Header, description = "1: that is said later"),
        ("Upload-Metadata" = String, Header, description = "Names and values in Base64"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    responses(
        (status = 201, description = "It began, at `Location`",
            headers(("Location" = String, description = "The upload"))),
        UploadRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let new = metadata(&headers);
    let version_of = new.as_ref().ok().and_then(|new| new.version_of.as_ref());
    api.services.upload_admit(&caller, tenant, version_of.map(|of| &of.content)).await?;
    check_version(&headers)?;
    let length = count(&headers, &UPLOAD_LENGTH)?;
    match (length, text(&headers, &UPLOAD_DEFER_LENGTH)?) {
        (Some(_), None) | (None, Some("1")) => {}
        (Some(_), Some(_)) => {
            return Err(refused("Upload-Length and Upload-Defer-Length exclude each other"));
        }
        (None, Some(_)) => return Err(refused("Upload-Defer-Length is 1")),
        (None, None) => {
            return Err(refused("Upload-Length is needed, or Upload-Defer-Length: 1"));
        }
    }
    let new = NewUpload { size: length, ..new? };
    let brings_bytes = body::is_one_of(&headers, &[OFFSET_TYPE]);
    let checksum = checksum(&headers)?;
    let upload = api.services.upload_begin(&caller, tenant, new).await?.upload;
    let location = format!("/api/v1/tenants/{tenant}/uploads/{}", upload.number);
    let mut offset = 0;
    if brings_bytes && upload.draft.size != Some(0) {
        let source = BodySource(body);
        let services = &api.services;
        let appended =
            services.upload_append(&caller, upload.number, 0, None, checksum, source).await;
        offset = match appended {
            Ok(appended) => appended.size,
            Err(error) => {
                // Its client is not told where it is, and begins again with the same key.
                let _ = services.upload_remove(&caller, upload.number).await;
                return Err(error.into());
            }
        };
    }
    let mut response = StatusCode::CREATED.into_response();
    let answered = response.headers_mut();
    answered.extend(HeaderValue::from_str(&location).ok().map(|it| (LOCATION, it)));
    if brings_bytes {
        answered.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
    }
    answered.extend(expires(upload.expires_at));
    Ok(response)
}

/// An upload, and what became of it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/uploads/{upload}", tag = "uploads",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("upload" = String, Path, description = "The upload's number")
    ),
    responses((status = 200, description = "The upload", body = UploadBody), ReadRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(place): Segments<(String, String)>,
) -> Result<Response, Problem> {
    Ok(body::ok(&wire(known(&api, &caller, &place).await?)))
}

/// How far an upload is (tus): a request of it that hangs is ended.
#[utoipa::path(
    head, path = "/api/v1/tenants/{tenant}/uploads/{upload}", tag = "uploads",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("upload" = String, Path, description = "The upload's number"),
        ("Tus-Resumable" = Option<String>, Header, description = "1.0.0")
    ),
    responses(
        (status = 200, description = "So many bytes are here",
            headers(("Upload-Offset" = u64, description = "How many"))),
        UploadRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_resume(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(place): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    resume(&api, &caller, &place, &headers).await
}

/// Takes more of an upload (tus), from `Upload-Offset` on.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/uploads/{upload}", tag = "uploads",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("upload" = String, Path, description = "The upload's number"),
        ("Tus-Resumable" = Option<String>, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "Where the bytes begin"),
        ("Upload-Length" = Option<u64>, Header, description = "What was not said at first"),
        ("Upload-Checksum" = Option<String>, Header, description = "An algorithm, and Base64")
    ),
    request_body(content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "They are here",
            headers(("Upload-Offset" = u64, description = "How many are, in all"))),
        UploadRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_append(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(place): Segments<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    append(&api, &caller, &place, &headers, body).await
}

/// For clients that cannot send `PATCH` or `DELETE` (tus): `X-HTTP-Method-Override` says which it is.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/uploads/{upload}", tag = "uploads",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("upload" = String, Path, description = "The upload's number"),
        ("X-HTTP-Method-Override" = String, Header, description = "PATCH, HEAD or DELETE")
    ),
    responses((status = 204, description = "As with that method"), UploadRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_overridden(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(place): Segments<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    known(&api, &caller, &place).await?;
    match text(&headers, &METHOD_OVERRIDE)? {
        Some("PATCH") => append(&api, &caller, &place, &headers, body).await,
        Some("HEAD") => resume(&api, &caller, &place, &headers).await,
        Some("DELETE") => remove(&api, &caller, &place, &headers).await,
        Some(_) | None => Err(Problem::new(ProblemCode::MethodNotAllowed)),
    }
}

/// Gives an upload up that is not complete (tus, termination).
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/uploads/{upload}", tag = "uploads",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("upload" = String, Path, description = "The upload's number")
    ),
    responses((status = 204, description = "It is forgotten"), UploadRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(place): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    remove(&api, &caller, &place, &headers).await
}

async fn resume(
    api: &Api,
    caller: &Caller,
    place: &(String, String),
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let Received { upload, .. } = known(api, caller, place).await?;
    check_version(headers)?;
    let Received { upload, size } = api.services.upload_resume(caller, upload.number).await?;
    let mut response = StatusCode::OK.into_response();
    let answered = response.headers_mut();
    answered.insert(UPLOAD_OFFSET, HeaderValue::from(size));
    match upload.draft.size {
        Some(size) => answered.insert(UPLOAD_LENGTH, HeaderValue::from(size)),
        None => answered.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    let metadata = upload.draft.metadata.as_deref().map(HeaderValue::from_str);
    answered.extend(metadata.and_then(Result::ok).map(|it| (UPLOAD_METADATA, it)));
    answered.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answered.extend(expires(upload.expires_at).filter(|_| upload.state == UploadState::Uploading));
    Ok(response)
}

async fn append(
    api: &Api,
    caller: &Caller,
    place: &(String, String),
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Received { upload, .. } = known(api, caller, place).await?;
    check_version(headers)?;
    if !body::is_one_of(headers, &[OFFSET_TYPE]) {
        let detail = format!("the body must be {OFFSET_TYPE}").into();
        return Err(Problem { detail, ..Problem::new(ProblemCode::MediaType) });
    }
    let offset = count(headers, &UPLOAD_OFFSET)?;
    let offset = offset.ok_or_else(|| refused("Upload-Offset is needed"))?;
    let length = count(headers, &UPLOAD_LENGTH)?;
    let checksum = checksum(headers)?;
    let source = BodySource(body);
    let services = &api.services;
    let appended =
        services.upload_append(caller, upload.number, offset, length, checksum, source).await?;
    if appended.body == BodyEnd::BrokenOff {
        // Nobody may be there to read it.
        return Err(refused("the body was broken off: go on where the upload is"));
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answered = response.headers_mut();
    answered.insert(UPLOAD_OFFSET, HeaderValue::from(appended.size));
    answered.extend(expires(upload.expires_at));
    Ok(response)
}

async fn remove(
    api: &Api,
    caller: &Caller,
    place: &(String, String),
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let Received { upload, .. } = known(api, caller, place).await?;
    check_version(headers)?;
    api.services.upload_remove(caller, upload.number).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The upload of a path, for whoever may know of it.
async fn known(
    api: &Api,
    caller: &Caller,
    (tenant_number, upload): &(String, String),
) -> Result<Received, Problem> {
    let tenant: TenantId = tenant(tenant_number)?;
    let found = api.services.upload_show(caller, id(upload, number)?).await?;
    if found.upload.tenant == tenant { Ok(found) } else { Err(Problem::new(ProblemCode::NotFound)) }
}

fn wire(Received { upload, size: received }: Received) -> UploadBody {
    let Upload {
        number,
        tenant: _,
        draft,
        state,
        chunks: _,
        form_bytes: _,
        put: _,
        problem,
        content,
        version,
        created_at,
        expires_at,
    } = upload;
    let UploadDraft {
        pipeline,
        key,
        name,
        mime,
        size,
        sha256: _,
        folder,
        version_of,
        metadata: _,
        issuer,
        form_secret: _,
        most: _,
        place: _,
        unused_until: _,
    } = draft;
    UploadBody {
        number,
        state: state.wire_name().to_owned(),
        received,
        size,
        pipeline,
        key: key.into(),
        name: name.into(),
        mime: mime.map(Into::into),
        folder: folder.map(|folder| folder.0),
        issuer: issuer.into(),
        problem: problem.map(Into::into),
        activate: version_of.as_ref().map(|of| of.standing == VersionStanding::Active),
        version_of: version_of.map(|of| of.content.to_string()),
        content: content.map(|id| id.to_string()),
        version: version.map(|id| id.to_string()),
        created_at: Timestamp(created_at),
        expires_at: Timestamp(expires_at),
    }
}
