//! The key that the keys in the store are sealed under. It is never in the store.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroize;

use crate::control_plane::record::{SealedKey, chance};
use crate::keyring::{KeyMaterial, KeyRejection};
use crate::secret::Secret;

/// Bytes of a master key.
const KEY_BYTES: usize = 32;

/// The form of what is sealed: this byte, the nonce, the text and its tag.
const FORM: u8 = 1;

/// Where the master key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKeySource {
    /// A file beside an embedded store, made at the first start.
    Beside(PathBuf),
    /// The configuration.
    Given(KeyMaterial),
    /// Nowhere: control planes that share a store must be given the same one.
    Missing,
}

/// Seals keys, and opens them again. Clones are the same one.
#[derive(Clone)]
pub struct MasterKey(Arc<Keys>);

struct Keys {
    /// What seals.
    current: LessSafeKey,
    /// What only opens: those before it.
    previous: Vec<LessSafeKey>,
}

/// Under which master key something is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedUnder {
    /// The one that seals.
    Current,
    /// One before it.
    Previous,
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Its file cannot be made.
    #[error("the master key {path} cannot be made")]
    Make {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its file cannot be read.
    #[error("the master key {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no key.
    #[error("the master key is none: `countersign keygen` makes one")]
    Rejected(#[from] KeyRejection),
    /// It has another length.
    #[error("the master key must have 32 bytes, 64 hexadecimal digits, not {bytes} bytes")]
    Length {
        /// What it has.
        bytes: usize,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    Chance(#[source] getrandom::Error),
}

/// A sealed key that this master key does not open: it was sealed under another, or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the master key does not open it")]
pub struct SealError;

impl MasterKey {
    /// The master key of that source; none where there is none.
    pub fn of(
        source: &MasterKeySource,
        previous: &[KeyMaterial],
    ) -> Result<Option<Self>, MasterKeyError> {
        let beside;
        let current = match source {
            MasterKeySource::Beside(path) => {
                beside = read_or_make(path)?;
                &beside
            }
            MasterKeySource::Given(material) => material,
            MasterKeySource::Missing => return Ok(None),
        };
        Self::succeeding(current, previous).map(Some)
    }

    /// A key of these bytes.
    pub fn of_material(material: &KeyMaterial) -> Result<Self, MasterKeyError> {
        Self::succeeding(material, &[])
    }

    /// A key of these bytes, which also opens what was sealed under those before it.
    pub fn succeeding(
        material: &KeyMaterial,
        previous: &[KeyMaterial],
    ) -> Result<Self, MasterKeyError> {
        let previous = previous.iter().map(cipher).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Keys { current: cipher(material)?, previous })))
    }

    /// Seals a key under its id: the one sealed for another id does not open.
    pub fn seal(&self, id: &str, key: &KeyMaterial) -> Result<SealedKey, getrandom::Error> {
        let nonce: [u8; NONCE_LEN] = chance()?;
        // Encrypted where it stands.
        let mut text = key.expose().to_vec();
        let sealed = self.0.current.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(id),
            &mut text,
        );
        if sealed.is_err() {
            // Longer than the cipher takes: 256 GiB.
            text.zeroize();
            return Err(getrandom::Error::UNSUPPORTED);
        }
        Ok(SealedKey::new(&[&[FORM], &nonce[..], &text].concat()))
    }

    /// Opens a key that was sealed for that id.
    pub fn open(&self, id: &str, sealed: &SealedKey) -> Result<KeyMaterial, SealError> {
        self.open_by(id, sealed).map(|(material, _)| material)
    }

    /// The same, and what it was sealed under.
    pub fn open_by(
        &self,
        id: &str,
        sealed: &SealedKey,
    ) -> Result<(KeyMaterial, SealedUnder), SealError> {
        let Keys { current, previous } = &*self.0;
        if let Ok(material) = open(current, id, sealed) {
            return Ok((material, SealedUnder::Current));
        }
        let opened = previous.iter().find_map(|key| open(key, id, sealed).ok());
        opened.map(|material| (material, SealedUnder::Previous)).ok_or(SealError)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn cipher(material: &KeyMaterial) -> Result<LessSafeKey, MasterKeyError> {
    // Into the cipher's state, and no further.
    let bytes = material.expose();
    let key = UnboundKey::new(&CHACHA20_POLY1305, bytes)
        .map_err(|_| MasterKeyError::Length { bytes: bytes.len() })?;
    Ok(LessSafeKey::new(key))
}

fn open(key: &LessSafeKey, id: &str, sealed: &SealedKey) -> Result<KeyMaterial, SealError> {
    let (form, rest) = sealed.as_bytes().split_first().ok_or(SealError)?;
    if *form != FORM {
        return Err(SealError);
    }
    let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
    let mut text = text.to_vec();
    let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(id), &mut text);
    let material = opened.map(|text| Secret::new(text.to_vec())).map_err(|_| SealError)?;
    text.zeroize();
    KeyMaterial::new(material).map_err(|_| SealError)
}

/// What is in a key's file, which is made where there is none.
fn read_or_make(path: &Path) -> Result<KeyMaterial, MasterKeyError> {
    let unreadable = |source| MasterKeyError::Read { path: path.to_owned(), source };
    let hex = match fs::read_to_string(path) {
        Ok(hex) => Secret::new(hex),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            // Another process may have been first: what is there counts.
            Secret::new(fs::read_to_string(path).map_err(unreadable)?)
        }
        Err(error) => return Err(unreadable(error)),
    };
    // Into the key, and no further.
    Ok(KeyMaterial::from_hex(hex.expose())?)
}

/// Makes a key's file, readable for its owner only; one that is there is left as it is.
fn make(path: &Path) -> Result<(), MasterKeyError> {
    let failed = |source| MasterKeyError::Make { path: path.to_owned(), source };
    let mut material: [u8; KEY_BYTES] = chance().map_err(MasterKeyError::Chance)?;
    let line = Secret::new(format!("{}\n", hex::encode(material)));
    material.zeroize();
    let suffix: [u8; 8] = chance().map_err(MasterKeyError::Chance)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", hex::encode(suffix)));
    let unfinished = PathBuf::from(unfinished);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            // To its owner's file.
            file.write_all(line.expose().as_bytes())?;
            file.sync_all()
        })
        // It is there whole, or not at all.
        .and_then(|()| match fs::hard_link(&unfinished, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    // Left over where it fails, and nothing but that.
    let _ = fs::remove_file(&unfinished);
    written.map_err(failed)?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn master(byte: &str) -> MasterKey {
        MasterKey::of_material(&KeyMaterial::from_hex(&byte.repeat(KEY_BYTES)).unwrap()).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_under_the_same_key_for_the_same_id_only() {
        let (key, id, other) = (KeyMaterial::from_hex("abcd").unwrap(), "key_1", "key_2");
        let sealed = master("11").seal(id, &key).unwrap();
        assert_eq!(master("11").open(id, &sealed), Ok(key.clone()));
        assert_eq!(master("22").open(id, &sealed), Err(SealError));
        assert_eq!(master("11").open(other, &sealed), Err(SealError));
        assert_ne!(master("11").seal(id, &key).unwrap(), sealed);
        let bytes = sealed.as_bytes();
        for index in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[index] ^= 1;
            assert_eq!(master("11").open(id, &SealedKey::new(&changed)), Err(SealError));
            assert_eq!(master("11").open(id, &SealedKey::new(&bytes[..index])), Err(SealError));
        }
    }

    #[test]
    fn what_a_key_before_it_sealed_opens_and_is_told_apart() {
        let material = |byte: &str| KeyMaterial::from_hex(&byte.repeat(KEY_BYTES)).unwrap();
        let (key, id) = (KeyMaterial::from_hex("abcd").unwrap(), "key_1");
        let previous = [material("22"), material("11")];
        let successor = MasterKey::succeeding(&material("33"), &previous).unwrap();
        let old = master("11").seal(id, &key).unwrap();
        assert_eq!(successor.open_by(id, &old), Ok((key.clone(), SealedUnder::Previous)));
        let new = successor.seal(id, &key).unwrap();
        assert_eq!(successor.open_by(id, &new), Ok((key.clone(), SealedUnder::Current)));
        assert_eq!(master("33").open(id, &new), Ok(key));
        for refused in [master("11").open(id, &new), successor.open("key_2", &old)] {
            assert_eq!(refused, Err(SealError));
        }
        let short = MasterKey::succeeding(&material("33"), &[KeyMaterial::from_hex("ab").unwrap()]);
        assert!(matches!(short, Err(MasterKeyError::Length { bytes: 1 })));
    }

    #[test]
    fn a_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db.master-key");
        let source = MasterKeySource::Beside(path.clone());
        let (key, id) = (KeyMaterial::from_hex("abcd").unwrap(), "key_1");
        let sealed = MasterKey::of(&source, &[]).unwrap().unwrap().seal(id, &key).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let again = MasterKey::of(&source, &[]).unwrap().unwrap();
        assert_eq!(again.open(id, &sealed), Ok(key));
        fs::write(&path, "abcd\n").unwrap();
        assert!(matches!(MasterKey::of(&source, &[]), Err(MasterKeyError::Length { bytes: 2 })));
        fs::write(&path, "").unwrap();
        let empty = MasterKey::of(&source, &[]).unwrap_err();
        assert!(matches!(empty, MasterKeyError::Rejected(KeyRejection::Empty)), "{empty:?}");
    }

    #[test]
    fn neither_key_is_printed() {
        assert_eq!(format!("{:?}", master("11")), "[redacted]");
        let source = MasterKeySource::Given(KeyMaterial::from_hex("abcd").unwrap());
        assert!(!format!("{source:?}").contains("abcd"), "{source:?}");
    }
}
