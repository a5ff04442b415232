//! TLS towards clients: the certificates, which of them a client gets, and what is spoken.
//!
//! [`Certificates`] holds those of all listeners behind one swap: a reload reads every file, and
//! takes effect for every listener or for none. A connection keeps the certificate its handshake
//! was made with. Between the names of a listener's certificates the exact one wins over the
//! wildcard (RFC 9525 section 6.3: one label, the leftmost), and a name that is in none of them, or
//! no name at all, gets the listener's first certificate: the refusal is the pipeline's, by
//! `Host`. Where several certificates carry one name, the first whose key the client can verify is
//! taken, so that an ECDSA and an RSA one may stand side by side.
//!
//! TLS 1.2 and 1.3, the server's order of suites, ALPN `h2` and `http/1.1`, sessions that are taken up
//! again (`resumption`) until other certificates come into force, no early data: what a replayed flight asks for would be answered before anybody proved to be there
//! (RFC 8446 section 8).
//!
//! Not here: watching the files (the app's, which calls [`Certificates::reload`]), and timeouts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::resumption::Resumption;
use super::settings::{CertificateFiles, ListenerConfig};

/// HTTP/2 by its ALPN name (RFC 9113 section 3.2).
pub(super) const ALPN_HTTP2: &[u8] = b"h2";

/// HTTP/1.1 by its ALPN name (RFC 7301 section 6).
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// The certificates in force, of all listeners.
#[derive(Debug)]
pub struct Certificates {
    files: Vec<Vec<CertificateFiles>>,
    loaded: ArcSwap<Vec<NamedCertificates>>,
    provider: Arc<CryptoProvider>,
    resumption: Arc<Resumption>,
}

impl Certificates {
    /// Reads every certificate of these listeners.
    pub fn load(listeners: &[ListenerConfig]) -> Result<Self, CertificateError> {
        let files: Vec<_> =
            listeners.iter().map(|listener| listener.certificates.clone()).collect();
        let provider = Arc::new(ring::default_provider());
        let loaded = ArcSwap::from_pointee(read_all(&files, &provider)?);
        Ok(Self { files, loaded, provider, resumption: Arc::new(Resumption::new()) })
    }

    /// Reads every file again. On an error those in force stay, for every listener.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let loaded = read_all(&self.files, &self.provider)?;
        let before = self.loaded.swap(Arc::new(loaded));
        if !NamedCertificates::are_same(&before, &self.loaded.load()) {
            self.resumption.forget();
        }
        Ok(())
    }

    /// How each listener that has certificates accepts, in their order. They share what sessions
    /// are taken up again by.
    pub fn server_configs(
        self: &Arc<Self>,
    ) -> Result<Vec<Option<Arc<ServerConfig>>>, rustls::Error> {
        server_configs(self)
    }

    /// The files to watch.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().flatten().flat_map(|pair| [pair.cert.as_path(), pair.key.as_path()])
    }
}

fn server_configs(
    certificates: &Arc<Certificates>,
) -> Result<Vec<Option<Arc<ServerConfig>>>, rustls::Error> {
    certificates
        .files
        .iter()
        .enumerate()
        .map(|(listener, files)| {
            if files.is_empty() {
                return Ok(None);
            }
            let choice = CertificateChoice { certificates: Arc::clone(certificates), listener };
            server_config(choice).map(Some)
        })
        .collect()
}

fn server_config(choice: CertificateChoice) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::clone(&choice.certificates.provider);
    let resumption = Arc::clone(&choice.certificates.resumption);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(choice));
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    config.ticketer = Arc::clone(&resumption) as _;
    config.session_storage = resumption;
    config.max_early_data_size = 0;
    // The strongest suite both know, rather than the one the client happens to name first.
    config.ignore_client_order = true;
    Ok(Arc::new(config))
}

/// Chooses among the certificates in force for one listener.
#[derive(Debug)]
struct CertificateChoice {
    certificates: Arc<Certificates>,
    listener: usize,
}

impl ResolvesServerCert for CertificateChoice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let loaded = self.certificates.loaded.load();
        loaded.get(self.listener)?.choose(&hello)
    }
}

/// One listener's certificates, by the names they are valid for.
#[derive(Debug, Default)]
struct NamedCertificates {
    all: Vec<Arc<CertifiedKey>>,
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows the `*.`.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl NamedCertificates {
    /// Would clients be shown the same? Keys belong to their certificates.
    fn are_same(one: &[Self], other: &[Self]) -> bool {
        let chains = |listeners: &[Self]| -> Vec<Vec<Vec<CertificateDer<'static>>>> {
            let chains = |it: &Self| it.all.iter().map(|it| it.cert.clone()).collect();
            listeners.iter().map(chains).collect()
        };
        chains(one) == chains(other)
    }

    fn insert(&mut self, certified: Arc<CertifiedKey>, names: Vec<String>) {
        for name in names {
            let named = match name.strip_prefix("*.") {
                Some(parent) => self.wildcard.entry(parent.to_owned()),
                None => self.exact.entry(name),
            };
            named.or_default().push(Arc::clone(&certified));
        }
        self.all.push(certified);
    }

    fn choose(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let candidates = hello.server_name().and_then(|name| self.named(name));
        let candidates = candidates.unwrap_or(&self.all);
        let verifiable = candidates
            .iter()
            .find(|certified| certified.key.choose_scheme(hello.signature_schemes()).is_some());
        // Without one that fits, rustls refuses the handshake and says so.
        verifiable.or_else(|| candidates.first()).cloned()
    }

    /// Those that carry this name, which rustls has checked to be a DNS name.
    fn named(&self, name: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        let name = name.to_ascii_lowercase();
        self.exact.get(&name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.wildcard.get(parent)
        })
    }
}

fn read_all(
    files: &[Vec<CertificateFiles>],
    provider: &CryptoProvider,
) -> Result<Vec<NamedCertificates>, CertificateError> {
    files
        .iter()
        .map(|listener| {
            let mut named = NamedCertificates::default();
            for pair in listener {
                let (certified, names) = read_pair(pair, provider)?;
                named.insert(Arc::new(certified), names);
            }
            Ok(named)
        })
        .collect()
}

fn read_pair(
    pair: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, Vec<String>), CertificateError> {
    let in_cert = |problem| CertificateError { path: pair.cert.clone(), problem };
    let in_key = |problem| CertificateError { path: pair.key.clone(), problem };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&pair.cert)
        .and_then(Iterator::collect)
        .map_err(|error| in_cert(CertificateProblem::Pem(error)))?;
    let leaf = chain.first().ok_or_else(|| in_cert(CertificateProblem::Empty))?;
    let names = dns_names(leaf).map_err(|error| in_cert(CertificateProblem::Certificate(error)))?;
    let key = PrivateKeyDer::from_pem_file(&pair.key)
        .map_err(|error| in_key(CertificateProblem::Pem(error)))?;
    let certified = CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| in_key(CertificateProblem::Key(error)))?;
    Ok((certified, names))
}

/// The DNS names of the subject's alternative names. The common name is no host name any more
/// (RFC 9525 section 6.3); addresses are never asked for by name (RFC 6066 section 3).
fn dns_names(leaf: &CertificateDer<'_>) -> Result<Vec<String>, webpki::Error> {
    let leaf = webpki::EndEntityCert::try_from(leaf)?;
    Ok(leaf.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

/// Which file keeps the certificates from being used, and why.
#[derive(Debug, thiserror::Error)]
#[error("the certificate file {} cannot be used", path.display())]
pub struct CertificateError {
    path: PathBuf,
    #[source]
    problem: CertificateProblem,
}

impl CertificateError {
    /// The file at fault.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why.
    pub fn problem(&self) -> &CertificateProblem {
        &self.problem
    }
}

/// What is wrong with a certificate or a key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateProblem {
    /// No X.509 certificate that can be used as an end entity's.
    #[error("not a server certificate")]
    Certificate(#[source] webpki::Error),
    /// The file holds no certificate.
    #[error("no certificate in the file")]
    Empty,
    /// A kind of key that is not supported, or not the certificate's.
    #[error("the private key cannot be used with the certificate")]
    Key(#[source] rustls::Error),
    /// It cannot be read, or is not PEM.
    #[error("cannot be read as PEM")]
    Pem(#[source] pem::Error),
}
