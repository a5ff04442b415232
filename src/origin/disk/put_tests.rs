//! Putting into folders.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::super::conformance::Subject;
use super::super::put_conformance::{self, put_of};
use super::super::*;
use super::store::DiskConfig;
use super::unfinished::{Naming, UNFINISHED};
use crate::asset::OriginKey;

fn subject(root: &Path, symlinks: Symlinks, naming: Naming) -> Subject {
    let config = DiskConfig { root: root.to_owned(), symlinks };
    let disk = DiskOrigin { naming, ..DiskOrigin::open(&config).unwrap() };
    Subject { origin: Origin::Disk(disk), key: |name| OriginKey::Object(name.into()) }
}

const NAMINGS: [Naming; 2] = [Naming::WhenWhole, Naming::AtOnce];

/// Everything below, links not followed.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test]
async fn conforms_and_leaves_nothing_behind() {
    for naming in NAMINGS {
        let root = tempfile::tempdir().unwrap();
        let subject = subject(root.path(), Symlinks::Refuse, naming);
        put_conformance::behaves(&subject).await;
        put_conformance::lets_one_of_two_win(&subject).await;
        let names = below(root.path());
        assert!(names.iter().all(|path| !path.to_string_lossy().contains(UNFINISHED)), "{names:?}");
        let mode = fs::metadata(root.path().join("put.txt")).unwrap().permissions().mode();
        let usual = root.path().join("usual");
        fs::write(&usual, "").unwrap();
        assert_eq!(mode, fs::metadata(usual).unwrap().permissions().mode());
    }
}

#[tokio::test]
async fn links_on_the_way_are_followed_only_where_asked() {
    for naming in NAMINGS {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("folder")).unwrap();
        symlink("folder", root.join("link")).unwrap();
        symlink("..", root.join("out")).unwrap();
        symlink(outer.path(), root.join("absolute")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        fs::write(root.join("file"), "file").unwrap();
        fs::write(outer.path().join("victim"), "victim").unwrap();

        for symlinks in [Symlinks::Refuse, Symlinks::Beneath] {
            let subject = subject(&root, symlinks, naming);
            let handle = subject.begin("x", b"x").await;
            let mut refused = vec!["out/x", "out/new/x", "absolute/x", "absolute/new/x", "file/x"];
            if symlinks == Symlinks::Refuse {
                refused.extend(["link/x", "link/new/x", "dangling/x"]);
            }
            for key in refused {
                let error = subject.put(&handle, key, b"x").await.unwrap_err();
                assert!(matches!(error, PutError::KeyForm), "{key} {error:?}");
                subject.origin.delete(key).await.unwrap();
                subject.origin.abort_put(key, &handle).await.unwrap();
            }
            // What has the name is no matter.
            for key in ["link", "dangling", "folder", "file"] {
                let error = subject.put(&handle, key, b"x").await.unwrap_err();
                assert!(matches!(error, PutError::Exists), "{key} {error:?}");
            }
            subject.origin.delete("absolute/victim").await.unwrap();
            subject.origin.delete("out/victim").await.unwrap();
        }
        assert_eq!(below(outer.path()).len(), 8);

        let beneath = subject(&root, Symlinks::Beneath, naming);
        let handle = beneath.begin("link/new/x", b"x").await;
        beneath.put(&handle, "link/new/x", b"x").await.unwrap();
        assert_eq!(fs::read(root.join("folder/new/x")).unwrap(), b"x");

        let refusing = subject(&root, Symlinks::Refuse, naming);
        refusing.origin.delete("link").await.unwrap();
        assert!(root.join("link").is_symlink());
        beneath.origin.delete("link").await.unwrap();
        assert!(!root.join("link").is_symlink());
    }
}

/// The superuser may write everywhere: a thread without privileges is needed, and has others below
/// it.
#[test]
fn a_folder_that_may_not_be_written_is_told() {
    for naming in NAMINGS {
        let root = tempfile::tempdir().unwrap();
        let closed = root.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "kept").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        let config = root.path().to_owned();
        let unprivileged = std::thread::spawn(move || {
            let mut sets = capabilities(None).unwrap();
            sets.effective = CapabilitySet::empty();
            set_capabilities(None, sets).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let subject = subject(&config, Symlinks::Refuse, naming);
                for key in ["closed/x", "closed/new/x"] {
                    let handle = subject.begin(key, b"x").await;
                    let error = subject.put(&handle, key, b"x").await.unwrap_err();
                    assert!(matches!(error, PutError::PermissionDenied), "{key} {error:?}");
                    subject.origin.abort_put(key, &handle).await.unwrap();
                }
                let error = subject.origin.delete("closed/file").await.unwrap_err();
                assert!(matches!(error, PutError::PermissionDenied), "{error:?}");
            });
        });
        unprivileged.join().unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(below(&closed).len(), 1);
    }
}

/// A process that was killed leaves, where files have names at once, one that nobody is shown.
#[tokio::test]
async fn what_a_killed_process_left_is_no_object_and_goes() {
    let root = tempfile::tempdir().unwrap();
    let subject = subject(root.path(), Symlinks::Refuse, Naming::AtOnce);
    let handle = subject.begin("folder/x", b"x").await;
    let left = format!("folder/{UNFINISHED}{handle}");
    let leave = || {
        fs::create_dir_all(root.path().join("folder")).unwrap();
        fs::write(root.path().join(&left), "half").unwrap();
    };

    leave();
    subject.has_none(&left).await;
    let error = subject.put(&handle, &left, b"x").await.unwrap_err();
    assert!(matches!(error, PutError::KeyForm), "{error:?}");
    assert!(matches!(subject.origin.delete(&left).await, Err(PutError::KeyForm)));
    let config = DiskConfig { root: root.path().to_owned(), symlinks: Symlinks::Refuse };
    let listed: Vec<_> = config.list("").unwrap().collect();
    assert!(
        matches!(&listed[..], [Listed::PassedOver { why: PassedOver::Hidden, .. }]),
        "{listed:?}"
    );

    subject.origin.abort_put("folder/x", &handle).await.unwrap();
    assert_eq!(below(root.path()).len(), 1);

    leave();
    subject.put(&handle, "folder/x", b"x").await.unwrap();
    subject.has("folder/x", b"x").await;
    assert_eq!(below(root.path()).len(), 2);
}

/// An object without our mark is nobody's, even if it has the same bytes.
#[tokio::test]
async fn what_others_put_is_not_taken_for_ours() {
    let root = tempfile::tempdir().unwrap();
    let subject = subject(root.path(), Symlinks::Refuse, Naming::WhenWhole);
    let handle = subject.begin("x", b"same").await;
    fs::write(root.path().join("x"), "same").unwrap();
    let error = subject.origin.put(&handle, put_of("x", b"same")).await.unwrap_err();
    assert!(matches!(error, PutError::Exists), "{error:?}");
    subject.origin.abort_put("x", &handle).await.unwrap();
    subject.has("x", b"same").await;
}
