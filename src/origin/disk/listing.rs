//! What lies in a folder and below it: for those who register it, never for a request.
//!
//! Links are not followed, whatever the origin does at requests: what they lead to is found where it
//! lies, or is not of the folder.

use std::fs::{self, ReadDir};
use std::io;
use std::path::PathBuf;

use super::store::DiskConfig;

/// What was come across.
#[derive(Debug)]
pub enum Listed {
    /// A file.
    File {
        /// Its key: names with a slash between, below the folder that is listed.
        key: String,
        /// Its size in bytes.
        size: u64,
    },
    /// What is no file that could be asked for.
    PassedOver {
        /// Where it is.
        path: PathBuf,
        /// Why.
        why: PassedOver,
    },
}

/// Why something is no file that could be asked for.
#[derive(Debug, thiserror::Error)]
pub enum PassedOver {
    /// Its name begins with a dot.
    #[error("hidden")]
    Hidden,
    /// It is a link.
    #[error("a symbolic link")]
    Link,
    /// An empty object that stands for a folder.
    #[error("the marker of a folder")]
    Marker,
    /// Its name is no UTF-8.
    #[error("its name is no UTF-8")]
    Name,
    /// It is a device, a pipe or a socket.
    #[error("no regular file")]
    Special,
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
}

/// The files of a folder, in no order. Each step may wait for the disk.
#[derive(Debug)]
pub struct DiskListing {
    /// The folders that are open, each with its key and a slash behind.
    open: Vec<(String, ReadDir)>,
}

impl DiskConfig {
    /// Lists what is below a folder of the root; `folder` is empty, or ends in a slash.
    pub fn list(&self, folder: &str) -> io::Result<DiskListing> {
        let read = fs::read_dir(self.root.join(folder))?;
        Ok(DiskListing { open: vec![(String::new(), read)] })
    }
}

impl Iterator for DiskListing {
    type Item = Listed;

    fn next(&mut self) -> Option<Listed> {
        loop {
            let (folder, entries) = self.open.last_mut()?;
            let Some(entry) = entries.next() else {
                self.open.pop();
                continue;
            };
            let passed_over = |path, why| Some(Listed::PassedOver { path, why });
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    return passed_over(PathBuf::from(&*folder), PassedOver::Unreadable(error));
                }
            };
            let name = match entry.file_name().into_string() {
                Ok(name) if name.starts_with('.') => {
                    return passed_over(entry.path(), PassedOver::Hidden);
                }
                Ok(name) => name,
                Err(_) => return passed_over(entry.path(), PassedOver::Name),
            };
            let key = format!("{folder}{name}");
            // Of the entry itself: a link is not followed.
            let facts = match entry.metadata() {
                Ok(facts) => facts,
                Err(error) => return passed_over(entry.path(), PassedOver::Unreadable(error)),
            };
            let kind = facts.file_type();
            if kind.is_symlink() {
                return passed_over(entry.path(), PassedOver::Link);
            }
            if kind.is_file() {
                return Some(Listed::File { key, size: facts.len() });
            }
            if !kind.is_dir() {
                return passed_over(entry.path(), PassedOver::Special);
            }
            match fs::read_dir(entry.path()) {
                Ok(entries) => self.open.push((format!("{key}/"), entries)),
                Err(error) => return passed_over(entry.path(), PassedOver::Unreadable(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;

    use super::super::Symlinks;
    use super::*;

    #[test]
    fn files_are_listed_and_links_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("films/deep")).unwrap();
        fs::create_dir(at(".git")).unwrap();
        for (name, text) in [
            ("films/a.mp4", "abc"),
            ("films/deep/b.pdf", "b"),
            (".git/config", "x"),
            ("films/.hidden", "x"),
            ("top.txt", ""),
        ] {
            fs::write(at(name), text).unwrap();
        }
        fs::write(at("films").join(OsString::from_vec(vec![0xff])), "x").unwrap();
        symlink(outside.path(), at("films/link")).unwrap();
        symlink(outside.path().join("secret"), at("films/file-link")).unwrap();
        let config = DiskConfig { root: root.path().to_owned(), symlinks: Symlinks::Beneath };
        let listed = |folder| {
            let mut files = Vec::new();
            let mut others = 0;
            for entry in config.list(folder).unwrap() {
                match entry {
                    Listed::File { key, size } => files.push((key, size)),
                    Listed::PassedOver { .. } => others += 1,
                }
            }
            files.sort();
            (files, others)
        };
        let file = |key: &str, size| (key.to_owned(), size);
        let films = [file("a.mp4", 3), file("deep/b.pdf", 1)];
        assert_eq!(listed("films/"), (films.to_vec(), 4));
        let all = [file("films/a.mp4", 3), file("films/deep/b.pdf", 1), file("top.txt", 0)];
        assert_eq!(listed(""), (all.to_vec(), 5));
        assert!(config.list("none/").is_err());
    }
}
