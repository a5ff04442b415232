//! The stops of the tour: what is asked, and what must come back.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::json;

use super::folder::{
    DRAFT_VIDEO, DemoFolder, KEY_ID, PRIVATE_VIDEO, PUBLIC_VIDEO, REVOKED_ID, TENANT, samples,
};
use super::shelf::{Shelf, publication};
use crate::clock::UnixSeconds;
use crate::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use crate::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};

/// One request of the tour.
pub(super) struct Stop {
    /// What it shows.
    pub(super) title: &'static str,
    /// What is asked.
    pub(super) request: Visit,
    /// What must come back.
    pub(super) expected: Expected,
    /// What an administrator pushes first.
    pub(super) push: Option<Push>,
}

/// A change of what is public, pushed through the API.
pub(super) struct Push {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Option<String>,
}

/// A request.
pub(super) struct Visit {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// An answer.
pub(super) struct Expected {
    pub(super) status: u16,
    /// The refusal's code, where it is one.
    pub(super) code: Option<&'static str>,
    /// The body's digest, where it is known.
    pub(super) sha256: Option<String>,
}

impl Stop {
    /// The line to paste into a shell.
    pub(super) fn curl(&self, edge: SocketAddr) -> String {
        let mut line = String::from("curl -s -o /dev/null -w '%{http_code} %{size_download}\\n'");
        if self.request.method == "HEAD" {
            line.push_str(" --head");
        }
        if self.request.target.contains("..") {
            line.push_str(" --path-as-is");
        }
        for (name, value) in &self.request.headers {
            let _ = write!(line, " -H '{name}: {value}'");
        }
        let _ = write!(line, " 'http://{edge}{}'", self.request.target);
        line
    }
}

impl Push {
    /// The line to paste into a shell, where `$TOKEN` is one.
    pub(super) fn curl(&self, control: SocketAddr) -> String {
        let mut line = format!("curl -s -X {} -H \"Authorization: Bearer $TOKEN\"", self.method);
        if self.method == "PATCH" {
            line.push_str(" -H 'If-Match: *'");
        }
        if let Some(body) = &self.body {
            let _ = write!(line, " -H 'Content-Type: application/json' -d '{body}'");
        }
        let _ = write!(line, " \"http://{control}{}\"", self.path);
        line
    }

    /// The request that makes it.
    pub(super) fn request(&self, token: &str) -> Visit {
        let mut headers = vec![("Authorization", format!("Bearer {token}"))];
        if self.method == "PATCH" {
            // Nobody else changes what the demo shows.
            headers.push(("If-Match", "*".to_owned()));
        }
        if self.body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        Visit {
            method: self.method,
            target: self.path.clone(),
            headers,
            body: self.body.clone().unwrap_or_default(),
        }
    }
}

/// The tour, with links that are valid from `now`.
pub(super) fn tour(folder: &DemoFolder, shelf: &Shelf, now: UnixSeconds) -> Option<Vec<Stop>> {
    let signer = Signer::new(folder, now)?;
    let source = format!("/private/videos/{PRIVATE_VIDEO}/source");
    let thumbnail = format!("/private/videos/{PRIVATE_VIDEO}/thumbnails/1");
    let subtitle = format!("/private/videos/{PRIVATE_VIDEO}/subtitles/1");
    let open = |target: &str| file(target);
    let signed_source = signer.link(&source, &source, |_| {})?;
    let mut stops = vec![
        Stop {
            push: Some(push("POST", PUBLIC_VIDEO, Some(r#"{"scope":"public"}"#))),
            ..stop(
                "a file that an override made public",
                get(format!("/public/videos/{PUBLIC_VIDEO}/source")),
                served(200, open(&format!("/private/videos/{PUBLIC_VIDEO}/source"))),
            )
        },
        stop("a signed link", get(signed_source.clone()), served(200, open(&source))),
        stop("the same without its token", get(source.clone()), refused(403, "token_missing")),
        stop(
            "under /public, which the override table does not open",
            get(format!("/public/videos/{PRIVATE_VIDEO}/source")),
            refused(403, "token_missing"),
        ),
        stop(
            "a token with one digit changed",
            get(change_last_digit(&signed_source)),
            refused(403, "token_signature"),
        ),
        stop(
            "a token for another path",
            get(signer.link(&source, &thumbnail, |_| {})?),
            refused(403, "token_scope"),
        ),
        stop(
            "a link that expired a minute ago",
            get(signer.link(&source, &source, |it| {
                it.expiry = UnixSeconds::new(now.get().saturating_sub(60));
            })?),
            refused(403, "token_expired"),
        ),
        stop(
            "a link that begins in an hour",
            get(signer.link(&source, &source, |it| it.start = Some(now.plus(3600)))?),
            refused(403, "token_not_yet_valid"),
        ),
        stop(
            "a link bound to this address",
            get(signer.link(&source, &source, |it| it.ip = "127.0.0.1/32".parse().ok())?),
            served(200, open(&source)),
        ),
        stop(
            "a link bound to another address",
            get(signer.link(&source, &source, |it| it.ip = "203.0.113.9/32".parse().ok())?),
            refused(403, "token_ip"),
        ),
        stop(
            "a revoked link",
            get(signer.link(&source, &source, |it| it.id = Some(REVOKED_ID))?),
            refused(403, "token_revoked"),
        ),
        stop(
            "a plain path, one token for a folder",
            get(signer.link("/vod/clip.mp4", "/vod/*", |_| {})?),
            served(200, open("/vod/clip.mp4")),
        ),
        stop(
            "a thumbnail in its default quality",
            get(signer.link(&thumbnail, &thumbnail, |_| {})?),
            served(200, open(&format!("{thumbnail}?quality=360p"))),
        ),
        stop(
            "the same token, another quality: another file",
            get(signer.link(&format!("{thumbnail}?quality=720p"), &thumbnail, |_| {})?),
            served(200, open(&format!("{thumbnail}?quality=720p"))),
        ),
        stop(
            "a quality that does not exist",
            get(signer.link(&format!("{thumbnail}?quality=8k"), &thumbnail, |_| {})?),
            refused(404, "not_found"),
        ),
        stop(
            "a path that could mean another",
            get(format!("/vod/../videos/{PRIVATE_VIDEO}/source")),
            refused(400, "target_ambiguous"),
        ),
    ];
    let mut first_bytes = get(signed_source.clone());
    first_bytes.headers.push(("Range", "bytes=0-1023".to_owned()));
    stops.push(stop(
        "the first kilobyte",
        first_bytes,
        Expected { status: 206, code: None, sha256: None },
    ));
    let mut beyond = get(signed_source.clone());
    beyond.headers.push(("Range", "bytes=99999999-".to_owned()));
    stops.push(stop("a range past the end", beyond, refused(416, "range_not_satisfiable")));
    let head = Visit { method: "HEAD", ..get(signed_source) };
    stops.push(stop(
        "only the description",
        head,
        Expected { status: 200, code: None, sha256: None },
    ));
    stops.push(stop("a subtitle, protected", get(subtitle.clone()), refused(403, "token_missing")));
    stops.push(Stop {
        push: Some(push("POST", PRIVATE_VIDEO, Some(r#"{"assetTypes":["SUBTITLE"]}"#))),
        ..stop(
            "the same, after an override opened this video's subtitles",
            get(subtitle.clone()),
            served(200, open(&format!("{subtitle}?source=VTT"))),
        )
    });
    stops.push(Stop {
        push: Some(push("DELETE", PRIVATE_VIDEO, None)),
        ..stop("and after it was removed", get(subtitle), refused(403, "token_missing"))
    });
    let connected = |video: &str| get(format!("/dl/{}/{video}", shelf.connector));
    stops.push(stop(
        "a connector's address of an original, for everybody",
        connected(PRIVATE_VIDEO),
        served(200, open(&source)),
    ));
    stops.push(stop(
        "what is not published has none",
        connected(DRAFT_VIDEO),
        refused(404, "not_found"),
    ));
    stops.push(stop(
        "the page of a share, for whoever has its address",
        get(shelf.share.path.clone()),
        served(200, None),
    ));
    stops.push(stop(
        "of an address that was never given",
        get("/s/AAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        served(404, None),
    ));
    stops.extend(draft(&signer, shelf)?);
    Some(stops)
}

/// What is shown on a video that its editors have not published.
fn draft(signer: &Signer, shelf: &Shelf) -> Option<[Stop; 5]> {
    let source = format!("/private/videos/{DRAFT_VIDEO}/source");
    let signed = signer.link(&source, &source, |_| {})?;
    let own = || get(shelf.draft_link.clone());
    let revocation = Push {
        method: "POST",
        path: format!("/api/v1/tenants/{TENANT}/revocations"),
        body: Some(
            json!({ "links": { "by": "link", "subject": shelf.draft_link_id } }).to_string(),
        ),
    };
    Some([
        stop(
            "a signed link to a video that is not published",
            get(signed.clone()),
            refused(404, "not_found"),
        ),
        stop("a link that the control plane made to it", own(), served(200, file(&source))),
        Stop {
            push: Some(revocation),
            ..stop("the same, after it was revoked", own(), refused(403, "token_revoked"))
        },
        Stop {
            push: Some(publication("published")),
            ..stop(
                "the signed link, after the video was published",
                get(signed.clone()),
                served(200, file(&source)),
            )
        },
        Stop {
            push: Some(publication("unpublished")),
            ..stop("and after it was taken back", get(signed), refused(404, "not_found"))
        },
    ])
}

/// Signs with the key of the folder.
struct Signer {
    rules: EdgeAuth,
    now: UnixSeconds,
}

impl Signer {
    fn new(folder: &DemoFolder, now: UnixSeconds) -> Option<Self> {
        let id = KeyId::new(KEY_ID);
        let key =
            SharedKey::from_hex(id, &folder.key_hex, KeyPurpose::Vendor, KeyWindow::default());
        let rules = EdgeAuth::with_keys(Keyring::new(vec![key.ok()?]));
        Some(Self { rules, now })
    }

    /// A link to `target` with a token for `acl`, which `alter` may change.
    fn link(
        &self,
        target: &str,
        acl: &str,
        alter: impl FnOnce(&mut SignRequest<'_>),
    ) -> Option<String> {
        let patterns = [acl];
        let mut request = SignRequest {
            scope: SignScope::Acl(&patterns),
            start: None,
            expiry: self.now.plus(7200),
            ip: None,
            id: None,
            payload: None,
            escape: None,
        };
        alter(&mut request);
        let token = sign(&self.rules, self.rules.keyring.signer(self.now)?, &request).ok()?;
        let separator = if target.contains('?') { '&' } else { '?' };
        Some(format!("{target}{separator}__token__={token}"))
    }
}

fn stop(title: &'static str, request: Visit, expected: Expected) -> Stop {
    Stop { title, request, expected, push: None }
}

fn push(method: &'static str, video: &str, body: Option<&'static str>) -> Push {
    let path = format!("/v1/vms/{TENANT}/videos/{video}/security-override");
    Push { method, path, body: body.map(str::to_owned) }
}

pub(super) fn get(target: String) -> Visit {
    Visit { method: "GET", target, headers: Vec::new(), body: String::new() }
}

fn served(status: u16, sha256: Option<String>) -> Expected {
    Expected { status, code: None, sha256 }
}

fn refused(status: u16, code: &'static str) -> Expected {
    Expected { status, code: Some(code), sha256: None }
}

/// The digest of the sample that this URL names.
fn file(url_path: &str) -> Option<String> {
    samples().iter().find(|sample| sample.url_path == url_path).map(super::folder::Sample::sha256)
}

fn change_last_digit(link: &str) -> String {
    let mut changed = link.to_owned();
    let last = changed.pop();
    changed.push(if last == Some('0') { '1' } else { '0' });
    changed
}
