//! A picture in a format of the visitor's own (C23): begun by a form, which is what a limit counts, and
//! had by `GET` as often as a browser asks to get it whole.

use std::num::{NonZeroU32, ParseIntError};

use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Request};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::gate::to;
use super::guest::Guest;
use super::refusal::Refusal;
use crate::control_plane::service::{FormatTicket, ShareVisit};
use crate::rendition::{Area, Bounds, Encoding, Fit, Quality, Rendition};

/// What was typed.
#[derive(Default, Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    width: String,
    #[serde(default)]
    height: String,
    #[serde(default)]
    fit: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    quality: String,
    #[serde(default)]
    crop_x: String,
    #[serde(default)]
    crop_y: String,
    #[serde(default)]
    crop_width: String,
    #[serde(default)]
    crop_height: String,
}

/// What was typed is no part of a picture.
struct NoPart;

impl Typed {
    /// The rendition that it asks for; none where there is none of that kind.
    fn wish(&self) -> Option<Rendition> {
        let bounds =
            Bounds { width: length(&self.width).ok()?, height: length(&self.height).ok()? };
        let fit = match &*self.fit {
            "" | "inside" => Fit::Inside,
            "cover" => Fit::Cover,
            _ => return None,
        };
        let quality = match self.quality.trim() {
            "" => Quality::default(),
            text => Quality::new(text.parse().ok()?)?,
        };
        let encoding = match &*self.format {
            "" | "jpeg" => Encoding::Jpeg(quality),
            "png" => Encoding::Png,
            "webp" => Encoding::WebP,
            _ => return None,
        };
        Some(Rendition { crop: self.crop().ok()?, bounds, fit, encoding })
    }

    /// The part of the picture that it asks for; none is all of it. Its corner is that of the picture
    /// unless another is said.
    fn crop(&self) -> Result<Option<Area>, NoPart> {
        let Self { crop_x, crop_y, crop_width, crop_height, .. } = self;
        if [crop_x, crop_y, crop_width, crop_height].iter().all(|it| it.trim().is_empty()) {
            return Ok(None);
        }
        let corner = |text: &str| match text.trim() {
            "" => Ok(0),
            text => text.parse().map_err(|_| NoPart),
        };
        let side = |text: &str| length(text).ok().flatten().ok_or(NoPart);
        let (width, height) = (side(crop_width)?, side(crop_height)?);
        Ok(Some(Area { x: corner(crop_x)?, y: corner(crop_y)?, width, height }))
    }
}

/// A length in pixels, or none where nothing was typed.
fn length(text: &str) -> Result<Option<NonZeroU32>, ParseIntError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some),
    }
}

/// Begins a download of the picture as it is asked for, and goes to it.
pub(super) async fn begin(
    guest: Guest,
    Path((_, item)): Path<(String, u64)>,
    headers: HeaderMap,
    form: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(typed)) = form else { return Err(Refusal::Missing) };
    let refused = Refusal::Not(StatusCode::BAD_REQUEST, "format-refused");
    let wish = typed.wish().ok_or(refused)?;
    let visit = ShareVisit { client: guest.client, method: &Method::POST, headers: &headers };
    let ticket = guest.services.share_format(&guest.access, item, wish, visit).await?;
    to(&format!("{}/items/{item}/format/{ticket}", guest.path()))
}

/// Hands over what was begun, or the part that is asked for.
pub(super) async fn save(
    guest: Guest,
    Path((_, item, ticket)): Path<(String, u64, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let ticket = FormatTicket::parse(&ticket).ok_or(Refusal::Missing)?;
    let (method, headers) = (request.method(), request.headers());
    let visit = ShareVisit { client: guest.client, method, headers };
    let (services, access) = (&guest.services, &guest.access);
    let response = services.share_format_hand_over(access, item, &ticket, visit).await?;
    Ok(response.map(Body::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_asks_for_a_rendition_or_for_nothing() {
        let typed = |width: &str, height: &str, fit: &str, format: &str, quality: &str| {
            let [width, height, fit, format, quality] =
                [width, height, fit, format, quality].map(str::to_owned);
            Typed { width, height, fit, format, quality, ..Typed::default() }.wish()
        };
        let bounds = |width, height| Bounds {
            width: NonZeroU32::new(width),
            height: NonZeroU32::new(height),
        };
        assert_eq!(typed("", "", "", "", ""), Some(Rendition::default()));
        let quality = Quality::new(40).unwrap();
        for (asked, bounds, fit, encoding) in [
            (
                typed(" 80 ", "60", "cover", "jpeg", " 40"),
                bounds(80, 60),
                Fit::Cover,
                Encoding::Jpeg(quality),
            ),
            (typed("80", "", "inside", "png", "40"), bounds(80, 0), Fit::Inside, Encoding::Png),
            (typed("", "9", "", "webp", ""), bounds(0, 9), Fit::Inside, Encoding::WebP),
        ] {
            assert_eq!(asked, Some(Rendition { crop: None, bounds, fit, encoding }));
        }
        for asked in [
            typed("0", "", "", "", ""),
            typed("-1", "", "", "", ""),
            typed("", "4294967296", "", "", ""),
            typed("eight", "", "", "", ""),
            typed("", "", "stretch", "", ""),
            typed("", "", "", "svg", ""),
            typed("", "", "", "", "0"),
            typed("", "", "", "", "101"),
        ] {
            assert_eq!(asked, None);
        }
    }

    #[test]
    fn a_form_asks_for_a_part_or_for_all_of_it() {
        let typed = |x: &str, y: &str, width: &str, height: &str| {
            let [crop_x, crop_y, crop_width, crop_height] =
                [x, y, width, height].map(str::to_owned);
            let typed = Typed { crop_x, crop_y, crop_width, crop_height, ..Typed::default() };
            typed.wish().map(|wish| wish.crop)
        };
        let part = |x, y, width, height| {
            let [width, height] = [width, height].map(|it| NonZeroU32::new(it).unwrap());
            Some(Some(Area { x, y, width, height }))
        };
        assert_eq!(typed("", " ", "", ""), Some(None));
        assert_eq!(typed("3", " 4", "50 ", "60"), part(3, 4, 50, 60));
        assert_eq!(typed("", "", "50", "60"), part(0, 0, 50, 60));
        for (x, y, width, height) in [
            ("3", "4", "", ""),
            ("", "", "50", ""),
            ("", "", "0", "60"),
            ("-1", "", "50", "60"),
            ("1.5", "", "50", "60"),
            ("", "4294967296", "50", "60"),
        ] {
            assert_eq!(typed(x, y, width, height), None, "{x} {y} {width} {height}");
        }
    }
}
