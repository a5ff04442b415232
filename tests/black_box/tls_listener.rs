//! TLS towards clients (promise 27): what a scanner finds, and certificates that are replaced.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign::clock::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CrlDistributionPoint, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustix::process::Signal;

use crate::support::command::said;
use crate::support::edge::{Edge, usual_config};
use crate::support::files::replace;
use crate::support::keep_alive::Dial;
use crate::support::load::Load;
use crate::support::process::Process;
use crate::support::tls::{Certificate, TlsClient};
use crate::support::tools::tool;

const NAME: &str = "a.example";

/// Everything but the client simulations and the list of all suites there are, which say again what
/// the protocols and categories do and take half of the time: protocols, categories, forward
/// secrecy, preferences, defaults, HTTP headers, vulnerabilities.
const CHECKS: &[&str] = &["-p", "-s", "-f", "-P", "-S", "-h", "-U"];

/// What testssl cannot find out, each for a reason of its own and none of ours.
const NOT_FOUND_OUT: &[(&str, &str)] = &[
    ("engine_problem", "Debian's openssl has no GOST suites to offer"),
    ("sessionresumption_ticket", "its client may leave before the tickets of TLS 1.3 arrive"),
];

/// Findings which show that the checks were made.
const EXPECTED: &[&str] = &[
    "SSLv2",
    "TLS1_3",
    "cipherlist_NULL",
    "cipher_order",
    "cert_chain_of_trust <cert#1>",
    "cert_chain_of_trust <cert#2>",
    "HSTS_time",
    "heartbleed",
    "ROBOT",
    "secure_renego",
    "RC4",
    "scanTime",
];

/// As from an authority that people trust: for 90 days, with the place of its revocation list.
fn leaf(key: &KeyPair, authority: &CertifiedIssuer<'_, KeyPair>) -> String {
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(Clock::System.now().get());
    let day = Duration::from_hours(24);
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.not_before = now - day;
    params.not_after = now + 89 * day;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.crl_distribution_points =
        vec![CrlDistributionPoint { uris: vec![format!("http://{NAME}/list.crl")] }];
    params.signed_by(key, authority).unwrap().pem()
}

/// `rcgen` makes keys of elliptic curves only.
fn rsa_key() -> KeyPair {
    let mut command = Command::new(tool("COUNTERSIGN_TEST_OPENSSL", "openssl"));
    command.args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    KeyPair::from_pem(&said(&mut command, b"").out).unwrap()
}

#[test]
fn testssl_finds_nothing_above_low() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "an authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let (ecdsa, rsa) = (KeyPair::generate().unwrap(), rsa_key());
    let listener = "[[edge.listener]]\naddress = \"127.0.0.1:0\"\ncertificates = [\
        { cert = \"ecdsa.pem\", key = \"ecdsa.key\" }, { cert = \"rsa.pem\", key = \"rsa.key\" }]";
    let folder = Edge::builder(usual_config(listener, ""))
        .file("media/open/a", "a file")
        .file("authority.pem", authority.pem())
        .file("ecdsa.pem", leaf(&ecdsa, &authority))
        .file("ecdsa.key", ecdsa.serialize_pem())
        .file("rsa.pem", leaf(&rsa, &authority))
        .file("rsa.key", rsa.serialize_pem())
        .write();
    let edge = Process::start(folder, &[]);
    let findings = testssl(edge.addresses()[1], &edge.path("authority.pem"));
    let mut faults = String::new();
    for (id, severity, finding) in &findings {
        let is_fault = match severity.as_str() {
            "OK" | "INFO" | "LOW" => false,
            "WARN" => !NOT_FOUND_OUT.iter().any(|(it, _)| it == id),
            _ => true,
        };
        if is_fault {
            writeln!(faults, "{severity} {id}: {finding}").unwrap();
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
    for expected in EXPECTED {
        let was_made = findings.iter().any(|(id, ..)| id == expected);
        assert!(was_made, "no {expected} in {findings:#?}");
    }
    println!("testssl: {} findings, none above LOW", findings.len());
}

/// Names, severities and texts.
fn testssl(edge: SocketAddr, authority: &Path) -> Vec<(String, String, String)> {
    let report = authority.with_file_name("testssl.json");
    let mut command = Command::new(tool("COUNTERSIGN_TEST_TESTSSL", "testssl"));
    command
        .args(["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none"])
        .args(["--ip", &edge.ip().to_string(), "--add-ca"])
        .arg(authority)
        .arg("--jsonfile")
        .arg(&report)
        .args(CHECKS)
        .arg(format!("https://{NAME}:{}/open/a", edge.port()));
    let said = said(&mut command, b"");
    let json = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let text = |it: &serde_json::Value| it.as_str().unwrap().to_owned();
    let findings = json.as_array().unwrap().iter();
    findings.map(|it| (text(&it["id"]), text(&it["severity"]), text(&it["finding"]))).collect()
}

/// How many times the pair in the files is replaced; every fifth one does not fit together.
const SWAPS: usize = 60;

/// Asked for without SNI, so that any host may be.
const ADDRESS: &str = "127.0.0.1";

fn load(dial: &Dial, connections: u32, per_second: u32, is_kept: IsKept) -> Load {
    Load::over(dial, connections, per_second, move |client, _| {
        match is_kept {
            IsKept::Kept => {}
            IsKept::New => client.hang_up(),
        }
        match client.get("/open/a")?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
}

#[derive(Clone, Copy)]
enum IsKept {
    Kept,
    New,
}

#[test]
fn certificates_are_swapped_under_load() {
    let all = [Certificate::of(&[NAME]), Certificate::of(&[NAME])];
    let listener = "[[edge.listener]]\naddress = \"127.0.0.1:0\"\n\
        certificates = [{ cert = \"live/site.pem\", key = \"live/site.key\" }]";
    let edge = Edge::builder(usual_config(listener, ""))
        .file("media/open/a", "a file")
        .file("pair0/site.pem", &all[0].pem)
        .file("pair0/site.key", &all[0].key)
        .link("live", "pair0")
        .spawn();
    let at = edge.addresses()[1];
    let client = || TlsClient::trusting(&all, "http/1.1");
    let loads = [
        (
            "whole handshakes",
            load(&client().without_resumption().dial(at, ADDRESS), 4, 150, IsKept::New),
        ),
        ("resumed handshakes", load(&client().dial(at, ADDRESS), 4, 150, IsKept::New)),
        ("kept connections", load(&client().dial(at, ADDRESS), 8, 200, IsKept::Kept)),
    ];
    let mut in_force = 0;
    for number in 1..=SWAPS {
        let next = number % 2;
        let refused = edge.metric("countersign_config_reload_failures_total");
        if number % 5 == 0 {
            point_to_pair(&edge, number, &all[next].pem, &all[1 - next].key);
            edge.signal(Signal::HUP);
            while edge.metric("countersign_config_reload_failures_total") == refused {
                std::thread::yield_now();
            }
            assert!(
                all[in_force].is_served(at, ADDRESS, &all),
                "{number}: a broken pair was taken"
            );
            continue;
        }
        if number % 5 < 3 {
            point_to_pair(&edge, number, &all[next].pem, &all[next].key);
        } else {
            // One after the other: in between, the pair does not fit either.
            replace(&edge.path("live/site.pem"), &all[next].pem);
            replace(&edge.path("live/site.key"), &all[next].key);
        }
        edge.signal(Signal::HUP);
        while !all[next].is_served(at, ADDRESS, &all) {}
        in_force = next;
    }
    assert!(all[in_force].is_served(at, ADDRESS, &all));
    for (what, load) in loads {
        let report = load.stop();
        report.print(what);
        report.assert_good(100);
        match what {
            "kept connections" => assert_eq!(report.connections, 8, "one was closed"),
            _ => assert_eq!(report.connections, report.requests),
        }
    }
    assert_eq!(edge.metric("countersign_tls_handshake_failures_total"), 0);
    assert_eq!(edge.stop().0, Some(0));
}

/// As a secret that is mounted changes: a link to a new folder takes the place of the old one.
fn point_to_pair(edge: &Process, number: usize, pem: &str, key: &str) {
    let folder = edge.path(&format!("pair{number}"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("site.pem"), pem).unwrap();
    std::fs::write(folder.join("site.key"), key).unwrap();
    let link = edge.path("next");
    symlink(folder.file_name().unwrap(), &link).unwrap();
    std::fs::rename(link, edge.path("live")).unwrap();
}
