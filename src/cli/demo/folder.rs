//! The demo's folder: sample files, a key, a configuration that serves them.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::catalog::FileKind;

/// The demo's video, everything about it protected.
pub(super) const PRIVATE_VIDEO: &str = "-civ9qE3JUjntKQM1HnGtU";
/// Another one, opened by an override.
pub(super) const PUBLIC_VIDEO: &str = "Ea4G2UvHr9nL9Gx2czTbLn";
/// A third one, which its editors have not published.
pub(super) const DRAFT_VIDEO: &str = "hUqWn3cVtRz0yBk7LmXe2s";
/// A link id that the demo revokes.
pub(super) const REVOKED_ID: &str = "lnk_revoked_in_the_demo";
/// The tenant of the demo's assets.
pub(super) const TENANT: u64 = 1;
/// The origin that has the files.
pub(super) const ORIGIN: &str = "media";
/// The name of the demo's key.
pub(super) const KEY_ID: &str = "demo";

const CLIP: &[u8] = include_bytes!("samples/clip.mp4");
const STILL_360: &[u8] = include_bytes!("samples/still-360p.jpg");
const STILL_720: &[u8] = include_bytes!("samples/still-720p.jpg");
const HANDOUT: &[u8] = include_bytes!("samples/handout.pdf");
const VTT: &[u8] = include_bytes!("samples/subtitles.vtt");
const SRT: &[u8] = include_bytes!("samples/subtitles.srt");

/// One sample file.
pub(super) struct Sample {
    pub(super) url_path: String,
    pub(super) object_key: String,
    pub(super) bytes: &'static [u8],
    /// What it is in the catalog, if it is there.
    pub(super) registered: Option<Registered>,
}

/// A file of the catalog.
pub(super) struct Registered {
    pub(super) video: &'static str,
    pub(super) kind: FileKind,
    pub(super) slot: &'static str,
    pub(super) variant: &'static str,
    pub(super) mime: &'static str,
}

impl Registered {
    /// Can its copies carry forensic tags? Text has no place for one.
    pub(super) fn carries_tags(&self) -> bool {
        self.kind != FileKind::Subtitle
    }
}

impl Sample {
    pub(super) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.bytes))
    }
}

/// A folder that a demo runs on.
pub(super) struct DemoFolder {
    pub(super) root: PathBuf,
    pub(super) key_hex: String,
}

impl DemoFolder {
    /// Where the configuration is.
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("countersign.toml")
    }

    /// Makes the folder. A key that is there stays, so that links of an earlier run go on.
    pub(super) fn make(root: &Path, edge: SocketAddr, control: SocketAddr) -> io::Result<Self> {
        for sample in samples() {
            let path = root.join("media").join(&sample.object_key);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, sample.bytes)?;
        }
        std::fs::create_dir_all(root.join("keys"))?;
        let key_path = root.join("keys").join("demo.hex");
        let key_hex = match std::fs::read_to_string(&key_path) {
            Ok(key) => key.trim().to_owned(),
            Err(_) => new_key(&key_path)?,
        };
        std::fs::write(root.join("revoked.txt"), format!("{REVOKED_ID}\n"))?;
        let folder = Self { root: root.to_owned(), key_hex };
        std::fs::write(folder.config(), config_text(edge, control))?;
        Ok(folder)
    }
}

fn config_text(edge: SocketAddr, control: SocketAddr) -> String {
    format!(
        r#"# The configuration of the demo; `countersign manual` explains the parts.
[edge]
listen = ["{edge}"]
expose_reasons = true
revocations = ["revoked.txt"]

[control]
listen = "{control}"
store = "sqlite:countersign.db"

[admin]
listen = "127.0.0.1:0"

[[origin]]
name = "{ORIGIN}"
kind = "disk"
root = "media"

[[site]]
hosts = ["*"]
tenant = {TENANT}
public_url = "http://{edge}"
assets = {{ catalog = true }}

  [site.token]
  keys = [{{ id = "{KEY_ID}", file = "keys/demo.hex" }}]

  [[site.route]]
  prefix = "/vod/"
  access = "token"
  origin = "{ORIGIN}"
"#
    )
}

/// The sample files.
pub(super) fn samples() -> Vec<Sample> {
    let mut samples = vec![Sample {
        url_path: "/vod/clip.mp4".to_owned(),
        object_key: "vod/clip.mp4".to_owned(),
        bytes: CLIP,
        registered: None,
    }];
    for video in [PRIVATE_VIDEO, PUBLIC_VIDEO, DRAFT_VIDEO] {
        let file = |kind, slot, variant, key: &str, bytes, mime| {
            let rest = match kind {
                FileKind::Thumbnail => format!("thumbnails/{slot}?quality={variant}"),
                FileKind::Subtitle => format!("subtitles/{slot}?source={variant}"),
                FileKind::Attachment => format!("attachments/{slot}/{variant}"),
                FileKind::Format => format!("formats/{slot}"),
                FileKind::ChapterThumbnail => {
                    format!("chapters/{slot}/thumbnails?quality={variant}")
                }
                FileKind::Source => "source".to_owned(),
            };
            Sample {
                url_path: format!("/private/videos/{video}/{rest}"),
                object_key: format!("{video}/{key}"),
                bytes,
                registered: Some(Registered { video, kind, slot, variant, mime }),
            }
        };
        samples.push(file(FileKind::Source, "", "", "clip.mp4", CLIP, "video/mp4"));
        if video == DRAFT_VIDEO {
            continue;
        }
        samples.extend([
            file(FileKind::Thumbnail, "1", "360p", "still-360p.jpg", STILL_360, "image/jpeg"),
            file(FileKind::Thumbnail, "1", "720p", "still-720p.jpg", STILL_720, "image/jpeg"),
            file(FileKind::Subtitle, "1", "VTT", "subtitles.vtt", VTT, "text/vtt"),
            file(FileKind::Subtitle, "1", "SRT", "subtitles.srt", SRT, "application/x-subrip"),
            file(
                FileKind::Attachment,
                "Handout",
                "handout.pdf",
                "handout.pdf",
                HANDOUT,
                "application/pdf",
            ),
        ]);
    }
    samples
}

fn new_key(path: &Path) -> io::Result<String> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let text = hex::encode(key);
    key.zeroize();
    std::fs::write(path, format!("{text}\n"))?;
    // The key opens every file of the site: nobody else on the machine reads it.
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(text)
}
