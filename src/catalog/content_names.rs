//! What of a content's entry connectors ask for: its kind, its folder, and what it is called.

use super::encoding::{Reader, push_number, push_text};
use super::entry::{ContentName, ContentNames, ContentState};
use crate::clock::UnixSeconds;

/// What stands for a kind in the entry of a folder.
const OF_FOLDER: u8 = u8::MAX;

const METADATA: u8 = 0;
const PRETTY_ID: u8 = 1;

/// What connectors call a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameRef<'n> {
    /// What a field says.
    Metadata {
        /// The field.
        name: &'n str,
        /// What it says.
        value: &'n str,
    },
    /// The name for people.
    PrettyId {
        /// In this language.
        language: &'n str,
        /// The name.
        id: &'n str,
    },
}

impl<'n> NameRef<'n> {
    /// The name as it is looked for.
    pub fn of(name: &'n ContentName) -> Self {
        match name {
            ContentName::Metadata { name, value } => Self::Metadata { name, value },
            ContentName::PrettyId { language, id } => Self::PrettyId { language, id },
        }
    }

    /// Appends it to a row of bytes.
    pub(super) fn push(self, bytes: &mut Vec<u8>) {
        let (tag, first, second) = match self {
            Self::Metadata { name, value } => (METADATA, name, value),
            Self::PrettyId { language, id } => (PRETTY_ID, language, id),
        };
        bytes.push(tag);
        push_text(bytes, first);
        push_text(bytes, second);
    }
}

/// Appends what of a content connectors ask for.
pub(super) fn push_content(bytes: &mut Vec<u8>, state: &ContentState) {
    bytes.push(state.kind as u8);
    push_number(bytes, state.folder.map_or(0, |folder| folder.0.saturating_add(1)));
    let mut names = Vec::new();
    if let Some(ContentNames { created_at, names: all }) = &state.names {
        push_number(&mut names, created_at.get());
        for name in all {
            NameRef::of(name).push(&mut names);
        }
    }
    push_number(bytes, names.len() as u64);
    bytes.extend_from_slice(&names);
}

/// Appends what stands for that in the entry of a folder.
pub(super) fn push_none(bytes: &mut Vec<u8>) {
    bytes.push(OF_FOLDER);
    push_number(bytes, 0);
    push_number(bytes, 0);
}

/// What the functions above wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'e> {
    pub(super) kind: u8,
    /// The folder it is in, counted from 1; 0 is none.
    pub(super) folder: u64,
    names: &'e [u8],
}

impl<'e> Named<'e> {
    /// Reads it, from where the reader stands.
    pub(super) fn read(reader: &mut Reader<'e>) -> Option<Self> {
        Some(Self { kind: reader.byte()?, folder: reader.number()?, names: reader.bytes()? })
    }

    /// What orders the content among others of one name; none where it has no names.
    pub(super) fn created_at(self) -> Option<UnixSeconds> {
        Reader(self.names).number().map(UnixSeconds::new)
    }

    /// What connectors call it.
    pub(super) fn names(self) -> impl Iterator<Item = NameRef<'e>> {
        let mut reader = Reader(self.names);
        let _ = reader.number();
        std::iter::from_fn(move || {
            let (tag, first, second) = (reader.byte()?, reader.text()?, reader.text()?);
            Some(match tag {
                METADATA => NameRef::Metadata { name: first, value: second },
                _ => NameRef::PrettyId { language: first, id: second },
            })
        })
    }
}
