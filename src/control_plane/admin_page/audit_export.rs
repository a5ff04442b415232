//! The audit log as a file, what happened last first: read in pieces, as they are taken. One that
//! could not be finished breaks off: it never ends as if it were whole.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;

use super::spelling::Instant;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::AuditEvent;
use crate::control_plane::service::{AuditFilter, Page, ServiceError, Services};
use crate::control_plane::spreadsheet::write_row;

/// Events read at a time.
const AT_A_TIME: u16 = 500;

const COLUMNS: &str = "sequence,at,actor,credential,address,tenant,action,object,diff,hash\r\n";

/// In which form events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExportFormat {
    /// For spreadsheets (RFC 4180).
    Csv,
    /// One JSON object a line, with all that the chain of hashes is over.
    Ndjson,
}

/// The pieces of a file.
#[derive(Debug)]
pub(super) struct Export(mpsc::Receiver<Result<Bytes, ServiceError>>);

impl ExportFormat {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Ndjson => "NDJSON",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Csv => COLUMNS,
            Self::Ndjson => "",
        }
    }

    fn write(self, event: &AuditEvent, text: &mut String) -> Result<(), ServiceError> {
        match self {
            Self::Csv => csv(event, text),
            Self::Ndjson => {
                let line = serde_json::to_string(event);
                text.push_str(&line.map_err(|error| ServiceError::Failed(Box::new(error)))?);
                text.push('\n');
            }
        }
        Ok(())
    }
}

impl Export {
    /// Begins to read; whoever may not is refused before anything is sent.
    pub(super) async fn begin(
        services: Services,
        caller: Caller,
        tenant: Option<TenantId>,
        filter: AuditFilter,
        format: ExportFormat,
    ) -> Result<Self, ServiceError> {
        let page = Page::first(AT_A_TIME);
        let mut listed = services.audit_search(&caller, tenant, &filter, &page).await?;
        let (pieces, receiver) = mpsc::channel(2);
        tokio::spawn(async move {
            let mut text = format.head().to_owned();
            loop {
                let written =
                    listed.items.iter().try_for_each(|event| format.write(event, &mut text));
                let piece = written.map(|()| Bytes::from(std::mem::take(&mut text)));
                let broken = piece.is_err();
                if pieces.send(piece).await.is_err() || broken {
                    return;
                }
                let Some(next) = listed.next else { return };
                let page = Page::after(next, AT_A_TIME);
                listed = match services.audit_search(&caller, tenant, &filter, &page).await {
                    Ok(listed) => listed,
                    Err(error) => {
                        let _gone = pieces.send(Err(error)).await;
                        return;
                    }
                };
            }
        });
        Ok(Self(receiver))
    }
}

impl Stream for Export {
    type Item = Result<Bytes, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

fn csv(event: &AuditEvent, text: &mut String) {
    let AuditEvent {
        sequence,
        version: _,
        at,
        actor,
        credential,
        address,
        tenant,
        action,
        object,
        diff,
        previous_hash: _,
        hash,
    } = event;
    let diff = serde_json::Value::Object(diff.clone()).to_string();
    let tenant = tenant.map(|it| it.to_string()).unwrap_or_default();
    let fields = [
        &*sequence.to_string(),
        &Instant(*at).machine(),
        actor,
        credential.as_deref().unwrap_or_default(),
        address.as_deref().unwrap_or_default(),
        &tenant,
        action,
        object,
        &diff,
        hash,
    ];
    write_row(fields, text);
}
