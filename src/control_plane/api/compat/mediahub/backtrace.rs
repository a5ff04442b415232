//! `/backtraces`: whose copy an object of a pipeline is, as the vendor's clients ask (requirement K.6).
//!
//! Each is looked at in the background: it is `QUEUED` first, and `SUCCESS` when it is known whose copy it
//! is. Where nothing could be extracted it is `FAILURE`, and `error_msg` says why: whoever sees `SUCCESS`
//! may rely on `extracted_data`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::MediaCaller;
use super::query::{MediaQuery, refused};
use super::spelling::Spelling;
use crate::clock::UnixSeconds;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::LooseJson;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::MediahubRefusals;
use crate::control_plane::api::segment::{Segments, id, number};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{Backtrace, BacktraceId, BacktraceProblem, BacktraceState};
use crate::control_plane::service::{BacktraceRange, FileDirection};

/// Backtraces of a list where nobody says how many, and at most.
const USUAL: u64 = 1_000;
const MOST: u64 = 5_000;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(backtrace_list, backtrace_create))
        .routes(routes!(backtrace_show))
        .route("/v1/backtraces", get(backtrace_list).post(backtrace_create))
        .route("/backtraces/", get(backtrace_list).post(backtrace_create))
        .route("/backtraces", get(backtrace_list).post(backtrace_create))
        .route("/backtraces/{backtrace}", get(backtrace_show))
}

/// What a backtrace belongs to.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document shows it; the handler takes the parameters one by one")]
struct BacktraceParameters {
    /// A text of up to 128 bytes that is shown with it again.
    job_id: Option<String>,
    /// `json` or `xml`; else as `Accept` says.
    format: Option<String>,
    /// `true` indents.
    human: Option<bool>,
}

/// Which backtraces.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document shows it; the handler takes the parameters one by one")]
struct ListParameters {
    /// How many to leave out at the beginning.
    start: Option<u64>,
    /// How many at most: 1,000, if nothing is said, and no more than 5,000.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u64>,
    /// 1 from the first that was made on, -1 from the last.
    direction: Option<i64>,
    /// Those that are `QUEUED`, a `SUCCESS` or a `FAILURE`.
    status: Option<String>,
    /// Those in whose tag this stands.
    #[param(rename = "extracted_data.autograph_tag")]
    autograph_tag: Option<String>,
    /// `json` or `xml`; else as `Accept` says.
    format: Option<String>,
    /// `true` indents.
    human: Option<bool>,
}

/// Asks whose copy an object of a pipeline is. It is looked at in the background; of one tenant a hundred
/// may wait.
#[utoipa::path(
    post, path = "/v1/backtraces/", tag = "backtraces", params(BacktraceParameters),
    request_body(
        content = Object,
        description = "`{\"backtrace\": {\"pipeline\": {\"id\": \"1\"}, \"input\": {\"input_name\": \"leak.mp4\"}}}`"
    ),
    responses((status = 201, description = "The backtrace", body = Object), MediahubRefusals),
    security(("bearer" = ["trace"]))
)]
async fn backtrace_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    query: MediaQuery,
    spelling: Spelling,
    LooseJson(said): LooseJson,
) -> Result<Response, Problem> {
    api.services.trace_admit(&caller)?;
    let said = said.as_ref().and_then(|said| said.get("backtrace"));
    // The vendor's ids are texts; numbers are taken as well.
    let pipeline = said.and_then(|said| {
        let id = said.get("pipeline")?.get("id")?;
        id.as_u64().or_else(|| number(id.as_str()?))
    });
    let pipeline = pipeline.ok_or_else(|| {
        Problem::invalid("/backtrace/pipeline/id", "pipeline.id is needed: a number")
    })?;
    let input = said.and_then(|said| said.get("input")?.get("input_name")?.as_str());
    let input = input.ok_or_else(|| {
        Problem::invalid("/backtrace/input/input_name", "input.input_name is needed: a key")
    })?;
    // The vendor's keys may begin with a slash.
    let input = input.strip_prefix('/').unwrap_or(input);
    let job = query.text("job_id")?;
    let made = api.services.backtrace_create(&caller, pipeline, input, job).await?;
    Ok(spelling.answer(StatusCode::CREATED, &json!({"backtrace": shown(&made)})))
}

/// The backtraces of the last half year.
#[utoipa::path(
    get, path = "/v1/backtraces/", tag = "backtraces", params(ListParameters),
    responses((status = 200, description = "Backtraces", body = Object), MediahubRefusals),
    security(("bearer" = ["trace"]), ("signature" = []))
)]
async fn backtrace_list(
    State(api): State<Api>,
    MediaCaller { caller, .. }: MediaCaller,
    query: MediaQuery,
    spelling: Spelling,
) -> Result<Response, Problem> {
    let limit = query.number("limit")?.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(refused("limit", "is 1 to 5000"));
    }
    let direction = match query.text("direction")? {
        None | Some("1") => FileDirection::Upwards,
        Some("-1") => FileDirection::Downwards,
        Some(_) => return Err(refused("direction", "is 1 or -1")),
    };
    let state = match query.text("status")? {
        None => None,
        Some("FAILURE") => Some(BacktraceState::Failed),
        Some("QUEUED") => Some(BacktraceState::Waiting),
        Some("SUCCESS") => Some(BacktraceState::Found),
        Some(_) => return Err(refused("status", "is SUCCESS, QUEUED or FAILURE")),
    };
    let range = BacktraceRange {
        start: query.number("start")?.unwrap_or_default(),
        limit,
        direction,
        state,
        tag: query.text("extracted_data.autograph_tag")?.map(Into::into),
    };
    let found = api.services.backtrace_range(&caller, &range).await?;
    let found: Vec<_> = found.iter().map(shown).collect();
    Ok(spelling.answer(StatusCode::OK, &json!({"backtraces": found})))
}

/// A backtrace.
#[utoipa::path(
    get, path = "/v1/backtraces/{backtrace}", tag = "backtraces",
    params(("backtrace" = String, Path, description = "The backtrace's id")),
    responses((status = 200, description = "The backtrace", body = Object), MediahubRefusals),
    security(("bearer" = ["trace"]), ("signature" = []))
)]
async fn backtrace_show(
    State(api): State<Api>,
    MediaCaller { caller, .. }: MediaCaller,
    Segments(backtrace): Segments<String>,
    spelling: Spelling,
) -> Result<Response, Problem> {
    let found = api.services.backtrace(&caller, &id(&backtrace, BacktraceId::parse)?).await?;
    Ok(spelling.answer(StatusCode::OK, &json!({"backtrace": shown(&found)})))
}

/// As the vendor's pages show one.
fn shown(backtrace: &Backtrace) -> Map<String, Value> {
    let Backtrace { id, tenant: _, draft, state, tag, problem, created_at, finished_at, .. } =
        backtrace;
    let (status, percentage) = match state {
        BacktraceState::Failed => ("FAILURE", 100),
        BacktraceState::Found => ("SUCCESS", 100),
        BacktraceState::Waiting => ("QUEUED", 0),
    };
    let milliseconds = |at: UnixSeconds| at.get().saturating_mul(1_000);
    let mut members = Map::new();
    let mut say = |name: &str, value: Value| members.insert(name.to_owned(), value);
    say("id", id.as_str().into());
    say("status", status.into());
    say("percentage_completed", percentage.into());
    say("pipeline", json!({"id": draft.pipeline.to_string()}));
    say("input", json!({"input_name": draft.input}));
    say("created_at", milliseconds(*created_at).into());
    let updated = finished_at.unwrap_or(*created_at);
    say("updated_at", milliseconds(updated).into());
    if let Some(job) = &draft.job {
        say("job", json!({"id": job}));
    }
    if let Some(at) = finished_at {
        say("finished_at", milliseconds(*at).into());
    }
    if let Some(tag) = tag {
        say("extracted_data", json!({"autograph_tag": tag}));
    }
    if let Some(problem) = problem {
        let (code, message) = in_words(*problem);
        say("error_code", code.into());
        say("error_msg", message.into());
    }
    members
}

/// The vendor's code of a problem, as far as one is known, and words for it.
const fn in_words(problem: BacktraceProblem) -> (&'static str, &'static str) {
    match problem {
        BacktraceProblem::Late => ("0x0000001", "Reading the input took too long"),
        BacktraceProblem::Missing => ("0x0230002", "Requested file does not exist"),
        BacktraceProblem::NoTag => ("0x0230001", "The input carries no tag"),
        BacktraceProblem::NotIssued => {
            ("0x0230001", "The input carries a tag that is of no copy known here")
        }
        BacktraceProblem::Unreadable => ("0x0000001", "The input cannot be read"),
    }
}
