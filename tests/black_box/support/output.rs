//! What `tests/leaks` searches when a run of `tests/run` is over, and what it searches for. Outside
//! such a run nothing is kept.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The file of this name among the logs.
pub(crate) fn log_file(name: &str) -> Option<PathBuf> {
    std::env::var_os("COUNTERSIGN_TEST_LOGS").map(|folder| PathBuf::from(folder).join(name))
}

/// Adds what a program printed.
pub(crate) fn keep(name: &str, text: &[u8]) {
    let Some(path) = log_file(name) else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text)).unwrap();
}

/// From now on this must be found in no log.
pub(crate) fn keep_secret(secret: &str) {
    static KEPT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let Some(folder) = std::env::var_os("COUNTERSIGN_TEST_SECRETS") else { return };
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.insert(secret.to_owned()) {
        let path = PathBuf::from(folder).join(format!("black-box-{}", std::process::id()));
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{secret}")).unwrap();
    }
}
