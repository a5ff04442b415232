//! A mail server that others wrote (aiosmtpd, which `tests/run` installs), and what cases of letters
//! begin with.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rcgen::CertifiedKey;
use rustls::RootCertStore;
use serde_json::Value;
use tempfile::TempDir;

use super::share_scene::{TENANT, system};
use super::stage::{NOW, Stage};
use crate::clock::UnixSeconds;
use crate::control_plane::link::scenery;
use crate::control_plane::mail::Post;
use crate::control_plane::record::{Letter, MailSecurity, MailServer, MailServerDraft};
use crate::control_plane::service::{Expected, LetterFilter, MailPassword, Page, Services};
use crate::network::{NetworkSet, parse_network};
use crate::policy::{AssetSource, CatalogRules, OverrideTable, Site};
use crate::secret::Secret;

/// What the server's password is.
pub(super) const PASSWORD: &str = "stämp 1";

/// A server that runs as long as this lives.
pub(super) struct MailHouse {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    ports: Value,
    roots: RootCertStore,
    _folder: TempDir,
}

impl MailHouse {
    pub(super) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("mail.pem"), cert.pem()).unwrap();
        std::fs::write(folder.path().join("mail.key"), signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let python = std::env::var_os("COUNTERSIGN_TEST_MAIL_PYTHON")
            .expect("COUNTERSIGN_TEST_MAIL_PYTHON is unset: run tests/run --env-only");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/server.py");
        let mut command = Command::new(python);
        command.arg(script).arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let ports = Value::Null;
        let mut house = Self { child, orders, answers, ports, roots, _folder: folder };
        house.ports = house.answer();
        house
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// What it took so far.
    pub(super) fn letters(&mut self) -> Vec<Value> {
        writeln!(self.orders.as_ref().unwrap()).unwrap();
        let Value::Array(letters) = self.answer() else { panic!("no list") };
        letters
    }

    pub(super) fn port(&self, way: &str) -> u16 {
        u16::try_from(self.ports[way].as_u64().unwrap()).unwrap()
    }

    fn all_ports(&self) -> Vec<u16> {
        ["open", "starttls", "tls"].iter().map(|way| self.port(way)).collect()
    }

    /// What brings letters there, and believes its certificate.
    pub(super) fn post(&self) -> Post {
        Post::trusting(self.roots.clone(), &self.all_ports(), this_machine()).unwrap()
    }

    /// The same, which believes no certificate.
    pub(super) fn doubting(&self) -> Post {
        Post::trusting(RootCertStore::empty(), &self.all_ports(), this_machine()).unwrap()
    }

    /// The same, which goes to the public internet only.
    pub(super) fn outside(&self) -> Post {
        Post::trusting(self.roots.clone(), &self.all_ports(), NetworkSet::default()).unwrap()
    }

    pub(super) fn draft(&self, way: &str) -> MailServerDraft {
        MailServerDraft {
            host: "localhost".into(),
            port: self.port(way),
            security: match way {
                "open" => MailSecurity::None,
                "starttls" => MailSecurity::StartTls,
                _ => MailSecurity::Tls,
            },
            username: (way != "open").then(|| "post".into()),
            from_address: "press@example.com".into(),
            from_name: "Press “office”".into(),
            reply_to: Some("ann@example.com".into()),
            language: None,
        }
    }

    /// Services by which letters go there, at that time.
    pub(super) fn services(&self, stage: &Stage, at: UnixSeconds) -> Services {
        stage.services.clone().with_post(self.post()).at(at)
    }

    /// Has tenant 1 send its letters there.
    pub(super) async fn used(&self, stage: &Stage, way: &str) -> MailServer {
        let password = match way {
            "open" => MailPassword::Cleared,
            _ => MailPassword::Set(Secret::new(PASSWORD.to_owned())),
        };
        let services = self.services(stage, NOW);
        let draft = self.draft(way);
        let caller = system();
        let set = services.mail_server_set(&caller, TENANT, Expected::Any, draft, password);
        set.await.unwrap()
    }
}

impl Drop for MailHouse {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It ends by itself, and is gone already where it failed.
        let _ = self.child.wait();
    }
}

/// Where it is, which no tenant reaches unless the configuration says so.
pub(super) fn this_machine() -> NetworkSet {
    NetworkSet::new(vec![parse_network("127.0.0.0/8").unwrap()])
}

/// Shares of tenant 1 have a site.
pub(super) fn site_in_force(stage: &Stage) {
    let (hosts, site) = scenery::site("files.example.com", None, 1);
    let assets = AssetSource::Catalog(CatalogRules::new([]));
    let sites = vec![(hosts, Site { assets: Some(assets), ..site })];
    let snapshot = scenery::snapshot(sites, OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(snapshot);
}

/// Sends all that is due.
pub(super) async fn send_all(services: &Services) {
    for tenant in services.letter_tenants_due().await.unwrap() {
        while services.letter_send_next(tenant).await.unwrap().is_some() {}
    }
}

/// Every letter of tenant 1, the newest first.
pub(super) async fn letters(stage: &Stage) -> Vec<Letter> {
    let (filter, page) = (LetterFilter::default(), Page::first(100));
    stage.services.letter_list(&system(), TENANT, &filter, &page).await.unwrap().items
}
