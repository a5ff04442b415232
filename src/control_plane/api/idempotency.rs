//! `Idempotency-Key`: a native POST that is made twice is done once.
//!
//! The request is known by a hash of its method, target and body. Answers are kept for a day,
//! without what was secret in them, in the transaction of what they tell of; a request that was
//! refused leaves its key free. An answer is told again to whoever has every scope that its caller
//! had: who was given less since is not told what they may not ask any more.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::auth::Authenticated;
use super::body::{self, BODY_LIMIT};
use super::error::{Problem, ProblemCode};
use super::state::Api;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{IdempotencyFound, KeptAnswer, ScopeSet};
use crate::control_plane::service::Once;

/// The longest key.
const LONGEST: usize = 255;

/// What is kept instead of an answer that shows a secret.
#[derive(Clone, Debug)]
pub(super) struct WithoutSecret(pub(super) String);

/// An answer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    media_type: Option<String>,
    etag: Option<String>,
    location: Option<String>,
    body: String,
    /// What the caller had; none in answers of programs that did not keep it.
    #[serde(default)]
    scopes: Option<ScopeSet>,
}

/// Does a POST with a key once.
pub(super) async fn once(State(api): State<Api>, request: Request, next: Next) -> Response {
    let key = request.headers().get("idempotency-key").cloned();
    let is_native = request.uri().path().starts_with("/api/");
    match key {
        Some(key) if is_native && request.method() == Method::POST => {
            keyed(&api, &key, request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        Some(_) | None => next.run(request).await,
    }
}

async fn keyed(
    api: &Api,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > LONGEST {
        return Err(Problem::invalid("", format!("Idempotency-Key has 1 to {LONGEST} characters")));
    }
    let (mut parts, body) = request.into_parts();
    let Authenticated(caller) = Authenticated::from_request_parts(&mut parts, api).await?;
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let method = parts.method.clone();
    let bytes = body::bytes(Request::from_parts(parts.clone(), body)).await?;
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), target.as_bytes(), &bytes] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let hash = hex::encode(hash.finalize());
    if let Some(answer) = found(api, &caller, key, &hash).await? {
        return Ok(answer);
    }
    // What was begun is brought to its end, also when the client goes away.
    let (api, key) = (api.clone(), key.to_owned());
    let request = Request::from_parts(parts, Body::from(bytes));
    let done = tokio::spawn(async move {
        let work = async { kept(next.run(request).await, caller.scopes()).await };
        match api.services.once(&caller, &key, &hash, work).await? {
            Once::Done(response) => Ok(response),
            Once::Forestalled => {
                let answer = found(&api, &caller, &key, &hash).await?;
                answer.ok_or_else(|| Problem::new(ProblemCode::Conflict))
            }
        }
    });
    done.await.map_err(internal)?
}

/// The answer to a request of that key before: the same, or a refusal.
async fn found(
    api: &Api,
    caller: &Caller,
    key: &str,
    hash: &str,
) -> Result<Option<Response>, Problem> {
    match api.services.idempotency_find(caller, key, hash).await? {
        IdempotencyFound::Answered(kept) => again(&kept, caller).map(Some),
        IdempotencyFound::Nothing => Ok(None),
        IdempotencyFound::OtherRequest => Err(Problem::new(ProblemCode::IdempotencyMismatch)),
    }
}

/// An answer with what is kept of it. Nothing is of one that changed nothing: the request may be
/// corrected.
async fn kept(response: Response, scopes: ScopeSet) -> (Option<KeptAnswer>, Response) {
    if !response.status().is_success() {
        return (None, response);
    }
    let (parts, body) = response.into_parts();
    let bytes = match to_bytes(body, 4 * BODY_LIMIT).await {
        Ok(bytes) => bytes,
        Err(error) => return (None, internal(error).into_response()),
    };
    let text = |name| parts.headers.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let kept = Kept {
        media_type: text(CONTENT_TYPE),
        etag: text(ETAG),
        location: text(LOCATION),
        body: match parts.extensions.get::<WithoutSecret>() {
            Some(WithoutSecret(body)) => body.clone(),
            None => String::from_utf8_lossy(&bytes).into_owned(),
        },
        scopes: Some(scopes),
    };
    let body = serde_json::to_string(&kept).unwrap_or_default().into();
    let answer = KeptAnswer { status: parts.status.as_u16(), body };
    (Some(answer), Response::from_parts(parts, Body::from(bytes)))
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    Problem { cause: Some(std::sync::Arc::new(error)), ..Problem::new(ProblemCode::Internal) }
}

/// The answer that was given, once more.
fn again(kept: &KeptAnswer, caller: &Caller) -> Result<Response, Problem> {
    let Ok(Kept { media_type, etag, location, body, scopes }) = serde_json::from_str(&kept.body)
    else {
        return Err(Problem::new(ProblemCode::Internal));
    };
    if !scopes.unwrap_or(ScopeSet::EMPTY).is_within(caller.scopes()) {
        return Err(Problem::new(ProblemCode::ScopeMissing));
    }
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    for (name, value) in [(CONTENT_TYPE, media_type), (ETAG, etag), (LOCATION, location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}
