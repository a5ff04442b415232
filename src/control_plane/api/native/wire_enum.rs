//! How the documents show closed enums of names.

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::control_plane::record::{
    BlocklistKind, ContentKind, FileKind, LinkRelation, Publication,
};

fn names(names: impl Iterator<Item = &'static str>) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
}

pub(super) fn blocklist_kinds() -> Schema {
    names(BlocklistKind::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn content_kinds() -> Schema {
    names(ContentKind::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn file_kinds() -> Schema {
    names(FileKind::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn publications() -> Schema {
    names(Publication::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn relations() -> Schema {
    names(LinkRelation::ALL.iter().map(|it| it.wire_name()))
}
