//! An edge that follows a control plane, two origins, and links to files of both, with tags and without.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::client::{Address, Client, HOST, Way, Window};
use crate::files::Sample;
use crate::support::control::{ApiClient, Records};
use crate::support::edge::with_server;
use crate::support::nginx::Nginx;
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::request;
use crate::support::tls::{Certificate, LISTENER};

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder of the edge's own.
    Disk,
    /// nginx.
    Http,
}

/// Two links to one file.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) sample: Sample,
    pub(crate) place: Place,
    pub(crate) untagged: Link,
    pub(crate) tagged: Link,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) target: String,
    /// Bytes that it opens.
    pub(crate) length: u64,
}

/// All of it.
pub(crate) struct Scene {
    _control: ControlPlane,
    _nginx: Nginx,
    certificate: Certificate,
    edge: Option<Process>,
    links: Vec<Links>,
}

impl Place {
    const ALL: [Self; 2] = [Self::Disk, Self::Http];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Http => "nginx",
        }
    }

    /// Of the edge's configuration.
    fn origin(self) -> &'static str {
        match self {
            Self::Disk => "media",
            Self::Http => "server",
        }
    }
}

impl Scene {
    pub(crate) fn start() -> Self {
        let (control, nginx) = (ControlPlane::that_signs(&Records::Sqlite), Nginx::start());
        let certificate = Certificate::of(&[HOST]);
        let folder =
            control.edge_folder(&[control.url()], &control.enrol("north"), &[("none", "")]);
        let path = folder.path().join("countersign.toml");
        let mut text = fs::read_to_string(&path).unwrap();
        for (before, after) in [
            (
                "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }",
                "assets = { catalog = true }",
            ),
            ("workers = 1", "workers = 2"),
            // A client that stalls is to be there for as long as it is looked at.
            ("[admin]", "[edge.limits]\nwrite_timeout = \"1h\"\n[admin]"),
        ] {
            assert!(text.contains(before), "{text}");
            text = text.replacen(before, after, 1);
        }
        text = with_server(&text, nginx.address(), "", "deny") + "\n" + LISTENER;
        fs::write(path, text).unwrap();
        fs::create_dir_all(folder.path().join("tls")).unwrap();
        fs::write(folder.path().join("tls/site.pem"), &certificate.pem).unwrap();
        fs::write(folder.path().join("tls/site.key"), &certificate.key).unwrap();
        for sample in Sample::ALL {
            let (bytes, length) = sample.made();
            let media = folder.path().join("media").join(sample.key());
            for place in [media, nginx.path(sample.key())] {
                write(&place, &bytes, length);
            }
        }
        let api = control.admin();
        let ordered = order(&api);
        let edge = start_edge(folder);
        until_ready(&edge);
        let mut scene = Self {
            _control: control,
            _nginx: nginx,
            certificate,
            edge: Some(edge),
            links: Vec::new(),
        };
        for (sample, place, targets) in ordered {
            let [untagged, tagged] = targets.map(|target| scene.opened(target));
            assert!(untagged.length < tagged.length, "{untagged:?} {tagged:?}");
            scene.links.push(Links { sample, place, untagged, tagged });
        }
        scene
    }

    /// The link, as soon as the edge knows its key.
    fn opened(&self, target: String) -> Link {
        let plain = self.edge().address();
        wait_until("the link opens", || {
            let head = format!("HEAD {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
            request(plain, &head).status == 200
        });
        let length = Client::open(self.address(), Way::Plain, Window::Usual).length(&target);
        Link { target, length }
    }

    pub(crate) fn links(&self, sample: Sample, place: Place) -> &Links {
        self.links.iter().find(|it| (it.sample, it.place) == (sample, place)).unwrap()
    }

    pub(crate) fn edge(&self) -> &Process {
        self.edge.as_ref().unwrap()
    }

    pub(crate) fn address(&self) -> Address<'_> {
        let &[plain, tls] = self.edge().addresses() else { panic!("two listeners") };
        Address { plain, tls, certificate: &self.certificate }
    }

    /// Another process in the edge's place, which opened each link once.
    pub(crate) fn restart_edge(&mut self) {
        let edge = start_edge(self.edge.take().unwrap().kill());
        until_ready(&edge);
        self.edge = Some(edge);
        for link in self.links.iter().flat_map(|it| [&it.untagged, &it.tagged]) {
            for way in [Way::Plain, Way::Tls, Way::Http2] {
                let mut client = Client::open(self.address(), way, Window::Widest);
                client.get(&link.target, Some((0, link.length.min(1 << 20) - 1)));
            }
        }
    }
}

/// These bytes, and a hole up to that length.
fn write(path: &Path, bytes: &[u8], length: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(length).unwrap();
}

/// Registers the files, and asks for two links to each: without a tag, and with one.
fn order(api: &ApiClient) -> Vec<(Sample, Place, [String; 2])> {
    let mut registered = Vec::new();
    for place in Place::ALL {
        let draft = json!({"name": place.name(), "origin": place.origin()}).to_string();
        let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &draft)["number"].clone();
        for sample in Sample::ALL {
            let ((kind, mime), (_, size)) = (sample.registered_as(), sample.made());
            let name = format!("{}-{}", place.name(), sample.key());
            let file = json!({
                "kind": "source", "pipeline": pipeline, "key": sample.key(), "size": size,
                "mime": mime, "name": name, "autograph": true,
            });
            let draft = json!({"kind": kind, "publication": "published", "files": [file]});
            api.ok("POST", "/api/v1/tenants/1/contents", &draft.to_string());
            registered.push((sample, place, name));
        }
    }
    let files = api.ok("GET", "/v1/files/", "");
    let files = files["files"].as_array().unwrap();
    let links = registered.into_iter().map(|(sample, place, name)| {
        let file = files.iter().find(|file| file["name"] == *name).expect("a registered file");
        let number = file["id"].as_str().unwrap();
        let targets = ["", "&autograph_tag=reader%2042"].map(|terms| {
            let order = format!("/v1/files/downloads/?file_id={number}{terms}");
            let link = api.ok("GET", &order, "");
            let url = link["download"]["url"].as_str().unwrap();
            url.strip_prefix("https://files.example.com").unwrap().to_owned()
        });
        (sample, place, targets)
    });
    links.collect()
}
