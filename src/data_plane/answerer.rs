//! The pipeline behind a connection: what a connection knows, in the pipeline's terms.

use std::sync::Arc;

use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderValue, Request, Response};
use http_body::Body as _;

use crate::policy::DenialCode;

use super::connection::{Answer, ConnectionFacts, RequestBody, Transport, TurnedAway};
use super::identity::BodyPresence;
use super::pipeline::Pipeline;
use super::reply::ReplyBody;
use super::settings::Settings;
use super::share_door::is_share;

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
        let presence =
            if body.is_end_stream() { BodyPresence::Absent } else { BodyPresence::Present };
        let response = match &self.shares {
            // Boxed: few requests need the room.
            Some(door) if is_share(&parts.uri) => {
                Box::pin(self.answer_visitor(door, &parts, body, presence, connection)).await
            }
            Some(_) | None => self.answer(&parts, presence, connection).await,
        };
        let mut response = strict(response, connection);
        if let Some(outlet) = &connection.outlet {
            response.body_mut().splice_into(outlet);
        }
        response
    }

    fn turn_away(&self, reason: TurnedAway, connection: &ConnectionFacts) -> Response<ReplyBody> {
        let code = match reason {
            TurnedAway::HeadLate => DenialCode::RequestTimeout,
            TurnedAway::NoRoom => DenialCode::Overloaded,
        };
        strict(self.turn_away(code, connection), connection)
    }

    fn settings(&self) -> Arc<Settings> {
        // Before the first state is in force every request is refused; the limits still hold.
        self.state().map_or_else(Arc::default, |state| Arc::clone(&state.settings))
    }
}

fn strict(mut response: Response<ReplyBody>, connection: &ConnectionFacts) -> Response<ReplyBody> {
    if connection.transport != Transport::Plain {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
    }
    response
}
