//! Permit in, bytes out: the only importer of `origin`.
//!
//! Without a permit nobody has a byte. What may be learned without one is whether there is an object
//! (`DeliveryDesk::existence`), and what it, or a copy of it, is as a whole (`DeliveryDesk::digest`,
//! `DeliveryDesk::digest_of_copy`): its bytes are read here and stay here. Objects are put and taken away without one, too (`placing`).
//!
//! Planes see what a delivery hands over — asks, answers, objects, bodies and their errors — by
//! the names below. They do not see `Origin`, so that nobody reads a byte past this module.

mod copies;
mod desk;
mod digest;
mod marking;
mod placing;
mod redeemed;
mod registered;

pub use crate::origin::{
    Answer, Ask, AskMethod, Body, ByteRange, Caching, Conditions, Divisibility, EntityTag,
    Freshening, HttpTime, IfRange, Keeping, Object, ObjectMeta, OriginError, OriginErrorKind,
    OriginFault, Pieces, Pull, Pulled, Put, PutError, PutHandle, RangeSpec, Retry, Revalidation,
    Sharing, Spans, Storing, Strength, TagMatch, Validators, Vary, pulled, sniffed_media_type,
};
pub use copies::{Copies, CopyWanted, validators_of_copy};
pub use desk::{DeliveryDesk, DeliverySetupError, Existence, Unredeemed};
pub use digest::{CopyOf, DigestError, ObjectDigest};
pub use placing::PlacingError;
pub use redeemed::{
    Cacheable, Copied, Delivery, Filler, LastingIdentity, OriginIdentity, Redeemed,
};
pub use registered::{Mark, Registered, Wishes};
