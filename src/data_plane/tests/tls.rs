//! TLS listeners: which certificate, which protocol, and changing them while serving.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, HandshakeKind, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::edge::{Edge, GET, config, files, listener};
use crate::data_plane::{BindError, CertificateProblem, Config, Drained, Limits, Listeners};

/// Writes a certificate for these names, and gives it.
fn certify(folder: &Path, name: &str, names: &[&str]) -> CertificateDer<'static> {
    certify_with(folder, name, names, &rcgen::PKCS_ECDSA_P256_SHA256)
}

fn certify_with(
    folder: &Path,
    name: &str,
    names: &[&str],
    algorithm: &'static SignatureAlgorithm,
) -> CertificateDer<'static> {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let files = files(folder, name);
    fs::write(files.cert, certificate.pem()).unwrap();
    fs::write(files.key, key.serialize_pem()).unwrap();
    certificate.der().clone()
}

/// Takes any certificate, to see which one it is; signatures are verified.
#[derive(Debug)]
struct Anyone {
    provider: Arc<CryptoProvider>,
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

const EVERY_VERSION: &[&SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

fn client(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let schemes = ring::default_provider().signature_verification_algorithms.supported_schemes();
    client_that_verifies(versions, schemes)
}

fn client_that_verifies(
    versions: &[&'static SupportedProtocolVersion],
    schemes: Vec<SignatureScheme>,
) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone { provider, schemes }))
        .with_no_client_auth()
}

async fn handshake(
    edge: &Edge,
    client: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(edge.address()).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::clone(client)).connect(name, stream).await
}

/// The certificate that a client with this configuration is shown for a name.
async fn shown(edge: &Edge, client: &Arc<ClientConfig>, name: &str) -> CertificateDer<'static> {
    let stream = handshake(edge, client, name).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn ask(stream: &mut TlsStream<TcpStream>, request: &[u8], end: &str) -> String {
    stream.write_all(request).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        bytes.push(stream.read_u8().await.expect("closed"));
    }
    String::from_utf8(bytes).unwrap()
}

fn edge(folder: &Path, names: &[&str]) -> Edge {
    let certificates = names.iter().map(|name| files(folder, name)).collect();
    Edge::start(&config(vec![listener(certificates)]), &Limits::default())
}

#[tokio::test]
async fn the_name_chooses_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path(), "first", &["media.example"]);
    let wild = certify(folder.path(), "wild", &["*.example.com", "example.com"]);
    let exact = certify(folder.path(), "exact", &["files.example.com"]);
    let edge = edge(folder.path(), &["first", "wild", "exact"]);
    let client = Arc::new(client(EVERY_VERSION));
    for (name, expected) in [
        ("media.example", &first),
        ("MEDIA.Example", &first),
        ("example.com", &wild),
        ("www.example.com", &wild),
        ("files.example.com", &exact),
        ("a.b.example.com", &first),
        ("other.test", &first),
        ("127.0.0.1", &first),
    ] {
        assert_eq!(&shown(&edge, &client, name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn of_two_for_one_name_the_client_gets_the_one_it_can_verify() {
    let folder = tempfile::tempdir().unwrap();
    let edwards = certify_with(folder.path(), "ed", &["media.example"], &rcgen::PKCS_ED25519);
    let ecdsa = certify(folder.path(), "ec", &["media.example"]);
    let edge = edge(folder.path(), &["ed", "ec"]);
    let any = Arc::new(client(EVERY_VERSION));
    assert_eq!(shown(&edge, &any, "media.example").await, edwards);
    let schemes = vec![SignatureScheme::ECDSA_NISTP256_SHA256];
    let picky = Arc::new(client_that_verifies(EVERY_VERSION, schemes));
    assert_eq!(shown(&edge, &picky, "media.example").await, ecdsa);
}

#[tokio::test]
async fn both_versions_are_spoken_and_sessions_resumed() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "site", &["media.example"]);
    let two = Config { workers: 2, ..config(vec![listener(vec![files(folder.path(), "site")])]) };
    let edge = Edge::start(&two, &Limits::default());
    for version in EVERY_VERSION {
        let client = Arc::new(client(&[version]));
        for attempt in 0..4 {
            let mut stream = handshake(&edge, &client, "media.example").await.unwrap();
            let (_, session) = stream.get_ref();
            assert_eq!(session.protocol_version(), Some(version.version));
            let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
            // On whichever worker: they share the ticket keys.
            assert_eq!(resumed, attempt > 0, "{version:?}");
            ask(&mut stream, GET, "hello /a").await;
        }
    }
}

#[tokio::test]
async fn the_negotiated_protocol_is_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certify(folder.path(), "site", &["media.example"]);
    let edge = edge(folder.path(), &["site"]);
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let facts = b"GET /facts HTTP/1.1\r\nhost: media.example\r\n\r\n";

    for offered in [vec![], vec![b"http/1.1".to_vec()]] {
        client.alpn_protocols = offered;
        let mut stream =
            handshake(&edge, &Arc::new(client.clone()), "media.example").await.unwrap();
        let answer = ask(&mut stream, facts, "Http1, outlet: None }").await;
        assert!(answer.contains(r#"Tls { server_name: Some("media.example") }"#), "{answer}");
    }

    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = handshake(&edge, &Arc::new(client.clone()), "media.example").await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let driving = tokio::spawn(connection);
    for _ in 0..3 {
        let request = Request::get("https://media.example/facts").body(Empty::<Bytes>::new());
        let response = sender.send_request(request.unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(b"protocol: Http2, outlet: None }"), "{body:?}");
    }
    // A large answer, over many windows.
    let request = Request::get("https://media.example/endless").body(Empty::<Bytes>::new());
    let mut body = sender.send_request(request.unwrap()).await.unwrap().into_body();
    let mut received = 0;
    while received < 8 * 1024 * 1024 {
        received += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    drop((body, sender));
    assert_eq!(edge.drained().await, Drained::Finished);
    driving.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_cannot_be_agreed_on_is_refused_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "site", &["media.example"]);
    let edge = edge(folder.path(), &["site"]);
    let mut other = client(EVERY_VERSION);
    other.alpn_protocols = vec![b"spdy/3".to_vec()];
    assert!(handshake(&edge, &Arc::new(other), "media.example").await.is_err());
    let mut stream = TcpStream::connect(edge.address()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(handshake(&edge, &Arc::new(client(EVERY_VERSION)), "media.example").await.is_ok());
    let metrics = Arc::clone(&edge.metrics);
    assert_eq!(edge.drained().await, Drained::Finished);
    assert_eq!(metrics.tls_handshake_failures.get(), 2);
}

#[tokio::test]
async fn a_reload_changes_new_connections_and_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let old = certify(folder.path(), "site", &["media.example"]);
    let edge = edge(folder.path(), &["site"]);
    let client = Arc::new(client(EVERY_VERSION));
    let mut before = handshake(&edge, &client, "media.example").await.unwrap();
    ask(&mut before, GET, "hello /a").await;
    for _ in 0..5 {
        let new = certify(folder.path(), "site", &["media.example"]);
        edge.certificates.reload().unwrap();
        let fresh = Arc::new(super::tls::client(EVERY_VERSION));
        assert_eq!(shown(&edge, &fresh, "media.example").await, new);
        assert_ne!(new, old);
        ask(&mut before, GET, "hello /a").await;
    }
}

#[tokio::test]
async fn sessions_are_taken_up_again_until_other_certificates_are_in_force() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "site", &["media.example"]);
    let edge = edge(folder.path(), &["site"]);
    for version in EVERY_VERSION {
        // A client of TLS 1.2 that knows no tickets is known by the number of its session.
        let (mut tickets, mut numbers) = (client(&[version]), client(&[version]));
        tickets.resumption = Resumption::in_memory_sessions(9);
        numbers.resumption =
            Resumption::in_memory_sessions(9).tls12_resumption(Tls12Resumption::SessionIdOnly);
        for client in [tickets, numbers].map(Arc::new) {
            for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
                assert_eq!(kind(&edge, &client).await, expected, "{version:?}");
            }
            edge.certificates.reload().unwrap();
            assert_eq!(kind(&edge, &client).await, HandshakeKind::Resumed, "{version:?}");
            certify(folder.path(), "site", &["media.example"]);
            edge.certificates.reload().unwrap();
            assert_eq!(kind(&edge, &client).await, HandshakeKind::Full, "{version:?}");
        }
    }
}

/// How a connection comes about; tickets come with the first answer.
async fn kind(edge: &Edge, client: &Arc<ClientConfig>) -> HandshakeKind {
    let mut stream = handshake(edge, client, "media.example").await.unwrap();
    ask(&mut stream, GET, "hello /a").await;
    stream.get_ref().1.handshake_kind().unwrap()
}

#[tokio::test]
async fn a_failed_reload_changes_nothing_on_any_listener() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path(), "first", &["media.example"]);
    certify(folder.path(), "second", &["files.example"]);
    let listeners = ["first", "second"].map(|name| listener(vec![files(folder.path(), name)]));
    let edge = Edge::start(&config(listeners.into()), &Limits::default());
    certify(folder.path(), "first", &["media.example"]);
    let second = files(folder.path(), "second");
    let good = fs::read(&second.cert).unwrap();
    let client = Arc::new(client(EVERY_VERSION));

    let of_another = {
        certify(folder.path(), "other", &["files.example"]);
        fs::read(files(folder.path(), "other").cert).unwrap()
    };
    for (content, at, expected) in [
        (b"".to_vec(), &second.cert, "empty"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
            &second.cert,
            "certificate",
        ),
        (b"-----BEGIN CERTIFICATE-----\nA".to_vec(), &second.cert, "pem"),
        (of_another, &second.key, "key"),
    ] {
        fs::write(&second.cert, content).unwrap();
        let error = edge.certificates.reload().unwrap_err();
        let problem = match error.problem() {
            CertificateProblem::Certificate(_) => "certificate",
            CertificateProblem::Empty => "empty",
            CertificateProblem::Key(_) => "key",
            CertificateProblem::Pem(_) => "pem",
        };
        assert_eq!((problem, error.path()), (expected, at.as_path()));
        assert_eq!(shown(&edge, &client, "media.example").await, first);
    }
    fs::remove_file(&second.cert).unwrap();
    assert!(edge.certificates.reload().is_err());
    fs::write(&second.cert, good).unwrap();
    edge.certificates.reload().unwrap();
    assert_ne!(shown(&edge, &client, "media.example").await, first);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_said_before_anything_is_bound() {
    let folder = tempfile::tempdir().unwrap();
    let missing = config(vec![listener(vec![files(folder.path(), "missing")])]);
    let error = Listeners::bind(&missing).unwrap_err();
    let BindError::Certificate(error) = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("missing.pem"), "{error}");
}
