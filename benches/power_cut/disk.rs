//! A disk in a file, whose power can be cut.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An ext4 file system in a file, mounted. Dropped, it is gone.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// An empty one of so many bytes, in memory: only the copy takes time, and nothing else may be
    /// written meanwhile.
    pub(crate) fn new(size: u64) -> Self {
        let disk = Self { folder: tempfile::tempdir_in("/dev/shm").unwrap() };
        std::fs::create_dir(disk.mounted_at()).unwrap();
        std::fs::File::create(disk.image()).unwrap().set_len(size).unwrap();
        run("mkfs.ext4", &[Path::new("-q"), Path::new("-F"), &disk.image()]);
        disk.mount();
        // Servers that do not run as root find their way in.
        run("chmod", &[Path::new("755"), disk.folder.path()]);
        disk
    }

    /// A file on it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.mounted_at().join(name)
    }

    /// Hands everything to the device.
    pub(crate) fn settle(&self) {
        run("sync", &[Path::new("-f"), &self.mounted_at()]);
    }

    /// What the device has now.
    pub(crate) fn copy(&self) {
        std::fs::copy(self.image(), self.folder.path().join("copy")).unwrap();
    }

    /// Power is back: the copy takes the disk's place, and its journal is replayed.
    pub(crate) fn go_on_from_copy(&mut self) {
        run("umount", &[&self.mounted_at()]);
        std::fs::rename(self.folder.path().join("copy"), self.image()).unwrap();
        self.mount();
    }

    /// Makes room.
    pub(crate) fn forget(&self, name: &str) {
        for ending in ["", "-wal", "-shm"] {
            // Not each of them is there.
            let _ = std::fs::remove_file(self.path(&format!("{name}{ending}")));
        }
    }

    fn mount(&self) {
        let options = [Path::new("-t"), Path::new("ext4"), Path::new("-o"), Path::new("loop")];
        let (image, place) = (self.image(), self.mounted_at());
        run("mount", &[&options[..], &[&image, &place]].concat());
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mounted_at(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.mounted_at()).status();
    }
}

fn run(program: &str, arguments: &[&Path]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}
