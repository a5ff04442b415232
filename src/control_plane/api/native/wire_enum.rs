//! How the documents show closed enums of names.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};

use crate::control_plane::record::{
    AttemptFault, BlocklistKind, ConnectorKinds, ContentKind, DeliveryState, FileKind, LetterKind,
    LetterState, LinkRelation, MailSecurity, Publication, ShareDelivery, ShareEventKind,
    ShareInformation, ShareNotices, WebhookEvent,
};
use crate::control_plane::service::{
    AddressState, Comparison, MailStep, ShareState, Standing, TagOrigin,
};
use crate::forensic::Carrier;

fn names(names: impl Iterator<Item = &'static str>) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
}

pub(super) fn blocklist_kinds() -> Schema {
    names(BlocklistKind::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn address_states() -> Schema {
    names(AddressState::ALL.iter().map(|it| it.wire_name()))
}

/// In what tags are found.
pub(super) fn carriers() -> Schema {
    names(Carrier::ALL.iter().map(|it| it.wire_name()))
}

/// What is said of tags.
pub(super) fn verdicts() -> Schema {
    names(TagOrigin::VERDICTS.into_iter())
}

/// What comparing with an original says.
pub(super) fn comparisons() -> Schema {
    names(Comparison::OUTCOMES.into_iter())
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

pub(super) fn letter_kinds() -> Schema {
    names(LetterKind::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn letter_states() -> Schema {
    names(LetterState::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn mail_securities() -> Schema {
    names(MailSecurity::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn mail_steps() -> Schema {
    names(MailStep::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn share_notices() -> Schema {
    names(ShareNotices::ALL.iter().map(|it| it.wire_name()))
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

pub(super) fn webhook_events() -> Schema {
    names(WebhookEvent::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn delivery_states() -> Schema {
    names(DeliveryState::ALL.iter().map(|it| it.wire_name()))
}

pub(super) fn attempt_faults() -> Schema {
    names(AttemptFault::ALL.iter().map(|it| it.wire_name()))
}

/// A list of them, or null.
pub(super) fn list_or_null(item: Schema) -> Schema {
    let types = SchemaType::from_iter([Type::Array, Type::Null]);
    ArrayBuilder::new().schema_type(types).items(RefOr::T(item)).into()
}

/// A list of them.
pub(super) fn list_of(item: Schema) -> Schema {
    ArrayBuilder::new().items(RefOr::T(item)).into()
}
