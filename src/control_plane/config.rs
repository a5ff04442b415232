//! What a control plane is started with.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::api::{ConnectionLimits, QueryToken};
use super::link::{MasterKey, MasterKeyError, MasterKeySource};
use super::service::{ImageMarks, UploadLimits};
use super::store::StoreAddress;
use super::webhooks::Reach;
use crate::keyring::KeyMaterial;
use crate::network::NetworkSet;

/// `[control]`, resolved. All of it changes at a restart only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How the APIs are reached from outside, without a final slash; none: as a client asks.
    pub public_url: Option<Box<str>>,
    /// Where the records are.
    pub store: StoreAddress,
    /// What the keys in the store are sealed under.
    pub master_key: MasterKeySource,
    /// What they were sealed under before: these open, and seal nothing.
    pub previous_master_keys: Vec<KeyMaterial>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: NetworkSet,
    /// How long links live at most.
    pub max_link_lifetime: Duration,
    /// Where uploads wait, and how much may be uploaded; none: nothing is.
    pub uploads: Option<UploadConfig>,
    /// Where webhooks may lead, and whom they believe.
    pub webhooks: WebhookConfig,
    /// Ports of mail servers, beside those that they usually have.
    pub mail_ports: Vec<u16>,
    /// Networks in which mail servers may be, beside the public internet.
    pub mail_networks: NetworkSet,
    /// May a session's token be in an address (requirement G1)?
    pub query_token: QueryToken,
    /// Do copies of pictures have marks?
    pub image_marks: ImageMarks,
    /// How many connections there may be.
    pub connections: ConnectionLimits,
    /// How much each caller may ask; none: any number.
    pub requests_per_minute: Option<NonZeroU32>,
}

impl Config {
    /// What the keys in the store are sealed under, and opened by.
    pub fn master_key(&self) -> Result<Option<MasterKey>, MasterKeyError> {
        MasterKey::of(&self.master_key, &self.previous_master_keys)
    }
}

/// `[control.webhooks]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Where they may lead beyond the public internet.
    pub reach: Reach,
    /// Roots that are believed beside the system's.
    pub ca: Option<PathBuf>,
}

/// `[control.uploads]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadConfig {
    /// The folder.
    pub folder: PathBuf,
    /// How much.
    pub limits: UploadLimits,
}
