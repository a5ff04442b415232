//! Connectors: what makes the published contents of a folder public.

use serde::{Deserialize, Serialize};

use super::{ConnectorId, ContentId};
use crate::asset::{ChannelId, TenantId, wire_names};
use crate::clock::UnixSeconds;
pub use crate::policy::{AddressedBy, Ambiguity, ConnectorKinds, HttpsRule};

/// Bytes of the longest name of a field of metadata (B9).
pub const LONGEST_FIELD: usize = 50;

wire_names! {
    /// Do a connector's addresses work?
    ConnectorState {
        /// They do not.
        Disabled = "disabled",
        /// They do.
        Enabled = "enabled",
    }
}

/// A connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connector {
    /// Its id, which stands in its addresses.
    pub id: ConnectorId,
    /// Whose.
    pub tenant: TenantId,
    /// What can be said about it.
    #[serde(flatten)]
    pub draft: ConnectorDraft,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorDraft {
    /// What people call it.
    pub name: Box<str>,
    /// The folder of its contents; those below it are not.
    pub folder: ChannelId,
    /// What it takes of them.
    pub kinds: ConnectorKinds,
    /// What stands for a content in its addresses.
    pub addressed_by: AddressedBy,
    /// Do they work in the clear?
    pub https: HttpsRule,
    /// What becomes of a name that several have.
    pub ambiguity: Ambiguity,
    /// Do they work at all?
    pub state: ConnectorState,
}

/// A name that several contents of a connector have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorClash {
    /// What all of them say in the field.
    pub value: Box<str>,
    /// How many they are.
    pub contents: u64,
}

/// What a name means that contents of a connector have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorMeant {
    /// The first of those that are given.
    pub first: ContentId,
    /// How many of them there are.
    pub contents: u64,
}

/// A field of metadata that contents of a folder have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorField {
    /// What it is called.
    pub name: Box<str>,
    /// How many contents have it.
    pub contents: u64,
}
