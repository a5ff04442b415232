//! Databases of addresses in the `MaxMind` DB format: an address in, a record out.
//!
//! A database is a file from somebody else. It is read whole into memory, and a record that cannot
//! be read is as good as none: the request is judged by the other lists.

use std::fmt;

use maxminddb::Reader;
use serde::Deserialize;

use super::asn_list::Asn;
use crate::clock::UnixSeconds;
use crate::network::ClientIp;

/// A database, opened.
struct Database(Reader<Vec<u8>>);

/// A file that is no such database.
#[derive(Debug, thiserror::Error)]
pub enum AddressDatabaseError {
    /// Not the format.
    #[error("the file is no MaxMind DB")]
    Format(#[source] maxminddb::MaxMindDbError),
    /// Of another kind than is needed.
    #[error("the database is of the type \"{found}\", and one for \"{wanted}\" is needed")]
    Kind {
        /// What it says it is.
        found: Box<str>,
        /// A part of the right type's name.
        wanted: &'static str,
    },
}

impl Database {
    fn open(bytes: Vec<u8>, wanted: &'static str) -> Result<Self, AddressDatabaseError> {
        let reader = Reader::from_source(bytes).map_err(AddressDatabaseError::Format)?;
        let found = reader.metadata().database_type.as_str();
        let kind = found.to_ascii_lowercase();
        if kind.contains(&wanted.to_ascii_lowercase()) {
            Ok(Self(reader))
        } else {
            Err(AddressDatabaseError::Kind { found: found.into(), wanted })
        }
    }

    fn record<'a, R: Deserialize<'a>>(&'a self, client: ClientIp) -> Option<R> {
        self.0.lookup(client.get()).ok()?.decode().ok()?
    }

    fn built(&self) -> UnixSeconds {
        UnixSeconds::new(self.0.metadata().build_epoch)
    }

    fn nodes(&self) -> usize {
        usize::try_from(self.0.metadata().node_count).unwrap_or(usize::MAX)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.0.metadata().database_type).finish()
    }
}

/// Whose network an address is in (`GeoLite2-ASN` and its like).
#[derive(Debug)]
pub struct AsnDatabase(Database);

impl AsnDatabase {
    /// Opens the bytes of a file.
    pub fn open(bytes: Vec<u8>) -> Result<Self, AddressDatabaseError> {
        Database::open(bytes, "ASN").map(Self)
    }

    /// The autonomous system that the address belongs to.
    pub fn asn(&self, client: ClientIp) -> Option<Asn> {
        #[derive(Deserialize)]
        struct Record {
            // Of whatever width: not everybody writes the same.
            autonomous_system_number: Option<i64>,
        }
        let number = self.0.record::<Record>(client)?.autonomous_system_number?;
        u32::try_from(number).ok().map(Asn)
    }

    /// When it was built.
    pub fn built(&self) -> UnixSeconds {
        self.0.built()
    }

    /// Nodes of its tree.
    pub fn nodes(&self) -> usize {
        self.0.nodes()
    }
}

/// What is known to hide behind an address (`GeoIP2-Anonymous-IP` and its like).
#[derive(Debug)]
pub struct AnonymousIpDatabase(Database);

impl AnonymousIpDatabase {
    /// Opens the bytes of a file.
    pub fn open(bytes: Vec<u8>) -> Result<Self, AddressDatabaseError> {
        Database::open(bytes, "Anonymous").map(Self)
    }

    /// The first kind of these that the address is of.
    pub fn kind(&self, client: ClientIp, of: AnonymousKinds) -> Option<AnonymousKind> {
        #[derive(Deserialize)]
        #[expect(clippy::struct_excessive_bools, reason = "the record is the database's")]
        struct Record {
            #[serde(default)]
            is_anonymous_vpn: bool,
            #[serde(default)]
            is_hosting_provider: bool,
            #[serde(default)]
            is_public_proxy: bool,
            #[serde(default)]
            is_residential_proxy: bool,
            #[serde(default)]
            is_tor_exit_node: bool,
        }
        let record: Record = self.0.record(client)?;
        let is = |kind: AnonymousKind| match kind {
            AnonymousKind::AnonymousVpn => record.is_anonymous_vpn,
            AnonymousKind::HostingProvider => record.is_hosting_provider,
            AnonymousKind::PublicProxy => record.is_public_proxy,
            AnonymousKind::ResidentialProxy => record.is_residential_proxy,
            AnonymousKind::TorExitNode => record.is_tor_exit_node,
        };
        AnonymousKind::ALL.iter().copied().find(|&kind| of.has(kind) && is(kind))
    }

    /// When it was built.
    pub fn built(&self) -> UnixSeconds {
        self.0.built()
    }

    /// Nodes of its tree.
    pub fn nodes(&self) -> usize {
        self.0.nodes()
    }
}

/// What hides behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousKind {
    /// A provider of virtual private networks for hiding.
    AnonymousVpn,
    /// A hosting provider: machines rather than people.
    HostingProvider,
    /// A proxy that everybody may use.
    PublicProxy,
    /// Somebody's home line that is rented out.
    ResidentialProxy,
    /// An exit of Tor.
    TorExitNode,
}

impl AnonymousKind {
    /// Every kind, the most telling first.
    pub const ALL: &'static [Self] = &[
        Self::TorExitNode,
        Self::AnonymousVpn,
        Self::PublicProxy,
        Self::ResidentialProxy,
        Self::HostingProvider,
    ];

    /// The name in configurations and logs: that of the database's field without `is_`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnonymousVpn => "anonymous_vpn",
            Self::HostingProvider => "hosting_provider",
            Self::PublicProxy => "public_proxy",
            Self::ResidentialProxy => "residential_proxy",
            Self::TorExitNode => "tor_exit_node",
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnonymousKinds(u8);

impl AnonymousKinds {
    /// A set of these.
    pub fn new(kinds: impl IntoIterator<Item = AnonymousKind>) -> Self {
        Self(kinds.into_iter().fold(0, |set, kind| set | (1 << kind as u8)))
    }

    fn has(self, kind: AnonymousKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

impl Default for AnonymousKinds {
    /// All of them.
    fn default() -> Self {
        Self::new(AnonymousKind::ALL.iter().copied())
    }
}
