//! What goes around every page: whether its request may change something, what is shown where there is
//! no page, and what every answer says of itself.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::brand::Brand;
use super::pages::Pages;
use super::refusal::Refusal;
use crate::control_plane::browser::{is_own, origin_of};
use crate::control_plane::words::Words;
use crate::policy::ClientScheme;
use crate::visitor::Visitor;

/// What every answer says of itself. The referrer has a share's address in it, which goes to no other
/// host; to this one it must, or a browser says `Origin: null` of its own forms (Fetch, section 3.2).
const SAID: [(HeaderName, &str); 5] = [
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=(), \
         payment=(), usb=()",
    ),
];

const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Where the bytes come from that a page shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Shows {
    /// Pictures, films and sounds.
    media: BTreeSet<String>,
    /// Documents, each in a frame of its own.
    documents: BTreeSet<String>,
}

impl Shows {
    /// Those of that address, too.
    pub(super) fn add(&mut self, url: &str) {
        self.media.extend(origin_of(url).map(str::to_owned));
    }

    /// The document at that address, too.
    pub(super) fn add_document(&mut self, url: &str) {
        self.documents.extend(origin_of(url).map(str::to_owned));
    }

    /// The security page's policy, part 5.
    fn policy(&self) -> String {
        let mut from = String::from("'self'");
        for origin in &self.media {
            from.push(' ');
            from.push_str(origin);
        }
        let mut frames = String::new();
        for origin in &self.documents {
            frames.push_str(if frames.is_empty() { "frame-src " } else { " " });
            frames.push_str(origin);
        }
        if !frames.is_empty() {
            frames.push_str("; ");
        }
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src {from}; \
             media-src {from}; {frames}connect-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'; require-trusted-types-for 'script'"
        )
    }
}

/// Wraps a request to a page.
pub(super) async fn around(
    State(pages): State<Pages>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(visitor) = request.extensions().get::<Visitor>().cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // What pages look like is asked for by browsers, which show no page of it.
    let brand = if request.uri().path().starts_with("/s/-/") {
        Brand::default()
    } else {
        Brand::of_site(&pages.services, &visitor).await
    };
    request.extensions_mut().insert(brand.clone());
    let words = Words::of(None, accepted(request.headers()));
    let request_id = request_id(request.headers()).to_owned();
    let way_back = share_of(request.uri().path()).map(str::to_owned);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_own = reads || is_own(request.headers(), request.uri(), None);
    let mut response =
        if is_own { next.run(request).await } else { Refusal::Foreign.into_response() };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = refusal.page(words, &request_id, way_back, brand.unmarked());
    }
    dressed(response, visitor.scheme)
}

fn dressed(mut response: Response, scheme: ClientScheme) -> Response {
    let shows = response.extensions_mut().remove::<Shows>().unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in SAID {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(shows.policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    match scheme {
        ClientScheme::Http => {}
        ClientScheme::Https => drop(headers.insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR)),
    }
    response
}

/// What the browser says of its languages.
pub(super) fn accepted(headers: &HeaderMap) -> Option<&str> {
    headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok())
}

/// The id under which the request is logged.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    headers.get("x-request-id").and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// The path of the share that a path is of.
fn share_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/s/")?;
    let end = rest.find('/')?;
    path.get(.."/s/".len() + end)
}

/// The page as an answer.
pub(super) fn rendered(
    status: StatusCode,
    page: &impl Template,
    shows: Shows,
) -> Result<Response, Refusal> {
    let text = page.render().map_err(Refusal::failed)?;
    let media_type = [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    let mut response = (status, media_type, text).into_response();
    response.extensions_mut().insert(shows);
    Ok(response)
}

/// What a page answers instead of itself is put into the answer, for [`around`] to show.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
