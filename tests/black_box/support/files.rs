//! Files that change while they are read.

use std::path::Path;

/// Writes beside and renames, as editors and deployments do.
pub(crate) fn replace(path: &Path, text: &str) {
    let next = path.with_extension("next");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(next, path).unwrap();
}
