//! The desk of shares within this process.

use bytes::Bytes;
use http::{Request, Response};

use crate::control_plane::api::SharePages;
use crate::data_plane::{DeskAway, DeskBody, ShareDesk};

/// The control plane's own pages.
#[derive(Debug)]
pub(super) struct OwnPages(pub(super) SharePages);

impl ShareDesk for OwnPages {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<DeskBody>, DeskAway> {
        Ok(self.0.answer(request).await)
    }
}
