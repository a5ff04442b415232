//! A long list as NDJSON: read in pieces, as they are taken. One that could not be finished breaks off:
//! it never ends as if it were whole.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::control_plane::service::{Listed, ServiceError};

/// Pieces of a list, one JSON object a line.
#[derive(Debug)]
pub(super) struct LineExport(mpsc::Receiver<Result<Bytes, ServiceError>>);

impl LineExport {
    /// The lines of a first page, of which somebody has seen that the caller may, and of those after
    /// it.
    pub(super) fn begin<T, C, L, F>(
        first: Listed<T, C>,
        line: impl Fn(T) -> L + Send + 'static,
        mut next: impl FnMut(C) -> F + Send + 'static,
    ) -> Self
    where
        T: Send + 'static,
        C: Send + 'static,
        L: Serialize,
        F: Future<Output = Result<Listed<T, C>, ServiceError>> + Send,
    {
        let (lines, receiver) = mpsc::channel(2);
        tokio::spawn(async move {
            let mut listed = first;
            loop {
                let written = ndjson(listed.items.into_iter().map(&line));
                if lines.send(written).await.is_err() {
                    return;
                }
                let Some(after) = listed.next else { return };
                listed = match next(after).await {
                    Ok(listed) => listed,
                    Err(error) => {
                        let _gone = lines.send(Err(error)).await;
                        return;
                    }
                };
            }
        });
        Self(receiver)
    }
}

fn ndjson<L: Serialize>(lines: impl Iterator<Item = L>) -> Result<Bytes, ServiceError> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &line)
            .map_err(|error| ServiceError::Failed(Box::new(error)))?;
        text.push(b'\n');
    }
    Ok(text.into())
}

impl Stream for LineExport {
    type Item = Result<Bytes, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
