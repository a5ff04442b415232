//! The way to the pages of shares: for the door in this process, and for those of edges elsewhere.

use std::error::Error;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::auth::Authenticated;
use super::state::Api;
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::record::Scope;
use crate::visitor::Visitor;

/// Where edges bring what visitors ask of shares; the visitor's target follows.
const FROM_EDGES: &str = "/api/v1/edge/shares";

/// The pages of shares. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct SharePages(TowerToHyperService<Router>);

impl SharePages {
    pub(super) fn new(router: Router) -> Self {
        Self(TowerToHyperService::new(router))
    }

    /// Answers a visitor, who must be among the request's extensions: what says who they are in the
    /// header is not read.
    pub async fn answer(
        &self,
        request: http::Request<Bytes>,
    ) -> http::Response<UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>> {
        let response = self.pass(request.map(Body::from)).await;
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }

    async fn pass(&self, request: Request) -> Response {
        match self.0.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The route of edges. It is apart from the API: what comes back is a page's answer and goes to a
/// visitor as it is.
pub(super) fn routes(pages: SharePages) -> Router<Api> {
    let visited = move |Authenticated(caller): Authenticated, request: Request| {
        let pages = pages.clone();
        async move { visited(&pages, &caller, request).await }
    };
    Router::new().route(&format!("{FROM_EDGES}/{{*target}}"), any(visited))
}

async fn visited(pages: &SharePages, caller: &Caller, request: Request) -> Response {
    if !is_edge(caller) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some((visitor, target)) = visitor(request.headers()).zip(target(request.uri())) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (mut parts, body) = request.into_parts();
    parts.uri = target;
    let headers = &mut parts.headers;
    headers.remove(header::AUTHORIZATION);
    for name in Visitor::FIELDS {
        headers.remove(name);
    }
    if let Ok(host) = HeaderValue::from_str(&visitor.host) {
        headers.insert(header::HOST, host);
    }
    // Nothing of this connection or its caller is the visitor's.
    parts.extensions = http::Extensions::new();
    parts.extensions.insert(visitor);
    let mut response = pages.pass(Request::from_parts(parts, body)).await;
    response.headers_mut().insert(Visitor::ANSWERED, HeaderValue::from_static("1"));
    response
}

/// Only an edge that was let in says who somebody else is.
fn is_edge(caller: &Caller) -> bool {
    caller.require(Scope::Edge).is_ok() && matches!(caller.actor(), Actor::Edge(_))
}

/// The visitor, if each field is there once.
fn visitor(headers: &HeaderMap) -> Option<Visitor> {
    let field = |name: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())?.to_str().ok()
    };
    let [address, scheme, host, tenant] = Visitor::FIELDS;
    Visitor::read([field(address)?, field(scheme)?, field(host)?, field(tenant)?])
}

/// The visitor's target, which begins with `/s/`.
fn target(uri: &Uri) -> Option<Uri> {
    let text = uri.path_and_query().map(PathAndQuery::as_str)?.strip_prefix(FROM_EDGES)?;
    text.starts_with("/s/").then(|| text.parse().ok())?
}
