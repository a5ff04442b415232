//! How an object store is configured.

use std::path::PathBuf;

use super::super::http::HttpConfig;
use super::location::{AzureLocation, KeyPrefix, S3Location};
use crate::secret::Secret;

/// An object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectStoreConfig {
    /// The server, and its deadlines. Its URL is that of an object whose key is empty.
    pub server: HttpConfig,
    /// What stands before every key.
    pub prefix: KeyPrefix,
    /// What it speaks, and for whom it takes us.
    pub service: StoreService,
}

/// What a store speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreService {
    /// Azure Blob Storage.
    Azure(AzureLocation, AzureCredentials),
    /// Amazon's S3, and what others made like it.
    S3(S3Location, S3Credentials),
}

/// What shows a server that speaks S3 who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum S3Credentials {
    /// Something both know.
    Keys(AccessKey),
    /// A token of somebody whom the server believes, given for keys that last an hour.
    WebIdentity(WebIdentity),
}

/// An access key.
#[derive(Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its name.
    pub id: Box<str>,
    /// What both know.
    pub secret: Secret<String>,
    /// For keys that were lent.
    pub session_token: Option<Secret<String>>,
}

impl Clone for AccessKey {
    fn clone(&self) -> Self {
        let copied = |secret: &Secret<String>| Secret::new(secret.expose().clone());
        Self {
            id: self.id.clone(),
            secret: copied(&self.secret),
            session_token: self.session_token.as_ref().map(copied),
        }
    }
}

/// A role that is taken on with a token from a file, which is read each time (`AssumeRoleWithWebIdentity`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The role's name (ARN).
    pub role: Box<str>,
    /// Where the token is.
    pub token_file: PathBuf,
    /// What the session is called in the server's records.
    pub session: Box<str>,
    /// Who gives keys for tokens; none: Amazon's service of the region.
    pub sts: Option<Box<str>>,
}

/// What shows Azure who we are.
#[derive(Debug, PartialEq, Eq)]
pub enum AzureCredentials {
    /// The account's own key, in base64.
    Key(Secret<String>),
    /// A shared access signature, as it stands behind the question mark.
    Signature(Secret<String>),
    /// A token from a file, given for others that last an hour.
    WorkloadIdentity(WorkloadIdentity),
}

impl Clone for AzureCredentials {
    fn clone(&self) -> Self {
        match self {
            Self::Key(key) => Self::Key(Secret::new(key.expose().clone())),
            Self::Signature(text) => Self::Signature(Secret::new(text.expose().clone())),
            Self::WorkloadIdentity(identity) => Self::WorkloadIdentity(identity.clone()),
        }
    }
}

/// An application of Entra ID whose token is in a file, which is read each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadIdentity {
    /// The application.
    pub client_id: Box<str>,
    /// Whose it is.
    pub tenant_id: Box<str>,
    /// Where the token is.
    pub token_file: PathBuf,
    /// Who gives tokens for tokens; none: Azure's own.
    pub authority: Option<Box<str>>,
}
