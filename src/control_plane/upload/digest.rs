//! What bytes are, kept up while they come.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What an upload's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadDigest {
    /// How many.
    pub size: u64,
    /// SHA-256, as hex.
    pub sha256: Box<str>,
    /// MD5, as hex: MediaHub's clients compare by it, and nothing here does.
    pub md5: Box<str>,
    /// CRC-32 (ISO-HDLC).
    pub crc32: u32,
}

/// The digests of a beginning.
#[derive(Clone)]
pub(super) struct Running {
    size: u64,
    sha256: Sha256,
    md5: Md5,
    crc32: crc32fast::Hasher,
}

impl Running {
    pub(super) fn new() -> Self {
        Self { size: 0, sha256: Sha256::new(), md5: Md5::new(), crc32: crc32fast::Hasher::new() }
    }

    /// Of how many bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        self.md5.update(bytes);
        self.crc32.update(bytes);
    }

    pub(super) fn finish(self) -> UploadDigest {
        UploadDigest {
            size: self.size,
            sha256: hex::encode(self.sha256.finalize()).into(),
            md5: hex::encode(self.md5.finalize()).into(),
            crc32: self.crc32.finalize(),
        }
    }
}

/// What a client says that the bytes of one request are (tus 1.0, Checksum).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    expected: Vec<u8>,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// CRC-32 (ISO-HDLC), four bytes, the most significant first.
    Crc32,
    /// MD5.
    Md5,
    /// SHA-1, which every server of this extension knows.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl ChecksumAlgorithm {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Crc32, Self::Md5, Self::Sha1, Self::Sha256];

    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// Bytes of its result.
    const fn length(self) -> usize {
        match self {
            Self::Crc32 => 4,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl Checksum {
    /// Reads `Upload-Checksum`: an algorithm, a space, Base64. None where it is neither of ours, nor
    /// as long as it has to be.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, encoded) = text.split_once(' ')?;
        let algorithm = ChecksumAlgorithm::ALL.into_iter().find(|it| it.name() == name)?;
        let expected = STANDARD.decode(encoded.trim()).ok()?;
        (expected.len() == algorithm.length()).then_some(Self { algorithm, expected })
    }

    pub(super) fn running(&self) -> RunningChecksum {
        match self.algorithm {
            ChecksumAlgorithm::Crc32 => RunningChecksum::Crc32(crc32fast::Hasher::new()),
            ChecksumAlgorithm::Md5 => RunningChecksum::Md5(Md5::new()),
            ChecksumAlgorithm::Sha1 => RunningChecksum::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha256 => RunningChecksum::Sha256(Sha256::new()),
        }
    }

    /// Are the bytes what was said?
    pub(super) fn is_met(&self, running: RunningChecksum) -> bool {
        *self.expected == *running.finish()
    }
}

/// The checksum of what has come of one request.
pub(super) enum RunningChecksum {
    Crc32(crc32fast::Hasher),
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl RunningChecksum {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(crc32) => crc32.update(bytes),
            Self::Md5(md5) => md5.update(bytes),
            Self::Sha1(sha1) => sha1.update(bytes),
            Self::Sha256(sha256) => sha256.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc32(crc32) => crc32.finalize().to_be_bytes().to_vec(),
            Self::Md5(md5) => md5.finalize().to_vec(),
            Self::Sha1(sha1) => sha1.finalize().to_vec(),
            Self::Sha256(sha256) => sha256.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_whole() {
        let mut running = Running::new();
        for part in ["123", "", "456789"] {
            running.update(part.as_bytes());
        }
        // The check value of CRC-32/ISO-HDLC; RFC 1321's and FIPS 180's of these digits.
        let digest = running.finish();
        assert_eq!((digest.size, digest.crc32), (9, 0xcbf4_3926));
        assert_eq!(&*digest.md5, "25f9e794323b453885f5181f1b624d0b");
        assert!(digest.sha256.starts_with("15e2b0d3c33891eb"));
    }

    #[test]
    fn a_checksum_is_one_of_four() {
        let met = |text: &str, bytes: &[u8]| {
            let checksum = Checksum::parse(text)?;
            let mut running = checksum.running();
            running.update(bytes);
            Some(checksum.is_met(running))
        };
        // The first is the specification's own example.
        assert_eq!(met("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", b"hello world"), Some(true));
        assert_eq!(met("md5 XrY7u+Ae7tCTyyK7j1rNww==", b"hello world"), Some(true));
        assert_eq!(met("md5 XrY7u+Ae7tCTyyK7j1rNww==", b"hello worle"), Some(false));
        assert_eq!(met("crc32 y/Q5Jg==", b"123456789"), Some(true));
        let sha256 = "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
        assert_eq!(met(sha256, b"hello world"), Some(true));
        for text in ["", "sha1", "sha1 x", "sha1 XrY7u+Ae7tCTyyK7j1rNww==", "sha512 AA==", "SHA1 "]
        {
            assert_eq!(met(text, b""), None, "{text}");
        }
    }
}
