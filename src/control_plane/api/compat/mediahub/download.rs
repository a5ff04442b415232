//! `GET /files/downloads`: where a file is had, for a while, on terms (requirements E1 to E16).

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::MediaCaller;
use super::query::{Flag, MediaQuery, refused};
use super::spelling::Spelling;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::MediahubRefusals;
use crate::control_plane::api::segment::number;
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{ArchiveId, DownloadTerms};
use crate::control_plane::service::{FileChoice, LinkOrder, OrderedLink, OrderedLinks, Shown};
use crate::token::{Sharing, Uses};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(downloads))
        .route("/v1/files/downloads", get(downloads))
        .route("/files/downloads/", get(downloads))
        .route("/files/downloads", get(downloads))
}

/// What is asked for.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document shows it; the handler takes the parameters one by one")]
struct DownloadParameters {
    /// The file, or the archive: a link to each of its files.
    file_id: Option<String>,
    /// The object's key, instead; with `pipeline_id`.
    object_key: Option<String>,
    /// The pipeline that the key is relative to.
    pipeline_id: Option<u64>,
    /// The last second at which the link opens, since 1970; two hours, if nothing is said. Of a signed
    /// request the same value says until when the request counts.
    expiry_time: Option<u64>,
    /// `true` answers 302 with the link as `Location`; not for archives.
    redirect: Option<bool>,
    /// `true` shows the file in the browser; `false`, the default, saves it.
    streaming: Option<bool>,
    /// Whom the link opens for alone: the 32 bits of an IPv4 address as a number, an address, or a
    /// network.
    ip: Option<String>,
    /// `true` has the link watched for going round, anonymising proxies and blacklists.
    anti_fraud: Option<bool>,
    /// How many downloads of it may run at a time.
    max_parallel_downloads: Option<u16>,
    /// `false` has it open once.
    multi_use: Option<bool>,
    /// A tag that its copies carry; only for files that are `autograph`.
    autograph_tag: Option<String>,
    /// `json` or `xml`; else as `Accept` says.
    format: Option<String>,
    /// `true` indents.
    human: Option<bool>,
    /// Of a signed request: the application's id.
    client_id: Option<String>,
    /// Of a signed request, last: HMAC-SHA256 of path and query, in hexadecimal digits.
    signature: Option<String>,
}

/// Where a file is had.
#[utoipa::path(
    get, path = "/v1/files/downloads/", tag = "downloads", params(DownloadParameters),
    responses(
        (status = 200, description = "The link, or the links of an archive", body = Object),
        (status = 302, description = "The link, as `Location`"),
        MediahubRefusals
    ),
    security(("bearer" = ["files.sign"]), ("signature" = []))
)]
async fn downloads(
    State(api): State<Api>,
    MediaCaller { caller, signed }: MediaCaller,
    query: MediaQuery,
    spelling: Spelling,
) -> Result<Response, Problem> {
    let multi_use = query.flag("multi_use")?;
    let uses = if multi_use == Some(Flag::No) { Uses::One } else { Uses::Any };
    let anti_fraud = query.flag("anti_fraud")?;
    let streaming = query.flag("streaming")?;
    let order = LinkOrder {
        to: choice(&query)?,
        expiry: match &signed {
            // One value, both uses (requirement G18).
            Some((expiry, _)) => Some(*expiry),
            None => query.instant("expiry_time")?,
        },
        terms: DownloadTerms {
            sharing: match anti_fraud {
                Some(Flag::Yes) => Sharing::Watched,
                Some(Flag::No) | None => Sharing::Allowed,
            },
            uses,
            parallel: query.count("max_parallel_downloads")?,
            addresses: query.addresses("ip")?,
        },
        shown: match streaming {
            Some(Flag::Yes) => Shown::InPlace,
            Some(Flag::No) | None => Shown::AsDownload,
        },
        tag: query.text("autograph_tag")?.map(Into::into),
        request: signed.map(|(_, digest)| digest).filter(|_| uses == Uses::One),
    };
    let redirect = query.flag("redirect")? == Some(Flag::Yes);
    if redirect && matches!(order.to, FileChoice::Archive(_)) {
        return Err(refused("redirect", "leads to one file, and an archive has several"));
    }
    match api.services.download_link_order(&caller, &order).await? {
        OrderedLinks::One(link) if redirect => {
            let location = HeaderValue::from_str(&link.url);
            let location = location.map_err(|_| Problem::new(ProblemCode::Internal))?;
            Ok((StatusCode::FOUND, [(LOCATION, location)]).into_response())
        }
        OrderedLinks::One(link) => {
            Ok(spelling.answer(StatusCode::OK, &json!({"download": one(link, None)})))
        }
        OrderedLinks::Archive(_) if redirect => {
            Err(refused("redirect", "leads to one file, and an archive has several"))
        }
        OrderedLinks::Archive(links) => {
            let links: Vec<_> =
                links.into_iter().map(|(name, link)| one(link, Some(name))).collect();
            Ok(spelling.answer(StatusCode::OK, &json!({"downloads": links})))
        }
    }
}

/// Exactly one way to say which (requirement G21).
fn choice(query: &MediaQuery) -> Result<FileChoice, Problem> {
    let pipeline = query.number("pipeline_id")?;
    match (query.text("file_id")?, query.text("object_key")?, pipeline) {
        (Some(id), None, None) => file_or_archive(id),
        (None, Some(key), Some(pipeline)) => {
            // The vendor's keys may begin with a slash.
            let key = key.strip_prefix('/').unwrap_or(key).into();
            Ok(FileChoice::Object { pipeline, key })
        }
        _ => Err(refused("file_id", "is needed, or object_key and pipeline_id: one of both")),
    }
}

/// A file's number or an archive's id; what is neither is nobody's.
pub(super) fn file_or_archive(id: &str) -> Result<FileChoice, Problem> {
    if let Some(number) = number(id) {
        return Ok(FileChoice::File(number));
    }
    ArchiveId::parse(id).map(FileChoice::Archive).ok_or_else(|| Problem::new(ProblemCode::NotFound))
}

/// Requirement G20.
fn one(link: OrderedLink, name: Option<Box<str>>) -> Value {
    let OrderedLink { file, url, token, asked } = link;
    let mut members = Map::new();
    members.extend(name.map(|name| ("name".to_owned(), Value::from(&*name))));
    members.insert("url".into(), url.into());
    let expires_at = token.as_ref().map(|token| token.expiry.get());
    members.insert("expires_at".into(), expires_at.into());
    members.insert("file".into(), json!({"id": file.to_string()}));
    // By which it can be shown and revoked: an extension.
    members.extend(token.map(|token| ("link_id".to_owned(), token.id.to_string().into())));
    // What was asked for was longer than links live here: an extension (requirement G18).
    members.extend(asked.map(|asked| ("expiry_clamped_from".to_owned(), asked.get().into())));
    Value::Object(members)
}
