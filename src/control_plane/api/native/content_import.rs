//! Many contents at a time, as lines of JSON.

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content_body::NewContent;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::lines::{LINE_LIMIT, Line, Lines};
use crate::control_plane::api::refusal::WriteRefusals;
use crate::control_plane::api::segment::{Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::ContentImport;
use crate::control_plane::service::{ContentImports, Imported};

/// Contents of one change, and so of one version of the feed.
const AT_A_TIME: usize = 500;
/// Bytes of the lines of one change.
const BYTES_AT_A_TIME: usize = 4 * LINE_LIMIT;
/// Most lines of one import: what was made of them is told at its end.
const MOST_LINES: u64 = 200_000;
/// Most refusals of one import.
const MOST_REFUSALS: usize = 1_000;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(content_import))
}

/// What became of an import. A line that is not named was made, or was there already.
#[derive(Debug, Default, Serialize, ToSchema)]
struct ImportReport {
    /// How many lines were read.
    lines: u64,
    /// How many contents were made.
    created: u64,
    /// How many were there already, by their id, and stay as they are.
    known: u64,
    /// How many lines were refused.
    refused: u64,
    /// The ids of contents that were made of lines without one.
    made: Vec<MadeLine>,
    /// The lines that were refused, and why.
    refusals: Vec<RefusedLine>,
    /// Where the import stopped before its end; null if it did not.
    stopped: Option<Stop>,
}

/// A content that was made of a line without an id.
#[derive(Debug, Serialize, ToSchema)]
struct MadeLine {
    /// The line, from 1.
    line: u64,
    /// The content's id.
    id: String,
}

/// A line that was refused.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedLine {
    /// The line, from 1.
    line: u64,
    /// The code of the problem.
    code: String,
    /// Where in the line, as a JSON pointer; empty for the whole.
    pointer: String,
    /// What is wrong.
    detail: String,
}

/// Where an import stopped. Lines from there on are to be sent again.
#[derive(Debug, Serialize, ToSchema)]
struct Stop {
    /// The first line that was not taken.
    line: u64,
    /// Why: the code of a problem; `too_many_lines` (over 200,000), `too_many_refusals` (1,000).
    code: String,
    /// What that means.
    detail: String,
}

/// Makes contents from lines of JSON, each as one that is posted by itself, up to 256 KiB long. A line
/// that is wrong keeps none of the others out. A content whose id the tenant has already stays as
/// it is, so that an import that was cut off is sent again. With an Idempotency-Key, the report
/// is kept and the lines have a mebibyte at most; what was made before a crash stays made, so let
/// lines carry ids.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/contents/import", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "What became of the lines", body = ImportReport),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn content_import(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    request: Request,
) -> Result<Response, Problem> {
    let imports = api.services.content_import(&caller, tenant(&tenant_number)?).await?;
    if !body::is_one_of(request.headers(), &["application/x-ndjson", "application/jsonl"]) {
        let detail = "The body must be application/x-ndjson".into();
        return Err(Problem { detail, ..Problem::new(ProblemCode::MediaType) });
    }
    let mut lines = Lines::new(request.into_body());
    let mut report = ImportReport::default();
    report.stopped = take_all(&imports, &mut lines, &mut report).await.err();
    report.lines = lines.count();
    report.refused = report.refusals.len() as u64;
    report.refusals.sort_by_key(|refusal| refusal.line);
    Ok(body::ok(&report))
}

/// Lines that wait for their change.
#[derive(Debug, Default)]
struct Batch {
    lines: Vec<u64>,
    imports: Vec<ContentImport>,
    bytes: usize,
    /// Lines among them that are none.
    refusals: Vec<RefusedLine>,
}

/// What the lines behind a batch are.
#[derive(Debug)]
enum Behind {
    More,
    Nothing,
    /// No more of them are taken.
    Stopped(Stop),
}

/// While lines are made contents of, the next are read.
async fn take_all(
    imports: &ContentImports,
    lines: &mut Lines,
    report: &mut ImportReport,
) -> Result<(), Stop> {
    let mut waiting = Batch::default();
    loop {
        let refusals_left = MOST_REFUSALS.saturating_sub(report.refusals.len());
        let (taken, (read, behind)) =
            tokio::join!(take(imports, waiting, report), Batch::read(lines, refusals_left));
        taken?;
        waiting = read;
        report.refusals.append(&mut waiting.refusals);
        match behind {
            Behind::More => {}
            Behind::Nothing => return take(imports, waiting, report).await,
            Behind::Stopped(stop) => {
                take(imports, waiting, report).await?;
                return Err(stop);
            }
        }
        if report.refusals.len() >= MOST_REFUSALS {
            take(imports, waiting, report).await?;
            let detail = format!("an import stops after {MOST_REFUSALS} refused lines");
            let code = "too_many_refusals".to_owned();
            return Err(Stop { line: lines.count() + 1, code, detail });
        }
    }
}

async fn take(
    imports: &ContentImports,
    batch: Batch,
    report: &mut ImportReport,
) -> Result<(), Stop> {
    let Batch { lines, imports: contents, bytes: _, refusals: _ } = batch;
    let Some(first) = lines.first().copied() else { return Ok(()) };
    let given: Vec<bool> = contents.iter().map(|import| import.id.is_some()).collect();
    let outcomes = imports.take(contents).await.map_err(|error| {
        let problem = Problem::from(error);
        let (code, detail) = (problem.code.code().to_owned(), problem.detail.into_owned());
        Stop { line: first, code, detail }
    })?;
    for ((line, was_given), outcome) in lines.into_iter().zip(given).zip(outcomes) {
        match outcome {
            Imported::Created(id) => {
                report.created += 1;
                if !was_given {
                    report.made.push(MadeLine { line, id: id.to_string() });
                }
            }
            Imported::Known => report.known += 1,
            Imported::Refused(error) => report.refusals.push(refused(line, error.into())),
        }
    }
    Ok(())
}

impl Batch {
    /// Reads lines until they are enough for one change, or there are no more, or this many were
    /// refused.
    async fn read(lines: &mut Lines, refusals_left: usize) -> (Self, Behind) {
        let mut batch = Self::default();
        while !batch.is_full() && batch.refusals.len() < refusals_left {
            let next = lines.next().await;
            let is_over = lines.count() > MOST_LINES;
            match next {
                Ok(Some(Line::Text(line, _) | Line::TooLong(line))) if is_over => {
                    let detail = format!("an import has at most {MOST_LINES} lines");
                    let stop = Stop { line, code: "too_many_lines".to_owned(), detail };
                    return (batch, Behind::Stopped(stop));
                }
                Ok(Some(Line::TooLong(line))) => {
                    let detail = format!("a line has at most {LINE_LIMIT} bytes").into();
                    let problem = Problem { detail, ..Problem::new(ProblemCode::BodyTooLarge) };
                    batch.refusals.push(refused(line, problem));
                }
                Ok(Some(Line::Text(line, text))) => {
                    match body::parse::<NewContent>(&text).and_then(NewContent::read) {
                        Ok(import) => batch.push(line, import, text.len()),
                        Err(problem) => batch.refusals.push(refused(line, problem)),
                    }
                }
                Ok(None) => return (batch, Behind::Nothing),
                Err(broken_off) => {
                    let code = ProblemCode::Invalid.code().to_owned();
                    let line = lines.count() + 1;
                    let stop = Stop { line, code, detail: broken_off.to_string() };
                    return (batch, Behind::Stopped(stop));
                }
            }
        }
        (batch, Behind::More)
    }

    fn push(&mut self, line: u64, import: ContentImport, bytes: usize) {
        self.lines.push(line);
        self.imports.push(import);
        self.bytes += bytes;
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= AT_A_TIME || self.bytes >= BYTES_AT_A_TIME
    }
}

fn refused(line: u64, problem: Problem) -> RefusedLine {
    let pointer = problem.errors.first().map(|fault| fault.pointer.to_string());
    RefusedLine {
        line,
        code: problem.code.code().to_owned(),
        pointer: pointer.unwrap_or_default(),
        detail: problem.detail.into_owned(),
    }
}
