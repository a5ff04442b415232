//! The documents of the API (`OpenAPI` 3.1), made from the handlers.

use utoipa::OpenApi as _;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes,
    SecurityScheme,
};
use utoipa::openapi::{Components, OpenApi};

use crate::control_plane::api::envelope::{
    MediahubProblemBody, ProblemBody, ThronProblemBody, VendorProblemBody,
};
use crate::control_plane::api::oauth2::OauthError;
use crate::control_plane::api::router::{
    mediahub_routes, native_routes, thron_routes, vmpro_routes,
};
use crate::control_plane::record::{Scope, ScopeSet};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// `MediaHub`'s files API.
    Mediahub,
    /// The native API and the tokens for it.
    Native,
    /// THRON's API.
    Thron,
    /// movingimage's API.
    Vmpro,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Countersign",
        description = "The control plane: what may be handed out, and to whom."
    ),
    components(schemas(OauthError, ProblemBody))
)]
struct Native;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Countersign: the vmpro dialect",
        description = "movingimage's overrides and login, as its clients know them."
    ),
    components(schemas(ProblemBody, VendorProblemBody))
)]
struct Vmpro;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Countersign: the MediaHub dialect",
        description = "Xvid MediaHub's files and downloads, as its clients know them. Each path is \
                       served without its version, and with a slash at the end or without."
    ),
    components(schemas(MediahubProblemBody, ProblemBody))
)]
struct Mediahub;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Countersign: the THRON dialect",
        description = "THRON's logins, versions and originals, as its SDK knows them: in JSON, or in \
                       XML for whoever asks for that."
    ),
    components(schemas(ProblemBody, ThronProblemBody))
)]
struct Thron;

/// A document, as it is served.
pub fn document(which: Document) -> OpenApi {
    let (mut head, routes) = match which {
        Document::Mediahub => (Mediahub::openapi(), mediahub_routes().split_for_parts().1),
        Document::Native => (Native::openapi(), native_routes().split_for_parts().1),
        Document::Thron => (Thron::openapi(), thron_routes().split_for_parts().1),
        Document::Vmpro => (Vmpro::openapi(), vmpro_routes().split_for_parts().1),
    };
    head.merge(routes);
    let scopes: Scopes =
        ScopeSet::EVERY.iter().map(Scope::wire_name).map(|name| (name, name)).collect();
    let flow = ClientCredentials::new("/v1/oauth2/token", scopes);
    let components = head.components.get_or_insert_with(Components::new);
    let bearer = OAuth2::new([Flow::ClientCredentials(flow)]);
    components.add_security_scheme("bearer", SecurityScheme::OAuth2(bearer));
    let basic = Http::new(HttpAuthScheme::Basic);
    components.add_security_scheme("client", SecurityScheme::Http(basic));
    if which == Document::Mediahub {
        let said = "HMAC-SHA256 of path and query up to here, under the application's secret";
        let signature = ApiKeyValue::with_description("signature", said);
        let signature = SecurityScheme::ApiKey(ApiKey::Query(signature));
        components.add_security_scheme("signature", signature);
    }
    if which == Document::Thron {
        let said = "The token of a session: an hour from its last call";
        let session = ApiKeyValue::with_description("X-TOKENID", said);
        let session = SecurityScheme::ApiKey(ApiKey::Header(session));
        components.add_security_scheme("session", session);
    }
    head
}
