//! How the documents show closed enums of names.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};

use crate::control_plane::record::{
    BlocklistKind, ConnectorKinds, ContentKind, FileKind, LinkRelation, Publication, ShareDelivery,
    ShareEventKind, ShareInformation,
};
use crate::control_plane::service::{AddressState, ShareState, Standing};

fn names(names: impl Iterator<Item = &'static str>) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
}

pub(super) fn blocklist_kinds() -> Schema {
    names(BlocklistKind::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn address_states() -> Schema {
    names(AddressState::ALL.iter().map(|it| it.wire_name()))
}

/// The kinds that a connector can be bound to.
pub(super) fn connector_kinds() -> Schema {
    names(ConnectorKinds::CHOICE.iter().map(|it| it.wire_name()))
}

pub(super) fn standings() -> Schema {
    names(Standing::ALL.iter().map(|it| it.wire_name()))
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

pub(super) fn share_deliveries() -> Schema {
    names(ShareDelivery::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn share_event_kinds() -> Schema {
    names(ShareEventKind::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn share_information() -> Schema {
    names(ShareInformation::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn share_states() -> Schema {
    names(ShareState::ALL.iter().map(|it| it.wire_name()))
}

/// A list of them.
pub(super) fn list_of(item: Schema) -> Schema {
    ArrayBuilder::new().items(RefOr::T(item)).into()
}
