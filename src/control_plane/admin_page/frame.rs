//! What goes around every page: whose request it is, whether it may change something, what is shown
//! where there is no page, and what every answer says of itself.

use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, REFERER, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY,
};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::arrival::{Arrival, PageQuota};
use super::console::Console;
use super::refusal::Refusal;
use super::session::{Kept, Visit};
use crate::control_plane::account::AccountError;
use crate::control_plane::browser::{Transport, is_here, is_own, origin_of};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'none'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'";

/// What every page says of itself. The referrer goes to no other host, and to this one it must: a
/// browser that sends none says `Origin: null` of its own forms (Fetch, section 3.2).
const SAID: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=(), \
         payment=(), usb=()",
    ),
];

/// As edges say it (RFC 6797; security page, part 5).
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Wraps a request to a page.
pub(super) async fn around(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = match visit(&console, &parts).await {
        Ok(visit) => visit,
        Err((visit, refusal)) => return dressed(refusal.page(&visit), &visit),
    };
    parts.extensions.insert(visit.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        let ways = response.headers_mut().remove(ALLOW);
        response = refusal.page(&visit);
        response.headers_mut().extend(ways.map(|ways| (ALLOW, ways)));
    }
    dressed(response, &visit)
}

fn dressed(mut response: Response, visit: &Visit) -> Response {
    for (name, value) in SAID {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    match visit.arrival.transport {
        Transport::Plain => {}
        // What is typed here is never to be typed in the clear.
        Transport::Secured => {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
        }
    }
    response
}

async fn visit(console: &Console, parts: &Parts) -> Result<Visit, (Visit, Refusal)> {
    let headers = &parts.headers;
    let arrival = parts.extensions.get::<Arrival>().cloned().unwrap_or(Arrival {
        address: None,
        transport: Transport::Plain,
        request_id: String::new(),
        quota: PageQuota::endless(),
    });
    let kept = Kept::of(headers, arrival.transport);
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let asked = if reads {
        parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default()
    } else {
        page_of(headers, &parts.uri, console.public_url())
    };
    let visit = Visit { arrival, asked: asked.into(), kept, signed_in: None };
    if !reads && !is_own(headers, &parts.uri, console.public_url()) {
        return Err((visit, Refusal::Foreign));
    }
    let Some(kept) = &visit.kept else { return Ok(visit) };
    match console.accounts().signed_in(kept.token(), visit.arrival.address).await {
        Ok(signed_in) => match visit.arrival.quota.take(&signed_in.caller) {
            Ok(()) => Ok(Visit { signed_in: Some(signed_in), ..visit }),
            Err(wait) => {
                Err((Visit { signed_in: Some(signed_in), ..visit }, Refusal::too_many(wait)))
            }
        },
        Err(AccountError::NotValid) => Ok(visit),
        Err(error) => Err((visit, error.into())),
    }
}

/// The page that a form was sent from, as far as the browser says; else nothing. Where the form is
/// sent there is no page to go to.
fn page_of(headers: &HeaderMap, uri: &Uri, public_url: Option<&str>) -> String {
    let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    let Some(page) = text(REFERER) else { return String::new() };
    let asked = uri.authority().map(Authority::as_str).or_else(|| text(HOST));
    let origin = origin_of(page).filter(|origin| is_here(origin, asked, public_url));
    origin.and_then(|origin| page.strip_prefix(origin)).unwrap_or_default().to_owned()
}

/// What a page answers instead of itself is put into the answer, for [`around`] to show.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
