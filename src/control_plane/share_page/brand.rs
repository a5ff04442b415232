//! Whose pages they are: the tenant's logo, colours and privacy policy, and what stands under each page
//! (C19, C20).
//!
//! It is the same for every address of a site, those at which there is nothing included. Colours and
//! logo are files of their own, each under a name that is made of its bytes.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::pages::Pages;
use super::refusal::Refusal;
use crate::control_plane::record::{ShareDelivery, SharingLogo, SharingSettings};
use crate::control_plane::service::{PagePalette, Services, bytes_name};
use crate::telemetry::ErrorChain;
use crate::visitor::Visitor;

/// Of what has its digest for a name.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What pages of a tenant have that others' do not.
#[derive(Clone, Debug, Default)]
pub(super) struct Brand {
    /// What the company is called; perhaps nothing.
    pub(super) company: Box<str>,
    pub(super) logo: Option<Logo>,
    /// Where the stylesheet with the colours is.
    pub(super) style: Option<String>,
    /// Where the privacy policy is.
    pub(super) privacy: Option<Box<str>>,
    /// What stands under every page.
    pub(super) footers: Vec<Box<str>>,
}

/// A logo, as large as it is shown.
#[derive(Clone, Debug)]
pub(super) struct Logo {
    pub(super) path: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Brand {
    /// That of the site that is visited. What is wrong with it keeps nobody from a page.
    pub(super) async fn of_site(services: &Services, visitor: &Visitor) -> Self {
        match services.sharing_shown(visitor.tenant).await {
            Ok(settings) => Self::of(settings, services.share_delivery_at(&visitor.host)),
            Err(error) => {
                let error = ErrorChain(&error);
                tracing::warn!(%error, "a share's page goes without what is set for it");
                Self::default()
            }
        }
    }

    fn of(settings: SharingSettings, delivery: ShareDelivery) -> Self {
        let style = PagePalette::of(&settings.draft).stylesheet();
        let SharingSettings { tenant: _, draft, logo, revision: _ } = settings;
        let in_china = (delivery == ShareDelivery::China).then_some(draft.china_footer);
        let footers = std::iter::once(draft.footer).chain(in_china);
        Self {
            company: draft.company,
            logo: logo.map(Logo::of),
            style: style.map(|text| format!("/s/-/{}.css", bytes_name(text.as_bytes()))),
            privacy: draft.privacy_url,
            footers: footers.filter(|text| !text.is_empty()).collect(),
        }
    }

    /// The same without what says whose page it is.
    pub(super) fn unmarked(self) -> Self {
        Self { company: "".into(), logo: None, ..self }
    }
}

impl Logo {
    /// Half as large as it is: of what is shown, a screen may have two pixels to the point.
    fn of(SharingLogo { digest, width, height }: SharingLogo) -> Self {
        let path = format!("/s/-/{digest}.png");
        Self { path, width: width.div_ceil(2), height: height.div_ceil(2) }
    }
}

/// The colours or the logo of the site that is visited.
pub(super) async fn file(
    State(pages): State<Pages>,
    Extension(visitor): Extension<Visitor>,
    Path(file): Path<String>,
) -> Result<Response, Refusal> {
    let (name, kind) = file.split_once('.').ok_or(Refusal::Missing)?;
    let (media_type, bytes) = match kind {
        "css" => {
            let settings = pages.services.sharing_shown(visitor.tenant).await?;
            let text = PagePalette::of(&settings.draft).stylesheet();
            let own = text.filter(|text| *bytes_name(text.as_bytes()) == *name);
            ("text/css; charset=utf-8", Bytes::from(own.ok_or(Refusal::Missing)?))
        }
        "png" => ("image/png", pages.services.sharing_logo(visitor.tenant, name).await?),
        _ => return Err(Refusal::Missing),
    };
    let media_type = HeaderValue::from_static(media_type);
    Ok(([(CONTENT_TYPE, media_type), (CACHE_CONTROL, FOR_EVER)], bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_plane::record::{Colour, Palette, SharingDraft};

    /// What follows of colours that somebody said goes out from those that are so without them.
    #[test]
    fn the_usual_colours_are_those_of_the_stylesheet() {
        let dark = Palette { accent: Colour::parse("#7db8f5"), ..Palette::default() };
        let draft = SharingDraft { dark, ..SharingDraft::default() };
        let text = PagePalette::of(&draft).stylesheet().unwrap();
        let (light, dark) = text.split_once("@media").unwrap();
        let (own_light, own_dark) = include_str!("page.css").split_once("@media").unwrap();
        let lines = |text: &'static str| text.lines().map(str::trim).collect::<Vec<_>>();
        let own_light = lines(own_light);
        let told: Vec<_> = light.lines().filter(|line| line.contains("--")).collect();
        assert_eq!(told.len(), 9);
        for line in told {
            assert!(own_light.contains(&line.trim()), "{line}");
        }
        let own_dark = lines(own_dark);
        for name in ["--ground", "--card", "--text", "--accent:"] {
            let line = dark.lines().find(|line| line.contains(name)).unwrap();
            assert!(own_dark.contains(&line.trim()), "{line}");
        }
    }
}
