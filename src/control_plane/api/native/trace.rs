//! Whose copy a file is (requirement K.6).

use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire_enum::{carriers, verdicts};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::TraceRefusals;
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::CopyIssue;
use crate::control_plane::request_body::BodySource;
use crate::control_plane::service::{Inspection, LARGEST_TRACED, TagOrigin, Traced, TracedTag};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(trace_file))
}

/// A file, and whose copy it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Trace)]
struct TraceBody {
    /// Its bytes.
    size: u64,
    /// Their SHA-256, as hex.
    sha256: String,
    /// Whose copy it is as a whole, where every byte is as the link to it gives it; null where it was
    /// changed, or where that copy did not leave as a whole.
    exact: Option<IssuedBody>,
    /// The tags in it, in their order: the first five hundred and the last. Without one nothing is known of whose copy
    /// it is: a program that writes a file anew takes its tag out.
    tags: Vec<TagBody>,
    /// Tags beyond those.
    more: u64,
}

/// A tag in a file. A copy has its tag in every place that its format has for one, so the same tag may
/// be there several times.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TracedTag)]
struct TagBody {
    /// What kind of tag: 1 stands beside the contents of the file.
    layer: u64,
    /// In what it was found.
    #[schema(schema_with = carriers)]
    carrier: &'static str,
    /// The byte it begins at.
    offset: u64,
    /// Its 16 bytes, as hex.
    tag_id: String,
    /// `issued`, with whose it is; `unlogged`, of a tag that was made here, and of no copy that the
    /// caller may know of; `forged`, of one that was not made here, or was damaged since.
    #[schema(schema_with = verdicts)]
    verdict: &'static str,
    /// Whose copy it is; null but of a tag that was issued.
    issued: Option<IssuedBody>,
}

/// Whose copy a file is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedCopy)]
struct IssuedBody {
    /// What whoever asked for the link calls the one it is for.
    autograph_tag: String,
    /// Whose file it is a copy of.
    tenant: u64,
    /// The link that opened it.
    link: String,
    /// Who asked for the link: an application, a person, or a share.
    issuer: String,
    /// The share that handed it out, if one did.
    share: Option<String>,
    /// The number of the share's recipient, if it was to one.
    recipient: Option<u64>,
    /// The file's number.
    file: u64,
    /// The content that the file was of, if it was of one.
    content: Option<String>,
    /// The file's asset path.
    path: String,
    /// When the link was made.
    issued_at: Timestamp,
    /// The last second at which it opened.
    expires_at: Timestamp,
}

/// Says whose copy a file is: by the forensic tags in it, and the log of copies that were issued. The
/// body is the file, of any name and media type, up to 64 GiB; it is read as it comes and kept nowhere.
/// That it was asked is in the audit log, with what came of it.
#[utoipa::path(
    post, path = "/api/v1/traces", tag = "traces",
    request_body(
        content_type = "application/octet-stream",
        description = "The bytes of the file, from the first to the last"
    ),
    responses((status = 200, description = "Whose it is", body = TraceBody), TraceRefusals),
    security(("bearer" = ["trace"]))
)]
async fn trace_file(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    body: Body,
) -> Result<Response, Problem> {
    api.services.trace_admit(&caller)?;
    // A length that is stated is refused before anything is read.
    if body.size_hint().lower() > LARGEST_TRACED {
        return Err(Problem::new(ProblemCode::BodyTooLarge));
    }
    let inspection = Inspection::of_source(BodySource(body)).await?;
    let Traced { exact, tags } = api.services.trace(&caller, &inspection).await?;
    let Inspection { size, sha256, sightings: _, more } = inspection;
    let (exact, tags) = (exact.map(issued), tags.into_iter().map(tag).collect());
    Ok(body::ok(&TraceBody { size, sha256: sha256.into(), exact, tags, more }))
}

fn tag(TracedTag { sighting, origin }: TracedTag) -> TagBody {
    TagBody {
        layer: 1,
        carrier: sighting.carrier.wire_name(),
        offset: sighting.offset,
        tag_id: hex::encode(sighting.tag.bytes()),
        verdict: origin.verdict(),
        issued: match origin {
            TagOrigin::Issued(issue) => Some(issued(issue)),
            TagOrigin::Forged | TagOrigin::Unlogged => None,
        },
    }
}

fn issued(issue: CopyIssue) -> IssuedBody {
    let (share, recipient) = issue.share().unzip();
    IssuedBody {
        autograph_tag: issue.tag.into(),
        tenant: issue.tenant.0,
        link: issue.link.to_string(),
        issuer: issue.issuer.into(),
        share: share.map(|share| share.to_string()),
        recipient: recipient.flatten(),
        file: issue.file,
        content: issue.content.map(|content| content.to_string()),
        path: issue.path.into(),
        issued_at: Timestamp(issue.created_at),
        expires_at: Timestamp(issue.expires_at),
    }
}
