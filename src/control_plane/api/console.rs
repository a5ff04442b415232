//! Where the console is mounted, and what it is told of each request.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::envelope::RequestId;
use super::rate_limit::Noted;
use super::state::Api;
use crate::control_plane::admin_page::{Arrival, Console, PageQuota, router};
use crate::control_plane::browser::Transport;

/// The console's pages.
pub(super) fn routes(api: &Api) -> Router<Api> {
    let console = Console::new(api.services.clone(), api.accounts.clone(), api.public_url.clone());
    router(console).layer(from_fn_with_state(api.clone(), arrived))
}

async fn arrived(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let request_id = parts.extensions.get().map(|RequestId(id)| id.clone()).unwrap_or_default();
    let address = api.client_address(&parts);
    let transport = transport(&api, &parts);
    let quota = quota(&api, &parts);
    parts.extensions.insert(Arrival { address, transport, request_id, quota });
    next.run(Request::from_parts(parts, body)).await
}

/// One and the same for a person's pages and their calls.
fn quota(api: &Api, parts: &Parts) -> PageQuota {
    let (limit, noted) = (api.rate_limit.clone(), parts.extensions.get::<Noted>().cloned());
    PageQuota::new(move |caller| {
        let taken = limit.take(caller, noted.as_ref());
        taken.map_err(|refused| refused.retry_after.unwrap_or(1))
    })
}

/// What the browser's request came on: TLS that ends here, at a proxy whose word is believed, or where
/// the operator says that clients come: whoever asks for the host of an `https` address met TLS there.
fn transport(api: &Api, parts: &Parts) -> Transport {
    if parts.extensions.get() == Some(&Transport::Secured) {
        return Transport::Secured;
    }
    let host = parts.headers.get(HOST).and_then(|it| it.to_str().ok());
    let asked = parts.uri.authority().map(Authority::as_str).or(host);
    if is_public_https(api.public_url.as_deref(), asked) || proxied_over_tls(api, parts) {
        Transport::Secured
    } else {
        Transport::Plain
    }
}

fn is_public_https(public_url: Option<&str>, asked: Option<&str>) -> bool {
    let public = public_url.and_then(|url| url.strip_prefix("https://")?.split('/').next());
    public.is_some_and(|public| asked.is_some_and(|asked| asked.eq_ignore_ascii_case(public)))
}

/// The left-most of several values is meant: that of the proxy that met the client.
fn proxied_over_tls(api: &Api, parts: &Parts) -> bool {
    let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
        return false;
    };
    let said = parts.headers.get("x-forwarded-proto").and_then(|it| it.to_str().ok());
    let first = said.and_then(|said| said.split(',').next());
    api.trusted_proxies.contains(peer.ip())
        && first.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_public_https_address_is_secured() {
        let public = Some("https://control.example:8443/a");
        for (public, asked, expected) in [
            (public, Some("control.example:8443"), true),
            (public, Some("Control.Example:8443"), true),
            (public, Some("127.0.0.1:8081"), false),
            (public, Some("control.example"), false),
            (public, None, false),
            (Some("http://control.example"), Some("control.example"), false),
            (None, Some("control.example"), false),
        ] {
            assert_eq!(is_public_https(public, asked), expected, "{public:?} {asked:?}");
        }
    }
}
