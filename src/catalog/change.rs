//! Changes, in two halves: what closes something before the rest of a version is in force, what
//! opens something after it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{ContentState, FolderState, Period};
use super::index::Catalog;
use super::packed::{Entry, Unpacked, channel_key, video_key};
use crate::asset::{ChannelId, ContentId, TenantId};

/// What is so from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogChange {
    /// A content is gone.
    ContentRemoved {
        /// Whose it was.
        tenant: TenantId,
        /// Which.
        id: ContentId,
    },
    /// A content is as this says.
    ContentSet(Box<ContentState>),
    /// A folder is gone.
    FolderRemoved {
        /// Whose it was.
        tenant: TenantId,
        /// Which.
        number: ChannelId,
    },
    /// A folder's attachments are as this says.
    FolderSet(FolderState),
    /// Everything of a tenant is gone.
    TenantRemoved {
        /// Whose.
        tenant: TenantId,
    },
}

/// Entries that are to be put once the rest of their version is in force. They are not in the
/// catalog until [`Self::give`] is called.
#[derive(Debug, Default)]
#[must_use]
pub struct Grants(Option<(Arc<Catalog>, Vec<Entry>)>);

impl Grants {
    /// Puts them. Whoever still decides by what was in force before notices
    /// ([`Entry::is_newer_than`]).
    pub fn give(self) {
        let Some((catalog, entries)) = self.0 else { return };
        for entry in entries {
            catalog.put(&entry);
        }
    }
}

impl Catalog {
    /// Takes changes as they are, before anything of them is in force.
    pub fn fill(&self, changes: impl IntoIterator<Item = CatalogChange>) {
        for change in changes {
            match change {
                CatalogChange::ContentRemoved { tenant, id } => self.remove_content(tenant, &id),
                CatalogChange::ContentSet(state) => self.set_content(&state),
                CatalogChange::FolderRemoved { tenant, number } => {
                    self.remove_folder(tenant, number);
                }
                CatalogChange::FolderSet(state) => self.set_folder(&state),
                CatalogChange::TenantRemoved { tenant } => self.remove_tenant(tenant),
            }
        }
    }

    /// Takes what closes something of the changes of a version, and gives back what opens something.
    /// An entry that hands out other bytes than before does both: it is put at once, for those who
    /// know the version.
    pub fn restrict(
        self: &Arc<Self>,
        version: u64,
        changes: impl IntoIterator<Item = CatalogChange>,
    ) -> Grants {
        let mut grants = Vec::new();
        for (key, after) in self.last_words(changes) {
            let before = self.get(&key);
            let order = compare(before.as_ref(), after.as_ref());
            match (order, after) {
                (Some(Ordering::Less | Ordering::Equal), Some(after)) => {
                    let since = before.map_or(0, |before| before.known_since());
                    self.put(&after.since(since));
                }
                (_, None) => self.remove(&key),
                (Some(Ordering::Greater), Some(after)) => grants.push(after.since(version)),
                (None, Some(after)) => self.put(&after.since(version)),
            }
        }
        Grants(Some((Arc::clone(self), grants)))
    }

    /// What becomes of each entry in the end. Tenants go at once, for that only closes.
    fn last_words(
        &self,
        changes: impl IntoIterator<Item = CatalogChange>,
    ) -> BTreeMap<Vec<u8>, Option<Entry>> {
        let mut last_words = BTreeMap::new();
        for change in changes {
            let (key, entry) = match change {
                CatalogChange::ContentRemoved { tenant, id } => {
                    (video_key(tenant, id.as_str()), None)
                }
                CatalogChange::ContentSet(state) => {
                    let entry = Entry::of_content(&state, self.names());
                    (entry.key().to_vec(), Some(entry))
                }
                CatalogChange::FolderRemoved { tenant, number } => {
                    (channel_key(tenant, number).to_vec(), None)
                }
                CatalogChange::FolderSet(state) => {
                    let entry = Entry::of_folder(&state, self.names());
                    (entry.key().to_vec(), Some(entry))
                }
                CatalogChange::TenantRemoved { tenant } => {
                    let prefix = tenant.0.to_be_bytes();
                    last_words.retain(|key: &Vec<u8>, _| !key.starts_with(&prefix));
                    self.remove_tenant(tenant);
                    continue;
                }
            };
            last_words.insert(key, entry);
        }
        last_words
    }
}

/// How much an entry hands out, against what it did: less, if it gives nothing that was not given
/// before and nothing in another form; none, if it gives both less and more, or other bytes.
fn compare(before: Option<&Entry>, after: Option<&Entry>) -> Option<Ordering> {
    match (before, after) {
        (None, None) => Some(Ordering::Equal),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(_), None) => Some(Ordering::Less),
        (Some(before), Some(after)) => {
            let (before, after) = (before.unpacked()?, after.unpacked()?);
            match (is_within(&after, &before), is_within(&before, &after)) {
                (true, true) => Some(Ordering::Equal),
                (true, false) => Some(Ordering::Less),
                (false, true) => Some(Ordering::Greater),
                (false, false) => None,
            }
        }
    }
}

/// Is all that `less` ever gives given by `more`, at the same time and under the same URL?
fn is_within(less: &Unpacked<'_>, more: &Unpacked<'_>) -> bool {
    let active = less.active.is_empty() || less.active == more.active;
    let mut public = less.public.iter();
    let mut files = less.files.iter();
    active
        && is_found_so(less, more)
        && public.all(|period| more.public.iter().any(|around| lies_in(*period, *around)))
        && files.all(|(place, file)| {
            more.files.iter().any(|(other, same)| place == other && file.is_same(same))
        })
}

/// Is it found by connectors wherever `less` is? What has no file is found by none.
fn is_found_so(less: &Unpacked<'_>, more: &Unpacked<'_>) -> bool {
    let place = |it: &Unpacked<'_>| (it.named.kind, it.named.folder);
    let mut names = less.named.names();
    less.files.is_empty()
        || (place(less) == place(more)
            && names.all(|name| {
                let same_rank = less.named.created_at() == more.named.created_at();
                same_rank && more.named.names().any(|other| other == name)
            }))
}

fn lies_in(period: Period, around: Period) -> bool {
    let starts = match (period.starts_at, around.starts_at) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(start), Some(earliest)) => earliest <= start,
    };
    let ends = match (period.ends_at, around.ends_at) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(end), Some(latest)) => end <= latest,
    };
    starts && ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;
    use crate::asset::AssetPath;
    use crate::catalog::{
        ContentKind, ContentName, ContentNames, FileKind, FilePlace, FileState, NameRef,
        Publication,
    };
    use crate::clock::UnixSeconds;
    use crate::target::{PathToken, RequestTarget};

    const TENANT: TenantId = TenantId(7);

    const ASSETS: [&str; 4] = [
        "/private/videos/a/source",
        "/private/videos/a/formats/hd",
        "/private/videos/a/thumbnails/active",
        "/private/videos/a/thumbnails/1",
    ];

    const MOMENTS: [u64; 4] = [0, 10, 20, 30];

    fn file(kind: FileKind, slot: &str, variant: &str, key: &str) -> FileState {
        FileState {
            number: 1,
            place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
            origin: "media".into(),
            key: key.into(),
            name: "film.mp4".into(),
            size: 9,
            mime: "video/mp4".into(),
            sha256: None,
        }
    }

    fn every_file() -> Vec<FileState> {
        vec![
            file(FileKind::Source, "", "", "v1/source"),
            file(FileKind::Format, "hd", "", "v1/hd"),
            file(FileKind::Format, "hd", "", "v2/hd"),
            file(FileKind::Thumbnail, "1", "360p", "v1/1.jpg"),
            file(FileKind::Thumbnail, "2", "360p", "v1/2.jpg"),
        ]
    }

    fn period() -> impl Strategy<Value = Period> {
        let instant = || proptest::option::of((0_u64..40).prop_map(UnixSeconds::new));
        (instant(), instant()).prop_map(|(starts_at, ends_at)| Period { starts_at, ends_at })
    }

    /// The folders, the kinds and the names of these tests' contents.
    const FOLDERS: [Option<ChannelId>; 3] = [None, Some(ChannelId(1)), Some(ChannelId(2))];
    const KINDS: [ContentKind; 2] = [ContentKind::Video, ContentKind::Audio];
    const VALUES: [&str; 2] = ["x", "y"];

    fn names() -> impl Strategy<Value = Option<ContentNames>> {
        let name = |value: &str| ContentName::Metadata { name: "sku".into(), value: value.into() };
        let names = subsequence(VALUES.map(name).to_vec(), 0..=2);
        proptest::option::of((0_u64..3, names).prop_map(|(created_at, names)| ContentNames {
            created_at: UnixSeconds::new(created_at),
            names,
        }))
    }

    fn state() -> impl Strategy<Value = ContentState> {
        let place = (proptest::sample::select(&FOLDERS), proptest::sample::select(&KINDS), names());
        (
            subsequence(every_file(), 0..=5),
            proptest::bool::weighted(0.8),
            proptest::collection::vec(period(), 0..3),
            proptest::option::of("[12]"),
            place,
        )
            .prop_map(|(mut files, published, periods, active, (folder, kind, names))| {
                // There is one file in each place.
                files.reverse();
                files.dedup_by(|one, other| one.place == other.place);
                ContentState {
                    tenant: TENANT,
                    id: ContentId::parse("a").unwrap(),
                    kind,
                    folder,
                    publication: if published {
                        Publication::Published
                    } else {
                        Publication::Unpublished
                    },
                    periods,
                    version: Some("v".into()),
                    active_thumbnail: active.map(Into::into),
                    files,
                    names,
                }
            })
    }

    /// The version of the feed that changes make in these tests.
    const NEXT: u64 = 2;

    /// What the catalog gives at its end for each asset at each moment: the key, if it is public
    /// then.
    fn given(catalog: &Catalog) -> Vec<Option<String>> {
        given_to(catalog, NEXT)
    }

    /// The same to somebody who knows this version. What is newer, nobody is given.
    fn given_to(catalog: &Catalog, version: u64) -> Vec<Option<String>> {
        let ask = |text: &str, now: u64| {
            let target = RequestTarget::parse(text, PathToken::Absent, 8192).unwrap();
            let asset = AssetPath::parse(&target).unwrap();
            let entry = catalog.find(TENANT, &asset).filter(|it| !it.is_newer_than(version))?;
            let public = entry.publication(UnixSeconds::new(now)) == Publication::Published;
            entry.file(&asset).filter(|_| public).map(|file| file.key())
        };
        let by_name = |folder, kind, value, now: u64| {
            let name = NameRef::Metadata { name: "sku", value };
            let mut called = catalog.called(TENANT, folder, name);
            let entry = called.find(|it| !it.is_newer_than(version) && it.kind() == Some(kind))?;
            let public = entry.publication(UnixSeconds::new(now)) == Publication::Published;
            entry.files().next().filter(|_| public).map(|file| file.key())
        };
        let mut given: Vec<_> =
            MOMENTS.iter().flat_map(|now| ASSETS.map(|asset| ask(asset, *now))).collect();
        for folder in FOLDERS.into_iter().flatten() {
            for (kind, value) in KINDS.into_iter().zip(VALUES) {
                given.extend(MOMENTS.map(|now| by_name(folder, kind, value, now)));
            }
        }
        given
    }

    fn change(state: Option<ContentState>) -> CatalogChange {
        match state {
            Some(state) => CatalogChange::ContentSet(Box::new(state)),
            None => {
                CatalogChange::ContentRemoved { tenant: TENANT, id: ContentId::parse("a").unwrap() }
            }
        }
    }

    proptest! {
        /// Whatever is given while the rest of a version is put in force was given before it, and
        /// will be after it or is given to those only who know it.
        #[test]
        fn nothing_is_open_in_between(
            before in proptest::option::of(state()),
            words in proptest::collection::vec(proptest::option::of(state()), 1..3),
        ) {
            let catalog = Arc::new(Catalog::new());
            catalog.fill([change(before)]);
            let first = given(&catalog);
            let grants = catalog.restrict(NEXT, words.clone().into_iter().map(change));
            let [by_old, by_new] = [NEXT - 1, NEXT].map(|version| given_to(&catalog, version));
            grants.give();
            let last = given(&catalog);
            let late = given_to(&catalog, NEXT - 1);
            let plain = Catalog::new();
            plain.fill(words.into_iter().map(change));
            prop_assert_eq!(&last, &given(&plain));
            for index in 0..first.len() {
                // Before the swap, after it, and by somebody who took what was before it and looks
                // only now.
                let [first, last] = [&first, &last].map(|it| &it[index]);
                for old in [&by_old[index], &late[index]] {
                    prop_assert!(old.is_none() || old == first, "{first:?} {old:?} {last:?}");
                }
                let new = &by_new[index];
                prop_assert!(new.is_none() || new == last, "{first:?} {new:?} {last:?}");
            }
        }

        /// A content that stays as public as it was, with the same files and more, never blinks.
        #[test]
        fn what_only_gains_stays(before in state(), more in state()) {
            let mut after = before.clone();
            after.periods.clear();
            after.publication = Publication::Published;
            for file in more.files {
                if after.files.iter().all(|it| it.place != file.place) {
                    after.files.push(file);
                }
            }
            let catalog = Arc::new(Catalog::new());
            catalog.fill([change(Some(before))]);
            let first = given(&catalog);
            let grants = catalog.restrict(NEXT, [change(Some(after))]);
            prop_assert_eq!(given(&catalog), first);
            grants.give();
        }
    }

    /// A version is switched: there is no moment without one, and who looks by an older state sees
    /// that there is a newer one.
    #[test]
    fn other_bytes_are_for_those_who_know_the_version() {
        let catalog = Arc::new(Catalog::new());
        let mut state = ContentState {
            tenant: TENANT,
            id: ContentId::parse("a").unwrap(),
            kind: ContentKind::Video,
            folder: None,
            publication: Publication::Published,
            periods: Vec::new(),
            version: Some("v".into()),
            active_thumbnail: None,
            files: vec![file(FileKind::Source, "", "", "v1/source")],
            names: None,
        };
        catalog.fill([change(Some(state.clone()))]);
        state.files[0].key = "v2/source".into();
        let grants = catalog.restrict(7, [change(Some(state))]);
        let entry = catalog.get(&video_key(TENANT, "a")).unwrap();
        assert_eq!([6, 7].map(|known| entry.is_newer_than(known)), [true, false]);
        assert_eq!(given_to(&catalog, 7)[0].as_deref(), Some("v2/source"));
        grants.give();
        assert_eq!(given_to(&catalog, 7)[0].as_deref(), Some("v2/source"));
        // What only closes is for everybody.
        catalog.restrict(9, [change(None)]).give();
        assert!(catalog.is_empty());
    }

    #[test]
    fn less_equal_more_or_neither() {
        use Ordering::{Equal, Greater, Less};
        let catalog = Catalog::new();
        let pack = |state: &ContentState| Entry::of_content(state, catalog.names());
        let base = ContentState {
            tenant: TENANT,
            id: ContentId::parse("a").unwrap(),
            kind: ContentKind::Video,
            folder: None,
            publication: Publication::Published,
            periods: Vec::new(),
            version: Some("v".into()),
            active_thumbnail: Some("1".into()),
            files: vec![every_file()[0].clone(), every_file()[1].clone()],
            names: None,
        };
        let from = |start| {
            let starts_at = Some(UnixSeconds::new(start));
            vec![Period { starts_at, ends_at: None }]
        };
        let mut longer = base.clone();
        longer.files[0].size += 1;
        let cases: [(&str, ContentState, Option<Ordering>); 10] = [
            ("the same", base.clone(), Some(Equal)),
            (
                "unpublished",
                ContentState { publication: Publication::Unpublished, ..base.clone() },
                Some(Less),
            ),
            ("in a period", ContentState { periods: from(5), ..base.clone() }, Some(Less)),
            ("without a version", ContentState { version: None, ..base.clone() }, Some(Less)),
            (
                "a file less",
                ContentState { files: vec![base.files[1].clone()], ..base.clone() },
                Some(Less),
            ),
            ("no active", ContentState { active_thumbnail: None, ..base.clone() }, Some(Less)),
            (
                "another active",
                ContentState { active_thumbnail: Some("2".into()), ..base.clone() },
                None,
            ),
            (
                "another file in a place",
                ContentState {
                    files: vec![base.files[0].clone(), every_file()[2].clone()],
                    ..base.clone()
                },
                None,
            ),
            ("another size", longer, None),
            (
                "a file more, in a period",
                ContentState {
                    files: [&base.files[..], &[every_file()[3].clone()]].concat(),
                    periods: from(5),
                    ..base.clone()
                },
                None,
            ),
        ];
        for (what, after, expected) in cases {
            let (before, after) = (pack(&base), pack(&after));
            assert_eq!(compare(Some(&before), Some(&after)), expected, "{what}");
            let back = compare(Some(&after), Some(&before));
            assert_eq!(back, expected.map(Ordering::reverse), "back from: {what}");
        }
        let entry = pack(&base);
        assert_eq!(compare(None, Some(&entry)), Some(Greater));
        assert_eq!(compare(Some(&entry), None), Some(Less));
    }

    #[test]
    fn a_tenant_that_is_removed_and_made_again_has_what_came_after() {
        let catalog = Arc::new(Catalog::new());
        let state = |id: &str, key: &str| {
            CatalogChange::ContentSet(Box::new(ContentState {
                tenant: TENANT,
                id: ContentId::parse(id).unwrap(),
                kind: ContentKind::Video,
                folder: None,
                publication: Publication::Published,
                periods: Vec::new(),
                version: Some("v".into()),
                active_thumbnail: None,
                files: vec![file(FileKind::Source, "", "", key)],
                names: None,
            }))
        };
        catalog.fill([state("a", "old"), state("b", "old")]);
        let words = [
            state("b", "newer"),
            CatalogChange::TenantRemoved { tenant: TENANT },
            state("a", "new"),
        ];
        let grants = catalog.restrict(NEXT, words);
        assert!(catalog.is_empty());
        grants.give();
        assert_eq!(catalog.len(), 1);
        assert_eq!(given(&catalog)[0].as_deref(), Some("new"));
    }
}
