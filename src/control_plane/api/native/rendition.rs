//! Renditions of a content's image.

use std::num::NonZeroU32;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::handing::handed_over;
use crate::control_plane::api::refusal::RenditionRefusals;
use crate::control_plane::api::segment::{Parameters, Segments, content_path};
use crate::control_plane::api::state::Api;
use crate::rendition::{Area, Bounds, Encoding, Fit, Quality, Rendition};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(rendition_show))
}

/// What fills the bounds.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RenditionFit {
    /// The whole image within them.
    Inside,
    /// As much of its middle as fills them.
    Cover,
}

/// How it is written.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RenditionFormat {
    /// JPEG; what is transparent becomes white.
    Jpeg,
    /// PNG.
    Png,
    /// WebP without loss.
    Webp,
}

/// Which rendition.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct RenditionQuery {
    /// Its most pixels from left to right; alone, the height follows. It is never larger than the
    /// image.
    #[param(value_type = Option<u32>, minimum = 1)]
    width: Option<NonZeroU32>,
    /// Its most pixels from top to bottom; alone, the width follows.
    #[param(value_type = Option<u32>, minimum = 1)]
    height: Option<NonZeroU32>,
    /// What fills these bounds: the whole image within them (`inside`), or as much of its middle as
    /// fills them (`cover`).
    #[param(inline)]
    fit: Option<RenditionFit>,
    /// The part of the upright image that is wanted, in its pixels: `x,y,width,height`.
    crop: Option<String>,
    /// How it is written: `jpeg`, unless it is said.
    #[param(inline)]
    format: Option<RenditionFormat>,
    /// Of a JPEG: from 1, the least, to 100; 85, unless it is said.
    #[param(minimum = 1, maximum = 100)]
    quality: Option<u8>,
}

impl RenditionQuery {
    fn read(self) -> Result<Rendition, Problem> {
        let Self { width, height, fit, crop, format, quality } = self;
        let encoding = match (format.unwrap_or(RenditionFormat::Jpeg), quality) {
            (RenditionFormat::Jpeg, None) => Encoding::default(),
            (RenditionFormat::Jpeg, Some(percent)) => {
                let quality = Quality::new(percent);
                let quality = quality.ok_or_else(|| Problem::invalid("", "quality is 1 to 100"));
                Encoding::Jpeg(quality?)
            }
            (RenditionFormat::Png, None) => Encoding::Png,
            (RenditionFormat::Webp, None) => Encoding::WebP,
            (RenditionFormat::Png | RenditionFormat::Webp, Some(_)) => {
                return Err(Problem::invalid("", "quality is of a JPEG"));
            }
        };
        let fit = match fit {
            None | Some(RenditionFit::Inside) => Fit::Inside,
            Some(RenditionFit::Cover) => Fit::Cover,
        };
        let crop = crop.as_deref().map(area).transpose()?;
        Ok(Rendition { crop, bounds: Bounds { width, height }, fit, encoding })
    }
}

/// `x,y,width,height`.
fn area(text: &str) -> Result<Area, Problem> {
    let wrong = || Problem::invalid("", "crop is x,y,width,height, in pixels");
    let mut numbers = text.split(',').map(|number| number.parse::<u32>().map_err(|_| wrong()));
    let mut next = || numbers.next().ok_or_else(wrong)?;
    let (x, y, width, height) = (next()?, next()?, next()?, next()?);
    let length = |length| NonZeroU32::new(length).ok_or_else(wrong);
    let area = Area { x, y, width: length(width)?, height: length(height)? };
    match numbers.next() {
        None => Ok(area),
        Some(_) => Err(wrong()),
    }
}

/// A content's image in another size or format: of its active version's original, upright, in sRGB
/// and without its metadata. For members who have the right SHARE over its folder. Kept by no cache,
/// and refused through a CDN.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents/{content}/rendition", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        RenditionQuery
    ),
    responses(
        (status = 200, description = "The image",
         content(("image/jpeg"), ("image/png"), ("image/webp")),
         headers(("ETag" = String, description = "The SHA-256 of its bytes"))),
        (status = 206, description = "The ranges that were asked for",
         content(("image/jpeg"), ("image/png"), ("image/webp"), ("multipart/byteranges"))),
        (status = 304, description = "The one that the client has"),
        RenditionRefusals
    ),
    security(("bearer" = ["shares.write"]))
)]
async fn rendition_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
    Parameters(query): Parameters<RenditionQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let wish = query.read()?;
    let services = &api.services;
    let original = services.source_find(&caller, tenant, &content, None, None).await?;
    let (method, headers) = (request.method(), request.headers());
    let outcome = services.rendition_hand_over(&caller, original, wish, method, headers).await;
    handed_over(outcome.map(|response| response.map(Body::new)))
}
