//! Downloads, as pages list them: what a link or a content was used for (requirement A13).

use super::shell::InTenant;
use super::spelling::{Instant, Size};
use crate::control_plane::record::KeptDownload;
use crate::event::{DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Extent};

/// A download.
pub(super) struct DownloadRow {
    pub(super) at: Instant,
    pub(super) client: String,
    pub(super) path: Box<str>,
    pub(super) by: By,
    pub(super) what: String,
    pub(super) edge: Option<Box<str>>,
}

/// What gave it.
pub(super) enum By {
    /// A connector.
    Connector { id: Box<str>, user_agent: Option<Box<str>> },
    /// A link, and where its page is.
    Link { id: Box<str>, path: String },
}

impl DownloadRow {
    pub(super) fn of(at: &InTenant, kept: KeptDownload) -> Self {
        let KeptDownload { id: _, edge, version: _, event } = kept;
        let what = what(&event);
        let DownloadEvent { at: instant, by, path, client, .. } = event;
        let by = match by {
            DownloadBy::Connector(by) => {
                By::Connector { id: by.connector, user_agent: by.user_agent }
            }
            DownloadBy::Link { link, key: _ } => {
                By::Link { path: at.path(&format!("links/{link}")), id: link }
            }
        };
        Self { at: Instant(instant), client: client.to_string(), path, by, what, edge }
    }
}

/// How much of a file left, and how that ended.
fn what(event: &DownloadEvent) -> String {
    let times = match &event.by {
        DownloadBy::Connector(by) if by.requests > 1 => format!("{} times, ", by.requests),
        DownloadBy::Connector(_) | DownloadBy::Link { .. } => String::new(),
    };
    let extent = match (event.method, event.extent) {
        (DownloadMethod::Head, _) => return format!("{times}asked about ({})", event.status),
        (DownloadMethod::Get, Extent::Whole) => "",
        (DownloadMethod::Get, Extent::Ranges) => "a part, ",
    };
    let end = match event.end {
        DownloadEnd::Complete => "",
        DownloadEnd::Aborted => ", broken off",
    };
    format!("{times}{extent}{}{end} ({})", Size(event.sent), event.status)
}
