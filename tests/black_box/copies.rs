//! Links that open a copy with a forensic tag (requirements E8, K.3): every byte that leaves by them is
//! the copy's, whatever part is asked for, over every protocol, from every kind of origin.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::forensic::{
    Excerpts, Layers, Outlook, Piece, Scanner, SightedTag, Span, TagKey, TagKeyNumber, plan,
};
use countersign::token::{CopyId, LinkTerms};
use zeroize::Zeroizing;

use crate::support::edge::{Edge, usual_config, with_server};
use crate::support::fake_origin::FakeOrigin;
use crate::support::links::{own_link, with_own_key};
use crate::support::nginx::Nginx;
use crate::support::object_stores::ObjectStore;
use crate::support::raw_client::{Answer, Connection, get, request};
use crate::support::tls::{Certificate, LISTENER};
use crate::support::tools::tool;

/// Parts that are asked for, and where both ends of the copies are.
const RANGES: [&str; 9] =
    ["0-0", "0-99", "1-200000", "3000-", "-1", "-70", "-3000000", "40-50", "2000000-2000100"];

fn id(issue: u64) -> CopyId {
    CopyId(
        TagKey::new(TagKeyNumber(1), &Zeroizing::new([7; 32]))
            .issue(issue, Layers::Container)
            .bytes(),
    )
}

fn link(path: &str, issue: u64) -> String {
    let terms = LinkTerms { copy: Some(id(issue)), ..LinkTerms::default() };
    own_link(path, &format!("lnk_{issue}"), terms)
}

/// A picture with megabytes of comments, sound of megabytes, and small files.
fn originals() -> Vec<(&'static str, Vec<u8>)> {
    let fixture = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");
        fs::read(Path::new(folder).join(name)).unwrap()
    };
    let picture = fixture("grey.jpg");
    let mut large = picture[..2].to_vec();
    for _ in 0..40 {
        large.extend([0xff, 0xfe, 0xff, 0xff]);
        large.extend((0..0xfffd_u32).map(|at| (at % 251) as u8));
    }
    large.extend(&picture[2..]);
    let data: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 253) as u8).collect();
    let length = u32::try_from(data.len()).unwrap();
    let format = [
        &16_u32.to_le_bytes()[..],
        &[1, 0, 1, 0],
        &8000_u32.to_le_bytes(),
        &16000_u32.to_le_bytes(),
        &[2, 0, 16, 0],
    ];
    let sound = [
        b"RIFF",
        &(length + 36).to_le_bytes()[..],
        b"WAVEfmt ",
        &format.concat(),
        b"data",
        &length.to_le_bytes(),
        &data,
    ];
    vec![
        ("large.jpg", large),
        ("sound.wav", sound.concat()),
        ("small.gif", fixture("animated.gif")),
        ("small.tiff", fixture("picture.tiff")),
    ]
}

/// The copy, made here of the whole file in memory.
fn copy_of(file: &[u8], issue: u64) -> Vec<u8> {
    let span_of = |span: Span| {
        let first = usize::try_from(span.offset).unwrap();
        first..first + usize::try_from(span.length).unwrap()
    };
    let mut known = Excerpts::of(file.len() as u64);
    let splice = loop {
        match plan(&known, None, SightedTag::from_bytes(id(issue).0)) {
            Outlook::Planned(planned) => break planned.splice,
            Outlook::Need(span) => {
                known.feed(span.offset, Bytes::copy_from_slice(&file[span_of(span)]));
            }
            Outlook::Refused(refusal) => panic!("{refusal}"),
        }
    };
    let whole = Span { offset: 0, length: splice.length() };
    let pieces = splice.pieces(whole).map(|piece| match piece {
        Piece::Literal(bytes) => bytes.to_vec(),
        Piece::Source(span) => file[span_of(span)].to_vec(),
    });
    pieces.collect::<Vec<_>>().concat()
}

/// Which tags are in these bytes, however often.
fn tags(bytes: &[u8]) -> Vec<[u8; 16]> {
    let mut scanner = Scanner::new();
    scanner.feed(bytes);
    let mut tags: Vec<_> = scanner.finish().into_iter().map(|it| it.tag.bytes()).collect();
    tags.dedup();
    tags
}

fn ask(connection: &mut Connection, target: &str, lines: &str) -> Answer {
    connection.ask(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"))
}

/// What a range means in so many bytes.
fn resolved(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-').unwrap();
    let (first, last) = match (first, last) {
        ("", last) => (length.saturating_sub(last.parse().unwrap()), length - 1),
        (first, "") => (first.parse().unwrap(), length - 1),
        (first, last) => (first.parse().unwrap(), last.parse::<usize>().unwrap().min(length - 1)),
    };
    (first < length).then_some((first, last))
}

/// An edge with these files on its own disk under `/vod/`, on a server under `/http/`, and in object
/// stores under `/s3/` and `/azure/`.
struct Scene {
    edge: Edge,
    nginx: Nginx,
    certificate: Certificate,
    #[expect(dead_code, reason = "they give as long as they are")]
    stores: [ObjectStore; 2],
    originals: Vec<(&'static str, Vec<u8>)>,
}

impl Scene {
    fn start(settings: &str) -> Self {
        let (nginx, originals) = (Nginx::start(), originals());
        let certificate = Certificate::of(&["localhost"]);
        let config = with_server(&usual_config("", settings), nginx.address(), "", "token");
        let stores = ["s3", "azure"].map(|kind| {
            let keys: Vec<_> =
                originals.iter().map(|(name, bytes)| (format!("{kind}/{name}"), bytes)).collect();
            let objects: Vec<_> = keys.iter().map(|(key, bytes)| (&**key, &***bytes)).collect();
            match kind {
                "s3" => (kind, ObjectStore::s3(&objects)),
                _ => (kind, ObjectStore::azure(&objects)),
            }
        });
        let config = stores.iter().fold(config, |config, (kind, store)| {
            let origin = store.origin(kind, kind) + "[[site]]";
            let route = format!(
                "\n  [[site.route]]\n  prefix = \"/{kind}/\"\n  access = \"token\"\n  origin = \"{kind}\"\n"
            );
            config.replacen("[[site]]", &origin, 1) + &route
        });
        let config =
            with_own_key(&config).replacen("[admin]", "[cache]\nmax_object = \"8MiB\"\n[admin]", 1);
        let mut builder = Edge::builder(config + "\n" + LISTENER)
            .file("tls/site.pem", &certificate.pem)
            .file("tls/site.key", &certificate.key);
        for (kind, store) in &stores {
            builder = builder.file(kind, store.credentials("key"));
        }
        fs::create_dir_all(nginx.path("http")).unwrap();
        for (name, bytes) in originals.iter().chain(&[("words.txt", b"no place".to_vec())]) {
            builder = builder.file(&format!("media/vod/{name}"), bytes);
            fs::write(nginx.path("http").join(name), bytes).unwrap();
        }
        let stores = stores.map(|(_, store)| store);
        Self { edge: builder.start(), nginx, certificate, stores, originals }
    }

    fn plain(&self) -> Connection {
        Connection::open(self.edge.address())
    }

    fn tls(&self) -> Connection {
        self.certificate.connect(self.edge.addresses()[1], "localhost", "http/1.1")
    }
}

#[test]
fn every_part_of_a_copy_is_that_part_over_every_protocol_and_from_every_origin() {
    let scene = Scene::start("");
    for (name, original) in &scene.originals {
        let expected = copy_of(original, 1);
        assert_eq!(tags(&expected), [id(1).0], "{name}");
        for folder in ["vod", "http", "s3", "azure"] {
            let path = format!("/{folder}/{name}");
            let target = link(&path, 1);
            for mut connection in [scene.plain(), scene.tls()] {
                let head = format!("HEAD {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                let described = {
                    connection.send(head);
                    connection.head_answer().unwrap()
                };
                let length = expected.len().to_string();
                assert_eq!(described.header("content-length"), Some(&*length), "{path}");
                let whole = ask(&mut connection, &target, "");
                assert_eq!((whole.status, whole.body.len()), (200, expected.len()), "{path}");
                assert!(whole.body == expected, "{path}");
                let etag = whole.header("etag").unwrap().to_owned();
                assert_eq!(described.header("etag"), Some(&*etag));
                for range in RANGES {
                    let lines = format!("Range: bytes={range}\r\nIf-Range: {etag}\r\n");
                    let part = ask(&mut connection, &target, &lines);
                    match resolved(range, expected.len()) {
                        None => assert_eq!(part.status, 416, "{path} {range}"),
                        Some((first, last)) => {
                            let told = format!("bytes {first}-{last}/{length}");
                            assert_eq!(part.status, 206, "{path} {range}");
                            assert_eq!(part.header("content-range"), Some(&*told));
                            assert!(part.body == expected[first..=last], "{path} {range}");
                        }
                    }
                }
                let several = ask(&mut connection, &target, "Range: bytes=0-9,20-29,-60\r\n");
                assert_eq!(several.status, 206, "{path}");
                let end = expected.len() - 60;
                for part in [&expected[..10], &expected[20..30], &expected[end..]] {
                    assert!(several.body.windows(part.len()).any(|it| it == part), "{path}");
                }
                let lines = format!("If-None-Match: {etag}\r\n");
                assert_eq!(ask(&mut connection, &target, &lines).status, 304, "{path}");
            }
            over_http2(&scene, &target, &expected);
        }
    }
}

fn over_http2(scene: &Scene, target: &str, expected: &[u8]) {
    let url = format!("https://{}{target}", scene.edge.addresses()[1]);
    let got = |range: Option<&str>| {
        let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        curl.args(["-sS", "-k", "--http2", "--fail", "--max-time", "60", "-H", "Host: localhost"]);
        curl.args(range.map(|range| ["-r", range]).iter().flatten());
        let out = curl.arg(&url).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    };
    assert!(got(None) == expected);
    assert!(got(Some("-70")) == expected[expected.len() - 70..]);
    assert!(got(Some("7-")) == expected[7..]);
}

/// Whatever is asked, and by whatever way the same bytes are had otherwise.
#[test]
fn a_link_to_a_copy_opens_nothing_but_that_copy() {
    let scene = Scene::start("");
    let edge = scene.edge.address();
    for folder in ["vod", "http", "s3", "azure", "open"] {
        if folder == "open" {
            fs::create_dir_all(scene.edge.path("media/open")).unwrap();
            let (name, bytes) = &scene.originals[0];
            fs::write(scene.edge.path("media/open").join(name), bytes).unwrap();
        }
        let (name, original) = &scene.originals[0];
        let path = format!("/{folder}/{name}");
        // What everybody with another link has was kept before, and is had afterwards.
        for round in 0..2 {
            let plain = get(edge, &own_link(&path, "lnk_plain", LinkTerms::default()));
            assert!(plain.status == 200 && plain.body == *original, "{path} {round}");
            for issue in [1, 2] {
                let answer = get(edge, &link(&path, issue));
                assert_eq!((answer.status, tags(&answer.body)), (200, vec![id(issue).0]), "{path}");
                assert_ne!(answer.header("etag"), plain.header("etag"));
                let cached = answer.header("cache-control").unwrap();
                assert!(cached.contains("private") || cached.contains("no-store"), "{cached}");
            }
        }
        let etag = get(edge, &own_link(&path, "lnk_plain", LinkTerms::default()));
        let etag = etag.header("etag").unwrap().to_owned();
        let target = link(&path, 3);
        for lines in [
            format!("If-Range: {etag}\r\nRange: bytes=0-9\r\n"),
            format!("If-None-Match: {etag}\r\n"),
            "Range: bytes=0-4,2-9,1-8,0-1,3-4,5-6,7-8,9-10,0-3,0-1,0-1,0-1\r\n".to_owned(),
            "Range: lines=1-2\r\n".to_owned(),
            "Accept-Encoding: gzip\r\n".to_owned(),
        ] {
            let answer =
                request(edge, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"));
            assert_eq!(answer.status, 200, "{path} {lines}");
            assert_eq!(tags(&answer.body), [id(3).0], "{path} {lines}");
        }
        let lines = format!("If-Match: {etag}\r\n");
        let refused =
            request(edge, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"));
        assert_eq!((refused.status, refused.body.len()), (412, 0), "{path}");
    }
}

/// The catalog said that it has a place for a tag: then it is another file.
#[test]
fn a_file_without_a_place_for_a_tag_gives_no_byte() {
    let scene = Scene::start("");
    for path in ["/vod/words.txt", "/http/words.txt"] {
        for lines in ["", "Range: bytes=0-3\r\n"] {
            let head = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n", link(path, 1));
            let refused = request(scene.edge.address(), &head);
            assert_eq!((refused.status, refused.code()), (502, Some("origin_invalid")), "{path}");
            assert!(!refused.body.windows(8).any(|it| it == b"no place"));
        }
    }
    let (_, said) = scene.edge.stop();
    let why = |line: &&serde_json::Value| {
        line["error"].as_str().is_some_and(|it| it.contains("cannot carry a tag"))
    };
    assert_eq!(said.iter().filter(why).count(), 4, "{said:?}");
}

/// A replaced file is another original: its copy is right from the next request on, and no copy
/// consists of both.
#[test]
fn the_copy_of_a_replaced_file_is_a_copy_of_the_new_one() {
    let scene = Scene::start("");
    let (_, old) = &scene.originals[0];
    let (_, new) = &scene.originals[1];
    for (folder, place) in
        [("vod", scene.edge.path("media/vod")), ("http", scene.nginx.path("http"))]
    {
        let target = link(&format!("/{folder}/large.jpg"), 1);
        let before = get(scene.edge.address(), &target);
        assert!(before.body == copy_of(old, 1), "{folder}");
        fs::write(place.join("coming"), new).unwrap();
        fs::rename(place.join("coming"), place.join("large.jpg")).unwrap();
        let after = get(scene.edge.address(), &target);
        assert!(after.body == copy_of(new, 1), "{folder}");
        assert_ne!(after.header("etag"), before.header("etag"));
    }
}

/// What the object is need not be asked where it is known and its bytes are wanted anyhow.
#[test]
fn of_an_object_that_is_known_a_copy_is_one_request_of_the_origin() {
    let (_, original) = originals().swap_remove(0);
    let expected = copy_of(&original, 1);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let origin = {
        let asked = Arc::clone(&asked);
        serving("HEAD GET", original, move |request| asked.lock().unwrap().push(request))
    };
    let config = with_server(&usual_config("", ""), origin.address(), "", "token");
    let edge = Edge::builder(with_own_key(&config)).start();
    let target = link("/http/large.jpg", 1);
    let get = |line: &str| {
        asked.lock().unwrap().clear();
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{line}\r\n");
        let answer = request(edge.address(), &head);
        (answer, asked.lock().unwrap().clone())
    };
    let (first, requests) = get("");
    assert!(first.body == expected && requests[0].starts_with("HEAD "), "{requests:?}");
    let (whole, requests) = get("");
    assert!(whole.body == expected);
    assert_eq!(requests, ["GET "]);
    for (range, part) in
        [("1000000-1999999", &expected[1_000_000..2_000_000]), ("2000000-", &expected[2_000_000..])]
    {
        let (answer, requests) = get(&format!("Range: bytes={range}\r\n"));
        assert!(answer.status == 206 && answer.body == part, "{range}");
        assert!(requests.len() == 1 && requests[0].starts_with("GET bytes="), "{requests:?}");
    }
    // Whoever has it already is sent nothing, and neither is the edge.
    let etag = whole.header("etag").unwrap();
    let (answer, requests) = get(&format!("If-None-Match: {etag}\r\n"));
    assert_eq!((answer.status, requests), (304, vec!["HEAD ".to_owned()]));
}

/// Some servers that give files know no HEAD.
#[test]
fn an_origin_without_head_gives_copies_too() {
    let (_, original) = originals().swap_remove(0);
    let expected = copy_of(&original, 1);
    let origin = serving("GET", original, |_| {});
    let config = with_server(&usual_config("", ""), origin.address(), "", "token");
    let edge = Edge::builder(with_own_key(&config)).start();
    let target = link("/http/large.jpg", 1);
    let whole = get(edge.address(), &target);
    assert_eq!((whole.status, whole.body.len()), (200, expected.len()));
    assert!(whole.body == expected);
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nRange: bytes=-70\r\n\r\n");
    let part = request(edge.address(), &head);
    assert_eq!(part.status, 206);
    assert!(part.body == expected[expected.len() - 70..]);
}

/// A server that has one picture, and knows these methods. It tells each method with its range.
fn serving(
    methods: &'static str,
    original: Vec<u8>,
    tell: impl Fn(String) + Send + Sync + 'static,
) -> FakeOrigin {
    FakeOrigin::start(move |asked| {
        let method = asked.method().to_owned();
        tell(format!("{method} {}", asked.field("range").unwrap_or_default()));
        if !methods.split(' ').any(|it| it == method) {
            asked.send(
                "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
            return;
        }
        let length = original.len();
        let range = asked.field("range").map(|it| it.strip_prefix("bytes=").unwrap().to_owned());
        let (status, first, last) = match range.map(|range| resolved(&range, length).unwrap()) {
            None => ("200 OK", 0, length - 1),
            Some((first, last)) => ("206 Partial Content", first, last),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nETag: \"one\"\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\
             Content-Range: bytes {first}-{last}/{length}\r\nContent-Length: {}\r\n\r\n",
            last + 1 - first
        );
        let _ = asked.send(head) && (method == "HEAD" || asked.send(&original[first..=last]));
    })
}
