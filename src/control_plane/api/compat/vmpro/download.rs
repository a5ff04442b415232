//! Download URLs of a video and its attachments, as the vendor's clients ask for them.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::catalog::FileKind;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::VendorRefusals;
use crate::control_plane::api::segment::{Parameters, Segments, id, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{ContentId, File};
use crate::control_plane::service::Download;

/// What the original is called where a rendition has its profile's key.
const SOURCE: &str = "source";

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(download_urls)).routes(routes!(attachments))
}

/// How downloads are to be named.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Naming {
    /// The name they are saved under: text with `%{QUALITY}`, `%{PROFILE_KEY}` and
    /// `%{FILE_EXTENSION}`.
    download_file_name_template: Option<String>,
}

/// A file of a video, and where it is had.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DownloadUrl {
    /// How high it is, as in `720p`; the profile's key where that is not known.
    quality: String,
    /// The profile's key; `source` for the original.
    profile_key: String,
    /// What its name ends with.
    file_extension: String,
    /// Where it is had.
    url: String,
    /// Its size in bytes.
    file_size: u64,
    /// Not kept here: null.
    md5: Option<String>,
}

/// An attachment of a video, and where it is had.
#[derive(Serialize, ToSchema)]
#[schema(as = VideoAttachment)]
struct Attachment {
    /// Its type.
    r#type: AttachmentType,
    /// The file.
    data: AttachmentData,
}

/// The type of an attachment.
#[derive(Serialize, ToSchema)]
struct AttachmentType {
    /// Its id: here, types have names only.
    id: String,
    /// Its name.
    name: String,
}

/// The file of an attachment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttachmentData {
    /// The file's number.
    id: String,
    /// Its name.
    file_name: String,
    /// Where it is had.
    download_url: String,
    /// Its size in bytes.
    file_size: u64,
}

/// Where the renditions of a video and its original are had, for two hours.
#[utoipa::path(
    get, path = "/v1/vms/{videoManagerId}/videos/{videoId}/download-urls", tag = "downloads",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("videoId" = String, Path, description = "The video's id; it may begin with `-`"),
        Naming
    ),
    responses((status = 200, description = "The files", body = Vec<DownloadUrl>), VendorRefusals),
    security(("bearer" = ["files.read"]))
)]
async fn download_urls(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, video)): Segments<(String, String)>,
    Parameters(Naming { download_file_name_template: template }): Parameters<Naming>,
) -> Result<Response, Problem> {
    let (tenant, video) = (tenant(&manager)?, id(&video, ContentId::parse)?);
    let kinds = [FileKind::Format, FileKind::Source];
    let named = |file: &File| template.as_deref().map(|template| name(template, file));
    let downloads = api.services.download_list(&caller, tenant, &video, &kinds, named).await?;
    let urls: Vec<_> = downloads.into_iter().map(url).collect();
    Ok(body::ok(&urls))
}

/// Where the attachments of a video are had, for two hours.
#[utoipa::path(
    get, path = "/v1/vms/{videoManagerId}/videos/{videoId}/attachments", tag = "downloads",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("videoId" = String, Path, description = "The video's id; it may begin with `-`")
    ),
    responses((status = 200, description = "The files", body = Vec<Attachment>), VendorRefusals),
    security(("bearer" = ["files.read"]))
)]
async fn attachments(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, video)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, video) = (tenant(&manager)?, id(&video, ContentId::parse)?);
    let kinds = [FileKind::Attachment];
    let downloads = api.services.download_list(&caller, tenant, &video, &kinds, |_| None).await?;
    let attachments: Vec<_> = downloads.into_iter().map(attachment).collect();
    Ok(body::ok(&attachments))
}

fn url(Download { file, link }: Download) -> DownloadUrl {
    DownloadUrl {
        quality: quality(&file),
        profile_key: profile(&file).to_owned(),
        file_extension: extension(&file).to_owned(),
        url: link.url,
        file_size: file.draft.size,
        md5: None,
    }
}

fn attachment(Download { file, link }: Download) -> Attachment {
    let name = file.draft.place.slot.to_string();
    Attachment {
        r#type: AttachmentType { id: name.clone(), name },
        data: AttachmentData {
            id: file.number.to_string(),
            file_name: file.draft.place.variant.into(),
            download_url: link.url,
            file_size: file.draft.size,
        },
    }
}

fn quality(file: &File) -> String {
    let height = file.draft.height.map(|height| format!("{height}p"));
    height.unwrap_or_else(|| profile(file).to_owned())
}

fn profile(file: &File) -> &str {
    if file.draft.place.kind == FileKind::Source { SOURCE } else { &file.draft.place.slot }
}

/// What a file's name ends with; that of its key, where it has no name of its own.
fn extension(file: &File) -> &str {
    let name = if file.draft.name.is_empty() { &*file.draft.key } else { &*file.draft.name };
    let last = name.rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// What a template says of a file.
fn name(template: &str, file: &File) -> String {
    template
        .replace("%{QUALITY}", &quality(file))
        .replace("%{PROFILE_KEY}", profile(file))
        .replace("%{FILE_EXTENSION}", extension(file))
}
