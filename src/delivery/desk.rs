//! Where permits are given up for objects.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::redeemed::{Delivery, LastingIdentity, OriginIdentity, Source};
use crate::clock::UnixSeconds;
use crate::origin::{
    Answer, Ask, AskMethod, Conditions, Config, Kind, Origin, OriginError, OriginFault,
    OriginSetupError,
};
use crate::policy::{CatalogRejection, OriginName, Permit, PermittedObject};

/// The origins of one configuration.
#[derive(Debug, Default)]
pub struct DeliveryDesk {
    origins: HashMap<OriginName, Opened>,
}

/// An origin with the configuration that it was opened with.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) source: Source,
}

/// An origin cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("origin {name}")]
pub struct DeliverySetupError {
    name: OriginName,
    #[source]
    source: OriginSetupError,
}

/// Why a permit opens nothing.
#[derive(Debug)]
pub enum Unredeemed {
    /// There is an object, and nobody who has it.
    Failed(OriginError),
    /// There is no object.
    Nothing(CatalogRejection),
}

/// Is there such an object? All that may be learned without a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// There is none.
    Missing,
    /// There is one, or nobody can tell.
    Possible,
}

impl DeliveryDesk {
    /// Opens the origins. Servers that `previous` has under the same configuration are kept, with
    /// their connections; a folder is opened anew, for its path may lead elsewhere by now, and so
    /// is a server whose roots are in a file.
    pub fn open(configs: Vec<Config>, previous: Option<&Self>) -> Result<Self, DeliverySetupError> {
        let mut origins = HashMap::new();
        for config in configs {
            let name = OriginName::new(&config.name);
            let named = previous.and_then(|desk| desk.origins.get(&name));
            let known = named.filter(|known| known.config == config);
            let source = match known {
                Some(known) if may_be_kept(&config) => known.source.clone(),
                Some(_) | None => match Origin::open(config.clone()) {
                    Ok(origin) => {
                        let same = named.filter(|named| have_one_content(&named.config, &config));
                        let identity = same.map_or_else(
                            || OriginIdentity::of(lasting_identity(&config)),
                            |same| same.source.identity,
                        );
                        Source { origin: Arc::new(origin), identity }
                    }
                    Err(source) => return Err(DeliverySetupError { name, source }),
                },
            };
            origins.insert(name, Opened { config, source });
        }
        Ok(Self { origins })
    }

    /// The names of the origins.
    pub fn origins(&self) -> impl Iterator<Item = &OriginName> {
        self.origins.keys()
    }

    /// Gives the permit up for its object.
    pub fn redeem(&self, permit: Permit<'_>) -> Result<Delivery, Unredeemed> {
        let object = permit.into_object().map_err(Unredeemed::Nothing)?;
        match self.origins.get(&object.origin) {
            Some(opened) => Ok(Delivery::of(object, opened.source.clone())),
            None => Err(Unredeemed::Failed(OriginError::caused_by(
                OriginFault::NoSuchOrigin,
                format!("the catalog says that {:?} has it", object.origin.as_str()),
            ))),
        }
    }

    /// A desk with one folder, `media`.
    #[cfg(test)]
    pub(crate) fn of_folder(root: &std::path::Path) -> Self {
        use crate::origin::{DiskConfig, Symlinks};
        let disk = DiskConfig { root: root.to_owned(), symlinks: Symlinks::Refuse };
        let config = Config { name: "media".into(), kind: Kind::Disk(disk) };
        Self::open(vec![config], None).unwrap()
    }

    pub(super) fn opened(&self, origin: &OriginName) -> Option<&Opened> {
        self.origins.get(origin)
    }

    /// What an origin is called between requests; none where there is no such origin.
    pub fn identity(&self, origin: &OriginName) -> Option<OriginIdentity> {
        self.origins.get(origin).map(|opened| opened.source.identity)
    }

    /// Is there such an object? For operators who chose to tell (`reveal_missing`).
    pub async fn existence(&self, object: &PermittedObject, now: UnixSeconds) -> Existence {
        let Some(key) = &object.key else { return Existence::Missing };
        let Some(Opened { source, .. }) = self.origins.get(&object.origin) else {
            return Existence::Missing;
        };
        let (conditions, forwarded) = (Conditions::default(), HeaderMap::new());
        let ask = Ask {
            key,
            method: AskMethod::Head,
            ranges: &[],
            conditions: &conditions,
            forwarded: &forwarded,
            now,
        };
        match Box::pin(source.origin.ask(ask)).await {
            Ok(Answer::NotFound(_)) => Existence::Missing,
            Ok(Answer::Described(_) | Answer::Found(_) | Answer::NotModified(_)) | Err(_) => {
                Existence::Possible
            }
        }
    }
}

/// Does equal configuration mean the same origin?
const fn may_be_kept(config: &Config) -> bool {
    match &config.kind {
        Kind::Disk(_) => false,
        Kind::Http(http) => http.ca.is_none(),
        Kind::ObjectStore(store) => store.server.ca.is_none(),
    }
}

/// Do both mean the same objects, also after one was opened anew? A folder's path may lead
/// elsewhere by then. A bucket is the same whoever asks for it: credentials are renewed.
fn have_one_content(before: &Config, now: &Config) -> bool {
    match (&before.kind, &now.kind) {
        (Kind::Http(_), Kind::Http(_)) => before == now,
        (Kind::ObjectStore(one), Kind::ObjectStore(other)) => one.server.url == other.server.url,
        (Kind::Disk(_) | Kind::Http(_) | Kind::ObjectStore(_), _) => false,
    }
}

/// Of a server: its name, where it is, and what of a request it is sent. A folder's path may lead
/// elsewhere when the program starts again.
fn lasting_identity(config: &Config) -> Option<LastingIdentity> {
    let server = match &config.kind {
        Kind::Disk(_) => return None,
        Kind::Http(http) => http,
        Kind::ObjectStore(store) => &store.server,
    };
    let mut hash = Sha256::new();
    for part in [&*config.name, &format!("{:?}", server.url), &format!("{:?}", server.forwarding)] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().first_chunk().copied().map(LastingIdentity)
}
