//! Programs that others wrote.

use std::path::{Path, PathBuf};

/// A program that `tests/run` provides: by its variable, or on the path; absent, a failure.
pub(crate) fn tool(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .map(|folder| Path::new(folder).join(name))
        .find(|it| it.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run the tests by tests/run"))
}
