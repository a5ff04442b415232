//! `/files/uploads`: the vendor's three steps. An upload is begun, forms bring its bytes, and it is
//! said to be whole.
//!
//! The form is S3's (POST Object), as the vendor's own store takes it: a browser may send it without
//! being logged in, by the secret among its parameters.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use multer::{Constraints, Field, Multipart, SizeLimit};
use quick_xml::escape::escape;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::MediaCaller;
use super::query::{MediaQuery, refused};
use super::spelling::Spelling;
use crate::control_plane::account::SecretText;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::LooseJson;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::MediahubRefusals;
use crate::control_plane::api::segment::{Segments, id, number};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{Upload, UploadState};
use crate::control_plane::request_body::{FieldSource, FormAllowance, FormBody, PATIENCE};
use crate::control_plane::service::{NewUpload, OpenUpload, UploadWay};

/// Bytes of a form's fields, the file apart.
const FIELDS: u64 = 64 * 1024;

/// Bytes of a form before its file begins, with what stands around the fields.
const BEFORE_THE_FILE: u64 = 2 * FIELDS;

/// Seconds after which a file is deleted that nobody used: seven days.
const UNUSED: u64 = 7 * 24 * 3_600;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(upload_begin))
        .routes(routes!(upload_show, upload_finish))
        .routes(routes!(upload_form))
        .route("/v1/files/uploads", post(upload_begin))
        .route("/files/uploads/", post(upload_begin))
        .route("/files/uploads", post(upload_begin))
        .route("/files/uploads/{upload}", get(upload_show).put(upload_finish))
        .route("/files/uploads/{upload}/form", post(upload_form))
}

/// What is to be uploaded.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document shows it; the handler takes the parameters one by one")]
struct UploadParameters {
    /// The object's key.
    object_key: String,
    /// The pipeline that the key is relative to.
    pipeline_id: u64,
    /// The uploader's address. There is one place to upload to, whatever it is.
    ip: Option<String>,
    /// When the file is deleted if nobody has had a link to it, nor changed it, by then: seconds since
    /// 1970; 0 never does, and seven days are usual.
    expires_at: Option<u64>,
    /// `json` or `xml`; else as `Accept` says.
    format: Option<String>,
    /// `true` indents.
    human: Option<bool>,
}

/// Begins an upload: where its form goes, and what has to be in it.
#[utoipa::path(
    post, path = "/v1/files/uploads/", tag = "uploads", params(UploadParameters),
    responses((status = 200, description = "The upload", body = Object), MediahubRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_begin(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    query: MediaQuery,
    spelling: Spelling,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let pipeline = query.number("pipeline_id")?;
    let pipeline = pipeline.ok_or_else(|| refused("pipeline_id", "is needed"))?;
    let tenant = api.services.upload_tenant(&caller, pipeline).await?;
    api.services.upload_admit(&caller, tenant, None).await?;
    let key = query.text("object_key")?.ok_or_else(|| refused("object_key", "is needed"))?;
    query.addresses("ip")?;
    let unused_until = match query.instant("expires_at")? {
        Some(at) if at.get() == 0 => None,
        Some(at) => Some(at),
        None => Some(api.services.now().plus(UNUSED)),
    };
    let new = NewUpload {
        way: UploadWay::Forms,
        pipeline: Some(pipeline),
        // The vendor's keys may begin with a slash.
        key: Some(key.strip_prefix('/').unwrap_or(key).into()),
        name: None,
        mime: None,
        size: None,
        sha256: None,
        folder: None,
        version_of: None,
        metadata: None,
        unused_until,
    };
    let OpenUpload { upload, secret } = api.services.upload_begin(&caller, tenant, new).await?;
    let mut shown = shown(&upload, &api.address(&headers));
    let parameters = json!({
        "name": upload.draft.name,
        "filename": "",
        "chunk": "0",
        "chunks": "1",
        "success_action_status": "201",
        "key": upload.draft.key,
        "upload_token": secret.as_ref().map(SecretText::reveal),
    });
    shown.insert("form_post_params".to_owned(), parameters);
    Ok(spelling.answer(StatusCode::OK, &json!({"upload": shown})))
}

/// An upload.
#[utoipa::path(
    get, path = "/v1/files/uploads/{upload}", tag = "uploads",
    params(("upload" = String, Path, description = "The upload's id")),
    responses((status = 200, description = "The upload", body = Object), MediahubRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_show(
    State(api): State<Api>,
    MediaCaller { caller, .. }: MediaCaller,
    Segments(upload): Segments<String>,
    spelling: Spelling,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = api.services.upload_show(&caller, id(&upload, number)?).await?;
    let shown = shown(&found.upload, &api.address(&headers));
    Ok(spelling.answer(StatusCode::OK, &json!({"upload": shown})))
}

/// Says that all of an upload came, in so many parts.
#[utoipa::path(
    put, path = "/v1/files/uploads/{upload}", tag = "uploads",
    params(("upload" = String, Path, description = "The upload's id")),
    request_body(content = Object, description = "`{\"upload\": {\"nb_chunks\": 1}}`"),
    responses((status = 200, description = "The upload", body = Object), MediahubRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn upload_finish(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(upload): Segments<String>,
    spelling: Spelling,
    headers: HeaderMap,
    LooseJson(said): LooseJson,
) -> Result<Response, Problem> {
    let upload = id(&upload, number)?;
    api.services.upload_show(&caller, upload).await?;
    let chunks = said.as_ref().and_then(|said| said.get("upload")?.get("nb_chunks"));
    let chunks = chunks.and_then(Value::as_u64);
    let wrong = || Problem::invalid("/upload/nb_chunks", "nb_chunks is needed: a number");
    let chunks = chunks.ok_or_else(wrong)?;
    let found = api.services.upload_finish(&caller, upload, chunks).await?;
    let shown = shown(&found.upload, &api.address(&headers));
    Ok(spelling.answer(StatusCode::OK, &json!({"upload": shown})))
}

/// Takes a part of an upload: a form with all of `form_post_params`, and the bytes as `file`, which is
/// last. Parts come in order, each with its number as `chunk`; one that was taken already is taken
/// again without effect.
#[utoipa::path(
    post, path = "/v1/files/uploads/{upload}/form", tag = "uploads",
    params(("upload" = String, Path, description = "The upload's id")),
    request_body(content = Object, content_type = "multipart/form-data"),
    responses((status = 201, description = "It is here"), MediahubRefusals)
)]
async fn upload_form(
    State(api): State<Api>,
    Segments(upload): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mut response = match form(&api, &upload, &headers, body).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    // It proves itself by a secret in its body, and by nothing that a browser adds.
    let anybody = HeaderValue::from_static("*");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, anybody);
    Ok(response)
}

async fn form(
    api: &Api,
    upload: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let boundary = content_type.and_then(|it| multer::parse_boundary(it).ok());
    let boundary = boundary.ok_or_else(|| {
        let detail = "the body must be multipart/form-data".into();
        Problem { detail, ..Problem::new(ProblemCode::MediaType) }
    })?;
    let limits = SizeLimit::new().per_field(FIELDS).for_field("file", u64::MAX);
    let constraints = Constraints::new().size_limit(limits);
    let allowance = FormAllowance::of(BEFORE_THE_FILE);
    let body = FormBody::new(body, allowance.clone());
    let mut form = Multipart::with_constraints(body, boundary, constraints);
    let Fields { secret, chunk, file } = fields_in_time(&mut form).await?;
    let found = api.services.upload_by_secret(id(upload, number)?, &secret).await?;
    allowance.lift();
    api.services.upload_chunk(&found, chunk, FieldSource(file)).await?;
    Ok(posted(&found, &api.address(headers)))
}

/// What a form says before its bytes, which have not come yet.
struct Fields {
    secret: String,
    chunk: u64,
    file: Field<'static>,
}

/// Whoever has not said the secret yet may be anybody, and does not keep a connection.
async fn fields_in_time(form: &mut Multipart<'static>) -> Result<Fields, Problem> {
    let late = format!("the fields did not come within {} s", PATIENCE.as_secs());
    timeout(PATIENCE, fields(form)).await.unwrap_or_else(|_| Err(Problem::invalid("", late)))
}

async fn fields(form: &mut Multipart<'static>) -> Result<Fields, Problem> {
    let (mut secret, mut chunk) = (None::<String>, 0);
    let broken = |_| Problem::invalid("", "the form was broken off, or is not well framed");
    let mut read = 0;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("file") => {
                let secret = secret.ok_or_else(|| {
                    Problem::invalid("/upload_token", "upload_token is needed, before the file")
                })?;
                return Ok(Fields { secret, chunk, file: field });
            }
            name => {
                let name = name.unwrap_or_default().to_owned();
                let value = field.text().await.map_err(broken)?;
                read += value.len() as u64;
                if read > FIELDS {
                    return Err(Problem::new(ProblemCode::BodyTooLarge));
                }
                match &*name {
                    "upload_token" => secret = Some(value),
                    "chunk" => {
                        chunk = number(&value)
                            .ok_or_else(|| Problem::invalid("/chunk", "chunk is a number"))?;
                    }
                    _ => {}
                }
            }
        }
    }
    Err(Problem::invalid("/file", "file is needed"))
}

/// What S3 answers to a form, by which browsers' uploaders know that it was taken.
fn posted(upload: &Upload, base: &str) -> Response {
    let Upload { number, draft, .. } = upload;
    let location = format!("{base}/v1/files/{number}");
    let bucket = draft.pipeline;
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location>\
         <Bucket>{bucket}</Bucket><Key>{}</Key></PostResponse>",
        escape(&*location),
        escape(&*draft.key),
    );
    let mut response = (StatusCode::CREATED, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.extend(HeaderValue::from_str(&location).ok().map(|it| (LOCATION, it)));
    response
}

/// As the vendor's pages show one.
fn shown(upload: &Upload, base: &str) -> Map<String, Value> {
    let Upload { number, draft, state, chunks, problem, .. } = upload;
    let id = number.to_string();
    let status = match state {
        UploadState::Completed => "COMPLETED",
        UploadState::Completing => "COMPLETING",
        UploadState::Deleting => "DELETING",
        UploadState::Failed => "FAILED",
        UploadState::Uploading => "UPLOADING",
    };
    let mut members = Map::new();
    let mut say = |name: &str, value: Value| members.insert(name.to_owned(), value);
    say("id", id.clone().into());
    say("status", status.into());
    say("form_post_url", format!("{base}/v1/files/uploads/{id}/form").into());
    say("nb_chunks", (*chunks).into());
    // Its form is S3's, whatever has the bytes.
    say("storage_type", "S3".into());
    say("object_key", (*draft.key).into());
    say("pipeline", json!({"id": draft.pipeline.to_string()}));
    say("file", json!({"id": id}));
    if let Some(problem) = problem {
        say("error_msg", (**problem).into());
    }
    members
}

#[cfg(test)]
mod unit_tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::{Context, Poll};

    use axum::body::Bytes;
    use futures_core::Stream;

    use super::*;

    /// Something that begins a form, and then the same for ever, or nothing.
    struct Endless {
        began: bool,
        then: Option<&'static str>,
        given: Arc<AtomicU64>,
    }

    impl Stream for Endless {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let part = if self.began { self.then } else { Some("--limit\r\n") };
            self.began = true;
            let Some(part) = part else { return Poll::Pending };
            self.given.fetch_add(part.len() as u64, Ordering::Relaxed);
            Poll::Ready(Some(Ok(Bytes::from_static(part.as_bytes()))))
        }
    }

    async fn refused(then: Option<&'static str>) -> u64 {
        let given = Arc::new(AtomicU64::new(0));
        let endless = Endless { began: false, then, given: Arc::clone(&given) };
        let body = FormBody::new(Body::from_stream(endless), FormAllowance::of(BEFORE_THE_FILE));
        let mut form = Multipart::new(body, "limit");
        let problem = fields_in_time(&mut form).await.map(drop).unwrap_err();
        assert!(problem.code.status().is_client_error(), "{problem:?}");
        given.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_fills_the_memory_or_stays_without_a_secret() {
        for endless in [
            "X-Header: that does not end ",
            "Content-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--limit\r\n",
            "Content-Disposition: form-data; name=\"a\"\r\n\r\n",
        ] {
            let given = refused(Some(endless)).await;
            assert!(given < BEFORE_THE_FILE + 1_000, "{endless}: {given}");
        }
        assert_eq!(refused(None).await, 9);
    }
}
