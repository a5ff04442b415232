//! What a process holds open.

use std::fmt;

/// Descriptors of a process by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptors {
    pub(crate) sockets: usize,
    /// Ends of pipes.
    pub(crate) pipes: usize,
    /// Regular files, folders and devices.
    pub(crate) files: usize,
    /// Of the kernel's: epoll, eventfd, inotify.
    pub(crate) others: usize,
}

impl Descriptors {
    /// Those that this process holds now.
    pub(crate) fn of(process: u32) -> Self {
        let links = std::fs::read_dir(format!("/proc/{process}/fd"))
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        let mut found = Self::default();
        for link in links {
            let link = link.to_string_lossy();
            *(if link.starts_with("socket:") {
                &mut found.sockets
            } else if link.starts_with("pipe:") {
                &mut found.pipes
            } else if link.starts_with('/') {
                &mut found.files
            } else {
                &mut found.others
            }) += 1;
        }
        found
    }

    /// So many more of each.
    pub(crate) fn with(self, more: Self) -> Self {
        Self {
            sockets: self.sockets + more.sockets,
            pipes: self.pipes + more.pipes,
            files: self.files + more.files,
            others: self.others + more.others,
        }
    }

    /// No more of any kind.
    pub(crate) fn within(&self, most: Self) -> bool {
        self.sockets <= most.sockets
            && self.pipes <= most.pipes
            && self.files <= most.files
            && self.others <= most.others
    }
}

impl fmt::Display for Descriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sockets, pipes, files, others } = self;
        write!(f, "{sockets}\t{pipes}\t{files}\t{others}")
    }
}
