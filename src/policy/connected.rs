//! What a connector's address means: which content's original, if any.
//!
//! Of contents with one name the first is meant that is available: published now, in the connector's
//! folder, of a kind that it takes, and with an original. A content that is not is as if it were not
//! there, whatever name it has (B3, B5).

use std::sync::Arc;

use crate::asset::{
    AssetPath, ConnectorPath, ContentId, METADATA_MARK, NameSegments, TenantId, Visibility,
};
use crate::catalog::{Entry, FilePlace, NameRef};
use crate::clock::UnixSeconds;
use crate::token::LinkOpens;

use super::catalog_rules::{Found, Look};
use super::{
    AddressedBy, Ambiguity, CatalogRejection, Connector, ControlState, Denial, HttpsRule, MeantBy,
};

/// What is known of an address.
#[derive(Debug)]
pub(super) struct Connected {
    /// What it means.
    pub(super) meant: Meant,
    /// Does it work in the clear? One of no connector means nothing anywhere.
    pub(super) https: HttpsRule,
}

/// What an address means.
#[derive(Debug)]
pub(super) enum Meant {
    /// This content's original.
    One { found: Found, asset: AssetPath },
    /// Nothing, for this reason.
    Nothing(CatalogRejection),
    /// One of several, and the connector refuses those.
    Several,
}

impl Meant {
    /// In words of a witness.
    pub(super) fn told(&self) -> MeantBy<'_> {
        match self {
            Self::One { found, .. } => MeantBy::Content(found.content()),
            Self::Nothing(rejection) => MeantBy::Nothing(*rejection),
            Self::Several => MeantBy::Several,
        }
    }
}

impl Connected {
    /// Looks. An entry of a newer state than this one has the request decided again.
    pub(super) fn at(
        control: Option<&ControlState>,
        tenant: TenantId,
        path: &ConnectorPath,
        now: UnixSeconds,
    ) -> Result<Self, Denial> {
        let found = control.and_then(|it| Some((it, it.connectors.find(tenant, &path.connector)?)));
        let Some((control, connector)) = found else {
            let meant = Meant::Nothing(CatalogRejection::UnknownConnector);
            return Ok(Self { meant, https: HttpsRule::Optional });
        };
        let desk = Desk { control, connector, now };
        let meant = match (&connector.addressed_by, &path.name) {
            (AddressedBy::ContentId, NameSegments::One(id)) => desk.by_id(id)?,
            (AddressedBy::Metadata(field), NameSegments::Two(mark, value))
                if **mark == *METADATA_MARK =>
            {
                desk.by_name(NameRef::Metadata { name: field, value })?
            }
            (AddressedBy::PrettyId, NameSegments::Two(language, id)) => {
                desk.by_name(NameRef::PrettyId { language, id })?
            }
            (
                AddressedBy::ContentId | AddressedBy::Metadata(_) | AddressedBy::PrettyId,
                NameSegments::One(_) | NameSegments::Two(..),
            ) => Meant::Nothing(CatalogRejection::UnknownConnector),
        };
        Ok(Self { meant, https: connector.https })
    }
}

/// Where contents are looked for.
struct Desk<'c> {
    control: &'c ControlState,
    connector: &'c Arc<Connector>,
    now: UnixSeconds,
}

impl Desk<'_> {
    fn by_id(&self, id: &str) -> Result<Meant, Denial> {
        let content = ContentId::parse(id);
        let entry = content.and_then(|it| self.control.catalog.content(self.connector.tenant, &it));
        Ok(match entry.map(|entry| self.available(entry)).transpose()? {
            Some(Ok((found, asset))) => Meant::One { found, asset },
            Some(Err(rejection)) => Meant::Nothing(rejection),
            None => Meant::Nothing(CatalogRejection::UnknownId),
        })
    }

    fn by_name(&self, name: NameRef<'_>) -> Result<Meant, Denial> {
        let Connector { tenant, folder, .. } = **self.connector;
        let mut first = None;
        let mut why_not = CatalogRejection::UnknownId;
        for entry in self.control.catalog.called(tenant, folder, name) {
            match (self.available(entry)?, &first, self.connector.ambiguity) {
                (Err(rejection), _, _) => why_not = rejection,
                (Ok(_), Some(_), _) => return Ok(Meant::Several),
                (Ok((found, asset)), None, Ambiguity::First) => {
                    return Ok(Meant::One { found, asset });
                }
                (Ok(available), None, Ambiguity::Refused) => first = Some(available),
            }
        }
        Ok(match first {
            Some((found, asset)) => Meant::One { found, asset },
            None => Meant::Nothing(why_not),
        })
    }

    /// The original of a content, if the connector has it now.
    fn available(&self, entry: Entry) -> Result<Available, Denial> {
        if entry.is_newer_than(self.control.version) {
            return Err(Denial::Superseded);
        }
        let Connector { folder, kinds, .. } = **self.connector;
        let taken = entry.kind().is_some_and(|kind| kinds.takes(kind));
        if entry.folder() != Some(folder) || !taken {
            return Ok(Err(CatalogRejection::NotConnected));
        }
        let asset = entry
            .id()
            .and_then(ContentId::parse)
            .and_then(|id| FilePlace::source().of_content(&id))
            .map(|asset| AssetPath { asked: Visibility::Public, ..asset });
        let Some(asset) = asset else { return Ok(Err(CatalogRejection::NoFile)) };
        let look = Look::of(self.control, entry, &asset, self.now);
        let found = look.found.and_then(|found| found.handed_out(LinkOpens::Published));
        Ok(found.map(|found| (found, asset)))
    }
}

type Available = Result<(Found, AssetPath), CatalogRejection>;
