//! The pipeline behind a connection: what a connection knows, in the pipeline's terms.

use std::sync::Arc;

use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderValue, Request, Response};
use http_body::Body as _;

use super::connection::{Answer, ConnectionFacts, RequestBody, Transport};
use super::identity::{Arrival, BodyPresence};
use super::pipeline::Pipeline;
use super::reply::ReplyBody;
use super::settings::Settings;

/// Who came over TLS once is to come over TLS again (RFC 6797).
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

impl Answer for Pipeline {
    type Body = ReplyBody;

    async fn answer(
        &self,
        request: Request<RequestBody>,
        connection: &Arc<ConnectionFacts>,
    ) -> Response<ReplyBody> {
        let (parts, body) = request.into_parts();
        let server_name = match &connection.transport {
            Transport::Plain | Transport::Tls { server_name: None } => None,
            Transport::Tls { server_name: Some(name) } => Some(&**name),
        };
        let body = if body.is_end_stream() { BodyPresence::Absent } else { BodyPresence::Present };
        let arrival = Arrival { peer: connection.peer, server_name, body };
        let mut response = self.answer(&parts, arrival).await;
        if connection.transport != Transport::Plain {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
        }
        response
    }

    fn settings(&self) -> Arc<Settings> {
        // Before the first state is in force every request is refused; the limits still hold.
        self.state().map_or_else(Arc::default, |state| Arc::clone(&state.settings))
    }
}
