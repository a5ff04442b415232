//! Where permits are given up for objects.

use std::collections::HashMap;
use std::sync::Arc;

use crate::asset::OriginKey;
use crate::clock::UnixSeconds;
use crate::origin::{
    Answer, Ask, AskMethod, Conditions, Config, Kind, Origin, OriginError, OriginSetupError,
};
use crate::policy::{Exposure, OriginName, Permit, PermittedObject};

/// The origins of one configuration.
#[derive(Debug, Default)]
pub struct DeliveryDesk {
    origins: HashMap<OriginName, (Config, Arc<Origin>)>,
}

/// An origin cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("origin {name}")]
pub struct DeliverySetupError {
    name: OriginName,
    #[source]
    source: OriginSetupError,
}

/// Is there such an object? All that may be learned without a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// There is none.
    Missing,
    /// There is one, or nobody can tell.
    Possible,
}

/// A permit that was given up: one object, once.
#[derive(Debug)]
pub struct Redeemed {
    origin: Option<Arc<Origin>>,
    object: PermittedObject,
}

impl DeliveryDesk {
    /// Opens the origins. Servers that `previous` has under the same configuration are kept, with
    /// their connections; a folder is opened anew, for its path may lead elsewhere by now, and so
    /// is a server whose roots are in a file.
    pub fn open(configs: Vec<Config>, previous: Option<&Self>) -> Result<Self, DeliverySetupError> {
        let mut origins = HashMap::new();
        for config in configs {
            let name = OriginName::new(&config.name);
            let kept = previous
                .and_then(|desk| desk.origins.get(&name))
                .filter(|(known, _)| *known == config && may_be_kept(&config))
                .map(|(_, origin)| Arc::clone(origin));
            let origin = match kept {
                Some(origin) => origin,
                None => match Origin::open(config.clone()) {
                    Ok(origin) => Arc::new(origin),
                    Err(source) => return Err(DeliverySetupError { name, source }),
                },
            };
            origins.insert(name, (config, origin));
        }
        Ok(Self { origins })
    }

    /// Gives the permit up for its object.
    pub fn redeem(&self, permit: Permit<'_>) -> Redeemed {
        let object = permit.into_object();
        let origin = self.origins.get(&object.origin).map(|(_, origin)| Arc::clone(origin));
        Redeemed { origin, object }
    }

    /// Is there such an object? For operators who chose to tell (`reveal_missing`).
    pub async fn existence(&self, object: &PermittedObject, now: UnixSeconds) -> Existence {
        let Some(key) = &object.key else { return Existence::Missing };
        let Some((_, origin)) = self.origins.get(&object.origin) else {
            return Existence::Missing;
        };
        let conditions = Conditions::default();
        let ask = Ask { key, method: AskMethod::Head, ranges: &[], conditions: &conditions, now };
        match origin.ask(ask).await {
            Ok(Answer::NotFound) => Existence::Missing,
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
    }
}

impl Redeemed {
    /// Who else may keep the answer.
    pub fn exposure(&self) -> Exposure {
        self.object.exposure
    }

    /// The origin's name.
    pub fn origin(&self) -> &OriginName {
        &self.object.origin
    }

    /// The object's own name, for a type or a file name: the last segment of its key.
    pub fn file_name(&self) -> &str {
        let key = match &self.object.key {
            Some(OriginKey::Object(key)) => key,
            Some(OriginKey::Target(target)) => target.split('?').next().unwrap_or_default(),
            None => "",
        };
        key.rsplit('/').next().unwrap_or_default()
    }

    /// Asks the origin for the object. `ask` may say how, not what: the key is the permit's.
    pub async fn ask<'a>(
        &'a self,
        ask: impl FnOnce(&'a OriginKey) -> Ask<'a>,
    ) -> Result<Answer, OriginError> {
        let (Some(origin), Some(key)) = (&self.origin, &self.object.key) else {
            return Ok(Answer::NotFound);
        };
        let ask = Ask { key, ..ask(key) };
        origin.ask(ask).await
    }
}
