//! The service hyper calls: one request in, one answer out, panics caught between.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONNECTION, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;

use super::super::connection_metrics::ConnectionMetrics;
use super::activity::{Activity, RequestBodyPresence, Stage, Ticket};
use super::answer::{Answer, RequestBody};
use super::answer_body::AnswerBody;
use super::facts::{ConnectionFacts, Protocol};

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests<A> {
    pub(super) answer: Arc<A>,
    pub(super) connection: Arc<ConnectionFacts>,
    pub(super) activity: Arc<Activity>,
    pub(super) metrics: Arc<ConnectionMetrics>,
}

impl<A: Answer> Requests<A> {
    /// Answers one request. It is in flight from this call on, polled or not.
    pub(super) fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<AnswerBody<A::Body>>, Infallible>> + Send + use<A>
    {
        let body = if request.body().is_end_stream() {
            RequestBodyPresence::None
        } else {
            RequestBodyPresence::Some
        };
        let ticket = self.activity.begin(body);
        self.metrics.requests.increment();
        let exchange = Exchange {
            answer: Arc::clone(&self.answer),
            connection: Arc::clone(&self.connection),
            activity: Arc::clone(&self.activity),
            metrics: Arc::clone(&self.metrics),
        };
        // On the heap: hyper keeps the room for this future in every connection, idle or not, and
        // moves it about.
        let answer = Box::pin(exchange.run(request, ticket));
        async move { Ok(answer.await) }
    }
}

/// One request with what it needs of its connection.
struct Exchange<A> {
    answer: Arc<A>,
    connection: Arc<ConnectionFacts>,
    activity: Arc<Activity>,
    metrics: Arc<ConnectionMetrics>,
}

impl<A: Answer> Exchange<A> {
    async fn run(
        self,
        request: Request<Incoming>,
        mut ticket: Ticket,
    ) -> Response<AnswerBody<A::Body>> {
        let timeout = self.activity.limits().header_timeout;
        let (protocol, metrics) = (self.connection.protocol, Arc::clone(&self.metrics));
        let request = request.map(|body| RequestBody::new(body, protocol, timeout, metrics));
        if request.method() == Method::HEAD {
            // Its body, if it has one, is not asked for.
            ticket.finish();
        }
        // Pinned here and lent: a future that is passed on by value has its room twice.
        let mut answering = pin!(async { self.answer.answer(request, &self.connection).await });
        let answered = std::future::poll_fn(|cx| poll_unwound(answering.as_mut(), cx)).await;
        let mut response = if let Ok(response) = answered {
            response.map(Some)
        } else {
            self.metrics.panics.increment();
            if self.connection.protocol == Protocol::Http1 {
                // The body of the request may not have been read.
                self.activity.close_after_requests();
            }
            let mut response = Response::new(None);
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        };
        if self.connection.protocol == Protocol::Http1 && self.activity.stage() == Stage::Closing {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| AnswerBody::new(body, ticket, self.metrics))
    }
}

/// The future's outcome, or that it panicked. It is not to be polled again then, only dropped.
fn poll_unwound<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panicked>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    }
}

struct Panicked;
