//! Downloads, as pages list them: what a link or a content was used for (requirement A13).

use super::shell::InTenant;
use super::spelling::{Instant, Size};
use crate::control_plane::record::KeptDownload;
use crate::event::{DownloadEnd, DownloadEvent, DownloadMethod, Extent};

/// A download.
pub(super) struct DownloadRow {
    pub(super) at: Instant,
    pub(super) client: String,
    pub(super) path: Box<str>,
    pub(super) link: String,
    pub(super) link_path: String,
    pub(super) what: String,
    pub(super) edge: Option<Box<str>>,
}

impl DownloadRow {
    pub(super) fn of(at: &InTenant, kept: KeptDownload) -> Self {
        let KeptDownload { id: _, edge, event } = kept;
        let what = what(&event);
        let DownloadEvent { at: instant, link, path, client, .. } = event;
        Self {
            at: Instant(instant),
            client: client.to_string(),
            path,
            link_path: at.path(&format!("links/{link}")),
            link: link.into(),
            what,
            edge,
        }
    }
}

/// How much of a file left, and how that ended.
fn what(event: &DownloadEvent) -> String {
    let extent = match (event.method, event.extent) {
        (DownloadMethod::Head, _) => return format!("asked about ({})", event.status),
        (DownloadMethod::Get, Extent::Whole) => "",
        (DownloadMethod::Get, Extent::Ranges) => "a part, ",
    };
    let end = match event.end {
        DownloadEnd::Complete => "",
        DownloadEnd::Aborted => ", broken off",
    };
    format!("{extent}{}{end} ({})", Size(event.sent), event.status)
}
