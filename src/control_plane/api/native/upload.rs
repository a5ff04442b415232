//! Uploads that are gone on with where they broke off: tus 1.0.0 (tus.io/protocols/resumable-upload),
//! with its extensions creation, creation-with-upload, creation-defer-length, checksum, expiration
//! and termination.
//!
//! Besides what tus knows, `GET` shows an upload as JSON: what became of it when all of it came.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::byte_source::BodySource;
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::{ReadRefusals, UploadRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id, number, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Upload, UploadDraft, UploadState};
use crate::control_plane::service::{
    BodyEnd, Checksum, ChecksumAlgorithm, NewUpload, Received, UploadWay,
};

/// The version that is spoken.
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination",
);

const OFFSET_TYPE: &str = "application/offset+octet-stream";

pub(in crate::control_plane::api) const TUS_RESUMABLE: HeaderName =
    HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(upload_list, upload_create, upload_options)).routes(
        routes!(upload_show, upload_resume, upload_append, upload_overridden, upload_remove),
    )
}

/// Does tus speak of that path? All its answers say so.
pub(in crate::control_plane::api) fn speaks_tus(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/v1/tenants/") else { return false };
    let mut segments = rest.split('/');
    segments.nth(1) == Some("uploads") && segments.nth(1).is_none()
}

/// Says in which version.
pub(in crate::control_plane::api) fn say_version(headers: &mut HeaderMap, status: StatusCode) {
    headers.insert(TUS_RESUMABLE, VERSION);
    if status == StatusCode::PRECONDITION_FAILED {
        headers.insert(TUS_VERSION, VERSION);
    }
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
    /// The content that was made of it.
    content: Option<String>,
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
/// say where, and `filename`, `filetype`, `folder` and `sha256` may be there as well. With a body of
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
    api.services.upload_admit(&caller, tenant).await?;
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
    let new = metadata(&headers, length)?;
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

/// Refuses a version that is another one. Whoever says none is taken at their word.
fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(TUS_RESUMABLE) {
        Some(version) if *version != VERSION => {
            let detail = "Tus-Resumable is 1.0.0 here".into();
            Err(Problem { detail, ..Problem::new(ProblemCode::PreconditionFailed) })
        }
        Some(_) | None => Ok(()),
    }
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let read = |text| {
        let wrong = "Upload-Checksum is an algorithm of crc32, md5, sha1 and sha256, and Base64";
        Checksum::parse(text).ok_or_else(|| refused(wrong))
    };
    text(headers, &UPLOAD_CHECKSUM)?.map(read).transpose()
}

fn count(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let wrong = || refused(format!("{name} is a decimal number"));
    text(headers, name)?.map(|text| number(text).ok_or_else(wrong)).transpose()
}

/// A header that is there once, if it is.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err(refused(format!("{name} is there twice")));
    }
    let read =
        |line: &'h HeaderValue| line.to_str().map_err(|_| refused(format!("{name} is not ASCII")));
    line.map(read).transpose()
}

fn refused(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::invalid("", detail)
}

/// What `Upload-Metadata` says. Names that are not known are passed over: clients say much.
fn metadata(headers: &HeaderMap, size: Option<u64>) -> Result<NewUpload, Problem> {
    let mut new = NewUpload {
        way: UploadWay::Resumed,
        pipeline: 0,
        key: "".into(),
        name: None,
        mime: None,
        size,
        sha256: None,
        folder: None,
        metadata: text(headers, &UPLOAD_METADATA)?.map(Into::into),
        unused_until: None,
    };
    let (mut pipeline, mut key) = (None, None);
    for pair in text(headers, &UPLOAD_METADATA)?.unwrap_or_default().split(',') {
        let (name, encoded) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let wrong = || refused(format!("Upload-Metadata: {name} is not UTF-8 in Base64"));
        let value = STANDARD.decode(encoded.trim()).map_err(|_| wrong())?;
        let value = String::from_utf8(value).map_err(|_| wrong())?;
        let digits = || {
            let wrong = || refused(format!("Upload-Metadata: {name} is a decimal number"));
            number(&value).ok_or_else(wrong)
        };
        match name {
            "pipeline" => pipeline = Some(digits()?),
            "folder" => new.folder = Some(ChannelId(digits()?)),
            "key" => key = Some(value),
            "filename" => new.name = Some(value.into()),
            "filetype" if value.is_empty() => {}
            "filetype" => new.mime = Some(value.into()),
            "sha256" => new.sha256 = Some(value.to_ascii_lowercase().into()),
            _ => {}
        }
    }
    let needed = |name| refused(format!("Upload-Metadata: {name} is needed"));
    new.pipeline = pipeline.ok_or_else(|| needed("pipeline"))?;
    // Who says no key means the name.
    new.key = key.map(Into::into).or_else(|| new.name.clone()).ok_or_else(|| needed("key"))?;
    Ok(new)
}

/// When an upload is forgotten that is not gone on with (tus, expiration).
fn expires(at: UnixSeconds) -> Option<(HeaderName, HeaderValue)> {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(at.get()))?;
    let date = HeaderValue::from_str(&httpdate::fmt_http_date(at)).ok()?;
    Some((UPLOAD_EXPIRES, date))
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
        content: content.map(|id| id.to_string()),
        created_at: Timestamp(created_at),
        expires_at: Timestamp(expires_at),
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn tus_speaks_of_uploads_only() {
        for (path, expected) in [
            ("/api/v1/tenants/1/uploads", true),
            ("/api/v1/tenants/1/uploads/7", true),
            ("/api/v1/tenants/1/uploads/7/x", false),
            ("/api/v1/tenants/1/contents", false),
            ("/v1/files/uploads/7", false),
        ] {
            assert_eq!(speaks_tus(path), expected, "{path}");
        }
    }

    #[test]
    fn metadata_is_names_and_base64() {
        let read = |text: &'static str| {
            let headers = [(UPLOAD_METADATA, HeaderValue::from_static(text))];
            metadata(&headers.into_iter().collect(), Some(7))
        };
        // 5, films/a.mp4, video/mp4; and something of which nothing is known.
        let whole = "pipeline NQ==,key ZmlsbXMvYS5tcDQ=, filetype dmlkZW8vbXA0,is_confidential";
        let new = read(whole).unwrap();
        assert_eq!((new.pipeline, &*new.key, new.size), (5, "films/a.mp4", Some(7)));
        assert_eq!((new.mime.as_deref(), new.name), (Some("video/mp4"), None));
        let named = read("pipeline NQ==,filename YS5tcDQ=").unwrap();
        assert_eq!((&*named.key, named.name.as_deref()), ("a.mp4", Some("a.mp4")));
        for wrong in
            ["", "key YQ==", "pipeline NQ==", "pipeline eA==,key YQ==", "pipeline 5,key YQ"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
