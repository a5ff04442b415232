//! Whose copy a file is (requirement K.6).

use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire_enum::{carriers, comparisons, verdicts};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::TraceRefusals;
use crate::control_plane::api::segment::Parameters;
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::CopyIssue;
use crate::control_plane::request_body::BodySource;
use crate::control_plane::service::{
    AlikeCopy, CompareWith, Comparison, Inspection, LARGEST_TRACED, PictureOriginal, TagOrigin,
    Traced, TracedTag,
};

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
    /// What comparing it with an original said; null where none was named.
    comparison: Option<ComparisonBody>,
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

/// What comparing a picture with an original said: layer 2.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TraceComparison)]
struct ComparisonBody {
    /// `alike`, where marks of copies are in it; `no_mark`, where it is the picture and has none of a
    /// copy that the caller may know of, or too little is left of it; `other_picture`, where it could not
    /// be laid over the original; `not_comparable`, where it is no picture that can be.
    #[schema(schema_with = comparisons)]
    outcome: &'static str,
    /// Why it cannot be compared; null where it was.
    reason: Option<String>,
    /// The copies whose marks are in it, the likeliest first.
    copies: Vec<AlikeBody>,
}

/// A copy whose mark is in a picture.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlikeCopy)]
struct AlikeBody {
    /// How much more of its mark is in it than chance would put there, in standard deviations.
    z: f64,
    /// How likely chance would put so much of the mark of any of the copies there that were tried.
    p: f64,
    /// Whose copy it is.
    issued: IssuedBody,
}

/// With what a file is compared.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct TraceQuery {
    /// The number of the file that it may be a copy of, if it is a picture whose tag is gone: it is
    /// compared with that, and the marks of its copies are looked for.
    original: Option<u64>,
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
    post, path = "/api/v1/traces", tag = "traces", params(TraceQuery),
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
    Parameters(TraceQuery { original }): Parameters<TraceQuery>,
    body: Body,
) -> Result<Response, Problem> {
    api.services.trace_admit(&caller)?;
    // A length that is stated is refused before anything is read.
    if body.size_hint().lower() > LARGEST_TRACED {
        return Err(Problem::new(ProblemCode::BodyTooLarge));
    }
    let body = BodySource(body);
    let (inspection, compare) = match original {
        None => (Inspection::of_source(body).await?, None),
        Some(number) => {
            let turn = api.services.comparing_turn(&caller).await?;
            let compare = CompareWith { original: PictureOriginal::File(number), turn };
            (Inspection::of_source_kept(body).await?, Some(compare))
        }
    };
    let Traced { exact, tags, comparison } =
        api.services.trace(&caller, &inspection, compare).await?;
    let Inspection { size, sha256, sightings: _, more, kept: _ } = inspection;
    let (exact, tags) = (exact.map(issued), tags.into_iter().map(tag).collect());
    let comparison = comparison.map(compared);
    Ok(body::ok(&TraceBody { size, sha256: sha256.into(), exact, tags, more, comparison }))
}

fn compared(comparison: Comparison) -> ComparisonBody {
    let outcome = comparison.outcome();
    let (reason, copies) = match comparison {
        Comparison::Alike(copies) => (None, copies),
        Comparison::NotComparable(reason) => (Some(reason.into()), Vec::new()),
        Comparison::OtherPicture => (None, Vec::new()),
    };
    let alike = |AlikeCopy { issue, z, p }| AlikeBody { z, p, issued: issued(issue) };
    ComparisonBody { outcome, reason, copies: copies.into_iter().map(alike).collect() }
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
