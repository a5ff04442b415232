//! Permit in, bytes out: the only importer of `origin`.
//!
//! Planes see what a delivery hands over — asks, answers, objects, bodies and their errors — by
//! the names below. They do not see `Origin`, so that nobody reads a byte past this module.

mod desk;

pub use crate::origin::{
    Answer, Ask, AskMethod, Body, ByteRange, Conditions, Divisibility, EntityTag, HttpTime,
    IfRange, Keeping, Object, ObjectMeta, OriginError, OriginErrorKind, OriginFault, RangeSpec,
    Retry, Spans, Strength, TagMatch, Validators,
};
pub use desk::{DeliveryDesk, DeliverySetupError, Existence, Redeemed};
