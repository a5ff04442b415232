//! A tenant's folders as a tree: open along the way to the folder that is shown, closed elsewhere.

use std::collections::HashMap;

use askama::Template;

use super::console::Console;
use super::refusal::Refusal;
use super::shell::{Here, InTenant};
use crate::asset::ChannelId;
use crate::control_plane::record::Folder;
use crate::control_plane::service::Page;

/// Folders that are read at a time.
const AT_A_TIME: u16 = 1_000;

/// Most folders that are looked at for a tree, seen or not: more would keep everybody waiting.
const MOST: u16 = 5_000;

/// The folders that the caller may see.
#[derive(Debug)]
pub(super) struct FolderTree {
    folders: HashMap<ChannelId, Folder>,
    below: HashMap<Option<ChannelId>, Vec<ChannelId>>,
    /// Are there more than a tree has?
    pub(super) extent: Extent,
}

/// Is it all there is?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Part,
    Whole,
}

/// A folder of a tree, with what is shown below it.
#[derive(Debug, Template)]
#[template(path = "branch.html", config = "src/control_plane/admin_page/askama.toml")]
pub(super) struct Branch {
    name: Box<str>,
    path: String,
    here: Here,
    /// Has it any that are not shown?
    closed: Here,
    branches: Vec<Self>,
}

impl FolderTree {
    pub(super) async fn read(console: &Console, at: &InTenant) -> Result<Self, Refusal> {
        let mut folders = HashMap::new();
        let mut page = Page::first(AT_A_TIME);
        let mut looked_at: u16 = 0;
        let extent = loop {
            let listed =
                console.services().folder_list(&at.session.caller, at.number(), &page).await?;
            folders.extend(listed.items.into_iter().map(|it| (it.number, it)));
            looked_at = looked_at.saturating_add(AT_A_TIME);
            match listed.next {
                None => break Extent::Whole,
                Some(_) if looked_at >= MOST => break Extent::Part,
                Some(next) => page = Page::after(next, AT_A_TIME),
            }
        };
        Ok(Self::of(folders, extent))
    }

    fn of(folders: HashMap<ChannelId, Folder>, extent: Extent) -> Self {
        let mut below: HashMap<_, Vec<_>> = HashMap::new();
        for folder in folders.values() {
            // A member may see a folder and none above it: for them it is at the top.
            let parent = folder.parent.filter(|parent| folders.contains_key(parent));
            below.entry(parent).or_default().push(folder.number);
        }
        for numbers in below.values_mut() {
            numbers.sort_by_cached_key(|number| {
                let name = folders.get(number).map(|it| it.name.to_lowercase());
                (name.unwrap_or_default(), number.0)
            });
        }
        Self { folders, below, extent }
    }

    /// The folders above one, from the top, and it itself.
    pub(super) fn way_to(&self, number: ChannelId) -> Vec<&Folder> {
        let mut way = Vec::new();
        let mut next = self.folders.get(&number);
        while let Some(folder) = next {
            // The store keeps folders from lying in themselves; a tree of a part of them is short.
            if way.len() > self.folders.len() {
                break;
            }
            way.push(folder);
            next = folder.parent.and_then(|parent| self.folders.get(&parent));
        }
        way.reverse();
        way
    }

    /// The same by name and address.
    pub(super) fn named_way_to(&self, at: &InTenant, number: ChannelId) -> Vec<(Box<str>, String)> {
        let path = |it: &Folder| at.path(&format!("folders/{}", it.number));
        self.way_to(number).into_iter().map(|it| (it.name.clone(), path(it))).collect()
    }

    /// A folder's name behind those of the folders that it lies in; none where it is not there.
    pub(super) fn label(&self, number: ChannelId) -> Option<String> {
        let names: Vec<_> = self.way_to(number).into_iter().map(|it| &*it.name).collect();
        (!names.is_empty()).then(|| names.join(" / "))
    }

    /// Every folder by number and label, in the order of the tree.
    pub(super) fn labels(&self) -> Vec<(ChannelId, String)> {
        let mut labels = Vec::with_capacity(self.folders.len());
        let mut waiting: Vec<_> = self.numbers_below(None).rev().collect();
        while let Some(number) = waiting.pop() {
            labels.extend(self.label(number).map(|label| (number, label)));
            waiting.extend(self.numbers_below(Some(number)).rev());
        }
        labels
    }

    fn numbers_below(
        &self,
        parent: Option<ChannelId>,
    ) -> impl DoubleEndedIterator<Item = ChannelId> + '_ {
        self.below.get(&parent).map(Vec::as_slice).unwrap_or_default().iter().copied()
    }

    /// The tree, open as far as to what lies in that folder.
    pub(super) fn branches(&self, at: &InTenant, shown: Option<ChannelId>) -> Vec<Branch> {
        let way: Vec<_> = shown.map(|it| self.way_to(it)).unwrap_or_default();
        let open: Vec<_> = way.iter().map(|folder| folder.number).collect();
        self.branches_below(at, None, &open, shown)
    }

    fn branches_below(
        &self,
        at: &InTenant,
        parent: Option<ChannelId>,
        open: &[ChannelId],
        shown: Option<ChannelId>,
    ) -> Vec<Branch> {
        let numbers = self.below.get(&parent).map(Vec::as_slice).unwrap_or_default();
        let folders = numbers.iter().filter_map(|number| self.folders.get(number));
        let branch = |folder: &Folder| {
            let is_open = open.contains(&folder.number);
            let has_more = self.below.contains_key(&Some(folder.number));
            let branches = if is_open {
                self.branches_below(at, Some(folder.number), open, shown)
            } else {
                Vec::new()
            };
            Branch {
                name: folder.name.clone(),
                path: at.path(&format!("folders/{}", folder.number)),
                here: Here::when(shown == Some(folder.number)),
                closed: Here::when(has_more && !is_open),
                branches,
            }
        };
        folders.map(branch).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::TenantId;
    use crate::clock::UnixSeconds;

    fn tree(folders: &[(u64, Option<u64>, &str)]) -> FolderTree {
        let folder = |(number, parent, name): &(u64, Option<u64>, &str)| Folder {
            number: ChannelId(*number),
            tenant: TenantId(1),
            parent: parent.map(ChannelId),
            name: (*name).into(),
            created_at: UnixSeconds::new(1),
            revision: 1,
        };
        let folders = folders.iter().map(|it| (ChannelId(it.0), folder(it))).collect();
        FolderTree::of(folders, Extent::Whole)
    }

    #[test]
    fn a_folder_whose_parent_is_not_seen_is_at_the_top() {
        let tree = tree(&[(3, Some(1), "c"), (4, Some(3), "d"), (5, None, "B"), (6, None, "a")]);
        let names = |parent: Option<u64>| -> Vec<_> {
            let below = tree.below.get(&parent.map(ChannelId)).cloned().unwrap_or_default();
            below.iter().map(|it| it.0).collect()
        };
        assert_eq!(names(None), [6, 5, 3]);
        assert_eq!(names(Some(3)), [4]);
        let way: Vec<_> = tree.way_to(ChannelId(4)).iter().map(|it| it.number.0).collect();
        assert_eq!(way, [3, 4]);
        assert!(tree.way_to(ChannelId(9)).is_empty());
        let labels: Vec<_> = tree.labels().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["a", "B", "c", "c / d"]);
        assert_eq!(tree.label(ChannelId(9)), None);
    }
}
