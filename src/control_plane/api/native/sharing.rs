//! Settings of a tenant's sharing pages.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::patch::Patched;
use super::share_body::downloads;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::{LogoRefusals, ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{
    Colour, Palette, PasswordRule, Scope, ShareDownloads, SharePolicy, SharingDraft, SharingLogo,
    SharingSettings,
};
use crate::control_plane::service::ServiceError;

/// The types that a logo may say it is of; what it is, its bytes say.
const PICTURES: &[&str] = &[
    "application/octet-stream",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/svg+xml",
    "image/webp",
];

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(sharing_show, sharing_update)).routes(routes!(
        sharing_logo_show,
        sharing_logo_put,
        sharing_logo_remove
    ))
}

/// What is set for a tenant's shares and their pages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingSettings)]
struct SettingsBody {
    /// What the company is called; perhaps nothing.
    company: String,
    /// Where its privacy policy is; every page links it.
    privacy_url: Option<String>,
    /// What is to be accepted first where a share says nothing else.
    terms: Option<String>,
    /// What stands under every page; perhaps nothing.
    footer: String,
    /// What stands under it on sites for China; perhaps nothing.
    china_footer: String,
    /// Colours of pages in the light.
    light: PaletteBody,
    /// Colours of pages in the dark.
    dark: PaletteBody,
    /// What shares may be, and are where nothing is said.
    policy: PolicyBody,
    /// The logo, if there is one.
    logo: Option<LogoBody>,
}

/// Colours of pages: those that are null are as ever.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingPalette)]
struct PaletteBody {
    /// Of what is pressed and followed. In the dark, null is a shade of that in the light.
    #[schema(value_type = Option<String>, pattern = "^#[0-9a-f]{6}$")]
    accent: Option<Colour>,
    /// Behind everything.
    #[schema(value_type = Option<String>, pattern = "^#[0-9a-f]{6}$")]
    background: Option<Colour>,
    /// Of what is read.
    #[schema(value_type = Option<String>, pattern = "^#[0-9a-f]{6}$")]
    text: Option<Colour>,
}

/// What shares may be, and are where their sharer says nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharePolicy)]
struct PolicyBody {
    /// Days after which one ends where nobody says when; null: never.
    default_days: Option<u16>,
    /// Fewest days for which one is made; null: any.
    least_days: Option<u16>,
    /// Most days that one is open, from when that is said; null: any, and for ever.
    most_days: Option<u16>,
    /// Does every one need a password?
    password_required: bool,
    /// May contents be saved where nobody says? Null: they may of shares that are made in the console, and
    /// may not of others.
    download: Option<bool>,
}

/// A logo, as it is kept: a PNG.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingLogo)]
struct LogoBody {
    /// The first half of the SHA-256 of its bytes.
    digest: String,
    /// Its width in pixels.
    width: u32,
    /// Its height in pixels.
    height: u32,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingPatch)]
struct SettingsPatch {
    /// Another name of the company.
    company: Option<String>,
    /// Another address; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    privacy_url: Patched<String>,
    /// Other terms; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    terms: Patched<String>,
    /// Another text under every page.
    footer: Option<String>,
    /// Another text on sites for China.
    china_footer: Option<String>,
    /// Other colours in the light; null: as ever.
    #[serde(default)]
    #[schema(value_type = Option<PalettePatch>)]
    light: Patched<PalettePatch>,
    /// Other colours in the dark; null: as ever.
    #[serde(default)]
    #[schema(value_type = Option<PalettePatch>)]
    dark: Patched<PalettePatch>,
    /// Another policy; null: none.
    #[serde(default)]
    #[schema(value_type = Option<PolicyPatch>)]
    policy: Patched<PolicyPatch>,
}

/// Colours that are to be different.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingPalettePatch)]
struct PalettePatch {
    /// Another; null: as ever.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^#[0-9A-Fa-f]{6}$")]
    accent: Patched<Colour>,
    /// Another; null: as ever.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^#[0-9A-Fa-f]{6}$")]
    background: Patched<Colour>,
    /// Another; null: as ever.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^#[0-9A-Fa-f]{6}$")]
    text: Patched<Colour>,
}

/// What of the policy is to be different.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharePolicyPatch)]
struct PolicyPatch {
    /// Other days; null: never.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 3650)]
    default_days: Patched<u16>,
    /// Other days; null: any.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 3650)]
    least_days: Patched<u16>,
    /// Other days; null: any, and for ever.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 3650)]
    most_days: Patched<u16>,
    /// Whether every share needs a password.
    password_required: Option<bool>,
    /// Whether contents may be saved where nobody says.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    download: Patched<bool>,
}

impl PolicyPatch {
    fn over(self, now: SharePolicy) -> SharePolicy {
        let Self { default_days, least_days, most_days, password_required, download } = self;
        SharePolicy {
            default_days: default_days.or(now.default_days),
            least_days: least_days.or(now.least_days),
            most_days: most_days.or(now.most_days),
            password: match password_required {
                Some(true) => PasswordRule::Required,
                Some(false) => PasswordRule::Optional,
                None => now.password,
            },
            download: match download {
                Patched::Same => now.download,
                Patched::To(said) => said.map(downloads),
            },
        }
    }
}

impl PalettePatch {
    fn over(self, now: Palette) -> Palette {
        let Self { accent, background, text } = self;
        Palette {
            accent: accent.or(now.accent),
            background: background.or(now.background),
            text: text.or(now.text),
        }
    }
}

impl SettingsPatch {
    fn over(self, now: SharingDraft) -> SharingDraft {
        let Self { company, privacy_url, terms, footer, china_footer, light, dark, policy } = self;
        let text = |patched: Patched<String>, now: Option<Box<str>>| {
            patched.or(now.map(String::from)).map(Box::from)
        };
        SharingDraft {
            company: company.map_or(now.company, Into::into),
            privacy_url: text(privacy_url, now.privacy_url),
            terms: text(terms, now.terms),
            footer: footer.map_or(now.footer, Into::into),
            china_footer: china_footer.map_or(now.china_footer, Into::into),
            light: colours(light, now.light),
            dark: colours(dark, now.dark),
            policy: match policy {
                Patched::Same => now.policy,
                Patched::To(None) => SharePolicy::default(),
                Patched::To(Some(patch)) => patch.over(now.policy),
            },
        }
    }
}

fn colours(patched: Patched<PalettePatch>, now: Palette) -> Palette {
    match patched {
        Patched::Same => now,
        Patched::To(None) => Palette::default(),
        Patched::To(Some(patch)) => patch.over(now),
    }
}

/// What is set for a tenant's shares and their pages.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/settings/sharing", tag = "settings",
    params(("tenant" = String, Path, description = "The tenant's number")),
    responses(
        (status = 200, description = "The settings", body = SettingsBody,
            headers(("ETag" = String, description = "Their revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["settings.admin"]), ("bearer" = ["shares.write"]))
)]
async fn sharing_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let found = api.services.sharing_settings(&caller, tenant).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Says something else about a tenant's shares and their pages. Colours in which pages could not be read
/// are refused, with the nearest in which they could.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/settings/sharing", tag = "settings",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = SettingsPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The settings", body = SettingsBody,
            headers(("ETag" = String, description = "Their revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["settings.admin"]))
)]
async fn sharing_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<SettingsPatch>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    caller.require(Scope::SettingsAdmin).map_err(ServiceError::from)?;
    let now = api.services.sharing_settings(&caller, tenant).await?;
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let draft = patch.over(now.draft);
    let made = api.services.sharing_replace(&caller, tenant, seen, draft).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// The logo, as pages have it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/settings/sharing/logo", tag = "settings",
    params(("tenant" = String, Path, description = "The tenant's number")),
    responses(
        (status = 200, description = "The logo", content_type = "image/png"),
        ReadRefusals
    ),
    security(("bearer" = ["settings.admin"]), ("bearer" = ["shares.write"]))
)]
async fn sharing_logo_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let logo = api.services.sharing_settings(&caller, tenant).await?.logo;
    let logo = logo.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let bytes = api.services.sharing_logo(tenant, &logo.digest).await?;
    let media_type = [(CONTENT_TYPE, HeaderValue::from_static("image/png"))];
    Ok((media_type, Body::from(bytes)).into_response())
}

/// Gives pages a logo: PNG, JPEG, WebP or GIF of at most 256 KiB. A picture of it is made, of at most
/// 640 by 160 pixels, and nothing else of it is kept. SVG is refused, for it may hold scripts.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/settings/sharing/logo", tag = "settings",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content(("image/png"), ("image/jpeg"), ("image/webp"), ("image/gif"))),
    responses(
        (status = 200, description = "The settings", body = SettingsBody,
            headers(("ETag" = String, description = "Their revision"))),
        LogoRefusals
    ),
    security(("bearer" = ["settings.admin"]))
)]
async fn sharing_logo_put(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    IfMatch(expected): IfMatch,
    request: Request,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    caller.require(Scope::SettingsAdmin).map_err(ServiceError::from)?;
    let now = api.services.sharing_settings(&caller, tenant).await?;
    let seen = expected.or_revision(now.revision);
    if !body::is_one_of(request.headers(), PICTURES) {
        return Err(Problem::new(ProblemCode::MediaType));
    }
    let image = body::bytes(request).await?;
    let made = api.services.sharing_logo_set(&caller, tenant, seen, image).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Takes the logo away.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/settings/sharing/logo", tag = "settings",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["settings.admin"]))
)]
async fn sharing_logo_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let made = api.services.sharing_logo_remove(&caller, tenant, expected).await?;
    Ok(tagged(made.revision, StatusCode::NO_CONTENT.into_response()))
}

fn wire(settings: SharingSettings) -> SettingsBody {
    let SharingSettings { tenant: _, draft, logo, revision: _ } = settings;
    let palette = |Palette { accent, background, text }| PaletteBody { accent, background, text };
    SettingsBody {
        company: draft.company.into(),
        privacy_url: draft.privacy_url.map(Into::into),
        terms: draft.terms.map(Into::into),
        footer: draft.footer.into(),
        china_footer: draft.china_footer.into(),
        light: palette(draft.light),
        dark: palette(draft.dark),
        policy: policy(draft.policy),
        logo: logo.map(|SharingLogo { digest, width, height }| LogoBody {
            digest: digest.into(),
            width,
            height,
        }),
    }
}

fn policy(policy: SharePolicy) -> PolicyBody {
    let SharePolicy { default_days, least_days, most_days, password, download } = policy;
    PolicyBody {
        default_days,
        least_days,
        most_days,
        password_required: password == PasswordRule::Required,
        download: download.map(|it| it == ShareDownloads::Allowed),
    }
}
