//! Secrets that programs carry: tokens and client secrets, 256 random bits, and but for one kind
//! behind a prefix by which scanners for leaked secrets know them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::control_plane::record::{SecretHash, chance};
use crate::secret::Secret;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Calls.
    Access,
    /// An application's password.
    Client,
    /// A browser's session with the console.
    Console,
    /// An edge's calls.
    Edge,
    /// Letting an edge in, once.
    Enrolment,
    /// Being exchanged for another access token.
    Refresh,
    /// An application's password that signs requests as well. Base64 without a prefix: its bytes are
    /// the key (requirement E2).
    Signing,
    /// Calls, for as long as there are some.
    Session,
    /// A visitor's session with a share.
    Share,
    /// One download, by somebody who shows nothing else.
    Ticket,
    /// Bringing an upload's bytes by a form.
    Upload,
}

impl SecretKind {
    /// What a secret of this kind begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "csa_",
            Self::Client => "css_",
            Self::Console => "csc_",
            Self::Edge => "cse_",
            Self::Enrolment => "csn_",
            Self::Refresh => "csr_",
            Self::Session => "cst_",
            Self::Share => "csv_",
            Self::Signing => "",
            Self::Ticket => "csd_",
            Self::Upload => "csu_",
        }
    }
}

/// A secret. Its holder sees it once; we keep its hash.
#[derive(Debug)]
pub struct SecretText(Secret<String>);

impl SecretText {
    /// A new one. Fails only where the system has no random numbers.
    pub fn random(kind: SecretKind) -> Result<Self, getrandom::Error> {
        if kind == SecretKind::Signing {
            return Self::signing();
        }
        let bits = Secret::new(chance::<32>()?);
        let mut text = kind.prefix().to_owned();
        URL_SAFE_NO_PAD.encode_string(bits.expose(), &mut text);
        Ok(Self(Secret::new(text)))
    }

    /// Of those whose text has neither `+` nor `/`, one in four: it is the same in both alphabets of
    /// Base64, and in a form that a client did not escape. That costs two of the 256 bits.
    fn signing() -> Result<Self, getrandom::Error> {
        loop {
            let bits = Secret::new(chance::<32>()?);
            let text = Secret::new(STANDARD.encode(bits.expose()));
            if !text.expose().contains(['+', '/']) {
                return Ok(Self(text));
            }
        }
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self.0.expose())
    }

    /// The text, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_not_printed() {
        let one = SecretText::random(SecretKind::Access).unwrap();
        let other = SecretText::random(SecretKind::Access).unwrap();
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(one.reveal().len(), 4 + 43);
        assert!(!format!("{one:?}").contains(one.reveal()));
        assert_eq!(one.hash(), SecretHash::of(one.reveal()));
        for _ in 0..100 {
            let signing = SecretText::random(SecretKind::Signing).unwrap();
            assert!(!signing.reveal().contains(['+', '/', '-', '_']), "{signing:?}");
            assert_eq!(STANDARD.decode(signing.reveal()).unwrap().len(), 32);
        }
    }
}
