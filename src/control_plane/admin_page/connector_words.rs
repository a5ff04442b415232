//! Connectors in words for people, and what a content gets of one.

use super::folder_tree::FolderTree;
use super::library::{kind_name, title_of};
use super::shell::{Here, InTenant};
use crate::catalog::ContentKind;
use crate::control_plane::record::{
    AddressedBy, Ambiguity, Connector, ConnectorDraft, ConnectorKinds, ConnectorState, HttpsRule,
};
use crate::control_plane::service::{
    AddressPart, AddressState, ConnectorAddress, ConnectorContent, Standing, example_address,
};

/// A connector, to be shown.
pub(super) struct ConnectorRow {
    pub(super) connector: Connector,
    pub(super) path: String,
    /// Where its folder lies, and its page.
    pub(super) folder: String,
    pub(super) folder_path: String,
}

/// A part of an address as a connector's are, and what stands there where it varies.
pub(super) struct ExamplePart {
    pub(super) text: Box<str>,
    pub(super) varies: Option<String>,
}

/// A content as a connector has it.
pub(super) struct GivenRow {
    pub(super) title: String,
    pub(super) path: String,
    pub(super) kind: &'static str,
    /// Why it is not public; it is, if there is nothing.
    pub(super) why_not: Option<&'static str>,
    pub(super) addresses: Vec<AddressRow>,
    /// Why it has no address, if it has none.
    pub(super) nameless: String,
}

/// An address of a content.
pub(super) struct AddressRow {
    /// Tells it from the others of its page.
    pub(super) id: String,
    pub(super) language: Option<Box<str>>,
    /// What stands for the content.
    pub(super) name: Box<str>,
    /// All of it where it is known where the site is, else the path; none where no URL can say it.
    pub(super) url: Option<String>,
    /// Is it a whole address that gives the content?
    pub(super) opens: Here,
    pub(super) state: AddressState,
    /// What is to be known of it, in a sentence.
    pub(super) told: String,
}

impl ConnectorRow {
    pub(super) fn of(at: &InTenant, tree: &FolderTree, connector: Connector) -> Self {
        let folder = connector.draft.folder;
        Self {
            path: at.path(&format!("connectors/{}", connector.id)),
            folder: tree.label(folder).unwrap_or_else(|| format!("Folder {folder}")),
            folder_path: at.path(&format!("folders/{folder}")),
            connector,
        }
    }

    pub(super) fn kinds(&self) -> String {
        kinds_in_words(self.connector.draft.kinds)
    }

    pub(super) fn addressed_by(&self) -> String {
        addressed_by_in_words(&self.connector.draft.addressed_by)
    }

    pub(super) fn works(&self) -> bool {
        self.connector.draft.state == ConnectorState::Enabled
    }

    pub(super) fn forces_https(&self) -> bool {
        self.connector.draft.https == HttpsRule::Forced
    }

    pub(super) fn is_strict(&self) -> bool {
        self.connector.draft.ambiguity == Ambiguity::Refused
    }

    pub(super) fn is_of_metadata(&self) -> bool {
        matches!(self.connector.draft.addressed_by, AddressedBy::Metadata(_))
    }

    /// An address as its addresses are (B11).
    pub(super) fn example(&self) -> Vec<ExamplePart> {
        let varies = |variable: &str| match (variable, &self.connector.draft.addressed_by) {
            ("content_id", _) => "content ID".to_owned(),
            ("language", _) => "language".to_owned(),
            ("pretty_id", _) => "pretty ID".to_owned(),
            (_, AddressedBy::Metadata(field)) => format!("value of {field}"),
            (other, _) => other.to_owned(),
        };
        let part =
            |AddressPart { text, variable }| ExamplePart { text, varies: variable.map(varies) };
        example_address(&self.connector).into_iter().map(part).collect()
    }
}

impl GivenRow {
    /// `place` tells the content from the others of its page.
    pub(super) fn of(
        at: &InTenant,
        site: Option<&str>,
        draft: &ConnectorDraft,
        item: ConnectorContent,
        place: &str,
    ) -> Self {
        let ConnectorContent { content, standing, addresses } = item;
        let unreached = match addresses.iter().find(|it| it.state == AddressState::Served) {
            Some(_) => None,
            None if addresses.is_empty() => Some("it has no address"),
            None => Some("no address gives it"),
        };
        let address = |(number, address)| {
            AddressRow::of(site, draft, address, format!("address-{place}-{number}"))
        };
        Self {
            title: title_of(&content),
            path: at.path(&format!("contents/{}", content.id)),
            kind: kind_name(content.draft.kind),
            why_not: why_not(standing, draft.state).or(unreached),
            addresses: addresses.into_iter().enumerate().map(address).collect(),
            nameless: match &draft.addressed_by {
                AddressedBy::ContentId => "No address.".to_owned(),
                AddressedBy::Metadata(field) => {
                    format!("No address: its metadata has no {field}.")
                }
                AddressedBy::PrettyId => {
                    "No address: it has no pretty ID in any language.".to_owned()
                }
            },
        }
    }
}

impl AddressRow {
    fn of(
        site: Option<&str>,
        draft: &ConnectorDraft,
        address: ConnectorAddress,
        id: String,
    ) -> Self {
        let ConnectorAddress { language, name, path, state, others } = address;
        let told = match state {
            AddressState::Closed => String::new(),
            AddressState::Served if others == 0 => String::new(),
            AddressState::Served => {
                format!("{} the same value. This is the oldest, and is given.", have(others))
            }
            AddressState::Shadowed => {
                format!("{} the same value. An older one is given here.", have(others))
            }
            AddressState::Refused => format!(
                "{} the same value, and addresses of several contents are refused.",
                have(others)
            ),
            AddressState::Unspeakable => format!("“{name}” cannot stand in an address."),
        };
        let gives = matches!(state, AddressState::Served) && draft.state == ConnectorState::Enabled;
        let opens = Here::when(gives && site.is_some() && path.is_some());
        let url = path.map(|path| format!("{}{path}", site.unwrap_or_default()));
        Self { id, language, name, url, opens, state, told }
    }

    /// What it is called beside the state of its content.
    pub(super) fn badge(&self) -> Option<&'static str> {
        match self.state {
            AddressState::Closed | AddressState::Served => None,
            AddressState::Refused => Some("Refused"),
            AddressState::Shadowed => Some("Gives another content"),
            AddressState::Unspeakable => Some("No address"),
        }
    }
}

/// So many other contents have.
fn have(others: u64) -> String {
    if others == 1 {
        "1 other content has".to_owned()
    } else {
        format!("{others} other contents have")
    }
}

/// Why a content is not public by a connector, if it is not.
pub(super) fn why_not(standing: Standing, state: ConnectorState) -> Option<&'static str> {
    match (standing, state) {
        (Standing::NoFile, _) => Some("it has no original file"),
        (Standing::NotNow, _) => Some("this is not its time of publication"),
        (Standing::OtherKind, _) => Some("the connector does not take this kind"),
        (Standing::Unpublished, _) => Some("it is not published"),
        (Standing::Public, ConnectorState::Disabled) => Some("the connector is paused"),
        (Standing::Public, ConnectorState::Enabled) => None,
    }
}

/// What people call the kinds that they choose from (B5).
pub(super) fn chosen_kind_name(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::Audio => "Audio",
        ContentKind::Image | ContentKind::Image360 => "Images",
        ContentKind::Other => "Documents",
        ContentKind::Playlist => "Playlists",
        ContentKind::Url => "Links",
        ContentKind::Video => "Videos",
    }
}

fn kinds_in_words(kinds: ConnectorKinds) -> String {
    let chosen: Vec<_> = kinds.chosen().into_iter().map(chosen_kind_name).collect();
    if chosen.is_empty() { "All kinds".to_owned() } else { chosen.join(", ") }
}

fn addressed_by_in_words(addressed_by: &AddressedBy) -> String {
    match addressed_by {
        AddressedBy::ContentId => "content ID".to_owned(),
        AddressedBy::Metadata(field) => format!("metadata: {field}"),
        AddressedBy::PrettyId => "pretty ID, by language".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_says_why() {
        for standing in Standing::ALL {
            for state in ConnectorState::ALL {
                let is_public = *standing == Standing::Public && *state == ConnectorState::Enabled;
                assert_eq!(why_not(*standing, *state).is_none(), is_public, "{standing} {state}");
            }
        }
    }

    #[test]
    fn connectors_are_in_words() {
        assert_eq!(kinds_in_words(ConnectorKinds::All), "All kinds");
        let some = ConnectorKinds::of(&[ContentKind::Other, ContentKind::Image]).unwrap();
        assert_eq!(kinds_in_words(some), "Images, Documents");
        assert_eq!(addressed_by_in_words(&AddressedBy::Metadata("SKU".into())), "metadata: SKU");
        assert_eq!(have(1), "1 other content has");
        assert_eq!(have(2), "2 other contents have");
    }
}
