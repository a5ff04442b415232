//! What a configuration's words point at: files, folders and environment variables.
//!
//! A value that is passed in, so that tests and fuzzing give a configuration a world of their own
//! and reading one never depends on the process it is read in.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Where files and variables come from.
#[derive(Clone, Debug)]
pub enum Surroundings {
    /// These, and nothing else. A folder is there when something is below it.
    Fixed {
        /// Content by path.
        files: BTreeMap<PathBuf, Vec<u8>>,
        /// Environment variables.
        variables: BTreeMap<String, String>,
    },
    /// The machine and the process.
    Machine,
}

/// Why a file or folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadRejection {
    /// Nothing has that name.
    #[error("there is no such file")]
    Missing,
    /// A folder, socket, pipe or device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Something else than a folder.
    #[error("it is not a folder")]
    NotAFolder,
    /// More bytes than the limit.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// The system refuses.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
}

/// Why a pattern names no files.
#[derive(Debug, thiserror::Error)]
pub enum PatternRejection {
    /// Not a pattern.
    #[error(transparent)]
    Malformed(#[from] glob::PatternError),
    /// It names more files than the limit.
    #[error("it names more than {0} files")]
    TooMany(usize),
    /// A folder on the way cannot be listed.
    #[error("a folder cannot be listed")]
    Unreadable(#[source] glob::GlobError),
}

impl Surroundings {
    /// A whole regular file of at most `limit` bytes.
    pub(super) fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, ReadRejection> {
        match self {
            Self::Fixed { files, .. } => {
                let content = files.get(path).ok_or(ReadRejection::Missing)?;
                within(content.clone(), limit)
            }
            Self::Machine => {
                let file = open_regular(path)?;
                // A buffer that grows is held twice while it is moved.
                let length = file.metadata().map_err(ReadRejection::Unreadable)?.len().min(limit);
                let room = usize::try_from(length).unwrap_or(0).saturating_add(1);
                let mut content = Vec::with_capacity(room);
                // One byte more than allowed tells a file that grew since it was looked at.
                file.take(limit.saturating_add(1))
                    .read_to_end(&mut content)
                    .map_err(ReadRejection::Unreadable)?;
                within(content, limit)
            }
        }
    }

    /// Is there a regular file that may be read?
    pub(super) fn probe_file(&self, path: &Path) -> Result<(), ReadRejection> {
        match self {
            Self::Fixed { files, .. } => {
                if files.contains_key(path) {
                    Ok(())
                } else {
                    Err(ReadRejection::Missing)
                }
            }
            Self::Machine => open_regular(path).map(drop),
        }
    }

    /// Is there a folder?
    pub(super) fn probe_folder(&self, path: &Path) -> Result<(), ReadRejection> {
        match self {
            Self::Fixed { files, .. } => {
                let below = files.keys().any(|file| file != path && file.starts_with(path));
                if below { Ok(()) } else { Err(ReadRejection::Missing) }
            }
            Self::Machine => {
                let found = fs::metadata(path).map_err(refused)?;
                if found.is_dir() { Ok(()) } else { Err(ReadRejection::NotAFolder) }
            }
        }
    }

    /// The value of a variable; none when it is not set or not UTF-8.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        match self {
            Self::Fixed { variables, .. } => variables.get(name).cloned(),
            Self::Machine => std::env::var(name).ok(),
        }
    }

    /// The files a pattern names, in alphabetical order, at most `limit`.
    pub(super) fn expand(
        &self,
        folder: &Path,
        pattern: &str,
        limit: usize,
    ) -> Result<Vec<PathBuf>, PatternRejection> {
        // Only the operator's own text is a pattern; the folder's name may well hold a `[`.
        let folder = glob::Pattern::escape(&folder.to_string_lossy());
        let pattern = Path::new(&folder).join(pattern).to_string_lossy().into_owned();
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let mut found = Vec::new();
        match self {
            Self::Fixed { files, .. } => {
                let pattern = glob::Pattern::new(&pattern)?;
                let named = files.keys().filter(|path| pattern.matches_path_with(path, options));
                found.extend(named.cloned());
            }
            Self::Machine => {
                for path in glob::glob_with(&pattern, options)? {
                    let path = path.map_err(PatternRejection::Unreadable)?;
                    if path.is_file() {
                        found.push(path);
                    }
                    if found.len() > limit {
                        break;
                    }
                }
            }
        }
        if found.len() > limit { Err(PatternRejection::TooMany(limit)) } else { Ok(found) }
    }
}

/// Opens a regular file. The kind is asked first, because opening a pipe waits for its writer.
fn open_regular(path: &Path) -> Result<File, ReadRejection> {
    if !fs::metadata(path).map_err(refused)?.is_file() {
        return Err(ReadRejection::NotAFile);
    }
    File::open(path).map_err(refused)
}

fn within(content: Vec<u8>, limit: u64) -> Result<Vec<u8>, ReadRejection> {
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    if length > limit { Err(ReadRejection::TooLarge(limit)) } else { Ok(content) }
}

fn refused(error: io::Error) -> ReadRejection {
    if error.kind() == io::ErrorKind::NotFound {
        ReadRejection::Missing
    } else {
        ReadRejection::Unreadable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_the_limit_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("four");
        fs::write(&path, "1234").unwrap();
        let fixed = Surroundings::Fixed {
            files: BTreeMap::from([(path.clone(), b"1234".to_vec())]),
            variables: BTreeMap::new(),
        };
        for surroundings in [Surroundings::Machine, fixed] {
            assert_eq!(surroundings.read(&path, 4).unwrap(), b"1234");
            assert!(matches!(surroundings.read(&path, 3), Err(ReadRejection::TooLarge(3))));
            surroundings.probe_file(&path).unwrap();
            surroundings.probe_folder(folder.path()).unwrap();
            let missing = folder.path().join("none");
            assert!(matches!(surroundings.read(&missing, 4), Err(ReadRejection::Missing)));
            assert!(matches!(surroundings.probe_file(&missing), Err(ReadRejection::Missing)));
            assert!(matches!(surroundings.probe_folder(&missing), Err(ReadRejection::Missing)));
        }
        let machine = Surroundings::Machine;
        assert!(matches!(machine.read(folder.path(), 4), Err(ReadRejection::NotAFile)));
        assert!(matches!(machine.probe_folder(&path), Err(ReadRejection::NotAFolder)));
        assert!(matches!(machine.read(Path::new("/dev/zero"), 4), Err(ReadRejection::NotAFile)));
    }

    #[test]
    fn patterns_name_files_in_order_and_folders_are_literal() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("odd[1]*");
        fs::create_dir_all(folder.join("sub")).unwrap();
        let mut files = BTreeMap::new();
        for name in ["b.netset", "a.netset", ".hidden.netset", "c.txt", "sub/d.netset"] {
            fs::write(folder.join(name), "").unwrap();
            files.insert(folder.join(name), Vec::new());
        }
        let fixed = Surroundings::Fixed { files, variables: BTreeMap::new() };
        for surroundings in [Surroundings::Machine, fixed] {
            let expected = [folder.join("a.netset"), folder.join("b.netset")];
            assert_eq!(surroundings.expand(&folder, "*.netset", 2).unwrap(), expected);
            let too_many = surroundings.expand(&folder, "*.netset", 1);
            assert!(matches!(too_many, Err(PatternRejection::TooMany(1))));
            let malformed = surroundings.expand(&folder, "a[", 1);
            assert!(matches!(malformed, Err(PatternRejection::Malformed(_))));
        }
    }
}
