//! Every content of a connector's folder with its addresses, as a spreadsheet: read in pieces, as they
//! are taken. One that could not be finished breaks off: it never ends as if it were whole.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;

use super::row::write_row;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::ConnectorId;
use crate::control_plane::service::{
    ConnectorAddress, ConnectorContent, Page, ServiceError, Services,
};

/// Contents read at a time.
const AT_A_TIME: u16 = 500;

const HEAD: &str = "content,title,kind,standing,language,name,url,state,others\r\n";

/// The pieces of the table.
#[derive(Debug)]
pub(in crate::control_plane) struct ConnectorTable(mpsc::Receiver<Result<Bytes, ServiceError>>);

impl ConnectorTable {
    /// What it is, in an answer's `Content-Type`.
    pub(in crate::control_plane) const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

    /// Begins to read; whoever may not is refused before anything is sent.
    pub(in crate::control_plane) async fn begin(
        services: Services,
        caller: Caller,
        tenant: TenantId,
        id: ConnectorId,
    ) -> Result<Self, ServiceError> {
        let site = services.connector_site(tenant).unwrap_or_default();
        let page = Page::first(AT_A_TIME);
        let first = services.connector_content_list(&caller, tenant, &id, &page).await?;
        let (pieces, receiver) = mpsc::channel(2);
        tokio::spawn(async move {
            let mut listed = first;
            let mut text = HEAD.to_owned();
            loop {
                for item in &listed.items {
                    write_content(item, &site, &mut text);
                }
                if pieces.send(Ok(std::mem::take(&mut text).into())).await.is_err() {
                    return;
                }
                let Some(after) = listed.next else { return };
                let page = Page::after(after, AT_A_TIME);
                let read = services.connector_content_list(&caller, tenant, &id, &page).await;
                listed = match read {
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

impl Stream for ConnectorTable {
    type Item = Result<Bytes, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// The rows of one content: one for each of its addresses, or one without.
fn write_content(item: &ConnectorContent, site: &str, into: &mut String) {
    let title = item.content.draft.texts.first().map_or("", |text| &*text.title);
    let about = [
        item.content.id.as_str(),
        title,
        item.content.draft.kind.wire_name(),
        item.standing.wire_name(),
    ];
    if item.addresses.is_empty() {
        write_row(about.into_iter().chain([""; 5]), into);
    }
    for ConnectorAddress { language, name, path, state, others } in &item.addresses {
        let url = path.as_ref().map_or_else(String::new, |path| format!("{site}{path}"));
        let others = others.to_string();
        let language = language.as_deref().unwrap_or_default();
        let cells = [language, name, &url, state.wire_name(), &others];
        write_row(about.into_iter().chain(cells), into);
    }
}
