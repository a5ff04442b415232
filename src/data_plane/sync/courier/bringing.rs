//! What is asked of shares, brought to whichever control plane answers, and what it says brought back.
//!
//! A request that cannot have reached a control plane is brought to the next one. One that may have is,
//! if asking twice changes nothing (RFC 9110 section 9.2.2); else nobody knows what became of it, and
//! the visitor is told so.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};

use super::super::connect::{Connection, Connector, SyncSetupError};
use super::super::session::Over;
use super::super::settings::{ControlUrl, SyncConfig};
use crate::data_plane::share_door::{DeskAway, DeskBody, ShareDesk};
use crate::visitor::Visitor;

/// For the head of one control plane's answer. Passwords are checked slowly on purpose.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that are kept while nobody needs them, and for how long: less than a control plane
/// keeps one, so that a form is not sent on one that it is about to close.
const MOST_IDLE: usize = 16;
const IDLE: Duration = Duration::from_secs(5);

/// See the module.
pub struct ShareCourier {
    urls: Vec<ControlUrl>,
    connector: Connector,
    /// The one that answered last.
    place: AtomicUsize,
    idle: Arc<Idle>,
}

/// What became of a request at one control plane.
enum Failed {
    /// It did nothing with it.
    Unheard(Over),
    /// It may have.
    Unknown(Over),
}

impl ShareCourier {
    /// To these control planes, by that edge's token.
    pub fn new(config: &SyncConfig) -> Result<Self, SyncSetupError> {
        Ok(Self {
            urls: config.urls.clone(),
            connector: Connector::new(config)?,
            place: AtomicUsize::new(0),
            idle: Arc::default(),
        })
    }

    async fn bring(&self, request: Request<Bytes>) -> Result<Response<DeskBody>, Over> {
        let begin = self.place.load(Ordering::Relaxed);
        let mut last = Over::Ended;
        for step in 0..self.urls.len() {
            let place = (begin + step) % self.urls.len();
            let Some(url) = self.urls.get(place) else { break };
            match self.bring_to(place, url, &request).await {
                Ok(answer) => {
                    self.place.store(place, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(Failed::Unheard(over)) => last = over,
                Err(Failed::Unknown(over)) if request.method().is_idempotent() => last = over,
                Err(Failed::Unknown(over)) => return Err(over),
            }
        }
        Err(last)
    }

    async fn bring_to(
        &self,
        place: usize,
        url: &ControlUrl,
        request: &Request<Bytes>,
    ) -> Result<Response<DeskBody>, Failed> {
        loop {
            let open = self.idle.take(place);
            let was_open = open.is_some();
            match self.say(place, url, open, request).await {
                // It was closed while nobody needed it, most likely.
                Err(Failed::Unheard(Over::Broken(_))) if was_open => {}
                Err(Failed::Unknown(Over::Broken(_)))
                    if was_open && request.method().is_idempotent() => {}
                said => return said,
            }
        }
    }

    async fn say(
        &self,
        place: usize,
        url: &ControlUrl,
        open: Option<Connection>,
        request: &Request<Bytes>,
    ) -> Result<Response<DeskBody>, Failed> {
        let mut connection = if let Some(open) = open {
            open
        } else {
            let connected = self.connector.connect(url).await;
            connected.map_err(|error| Failed::Unheard(error.into()))?
        };
        let request = self.connector.on_behalf(url, request);
        let request: Request<Full<Bytes>> =
            request.map_err(|error| Failed::Unheard(error.into()))?;
        let sent = timeout(PATIENCE, connection.requests.try_send_request(request)).await;
        let mut answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(mut error)) => {
                let was_kept = error.take_message().is_some();
                let over = Over::Broken(error.into_error());
                return Err(if was_kept { Failed::Unheard(over) } else { Failed::Unknown(over) });
            }
            Err(elapsed) => return Err(Failed::Unknown(elapsed.into())),
        };
        if answer.headers_mut().remove(Visitor::ANSWERED).is_none() {
            // What it says is about us, and not for a visitor.
            let status = answer.status();
            let over = Over::Refused(status);
            return Err(if is_unheard(status) {
                Failed::Unheard(over)
            } else {
                Failed::Unknown(over)
            });
        }
        let idle = Arc::clone(&self.idle);
        let brought =
            |body| Brought { body, connection: Some(connection), place, idle }.boxed_unsync();
        Ok(answer.map(brought))
    }
}

impl ShareDesk for ShareCourier {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<DeskBody>, DeskAway> {
        self.bring(request).await.map_err(|over| DeskAway(over.into()))
    }
}

impl fmt::Debug for ShareCourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareCourier").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Does a control plane that answers so refuse before it has done anything?
fn is_unheard(status: StatusCode) -> bool {
    status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE
}

/// Open connections, by control plane, and since when nobody needs them.
#[derive(Default)]
struct Idle(Mutex<Vec<(usize, Instant, Connection)>>);

impl Idle {
    fn take(&self, place: usize) -> Option<Connection> {
        let mut idle = self.connections();
        idle.retain(|(_, since, open)| since.elapsed() < IDLE && !open.requests.is_closed());
        let found =
            idle.iter().position(|(of, _, open)| *of == place && open.requests.is_ready())?;
        Some(idle.swap_remove(found).2)
    }

    fn keep(&self, place: usize, open: Connection) {
        let mut idle = self.connections();
        if idle.len() < MOST_IDLE {
            idle.push((place, Instant::now(), open));
        }
    }

    fn connections(&self) -> MutexGuard<'_, Vec<(usize, Instant, Connection)>> {
        // Connections are moved in and out whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer, with the connection that it comes by: kept when it was read to its end, and
/// otherwise closed, which tells the control plane that nobody waits.
struct Brought {
    body: Incoming,
    connection: Option<Connection>,
    place: usize,
    idle: Arc<Idle>,
}

impl Body for Brought {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx).map(|frame| frame.map(|it| it.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Brought {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.body.is_end_stream()
        {
            self.idle.keep(self.place, connection);
        }
    }
}
