//! The allocation budget: a decision allocates nothing, whatever it is, with one exception that is
//! stated. What reading a request allocates is measured and bounded, not promised to be nothing.

#![expect(unsafe_code, reason = "a global allocator that counts cannot be written without")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

#[path = "rendition/memory.rs"]
mod rendition_memory;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use countersign::asset::{AssetTypeSet, ChannelId, ContentId, TenantId, VideoId};
use countersign::catalog::{
    Catalog, ContentKind, ContentState, FileKind, FilePlace, FileState, FolderState, Publication,
};
use countersign::clock::UnixSeconds;
use countersign::data_plane::{Arrival, BodyPresence, Learned, Settings, identify};
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use countersign::network::PeerIp;
use countersign::policy::{
    Access, AntiFraudUse, AssetRules, AssetSource, BlocklistBuilder, CacheRules, CatalogRules,
    ClientScheme, ControlState, DenialCode, EdgeSnapshot, HostPattern, KeyTemplate, OriginName,
    OriginTakes, OverrideTable, Revocations, Route, Scheme, Site, SiteDelivery, SiteTable,
    TenantOverrides, TokenRules, decide,
};
use countersign::token::edge_auth::{EdgeAuth, QueryRule, SignRequest, SignScope, sign};
use countersign::token::{Carrier, CarrierRules};

thread_local! {
    /// Allocations of this thread: other tests run on others.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };

    /// Bytes that this thread has, and the most that it had.
    static TAKEN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

fn taken(more: usize, less: usize) {
    let _ = TAKEN.try_with(|taken| {
        let (now, most) = taken.get();
        let now = now + more;
        // What another thread took may be given back here.
        taken.set((now.saturating_sub(less), most.max(now)));
    });
}

/// The system's allocator, counted.
struct Counting;

// SAFETY: every call goes to `System` as it came, so its contract holds because the caller's does;
// counting touches a `Cell` that needs no allocation to exist.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        taken(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        taken(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // Both are there while it is copied.
        taken(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_of<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = ALLOCATIONS.get();
    let outcome = work();
    (ALLOCATIONS.get() - before, outcome)
}

/// The most bytes that the work had beside what there was.
fn most_of<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let (now, _) = TAKEN.get();
    TAKEN.set((now, now));
    let outcome = work();
    let (_, most) = TAKEN.get();
    (u64::try_from(most - now).unwrap(), outcome)
}

const NOW: UnixSeconds = UnixSeconds::new(1_893_448_800);

fn rules(query: QueryRule) -> EdgeAuth {
    let key = |id| {
        let hex = "aabbccddeeff00112233445566778899";
        SharedKey::from_hex(KeyId::new(id), hex, KeyPurpose::Vendor, KeyWindow::default()).unwrap()
    };
    EdgeAuth { query, ..EdgeAuth::with_keys(Keyring::new(vec![key("new"), key("old")])) }
}

/// A site of each query rule; video `open` is public; one address and one link are not wanted.
fn snapshot() -> EdgeSnapshot {
    let site = |name: &str, query| Site {
        name: name.into(),
        tenant: TenantId(1),
        anti_fraud: AntiFraudUse::Asked,
        cors: None,
        public_url: None,
        resource_policy: None,
        delivery: SiteDelivery::Standard,
        assets: Some(AssetSource::Template(AssetRules {
            origin: OriginName::new("media"),
            key: KeyTemplate::parse("{path}").unwrap(),
            cache: CacheRules::Off,
        })),
        token: Some(TokenRules {
            carriers: CarrierRules::new("__token__", Carrier::ALL),
            scheme: Scheme::EdgeAuth(rules(query)),
        }),
        routes: vec![
            Route {
                prefix: "/open/".into(),
                access: Access::Open,
                origin: OriginName::new("media"),
                origin_takes: OriginTakes::Keys,
                cache: CacheRules::Off,
            },
            Route {
                prefix: "/vod/".into(),
                access: Access::Token,
                origin: OriginName::new("media"),
                origin_takes: OriginTakes::Keys,
                cache: CacheRules::Off,
            },
        ],
    };
    let looking_up = Site {
        assets: Some(AssetSource::Catalog(CatalogRules::new([(
            OriginName::new("media"),
            CacheRules::Off,
        )]))),
        ..site("catalog.example.com", QueryRule::Ignored)
    };
    let host = |name| vec![HostPattern::parse(name).unwrap()];
    let videos = [(VideoId::new("open").unwrap(), AssetTypeSet::EVERY)].into();
    let tenant = TenantOverrides { videos, ..TenantOverrides::default() };
    let mut blocklist = BlocklistBuilder::new();
    blocklist.add_text("test.netset", b"192.0.2.0/24\n2001:db8::/32\n");
    EdgeSnapshot {
        version: 1,
        published: NOW,
        sites: Arc::new(SiteTable::new(vec![
            (host("path.example.com"), site("path.example.com", QueryRule::Ignored)),
            (host("query.example.com"), site("query.example.com", QueryRule::Signed)),
            (host("catalog.example.com"), looking_up),
        ])),
        overrides: Arc::new(OverrideTable::new([(TenantId(1), tenant)].into())),
        blocklist: Arc::new(blocklist.build().unwrap()),
        revocations: Arc::new(Revocations::new(["lnk_dead".into()])),
        anti_fraud: Arc::default(),
        control: Some(Arc::new(ControlState {
            catalog: Arc::new(catalog()),
            ..ControlState::empty()
        })),
    }
}

/// Video `open` and its neighbours, and a folder with an attachment.
fn catalog() -> Catalog {
    let file = |kind, slot: &str, variant: &str| FileState {
        number: 1,
        place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
        origin: "media".into(),
        key: "tenants/1/film.mp4".into(),
        name: "film.mp4".into(),
        size: 9,
        mime: "video/mp4".into(),
        sha256: None,
    };
    let catalog = Catalog::new();
    for (id, publication) in [
        ("open", Publication::Published),
        ("protected", Publication::Published),
        ("draft", Publication::Unpublished),
    ] {
        catalog.set_content(&ContentState {
            tenant: TenantId(1),
            id: ContentId::parse(id).unwrap(),
            kind: ContentKind::Video,
            folder: None,
            publication,
            periods: Vec::new(),
            version: Some("v1".into()),
            active_thumbnail: None,
            files: vec![file(FileKind::Source, "", "")],
            names: None,
        });
    }
    let files = vec![file(FileKind::Attachment, "t", "f")];
    catalog.set_folder(&FolderState { tenant: TenantId(1), number: ChannelId(1), files });
    catalog
}

fn token(request: &SignRequest<'_>) -> String {
    let rules = rules(QueryRule::Signed);
    sign(&rules, rules.keyring.signer(NOW).unwrap(), request).unwrap()
}

/// Identifies and decides; how many allocations each took, and the code.
fn counted(snapshot: &EdgeSnapshot, host: &str, target: &str, client: &str) -> (u64, u64, String) {
    let request = http::Request::get(target).header("host", host).header("user-agent", "test");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let arrival = Arrival {
        peer: PeerIp::new(client.parse().unwrap()),
        server_name: None,
        body: BodyPresence::Absent,
        scheme: ClientScheme::Https,
    };
    let settings = Settings::default();
    let mut learned = Learned::default();
    let (read, facts) =
        allocations_of(|| identify(&head, arrival, &snapshot.sites, &settings, &mut learned));
    let facts = facts.unwrap();
    let (decided, outcome) = allocations_of(|| decide(&facts, snapshot, NOW));
    let code = outcome.map_or_else(|denial| denial.code().to_string(), |_permit| "ok".to_owned());
    (read, decided, code)
}

#[test]
fn the_counter_counts() {
    let (count, _text) = allocations_of(|| String::from("one allocation"));
    assert_eq!(count, 1);
    assert_eq!(allocations_of(|| 1 + 1).0, 0);
}

#[test]
fn a_decision_allocates_nothing() {
    const CLIENT: &str = "203.0.113.9";
    let snapshot = snapshot();
    let base = SignRequest {
        scope: SignScope::Acl(&["/private/videos/*", "/vod/*"]),
        start: None,
        expiry: NOW.plus(60),
        ip: None,
        id: None,
        payload: None,
        escape: None,
    };
    let acl = token(&base);
    let whole = token(&SignRequest {
        start: Some(NOW),
        ip: Some(CLIENT.parse::<std::net::IpAddr>().unwrap().into()),
        id: Some("lnk_live"),
        payload: Some("t=ag_01"),
        ..base
    });
    let url = token(&SignRequest { scope: SignScope::Url("/vod/a%20b?x=1&y=2"), ..base });
    let url_path = token(&SignRequest { scope: SignScope::Url("/vod/a"), ..base });
    let revoked = token(&SignRequest { id: Some("lnk_dead"), ..base });
    let expired = token(&SignRequest { expiry: UnixSeconds::new(1), ..base });
    let encoded = acl.replace('=', "%3D").replace('~', "%7E");
    let of_path = "path.example.com";
    let of_query = "query.example.com";
    let of_catalog = "catalog.example.com";
    let all = token(&SignRequest { scope: SignScope::Acl(&["/private/*"]), ..base });
    let with = |path: &str, token: &str| {
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}__token__={token}")
    };
    let denied = DenialCode::as_str;
    let mut most_read = 0;
    for (what, host, target, client, expected) in [
        ("an open route", of_path, "/open/a".to_owned(), CLIENT, "ok"),
        ("a public asset", of_path, "/public/videos/open/source".to_owned(), CLIENT, "ok"),
        (
            "a public asset asked for as private",
            of_path,
            "/private/videos/open/source".to_owned(),
            CLIENT,
            "ok",
        ),
        ("an ACL", of_path, with("/private/videos/v/source", &acl), CLIENT, "ok"),
        ("an ACL on a route", of_path, with("/vod/%EC%95%88", &acl), CLIENT, "ok"),
        ("all fields", of_path, with("/vod/a", &whole), CLIENT, "ok"),
        ("an encoded token", of_path, with("/vod/a", &encoded), CLIENT, "ok"),
        ("a URL", of_path, with("/vod/a", &url_path), CLIENT, "ok"),
        ("a URL with its query", of_query, with("/vod/a%20b?x=1&y=2", &url), CLIENT, "ok"),
        ("another URL", of_query, with("/vod/a%20b?x=1&y=3", &url), CLIENT, "token_signature"),
        ("no token", of_path, "/vod/a".to_owned(), CLIENT, denied(DenialCode::TokenMissing)),
        ("garbage", of_path, with("/vod/a", "garbage"), CLIENT, "token_malformed"),
        ("an expired one", of_path, with("/vod/a", &expired), CLIENT, "token_expired"),
        ("a revoked one", of_path, with("/vod/a", &revoked), CLIENT, "token_revoked"),
        (
            "out of scope",
            of_path,
            with("/private/channels/1/attachments/t/f", &acl),
            CLIENT,
            "token_scope",
        ),
        ("a public file", of_catalog, "/public/videos/open/source".to_owned(), CLIENT, "ok"),
        ("a file", of_catalog, with("/private/videos/protected/source", &acl), CLIENT, "ok"),
        (
            "an attachment",
            of_catalog,
            with("/private/channels/1/attachments/t/f", &all),
            CLIENT,
            "ok",
        ),
        ("a draft", of_catalog, "/private/videos/draft/source".to_owned(), CLIENT, "token_missing"),
        (
            "an unknown id",
            of_catalog,
            "/private/videos/x/source".to_owned(),
            CLIENT,
            "token_missing",
        ),
        ("a listed address", of_path, "/open/a".to_owned(), "192.0.2.1", "ip_blocked"),
        ("a listed IPv6 address", of_path, "/open/a".to_owned(), "2001:db8::1", "ip_blocked"),
    ] {
        let (read, decided, code) = counted(&snapshot, host, &target, client);
        assert_eq!(code, expected, "{what}");
        assert_eq!(decided, 0, "{what} allocates");
        println!("{what}: reading it took {read} allocations");
        most_read = most_read.max(read);
    }
    // Measured, so that it is noticed when it grows.
    assert!(most_read <= MOST_TO_READ, "reading a request took {most_read} allocations");

    // The exception: the link says public, the file is protected, and a token is shown. Its path
    // is written out once in each view.
    let target = with("/public/videos/v/source", &acl);
    let (_, decided, code) = counted(&snapshot, of_path, &target, CLIENT);
    assert_eq!((decided, code.as_str()), (2, "ok"));
}

/// The most that `identify` took for any of the requests above.
const MOST_TO_READ: u64 = 13;
