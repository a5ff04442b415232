//! The door to shares: what is asked under `/s/` of a tenant's site that has a catalog.
//!
//! A share's page is the control plane's to make; who may knock is this plane's to say. A request is
//! read as strictly as any other (`reading`), with one more thing that it may have: the fields of a
//! form, as one bounded body. Then it is handed over as a whole to the [`ShareDesk`], whichever that
//! is: the control plane in the same process, or one elsewhere ([`ShareCourier`](super::ShareCourier)).
//! The desk works on the runtime that it was given and not on the thread of a connection; what it
//! answers comes back piece by piece (`page`), no faster than the client reads. A client that goes away
//! ends the work for it.
//!
//! **Invariants.** No body is read of a request that is refused, nor of any other path. What is handed
//! over has the header fields of a short list and no others; of the answer nothing passes that is about
//! the connection it came by. There are bounds on how many are under way, of all and of one
//! subscriber. The address of a share is a capability: it is in no line of the log, metric or error.
//!
//! Not here: what a share is, and who may see it (the control plane).

mod answering;
mod headers;
mod page;
mod places;
mod reading;
#[cfg(test)]
mod tests;

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

use super::connection::RequestBodyError;
use crate::network::PeerIp;
use crate::policy::{Denial, DenialCode};
use crate::visitor::Visitor;

pub use page::{PageBody, PageBroken};
pub(super) use reading::{is_share, read_head, site_with_shares};

use page::{Carried, PIECES};
use places::Places;
use reading::read_form;

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
    async fn read<B>(&self, body: B, visitor: &Visitor) -> Result<Bytes, Denial>
    where
        B: Body<Data = Bytes, Error = RequestBodyError>,
    {
        let place = self.read.take(subscriber(visitor)).ok_or(DenialCode::Overloaded)?;
        let form = read_form(body).await;
        drop(place);
        form
    }

    /// Hands a request over, and gives the head of the answer as soon as it is there.
    async fn ask(
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
enum NotAnswered {
    Away(DeskAway),
    NoPlace,
}

impl NotAnswered {
    fn code(&self) -> DenialCode {
        match self {
            Self::Away(_) => DenialCode::ShareUnavailable,
            Self::NoPlace => DenialCode::Overloaded,
        }
    }
}
