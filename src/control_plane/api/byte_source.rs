//! Bodies that are taken as they come, however long they are.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::control_plane::service::{BrokenOff, ByteSource};

/// Between two parts of a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// The body of a request.
#[derive(Debug)]
pub(super) struct BodySource(pub(super) Body);

impl ByteSource for BodySource {
    async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        loop {
            match timeout(PATIENCE, self.0.frame()).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => return Ok(Some(bytes)),
                    // Trailers say nothing here.
                    Err(_) => {}
                },
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) | Err(_) => return Err(BrokenOff),
            }
        }
    }
}

/// A file of a form (RFC 7578).
pub(super) struct FieldSource(pub(super) multer::Field<'static>);

impl ByteSource for FieldSource {
    async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        match timeout(PATIENCE, self.0.chunk()).await {
            Ok(Ok(part)) => Ok(part),
            Ok(Err(_)) | Err(_) => Err(BrokenOff),
        }
    }
}
