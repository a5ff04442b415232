//! Over the threshold: one request to the desk, and its answer back.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::super::connection::RequestBodyError;
use crate::network::PeerIp;
use crate::policy::{Denial, DenialCode};
use crate::visitor::Visitor;

use super::page::{self, Carried, PIECES, PageBody};
use super::places::Places;
use super::reading::read_form;

/// For the head of an answer, with everything: a password is checked slowly on purpose, and there may
/// be more than one control plane to ask.
const PATIENCE: Duration = Duration::from_secs(30);

/// The body of a desk's answer.
pub type DeskBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Whoever answers for shares.
pub trait ShareDesk: Send + Sync + 'static {
    /// Answers one request, whose target begins with `/s/` and which has its [`Visitor`] among its
    /// extensions. Dropped before its end, nobody waits for it any more.
    fn answer(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<DeskBody>, DeskAway>> + Send;
}

/// No desk answers.
#[derive(Debug, thiserror::Error)]
#[error("no control plane answers for shares")]
pub struct DeskAway(#[source] pub Box<dyn Error + Send + Sync>);

type Answering<'d> =
    Pin<Box<dyn Future<Output = Result<Response<DeskBody>, DeskAway>> + Send + 'd>>;

/// A desk of any kind.
trait AnyDesk: Send + Sync {
    fn answer(&self, request: Request<Bytes>) -> Answering<'_>;
}

impl<D: ShareDesk> AnyDesk for D {
    fn answer(&self, request: Request<Bytes>) -> Answering<'_> {
        Box::pin(ShareDesk::answer(self, request))
    }
}

/// See the module. Clones are the same one.
#[derive(Clone)]
pub struct ShareDoor {
    desk: Arc<dyn AnyDesk>,
    runtime: Handle,
    asked: Arc<Places>,
    read: Arc<Places>,
}

impl ShareDoor {
    /// A door to that desk, which works on that runtime.
    pub fn new(desk: impl ShareDesk, runtime: Handle) -> Self {
        let (asked, read) = (Places::of_asked(), Places::of_read());
        Self { desk: Arc::new(desk), runtime, asked, read }
    }

    /// Reads the form of a visitor who was let in.
    pub(super) async fn read<B>(&self, body: B, visitor: &Visitor) -> Result<Bytes, Denial>
    where
        B: Body<Data = Bytes, Error = RequestBodyError>,
    {
        let place = self.read.take(subscriber(visitor)).ok_or(DenialCode::Overloaded)?;
        let form = read_form(body).await;
        drop(place);
        form
    }

    /// Hands a request over, and gives the head of the answer as soon as it is there.
    pub(super) async fn ask(
        &self,
        mut request: Request<Bytes>,
        visitor: Visitor,
    ) -> Result<Response<PageBody>, NotAnswered> {
        let place = self.asked.take(subscriber(&visitor)).ok_or(NotAnswered::NoPlace)?;
        request.extensions_mut().insert(visitor);
        let (say, head) = oneshot::channel();
        let (pieces, rest) = mpsc::channel(PIECES);
        let desk = Arc::clone(&self.desk);
        let work = self.runtime.spawn(async move {
            page::carry(desk.answer(request), say, pieces).await;
            drop(place);
        });
        let carried = Carried::new(work.abort_handle(), rest);
        match timeout(PATIENCE, head).await {
            Ok(Ok(Ok(head))) => Ok(head.map(|length| PageBody::new(length, carried))),
            Ok(Ok(Err(away))) => Err(NotAnswered::Away(away)),
            // It panicked, or its runtime ends.
            Ok(Err(_)) => Err(NotAnswered::Away(DeskAway("the work on it was broken off".into()))),
            Err(elapsed) => Err(NotAnswered::Away(DeskAway(elapsed.into()))),
        }
    }
}

/// Whom a visitor's requests count for.
fn subscriber(visitor: &Visitor) -> IpAddr {
    PeerIp::new(visitor.client.get()).subscriber()
}

impl fmt::Debug for ShareDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareDoor").finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NotAnswered {
    Away(DeskAway),
    NoPlace,
}

impl NotAnswered {
    pub(super) fn code(&self) -> DenialCode {
        match self {
            Self::Away(_) => DenialCode::ShareUnavailable,
            Self::NoPlace => DenialCode::Overloaded,
        }
    }
    /// For the log.
    pub(super) fn cause(self) -> Option<DeskAway> {
        match self {
            Self::Away(away) => Some(away),
            Self::NoPlace => None,
        }
    }
}
