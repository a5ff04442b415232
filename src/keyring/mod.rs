//! Keys that sign and verify links, and which of them is in force when.

mod key;
mod ring;

pub use key::{
    KeyId, KeyMaterial, KeyPurpose, KeyRejection, KeyWindow, MacAlgorithm, MacInput, MacTag,
    SHORT_KEY_BYTES, SharedKey, SigningKey, VerifyingKey,
};
pub use ring::Keyring;
