//! An object store, and asking it.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::{BackoffConfig, ObjectStore, RetryConfig, StaticCredentialProvider};

use super::super::answer::{Answer, Object, ObjectMeta};
use super::super::ask::Ask;
use super::super::config::OriginSetupError;
use super::super::error::{OriginError, OriginFault};
use super::super::http::{HttpOrigin, Protocol, Signer, StoreProtocol, Suffixes, tls_connector};
use super::config::{
    AccessKey, AzureCredentials, ObjectStoreConfig, S3Credentials, StoreService, WebIdentity,
    WorkloadIdentity,
};
use super::creation::{Creation, SharedKey};
use super::location::{Addressing, AzureLocation, KEY_ESCAPES, KeyPrefix, S3Location};
use super::signer::{AzureSigner, S3Signer, is_visible, server_of};
use super::transport::Transport;
use crate::asset::OriginKey;

/// An object store. Clones share its connections and credentials.
#[derive(Clone, Debug)]
pub struct ObjectStoreOrigin {
    http: HttpOrigin,
    pub(super) store: Store,
    pub(super) prefix: KeyPrefix,
}

/// What `object_store` has for a store.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Azure(MicrosoftAzure),
    S3(AmazonS3),
}

impl Store {
    /// What both can do.
    pub(super) fn get(&self) -> &dyn ObjectStore {
        match self {
            Self::Azure(store) => store,
            Self::S3(store) => store,
        }
    }
}

impl ObjectStoreOrigin {
    pub(in super::super) fn open(config: ObjectStoreConfig) -> Result<Self, OriginSetupError> {
        let ObjectStoreConfig { server, prefix, service } = config;
        let tls =
            if needs_tls(&service) { Some(tls_connector(server.ca.as_deref())?) } else { None };
        let transport = Transport {
            tls,
            connect_timeout: server.connect_timeout,
            header_timeout: server.header_timeout,
            idle_timeout: server.idle_timeout,
        };
        let (signer, store, suffixes): (Box<dyn Signer>, Store, _) = match service {
            StoreService::Azure(location, credentials) => {
                let (signer, store) = azure(&location, credentials, transport)?;
                (Box::new(signer), store, Suffixes::Unknown)
            }
            StoreService::S3(location, credentials) => {
                let (signer, store) = s3(&location, credentials, transport)?;
                (Box::new(signer), store, Suffixes::Known)
            }
        };
        let protocol = Protocol::Store(StoreProtocol { signer, escapes: KEY_ESCAPES, suffixes });
        Ok(Self { http: HttpOrigin::open_as(server, protocol)?, store, prefix })
    }

    pub(in super::super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, OriginError> {
        match ask.key {
            OriginKey::Object(_) => self.http.ask(ask).await,
            OriginKey::Target(_) => Err(OriginFault::KeyForm.into()),
        }
    }

    pub(in super::super) fn known(&self, meta: ObjectMeta, ask: Ask<'_>) -> Option<Object> {
        match ask.key {
            OriginKey::Object(_) => self.http.known(meta, ask),
            OriginKey::Target(_) => None,
        }
    }
}

fn s3(
    location: &S3Location,
    credentials: S3Credentials,
    transport: Transport,
) -> Result<(S3Signer, Store), OriginSetupError> {
    let S3Location { bucket, region, addressing, endpoint } = location;
    let builder = AmazonS3Builder::new()
        .with_bucket_name(&**bucket)
        .with_region(&**region)
        .with_endpoint(&**endpoint)
        .with_virtual_hosted_style_request(*addressing == Addressing::VirtualHost)
        .with_retry(retries())
        // Every server knows how one object is deleted; few know how many are.
        .with_disable_bulk_delete(true)
        .with_http_connector(Creation { transport, signed_with: None });
    let builder = match credentials {
        S3Credentials::Keys(AccessKey { id, secret, session_token }) => {
            let token = session_token.map(|token| token.expose().clone());
            if ![&*id, token.as_deref().unwrap_or_default()].into_iter().all(is_visible) {
                return Err(OriginSetupError::CredentialsUnusable);
            }
            // `object_store` signs with it, and shows it to nobody.
            let secret_key = secret.expose().clone();
            let credential = AwsCredential { key_id: id.into(), secret_key, token };
            builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)))
        }
        S3Credentials::WebIdentity(WebIdentity { role, token_file, session, sts }) => {
            let builder = builder
                .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, token_file.to_string_lossy())
                .with_config(AmazonS3ConfigKey::RoleArn, role)
                .with_config(AmazonS3ConfigKey::RoleSessionName, session);
            match sts {
                Some(sts) => builder.with_config(AmazonS3ConfigKey::StsEndpoint, sts),
                None => builder,
            }
        }
    };
    let store = builder.build().map_err(OriginSetupError::ObjectStore)?;
    let signer = S3Signer {
        credentials: Arc::clone(store.credentials()),
        region: region.clone(),
        server: server(endpoint)?,
    };
    Ok((signer, Store::S3(store)))
}

fn azure(
    location: &AzureLocation,
    credentials: AzureCredentials,
    transport: Transport,
) -> Result<(AzureSigner, Store), OriginSetupError> {
    let AzureLocation { account, container, endpoint } = location;
    let builder = MicrosoftAzureBuilder::new()
        .with_account(&**account)
        .with_container_name(&**container)
        .with_endpoint(endpoint.to_string())
        .with_retry(retries());
    let credential = |credential| Arc::new(StaticCredentialProvider::new(credential));
    let mut signed_with = None;
    let builder = match credentials {
        AzureCredentials::Key(key) => {
            let key = AzureAccessKey::try_new(key.expose())
                .map_err(|_| OriginSetupError::CredentialsUnusable)?;
            let account = account.clone();
            let again = AzureCredential::AccessKey(key.clone());
            signed_with = Some(SharedKey { account, credential: again });
            builder.with_credentials(credential(AzureCredential::AccessKey(key)))
        }
        AzureCredentials::Signature(text) => {
            let text = text.expose();
            let text = text.strip_prefix('?').unwrap_or(text);
            let pairs: Vec<(String, String)> =
                form_urlencoded::parse(text.as_bytes()).into_owned().collect();
            if !pairs.iter().any(|(name, _)| name == "sig") {
                return Err(OriginSetupError::CredentialsUnusable);
            }
            builder.with_credentials(credential(AzureCredential::SASToken(pairs)))
        }
        AzureCredentials::WorkloadIdentity(identity) => {
            let WorkloadIdentity { client_id, tenant_id, token_file, authority } = identity;
            let builder = builder
                .with_client_id(client_id)
                .with_tenant_id(tenant_id)
                .with_federated_token_file(token_file.to_string_lossy())
                .with_credential_type("workload_identity");
            match authority {
                Some(authority) => builder.with_authority_host(authority),
                None => builder,
            }
        }
    };
    let builder = builder.with_http_connector(Creation { transport, signed_with });
    let store = builder.build().map_err(OriginSetupError::ObjectStore)?;
    let signer = AzureSigner {
        credentials: Arc::clone(store.credentials()),
        account: account.clone(),
        server: server(endpoint)?,
    };
    Ok((signer, Store::Azure(store)))
}

/// Where nothing is encrypted there is no use for roots, which a small machine may not have.
fn needs_tls(service: &StoreService) -> bool {
    let is_plain = |url: &str| url.starts_with("http:");
    match service {
        StoreService::Azure(location, credentials) => {
            !is_plain(&location.endpoint)
                || match credentials {
                    AzureCredentials::Key(_) | AzureCredentials::Signature(_) => false,
                    AzureCredentials::WorkloadIdentity(identity) => {
                        !identity.authority.as_deref().is_some_and(is_plain)
                    }
                }
        }
        StoreService::S3(location, credentials) => {
            !is_plain(&location.endpoint)
                || match credentials {
                    S3Credentials::Keys(_) => false,
                    S3Credentials::WebIdentity(identity) => {
                        !identity.sts.as_deref().is_some_and(is_plain)
                    }
                }
        }
    }
}

fn server(endpoint: &str) -> Result<Box<str>, OriginSetupError> {
    let url = endpoint.parse().ok();
    url.as_ref().and_then(server_of).ok_or(OriginSetupError::HostHasNoCertificateName)
}

/// For what `object_store` asks for itself: nobody waits for it at a link.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 5,
        retry_timeout: Duration::from_mins(1),
    }
}
