//! What a control plane knows, and what an edge that knows it would do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use super::chance::Chance;
use crate::asset::{AssetPath, ChannelId, ContentId, TenantId, VideoId, Visibility};
use crate::catalog::{
    Catalog, CatalogChange, ContentKind, ContentState, Entry, FileKind, FilePlace, FileState,
    FolderState, Publication,
};
use crate::clock::UnixSeconds;
use crate::feed::{BlockedNetwork, Change, Intake, RevokedNow};
use crate::keyring::{KeyMaterial, KeyWindow};
use crate::network::ClientIp;
use crate::policy::{
    BlocklistKind, ControlState, LinkKey, Opening, OverrideLevel, Purge, PurgedFiles, Purges,
    RevokedLinks, Signed, SiteDelivery,
};
use crate::target::{PathToken, RequestTarget};

pub(super) const NOW: UnixSeconds = UnixSeconds::new(1_000);
const TENANTS: [u64; 2] = [1, 2];
const VIDEOS: [&str; 4] = ["a", "b", "c", "d"];
const IDS: [&str; 3] = ["x", "y", "z"];
const FOLDER: ChannelId = ChannelId(7);

/// Of the first tenant, by the name of the revocation: a name may come to mean other links.
const REVOKED: [&str; 6] = ["r1", "r2", "r3", "r4", "r5", "r6"];

/// Links that somebody has: id, key, start.
const LINKS: [(Option<&str>, &str, Option<u64>); 5] = [
    (Some("x"), "k1", None),
    (Some("y"), "k2", Some(500)),
    (Some("z"), "k1", Some(1_500)),
    (None, "k2", Some(999)),
    (None, "k3", Some(1_000)),
];

/// Who asked for a link.
fn issuer(link: usize) -> &'static str {
    if link < 2 { "app_a" } else { "app_b" }
}

/// What a link is tagged with.
fn tag(link: usize) -> Option<&'static str> {
    (link % 2 == 1).then_some("somebody")
}

/// A content as it is in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shelved {
    publication: Publication,
    /// Which file it hands out.
    file: u64,
}

/// Whose links a key signs; none: everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner(Option<u64>);

/// Everything that is so at one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Truth {
    open: BTreeSet<(u64, &'static str)>,
    blocked: BTreeSet<&'static str>,
    revoked: BTreeMap<&'static str, RevokedLinks>,
    keys: BTreeMap<&'static str, Owner>,
    contents: BTreeMap<(u64, &'static str), Shelved>,
    folders: BTreeMap<u64, u64>,
    purges: Vec<Purge>,
    forgotten: u64,
}

/// What an edge would do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deeds {
    open: BTreeSet<(u64, &'static str)>,
    blocked: BTreeSet<&'static str>,
    /// Each of `LINKS` that opens a video no more.
    dead: BTreeSet<(usize, &'static str)>,
    /// Ids of the keys that open a tenant's files.
    keys: BTreeSet<(u64, String)>,
    contents: BTreeMap<(u64, &'static str), Shelved>,
    folders: BTreeMap<u64, u64>,
    purges: Purges,
}

fn network(id: &str) -> &'static str {
    match id {
        "x" => "192.0.2.1",
        "y" => "192.0.2.2",
        _ => "192.0.2.3",
    }
}

/// By the place of the video among `VIDEOS`: a thousand lives ask for them a million times.
static SOURCES: LazyLock<[(String, AssetPath); 4]> = LazyLock::new(|| {
    VIDEOS.map(|video| {
        let path = format!("/private/videos/{video}/source");
        let asset = asset(&path);
        (path, asset)
    })
});

static LOGO: LazyLock<AssetPath> =
    LazyLock::new(|| asset("/private/channels/7/attachments/Logo/logo.png"));

fn source(video: &str) -> &'static (String, AssetPath) {
    let place = VIDEOS.iter().position(|known| *known == video).unwrap();
    &SOURCES[place]
}

fn asset(path: &str) -> AssetPath {
    let target = RequestTarget::parse(path, PathToken::Absent, 8192).unwrap();
    AssetPath::parse(&target).unwrap()
}

fn each_video() -> impl Iterator<Item = (u64, &'static str)> {
    TENANTS.into_iter().flat_map(|tenant| VIDEOS.into_iter().map(move |video| (tenant, video)))
}

fn opening(tenant: u64, video: &str, opens: Option<Opening>) -> Change {
    let level = OverrideLevel::Video(VideoId::new(video).unwrap());
    Change::Override { tenant: TenantId(tenant), level, opens }
}

fn blocking(id: &str, until: Option<()>) -> Change {
    let network = format!("{}/32", network(id)).parse().unwrap();
    let entry =
        until.map(|()| BlockedNetwork { network, until: None, kind: BlocklistKind::Everything });
    Change::Blocked { id: id.into(), entry }
}

fn revoking(id: &str, links: Option<RevokedLinks>) -> Change {
    let tenant = TenantId(TENANTS[0]);
    let links = links.map(|links| RevokedNow { tenant, links, since: NOW, until: None });
    Change::Revoked { id: id.into(), links }
}

fn keying(id: &str, owner: Option<Owner>) -> Change {
    let key = owner.map(|Owner(tenant)| LinkKey {
        tenant: tenant.map(TenantId),
        material: KeyMaterial::from_hex(&"ab".repeat(32)).unwrap(),
        window: KeyWindow::default(),
        retired: None,
    });
    Change::LinkKey { id: id.into(), key }
}

fn file(number: u64, kind: FileKind, slot: &str, variant: &str) -> FileState {
    FileState {
        number,
        place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
        origin: "media".into(),
        key: number.to_string().into(),
        name: "file".into(),
        size: 4,
        mime: "video/mp4".into(),
        sha256: None,
    }
}

fn shelving(tenant: u64, video: &str, shelved: Option<Shelved>) -> Change {
    let (tenant, id) = (TenantId(tenant), ContentId::parse(video).unwrap());
    Change::Catalog(match shelved {
        Some(Shelved { publication, file: number }) => {
            CatalogChange::ContentSet(Box::new(ContentState {
                tenant,
                id,
                kind: ContentKind::Video,
                folder: None,
                publication,
                periods: Vec::new(),
                version: Some("v".into()),
                active_thumbnail: None,
                files: vec![file(number, FileKind::Source, "", "")],
                names: None,
            }))
        }
        None => CatalogChange::ContentRemoved { tenant, id },
    })
}

fn attaching(tenant: u64, number: Option<u64>) -> Change {
    let tenant = TenantId(tenant);
    Change::Catalog(match number {
        Some(number) => {
            let files = vec![file(number, FileKind::Attachment, "Logo", "logo.png")];
            CatalogChange::FolderSet(FolderState { tenant, number: FOLDER, files })
        }
        None => CatalogChange::FolderRemoved { tenant, number: FOLDER },
    })
}

/// Some links of those there are.
fn some_links(chance: &mut Chance) -> RevokedLinks {
    match chance.below(7) {
        0 => RevokedLinks::Link(chance.pick(&IDS).into()),
        1 => RevokedLinks::Asset(source(chance.pick(&VIDEOS)).0.as_str().into()),
        2 => RevokedLinks::Asset("/private/videos/?/*".into()),
        3 => RevokedLinks::Key(chance.pick(&["k1", "k2", "k3"]).into()),
        4 => RevokedLinks::Issuer(chance.pick(&["app_a", "app_b", "app_c"]).into()),
        5 => RevokedLinks::Tag(chance.pick(&["somebody", "nobody"]).into()),
        _ => RevokedLinks::TenantEpoch(1 + chance.below(9)),
    }
}

impl Truth {
    pub(super) fn everything(&self) -> Vec<Change> {
        let mut all = Vec::new();
        for (tenant, video) in &self.open {
            all.push(opening(*tenant, video, Some(Opening::Everything)));
        }
        all.extend(self.blocked.iter().map(|id| blocking(id, Some(()))));
        all.extend(self.revoked.iter().map(|(id, links)| revoking(id, Some(links.clone()))));
        all.extend(self.keys.iter().map(|(id, owner)| keying(id, Some(*owner))));
        for ((tenant, video), shelved) in &self.contents {
            all.push(shelving(*tenant, video, Some(*shelved)));
        }
        all.extend(self.folders.iter().map(|(tenant, file)| attaching(*tenant, Some(*file))));
        all.push(Change::PurgesForgotten { version: self.forgotten });
        all.extend(self.purges.iter().cloned().map(Change::Purged));
        all
    }

    /// Changes something at random with that version, and says what.
    pub(super) fn change(&mut self, version: u64, chance: &mut Chance) -> Change {
        let (tenant, video) = (chance.pick(&TENANTS), chance.pick(&VIDEOS));
        match chance.below(20) {
            0..3 => {
                self.open.insert((tenant, video));
                opening(tenant, video, Some(Opening::Everything))
            }
            3..5 => {
                self.open.remove(&(tenant, video));
                opening(tenant, video, None)
            }
            5 => {
                let id = chance.pick(&IDS);
                let there = self.blocked.insert(id).then_some(());
                if there.is_none() {
                    self.blocked.remove(id);
                }
                blocking(id, there)
            }
            6..9 => {
                let id = chance.pick(&REVOKED);
                let links = chance.one_in(2).then(|| some_links(chance));
                match &links {
                    Some(links) => drop(self.revoked.insert(id, links.clone())),
                    None => drop(self.revoked.remove(id)),
                }
                revoking(id, links)
            }
            9..11 => {
                let id = chance.pick(&["k1", "k2", "k3"]);
                let owners = [None, Some(1), Some(2)].map(Owner);
                let key = (!chance.one_in(4)).then(|| chance.pick(&owners));
                match key {
                    Some(owner) => drop(self.keys.insert(id, owner)),
                    None => drop(self.keys.remove(id)),
                }
                keying(id, key)
            }
            11..16 => self.shelve(tenant, video, chance),
            16 => {
                let file = chance.one_in(2).then(|| chance.below(5));
                match file {
                    Some(file) => drop(self.folders.insert(tenant, file)),
                    None => drop(self.folders.remove(&tenant)),
                }
                attaching(tenant, file)
            }
            17 => {
                let files = match chance.below(3) {
                    0 => PurgedFiles::Everything,
                    1 => PurgedFiles::Site("example.com".into()),
                    _ => PurgedFiles::Content(ContentId::parse(video).unwrap()),
                };
                let purge = Purge { version, tenant: TenantId(tenant), files };
                if !self.purges.contains(&purge) {
                    self.purges.push(purge.clone());
                }
                Change::Purged(purge)
            }
            18 => {
                self.forgotten = self.forgotten.max(chance.below(version));
                self.purges.retain(|purge| purge.version > self.forgotten);
                Change::PurgesForgotten { version: self.forgotten }
            }
            _ => {
                self.remove(tenant);
                Change::TenantRemoved { tenant: TenantId(tenant) }
            }
        }
    }

    fn shelve(&mut self, tenant: u64, video: &'static str, chance: &mut Chance) -> Change {
        let publication = chance.pick(&[Publication::Published, Publication::Unpublished]);
        let file = chance.below(3);
        let shelved = (!chance.one_in(4)).then_some(Shelved { publication, file });
        match shelved {
            Some(shelved) => drop(self.contents.insert((tenant, video), shelved)),
            None => drop(self.contents.remove(&(tenant, video))),
        }
        shelving(tenant, video, shelved)
    }

    fn remove(&mut self, tenant: u64) {
        self.open.retain(|(of, _)| *of != tenant);
        if tenant == TENANTS[0] {
            self.revoked.clear();
        }
        self.keys.retain(|_, owner| *owner != Owner(Some(tenant)));
        self.contents.retain(|(of, _), _| *of != tenant);
        self.folders.remove(&tenant);
    }

    /// What an edge would do that knows this.
    pub(super) fn deeds(&self, lineage: u64) -> Deeds {
        let mut purges = Purges::default();
        purges.set_lineage(&lineage.to_string());
        self.purges.iter().cloned().for_each(|purge| purges.add(purge));
        purges.forget(self.forgotten);
        let dead = |(link, video): &(usize, &str)| {
            let (id, key, start) = LINKS[*link];
            // All of them are of the moment `NOW`.
            let is_of_before = start.is_none_or(|start| start < NOW.get());
            self.revoked.values().any(|links| match links {
                RevokedLinks::Asset(path) if path.contains('*') => is_of_before,
                RevokedLinks::Asset(path) => is_of_before && **path == source(video).0,
                RevokedLinks::Issuer(of) => is_of_before && **of == *issuer(*link),
                RevokedLinks::Key(revoked) => **revoked == *key,
                RevokedLinks::Link(revoked) => id == Some(&**revoked),
                RevokedLinks::Tag(text) => is_of_before && tag(*link) == Some(&**text),
                RevokedLinks::TenantEpoch(_) => is_of_before,
            })
        };
        let opens = |id: &str, tenant: u64| {
            self.keys.get(id).is_some_and(|Owner(of)| of.is_none_or(|of| of == tenant))
        };
        let keys = |tenant: u64| {
            let ids = ["k1", "k2", "k3"].into_iter().filter(move |id| opens(id, tenant));
            ids.map(move |id| (tenant, id.to_owned()))
        };
        Deeds {
            open: self.open.clone(),
            blocked: self.blocked.clone(),
            dead: each_link().filter(dead).collect(),
            keys: keys(1).chain(keys(2)).collect(),
            contents: self.contents.clone(),
            folders: self.folders.clone(),
            purges,
        }
    }

    /// Between two states, while those who decide by the one before are still there: an entry that
    /// they find opens nothing that was not open before, unless it says that it is newer than what
    /// they know; and nothing that is not open from now on.
    pub(super) fn assert_nothing_is_open_early(
        &self,
        intake: &mut Intake,
        before: Option<(&Self, u64)>,
    ) {
        let catalog = intake.replica().state(NOW).catalog;
        for (tenant, video) in each_video() {
            let Some(entry) = found(&catalog, tenant, video) else { continue };
            let shelved = shelved(&entry, video);
            if shelved.publication == Publication::Unpublished {
                continue;
            }
            let open = |truth: &Self| truth.contents.get(&(tenant, video)) == Some(&shelved);
            assert!(open(self), "{video} of {tenant} is open that is not: {shelved:?}");
            if let Some((before, version)) = before {
                assert!(
                    entry.is_newer_than(version) || open(before),
                    "{video} of {tenant} is open too early: {shelved:?}"
                );
            }
        }
    }
}

fn each_link() -> impl Iterator<Item = (usize, &'static str)> {
    (0..LINKS.len()).flat_map(|link| VIDEOS.into_iter().map(move |video| (link, video)))
}

fn found(catalog: &Catalog, tenant: u64, video: &str) -> Option<Entry> {
    catalog.find(TenantId(tenant), &source(video).1)
}

fn shelved(entry: &Entry, video: &str) -> Shelved {
    let file = entry.file(&source(video).1).unwrap().key().parse().unwrap();
    Shelved { publication: entry.publication(NOW), file }
}

impl Deeds {
    /// What an edge does that was told so.
    pub(super) fn of(intake: &mut Intake) -> Self {
        let state = intake.replica().state(NOW);
        Self {
            open: each_video().filter(|(tenant, video)| open(&state, *tenant, video)).collect(),
            blocked: IDS.into_iter().filter(|id| blocked(&state, id)).collect(),
            dead: each_link().filter(|(link, video)| dead(&state, *link, video)).collect(),
            keys: TENANTS.into_iter().flat_map(|tenant| keys(&state, tenant)).collect(),
            contents: each_video()
                .filter_map(|(tenant, video)| {
                    let entry = found(&state.catalog, tenant, video)?;
                    Some(((tenant, video), shelved(&entry, video)))
                })
                .collect(),
            folders: TENANTS
                .into_iter()
                .filter_map(|tenant| Some((tenant, attached(&state, tenant)?)))
                .collect(),
            purges: (*state.purges).clone(),
        }
    }
}

fn open(state: &ControlState, tenant: u64, video: &str) -> bool {
    let visibility = state.overrides.effective(TenantId(tenant), &source(video).1);
    visibility == Visibility::Public
}

fn blocked(state: &ControlState, id: &str) -> bool {
    let address: IpAddr = network(id).parse().unwrap();
    state.blocklist.contains(ClientIp::new(address))
}

fn dead(state: &ControlState, link: usize, video: &str) -> bool {
    let (id, key, start) = LINKS[link];
    let tenant = TENANTS[0];
    let signed = Signed::of(id, key, start.map(UnixSeconds::new));
    let signed = signed.ordered_by(TenantId(tenant), issuer(link), tag(link));
    state.revocations.revokes_signed(TenantId(TENANTS[0]), &source(video).0, signed)
}

fn keys(state: &ControlState, tenant: u64) -> Vec<(u64, String)> {
    let of_tenant = state.links.of(TenantId(tenant), SiteDelivery::Standard);
    let rings = of_tenant.flat_map(|rules| rules.keyring.keys());
    rings.map(|key| (tenant, key.id().to_string())).collect()
}

fn attached(state: &ControlState, tenant: u64) -> Option<u64> {
    let entry = state.catalog.find(TenantId(tenant), &LOGO)?;
    Some(entry.file(&LOGO)?.key().parse().unwrap())
}
