//! What a connector gives: which contents, under which addresses, and which names are of several.
//!
//! The edges decide about each request (`policy`); this says beforehand what they will say, of the
//! records as they are now.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::connector::accept;
use super::desk::Services;
use super::error::ServiceError;
use crate::asset::{ConnectorPath, METADATA_MARK, NameSegments, TenantId, wire_names};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    AddressedBy, Ambiguity, Connector, ConnectorDraft, ConnectorId, ConnectorKinds, ConnectorState,
    Content, ContentId, ContentState, FileKind, Publication, Scope,
};
use crate::control_plane::store::{ContentFilter, FolderFilter, Listed, Page, View};
use crate::policy::SiteDelivery;

/// Contents with names that others have, on one page of those: of each name some, and of very many
/// not all.
const MOST_NAMESAKES: usize = 1_000;

/// Connectors of which a content's addresses are told.
const MOST_CONNECTORS: u16 = 50;

wire_names! {
    /// Does a connector take a content, and if not, why?
    Standing {
        /// It has no file that is handed out.
        NoFile = "no_file",
        /// It is published, and not at this time.
        NotNow = "not_now",
        /// It is of a kind that the connector does not take.
        OtherKind = "other_kind",
        /// It does.
        Public = "public",
        /// It is not published.
        Unpublished = "unpublished",
    }
}

wire_names! {
    /// What an address gives.
    AddressState {
        /// Nothing: what it names is not public, or the connector is disabled.
        Closed = "closed",
        /// Nothing: several contents have the name, and the connector refuses those.
        Refused = "refused",
        /// The content.
        Served = "served",
        /// An older content of the same name.
        Shadowed = "shadowed",
        /// There is none: no URL can say the name, or it is longer than any edge keeps.
        Unspeakable = "unspeakable",
    }
}

/// A content as a connector has it.
#[derive(Clone, Debug)]
pub struct ConnectorContent {
    /// The content.
    pub content: Content,
    /// Is it taken?
    pub standing: Standing,
    /// Its addresses: one, or one a language.
    pub addresses: Vec<ConnectorAddress>,
}

/// One address of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorAddress {
    /// The language of the name; none where it has none.
    pub language: Option<Box<str>>,
    /// What stands for the content.
    pub name: Box<str>,
    /// The path; none where no URL can say the name.
    pub path: Option<String>,
    /// What it gives.
    pub state: AddressState,
    /// How many other contents that are taken have the name.
    pub others: u64,
}

/// A name that several contents have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// What they say in the field.
    pub value: Box<str>,
    /// Who they are, in the order in which they are meant; not all of very many.
    pub contents: Vec<(ContentId, Standing)>,
}

/// A part of an address, to be shown to people (B11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPart {
    /// The text.
    pub text: Box<str>,
    /// What stands in its place, where it is another in each address.
    pub variable: Option<&'static str>,
}

impl Services {
    /// Which contents would become public, before there is a connector: of a page of the folder's
    /// contents those that are taken.
    pub async fn connector_preview(
        &self,
        caller: &Caller,
        tenant: TenantId,
        draft: &ConnectorDraft,
        page: &Page<ContentId>,
    ) -> Result<Listed<ConnectorContent, ContentId>, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        accept(draft)?;
        rights.see(&mut view, Some(draft.folder)).await?;
        let id = ConnectorId::sample();
        let mut listed = self.contents_of(&mut view, tenant, &id, draft, page).await?;
        listed.items.retain(|item| item.standing == Standing::Public);
        Ok(listed)
    }

    /// Every content of a connector's folder, by id, with its addresses (B12).
    pub async fn connector_content_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ConnectorId,
        page: &Page<ContentId>,
    ) -> Result<Listed<ConnectorContent, ContentId>, ServiceError> {
        let (mut view, connector) = self.connector_view(caller, tenant, id).await?;
        self.contents_of(&mut view, tenant, id, &connector.draft, page).await
    }

    /// A content as the connectors of its folder have it, the oldest of them first; of very many not
    /// all.
    pub async fn connector_list_of_content(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
    ) -> Result<Vec<(Connector, ConnectorContent)>, ServiceError> {
        let (mut view, content) = self.content_view(caller, tenant, content).await?;
        let Some(folder) = content.draft.folder else { return Ok(Vec::new()) };
        let page = Page::first(MOST_CONNECTORS);
        let listed = view.connector_list_of_folder(folder, &page).await?;
        let mut connected = Vec::with_capacity(listed.items.len());
        for connector in listed.items {
            let Connector { id, draft, .. } = &connector;
            let items = self.as_connected(&mut view, id, draft, vec![content.clone()]).await?;
            connected.extend(items.into_iter().map(|item| (connector.clone(), item)));
        }
        Ok(connected)
    }

    /// The names that several contents of a connector's folder have, taken or not; by name. Ids and
    /// names for people are each of one.
    pub async fn connector_clash_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ConnectorId,
        page: &Page<Box<str>>,
    ) -> Result<Listed<Clash, Box<str>>, ServiceError> {
        let (mut view, connector) = self.connector_view(caller, tenant, id).await?;
        let ConnectorDraft { folder, kinds, addressed_by, .. } = &connector.draft;
        let AddressedBy::Metadata(field) = addressed_by else {
            return Ok(Listed { items: Vec::new(), next: None });
        };
        let listed = view.connector_clash_list(*folder, field, page).await?;
        let values: BTreeSet<_> = listed.items.iter().map(|clash| clash.value.clone()).collect();
        let most_of_each = (MOST_NAMESAKES / values.len().max(1)).max(2) as u64;
        let namesakes = view.connector_namesakes(*folder, field, &values, most_of_each).await?;
        let states = view.content_states(ids(&namesakes)).await?;
        let now = self.now();
        let standing: HashMap<_, _> =
            states.iter().map(|state| (&state.id, standing(state, *kinds, now))).collect();
        let mut of_value: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (value, id) in namesakes {
            if let Some(standing) = standing.get(&id).copied() {
                of_value.entry(value).or_default().push((id, standing));
            }
        }
        let items = listed.items.into_iter();
        let items = items.map(|clash| {
            let contents = of_value.remove(&clash.value).unwrap_or_default();
            Clash { value: clash.value, contents }
        });
        Ok(Listed { items: items.collect(), next: listed.next })
    }

    /// Where outsiders reach what a tenant's connectors give; none where nobody said so.
    pub fn connector_site(&self, tenant: TenantId) -> Option<String> {
        self.link_signer().ok()?.catalog_site(tenant, SiteDelivery::Standard).ok()
    }

    async fn contents_of(
        &self,
        view: &mut View,
        tenant: TenantId,
        id: &ConnectorId,
        draft: &ConnectorDraft,
        page: &Page<ContentId>,
    ) -> Result<Listed<ConnectorContent, ContentId>, ServiceError> {
        view.folder(draft.folder).await?;
        let folder = Some(FolderFilter::Itself(draft.folder));
        let filter = ContentFilter { folder, ..ContentFilter::default() };
        let listed = view.content_list(tenant, &filter, page).await?;
        let items = self.as_connected(view, id, draft, listed.items).await?;
        Ok(Listed { items, next: listed.next })
    }

    /// These contents of a connector's folder as it has them.
    async fn as_connected(
        &self,
        view: &mut View,
        id: &ConnectorId,
        draft: &ConnectorDraft,
        items: Vec<Content>,
    ) -> Result<Vec<ConnectorContent>, ServiceError> {
        let now = self.now();
        let own = view.content_states(items.iter().map(|it| it.id.clone()).collect()).await?;
        let standings: HashMap<_, _> =
            own.iter().map(|state| (&state.id, standing(state, draft.kinds, now))).collect();
        let standing =
            |content: &Content| standings.get(&content.id).copied().unwrap_or(Standing::NoFile);
        let meant = match &draft.addressed_by {
            AddressedBy::ContentId | AddressedBy::PrettyId => HashMap::new(),
            AddressedBy::Metadata(field) => {
                let public = items.iter().filter(|it| standing(it) == Standing::Public);
                let values = public.flat_map(|it| names(it, &draft.addressed_by));
                let values = values.map(|(_, value)| value).collect();
                view.connector_meant(draft.folder, field, draft.kinds, now, &values).await?
            }
        };
        let items = items.into_iter().map(|content| {
            let standing = standing(&content);
            let addresses = names(&content, &draft.addressed_by).into_iter();
            let addresses = addresses.map(|(language, name)| {
                let path = path(id, &draft.addressed_by, language.as_deref(), &name).address();
                let meant = meant.get(&name);
                let contents = meant.map_or(0, |meant| meant.contents);
                let first = meant.is_none_or(|meant| meant.first == content.id);
                let state = match (&path, standing, draft.state) {
                    (None, _, _) => AddressState::Unspeakable,
                    (Some(_), Standing::Public, ConnectorState::Enabled) => {
                        match (contents > 1, draft.ambiguity, first) {
                            (true, Ambiguity::Refused, _) => AddressState::Refused,
                            (true, Ambiguity::First, false) => AddressState::Shadowed,
                            (true, Ambiguity::First, true) | (false, _, _) => AddressState::Served,
                        }
                    }
                    (Some(_), _, _) => AddressState::Closed,
                };
                let itself = u64::from(standing == Standing::Public);
                let others = contents.saturating_sub(itself);
                ConnectorAddress { language, name, path, state, others }
            });
            let addresses = addresses.collect();
            ConnectorContent { content, standing, addresses }
        });
        Ok(items.collect())
    }
}

fn ids(namesakes: &[(Box<str>, ContentId)]) -> BTreeSet<ContentId> {
    namesakes.iter().map(|(_, id)| id.clone()).collect()
}

fn standing(state: &ContentState, kinds: ConnectorKinds, now: UnixSeconds) -> Standing {
    let has_source = state.files.iter().any(|file| file.place.kind == FileKind::Source);
    let in_period =
        state.periods.is_empty() || state.periods.iter().any(|period| period.covers(now));
    if !kinds.takes(state.kind) {
        Standing::OtherKind
    } else if state.publication == Publication::Unpublished {
        Standing::Unpublished
    } else if !in_period {
        Standing::NotNow
    } else if state.version.is_none() || !has_source {
        Standing::NoFile
    } else {
        Standing::Public
    }
}

/// What stands for a content in a connector's addresses, each once, with its language.
fn names(content: &Content, addressed_by: &AddressedBy) -> Vec<(Option<Box<str>>, Box<str>)> {
    match addressed_by {
        AddressedBy::ContentId => vec![(None, content.id.as_str().into())],
        AddressedBy::Metadata(field) => {
            let mut seen = HashSet::new();
            let fields = content.draft.metadata.iter().filter(|it| it.name == *field);
            let fresh = fields.filter(|it| seen.insert(&it.value));
            let language = |text: &str| (!text.is_empty()).then(|| text.into());
            fresh.map(|it| (language(&it.language), it.value.clone())).collect()
        }
        AddressedBy::PrettyId => {
            let texts = content.draft.texts.iter();
            let named = texts.filter_map(|it| Some((&it.language, it.pretty_id.as_ref()?)));
            named.map(|(language, id)| (Some(language.clone()), id.clone())).collect()
        }
    }
}

fn path(
    id: &ConnectorId,
    addressed_by: &AddressedBy,
    language: Option<&str>,
    name: &str,
) -> ConnectorPath {
    let name = match addressed_by {
        AddressedBy::ContentId => NameSegments::One(name.into()),
        AddressedBy::Metadata(_) => NameSegments::Two(METADATA_MARK.into(), name.into()),
        AddressedBy::PrettyId => {
            NameSegments::Two(language.unwrap_or_default().into(), name.into())
        }
    };
    ConnectorPath { connector: id.as_str().into(), name }
}

/// An address as a connector's are, in parts of which those are named that vary (B11).
pub fn example_address(connector: &Connector) -> Vec<AddressPart> {
    let fixed = |text: String| AddressPart { text: text.into(), variable: None };
    let varies = |text: &str, variable| AddressPart { text: text.into(), variable: Some(variable) };
    let id = &connector.id;
    match &connector.draft.addressed_by {
        AddressedBy::ContentId => {
            vec![fixed(format!("/dl/{id}/")), varies("-civ9qE3JUjntKQM1HnGtU", "content_id")]
        }
        AddressedBy::Metadata(_) => {
            vec![fixed(format!("/dl/{id}/{METADATA_MARK}/")), varies("A-1000", "value")]
        }
        AddressedBy::PrettyId => vec![
            fixed(format!("/dl/{id}/")),
            varies("en", "language"),
            fixed("/".to_owned()),
            varies("summer-campaign", "pretty_id"),
        ],
    }
}
