//! Lists beside the configuration: blocklists and revoked ids.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::document::Value;
use super::finding::{Finding, chain};
use crate::policy::{Blocklist, BlocklistBuilder, NetsetErrors, Revocations};

/// Patterns in one list of the configuration.
const MAX_PATTERNS: usize = 100;

/// Files one pattern may name.
pub(super) const MAX_FILES: usize = 1000;

/// Bytes of one file of revoked ids.
const MAX_REVOCATION_BYTES: u64 = 64 * 1024 * 1024;

/// Revoked ids over all files.
pub(super) const MAX_REVOCATIONS: usize = 1_000_000;

/// Bytes of one revoked id; a token that could carry a longer one is over-long itself.
const MAX_ID_BYTES: usize = 1024;

/// Reads the blocklists' files. Apart from [`super::load`], because a list can be large and is
/// kept as it is while its files have not changed.
pub fn load_blocklist(files: &[PathBuf]) -> Result<Blocklist, BlocklistErrors> {
    let mut builder = BlocklistBuilder::new();
    let mut unreadable = Vec::new();
    for path in files {
        if let Err(source) = stream(&mut builder, path) {
            unreadable.push(UnreadableBlocklist { path: path.clone(), source });
        }
    }
    match builder.build() {
        Ok(list) if unreadable.is_empty() => Ok(list),
        Ok(_) => Err(BlocklistErrors { unreadable, lines: NetsetErrors::default() }),
        Err(lines) => Err(BlocklistErrors { unreadable, lines }),
    }
}

fn stream(builder: &mut BlocklistBuilder, path: &Path) -> io::Result<()> {
    let mut source = File::open(path)?;
    builder.reserve(source.metadata()?.len());
    let mut file = builder.file(&path.to_string_lossy());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        file.push(buffer.get(..read).unwrap_or_default());
    }
    file.finish();
    Ok(())
}

/// Everything that is wrong with the blocklists.
#[derive(Debug)]
pub struct BlocklistErrors {
    /// Files that could not be read.
    pub unreadable: Vec<UnreadableBlocklist>,
    /// Lines that could not be understood.
    pub lines: NetsetErrors,
}

/// A blocklist that could not be read.
#[derive(Debug)]
pub struct UnreadableBlocklist {
    /// Its file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl std::error::Error for BlocklistErrors {}

impl fmt::Display for BlocklistErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for UnreadableBlocklist { path, source } in &self.unreadable {
            write!(f, "{separator}cannot read {}: {source}", path.display())?;
            separator = "\n";
        }
        if self.lines.total() > 0 {
            write!(f, "{separator}{}", self.lines)?;
        }
        Ok(())
    }
}

/// The files that `blocklists` names, each once.
pub(super) fn blocklist_files(value: Value<'_>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = named_files(value).into_iter().map(|(_, path)| path).collect();
    files.sort();
    files.dedup();
    files
}

/// The ids in the files that `revocations` names.
pub(super) fn revocations(value: Value<'_>) -> Revocations {
    let mut ids: Vec<Box<str>> = Vec::new();
    for (item, path) in named_files(value) {
        let content = match item.document.reading.read(&path, MAX_REVOCATION_BYTES) {
            Ok(content) => content,
            Err(reason) => {
                item.report(cannot_read(&path, &reason));
                continue;
            }
        };
        match String::from_utf8(content) {
            Ok(text) => ids.extend(Revocations::lines(&text).take(MAX_REVOCATIONS + 1)),
            Err(_) => item.report(
                Finding::error(format!("{} is not text", path.display()))
                    .help("write one link or session id (`id=` of a token) a line, in UTF-8"),
            ),
        }
        if ids.len() > MAX_REVOCATIONS {
            item.report(Finding::error(format!("more than {MAX_REVOCATIONS} revoked ids")));
            break;
        }
        if ids.iter().any(|id| id.len() > MAX_ID_BYTES) {
            item.report(Finding::error(format!(
                "{} has a line of more than {MAX_ID_BYTES} bytes",
                path.display()
            )));
        }
    }
    Revocations::new(ids)
}

/// The files behind a list of paths and patterns, with the entry that named them.
fn named_files(value: Value<'_>) -> Vec<(Value<'_>, PathBuf)> {
    let mut named = Vec::new();
    for item in value.items(MAX_PATTERNS).into_iter().flatten() {
        let (Some(text), Some(path)) = (item.text(), item.path()) else { continue };
        let reading = item.document.reading;
        if !text.contains(['*', '?', '[']) {
            reading.watch(&path);
            match reading.surroundings.probe_file(&path) {
                Ok(()) => named.push((item, path)),
                Err(reason) => item.report(cannot_read(&path, &reason)),
            }
            continue;
        }
        reading.watch_pattern(path);
        match reading.surroundings.expand(item.document.file.folder(), text, MAX_FILES) {
            Ok(found) => {
                if found.is_empty() {
                    item.report(
                        Finding::warning("the pattern names no file")
                            .help("files that appear under it later are taken in then"),
                    );
                }
                for path in found {
                    reading.watch(&path);
                    named.push((item, path));
                }
            }
            Err(reason) => {
                item.report(Finding::error("the pattern cannot be used").label(chain(&reason)));
            }
        }
    }
    named
}

fn cannot_read(path: &Path, reason: &dyn std::error::Error) -> Finding {
    Finding::error(format!("cannot read {}", path.display())).label(chain(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::ClientIp;

    #[test]
    fn blocklists_are_streamed_and_every_error_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let [good, bad, missing] =
            ["good.netset", "bad.netset", "missing.netset"].map(|name| folder.path().join(name));
        // Longer than a chunk, so that a line is cut in two.
        let text = format!("{}192.0.2.0/24\n", "# a comment line\n".repeat(5000));
        std::fs::write(&good, text).unwrap();
        std::fs::write(&bad, "192.0.2.1\nnonsense\n").unwrap();

        let list = load_blocklist(std::slice::from_ref(&good)).unwrap();
        assert!(list.contains(ClientIp::new("192.0.2.9".parse().unwrap())));
        assert_eq!(list.entries(), 1);

        let errors = load_blocklist(&[good, bad, missing]).unwrap_err();
        let shown = errors.to_string();
        assert_eq!((errors.unreadable.len(), errors.lines.total()), (1, 1), "{shown}");
        assert!(shown.contains("missing.netset: No such file"), "{shown}");
        assert!(shown.contains("bad.netset:2: not an IP address"), "{shown}");
    }
}
