//! How an origin is configured, and what can be wrong with that before the first ask.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::disk::DiskConfig;
use super::http::HttpConfig;
use super::object::ObjectStoreConfig;

/// One origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name that sites and routes use.
    pub name: Box<str>,
    /// Where its objects are.
    pub kind: Kind,
}

/// The kinds of origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Disk(DiskConfig),
    /// A server.
    Http(HttpConfig),
    /// An object store.
    ObjectStore(Box<ObjectStoreConfig>),
}

/// Why an origin cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OriginSetupError {
    /// The file of roots is missing, unreadable, or holds no certificate.
    #[error("the roots in {} cannot be used", path.display())]
    CaUnusable {
        /// The file as configured.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The credentials cannot be sent as they are.
    #[error("the credentials are malformed")]
    CredentialsUnusable,
    /// An https URL whose host no certificate can name.
    #[error("the host of the URL is nothing a certificate can name")]
    HostHasNoCertificateName,
    /// The object store's description does not fit together.
    #[error("the object store cannot be spoken with")]
    ObjectStore(#[source] object_store::Error),
    /// The root is missing, is no folder, or may not be entered.
    #[error("the root folder {} cannot be opened", path.display())]
    RootUnusable {
        /// The root as configured.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `symlinks = "beneath"` needs `openat2`, which this system lacks or filters.
    #[error(
        "symlinks = \"beneath\" needs the system call openat2 (Linux 5.6), \
         which is missing or filtered here; use symlinks = \"refuse\""
    )]
    SymlinksNeedOpenat2,
    /// The system has no root certificates and `ca` names none.
    #[error("this system has no root certificates; set ca")]
    SystemRootsMissing,
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}
