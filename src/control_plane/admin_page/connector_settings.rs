//! What is typed into the form of a connector, and what that says (requirements B5, B6, B9, B10).

use super::connector_words::chosen_kind_name;
use super::form::Posted;
use super::shell::Here;
use crate::asset::ChannelId;
use crate::catalog::ContentKind;
use crate::control_plane::record::{
    AddressedBy, Ambiguity, Connector, ConnectorDraft, ConnectorKinds, ConnectorState, Folder,
    HttpsRule,
};

/// A kind of contents, with whether it is chosen.
pub(super) struct KindBox {
    pub(super) wire_name: &'static str,
    pub(super) label: &'static str,
    pub(super) ticked: Here,
}

/// What was typed into the form: kept, so that neither a look nor a refusal loses anything of it.
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) every_kind: Here,
    pub(super) kinds: Vec<ContentKind>,
    pub(super) by: String,
    pub(super) field: String,
    pub(super) https: Here,
    pub(super) strict: Here,
    pub(super) works: Here,
    pub(super) revision: String,
}

impl Typed {
    /// What the form begins with: as the API does where nothing is said.
    pub(super) fn usual(folder: &Folder) -> Self {
        Self {
            name: folder.name.to_string(),
            every_kind: Here::Yes,
            kinds: Vec::new(),
            by: "content_id".to_owned(),
            field: String::new(),
            https: Here::Yes,
            strict: Here::No,
            works: Here::Yes,
            revision: String::new(),
        }
    }

    pub(super) fn of_connector(connector: &Connector) -> Self {
        let draft = &connector.draft;
        let (by, field) = match &draft.addressed_by {
            AddressedBy::ContentId => ("content_id", ""),
            AddressedBy::Metadata(field) => ("metadata", &**field),
            AddressedBy::PrettyId => ("pretty_id", ""),
        };
        Self {
            name: draft.name.to_string(),
            every_kind: Here::when(draft.kinds == ConnectorKinds::All),
            kinds: draft.kinds.chosen(),
            by: by.to_owned(),
            field: field.to_owned(),
            https: Here::when(draft.https == HttpsRule::Forced),
            strict: Here::when(draft.ambiguity == Ambiguity::Refused),
            works: Here::when(draft.state == ConnectorState::Enabled),
            revision: connector.revision.to_string(),
        }
    }

    pub(super) fn of(posted: &Posted) -> Self {
        let text = |name| posted.text(name).to_owned();
        Self {
            name: text("name"),
            every_kind: Here::when(posted.text("which") == "all"),
            kinds: posted.texts("kinds").filter_map(ContentKind::from_wire_name).collect(),
            by: text("by"),
            field: posted.raw("field").to_owned(),
            https: Here::when(!posted.text("https").is_empty()),
            strict: Here::when(!posted.text("strict").is_empty()),
            works: Here::when(posted.text("works") != "no"),
            revision: text("revision"),
        }
    }

    pub(super) fn boxes(&self) -> Vec<KindBox> {
        let choice =
            [ContentKind::Video, ContentKind::Image, ContentKind::Audio, ContentKind::Other];
        let boxes = choice.into_iter().map(|kind| KindBox {
            wire_name: kind.wire_name(),
            label: chosen_kind_name(kind),
            ticked: Here::when(self.kinds.contains(&kind)),
        });
        boxes.collect()
    }

    /// What is to be said, or what is wrong with it.
    pub(super) fn draft(&self, folder: ChannelId) -> Result<ConnectorDraft, String> {
        // To choose nothing is not to choose everything.
        let kinds = match self.every_kind {
            Here::Yes => ConnectorKinds::All,
            Here::No if self.kinds.is_empty() => {
                return Err("Choose at least one kind of content, or all of them.".to_owned());
            }
            Here::No => ConnectorKinds::of(&self.kinds)
                .ok_or("Choose among videos, images, audio and documents.")?,
        };
        let addressed_by = match &*self.by {
            "content_id" => AddressedBy::ContentId,
            "pretty_id" => AddressedBy::PrettyId,
            "metadata" if self.field.is_empty() => {
                return Err("Choose the metadata whose values stand in the addresses.".to_owned());
            }
            "metadata" => AddressedBy::Metadata(self.field.as_str().into()),
            _ => return Err("Choose what stands for a content in the addresses.".to_owned()),
        };
        Ok(ConnectorDraft {
            name: self.name.as_str().into(),
            folder,
            kinds,
            addressed_by,
            https: if self.https.holds() { HttpsRule::Forced } else { HttpsRule::Optional },
            ambiguity: if self.strict.holds() { Ambiguity::Refused } else { Ambiguity::First },
            state: if self.works.holds() {
                ConnectorState::Enabled
            } else {
                ConnectorState::Disabled
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::TenantId;
    use crate::clock::UnixSeconds;

    #[test]
    fn what_is_typed_is_a_connector_or_a_sentence() {
        let folder = Folder {
            number: ChannelId(3),
            tenant: TenantId(1),
            parent: None,
            name: "Press".into(),
            created_at: UnixSeconds::new(1),
            revision: 1,
        };
        let typed = || Typed::usual(&folder);
        let draft = typed().draft(folder.number).unwrap();
        assert_eq!((&*draft.name, draft.kinds), ("Press", ConnectorKinds::All));
        assert_eq!((draft.https, draft.state), (HttpsRule::Forced, ConnectorState::Enabled));
        // B5: no kind is not every kind.
        let none = Typed { every_kind: Here::No, ..typed() };
        assert!(none.draft(folder.number).unwrap_err().contains("at least one kind"));
        let some = Typed { kinds: vec![ContentKind::Image], ..none };
        let kinds = some.draft(folder.number).unwrap().kinds;
        assert!(kinds.takes(ContentKind::Image) && !kinds.takes(ContentKind::Video));
        let odd = Typed { kinds: vec![ContentKind::Url], every_kind: Here::No, ..typed() };
        assert!(odd.draft(folder.number).is_err());
        let by = |by: &str, field: &str| {
            let typed = Typed { by: by.to_owned(), field: field.to_owned(), ..typed() };
            typed.draft(folder.number).map(|draft| draft.addressed_by)
        };
        assert_eq!(by("pretty_id", "SKU"), Ok(AddressedBy::PrettyId));
        assert_eq!(by("metadata", "SKU"), Ok(AddressedBy::Metadata("SKU".into())));
        assert!(by("metadata", "").is_err());
        assert!(by("", "").is_err());
    }
}
