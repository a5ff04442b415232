//! Pictures with a mark in what they show (requirement K.4): a copy whose tag somebody took out is known
//! by what is left of it.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures are small, and colours bounded"
)]

use std::fs;
use std::io::Cursor;

use countersign::forensic::{Layers, Scanner, TagKey, TagKeyNumber};
use countersign::token::{CopyId, LinkTerms};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::support::command::{Said, countersign};
use crate::support::control::{ApiClient, Records, application};
use crate::support::edge::{Edge, usual_config};
use crate::support::links::{own_link, with_own_key};
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::{Answer, Connection, get, request};

/// The pictures: a name, a media type, and their bytes.
fn pictures() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let scene = scene(400, 300, 7);
    let written = |format| {
        let mut bytes = Cursor::new(Vec::new());
        scene.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let mut small = Cursor::new(Vec::new());
    scene.resize(100, 75, FilterType::Triangle).write_to(&mut small, ImageFormat::Png).unwrap();
    vec![
        ("scene.jpg", "image/jpeg", as_jpeg(&scene, 92)),
        ("scene.png", "image/png", written(ImageFormat::Png)),
        ("scene.webp", "image/webp", written(ImageFormat::WebP)),
        ("small.png", "image/png", small.into_inner()),
    ]
}

/// A picture with slopes, edges and grain.
fn scene(width: u32, height: u32, seed: u32) -> DynamicImage {
    let mut grain = seed;
    DynamicImage::from(RgbImage::from_fn(width, height, |x, y| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(grain >> 24) / 16.0;
        let (fx, fy) = (f64::from(x), f64::from(y));
        let wave = ((fx / 23.0 + f64::from(seed)).sin() + (fy / 31.0 + fx / 57.0).cos()) * 30.0;
        let block = f64::from((x / 61 + y / 47 + seed) % 3) * 25.0;
        let level = 100.0 + wave + block + noise;
        Rgb([level, level * 0.9 + fy / 12.0, level * 0.8 + fx / 16.0].map(|it| it as u8))
    }))
}

fn as_jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).unwrap();
    bytes
}

fn decoded(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

/// How alike two pictures are, in decibels.
fn psnr(one: &DynamicImage, other: &DynamicImage) -> f64 {
    let (one, other) = (one.to_rgb8(), other.to_rgb8());
    assert_eq!(one.dimensions(), other.dimensions());
    let pairs = one.as_raw().iter().zip(other.as_raw());
    let squares: f64 = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * one.as_raw().len() as f64 / squares.max(f64::MIN_POSITIVE)).log10()
}

fn tags(bytes: &[u8]) -> Vec<[u8; 16]> {
    let mut scanner = Scanner::new();
    scanner.feed(bytes);
    let mut tags: Vec<_> = scanner.finish().into_iter().map(|it| it.tag.bytes()).collect();
    tags.dedup();
    tags
}

/// A control plane whose copies of pictures have marks, and an edge that makes them.
struct Gallery {
    control: ControlPlane,
    api: ApiClient,
    edge: Process,
}

impl Gallery {
    fn start(records: &Records) -> Self {
        let control = ControlPlane::that_marks(records);
        let api = control.admin();
        let draft = json!({"name": "pictures", "origin": "media"}).to_string();
        let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &draft)["number"].clone();
        let urls = [control.url()];
        let folder = control.edge_folder(&urls, &control.enrol("north"), &[]);
        for (name, mime, bytes) in pictures() {
            let file = json!({
                "kind": "source", "pipeline": pipeline, "key": name, "size": bytes.len(),
                "mime": mime, "name": name, "autograph": true,
            });
            let id = name.replace('.', "-");
            let draft =
                json!({"id": id, "kind": "IMAGE", "publication": "published", "files": [file]});
            api.ok("POST", "/api/v1/tenants/1/contents", &draft.to_string());
            for place in [folder.path(), &control.process().path("")] {
                fs::write(place.join("media").join(name), &bytes).unwrap();
            }
        }
        let path = folder.path().join("countersign.toml");
        let text = fs::read_to_string(&path).unwrap();
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        assert!(text.contains(of_template), "{text}");
        fs::write(path, text.replacen(of_template, "assets = { catalog = true }", 1)).unwrap();
        let edge = start_edge(folder);
        until_ready(&edge);
        Self { control, api, edge }
    }

    fn file(&self, name: &str) -> u64 {
        let files = self.api.ok("GET", "/v1/files/", "");
        let files = files["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["object_key"] == name).unwrap();
        file["id"].as_str().unwrap().parse().unwrap()
    }

    /// The target of a link to somebody's copy, which opens by now.
    fn order(&self, name: &str, whose: &str) -> String {
        let order =
            format!("/v1/files/downloads/?file_id={}&autograph_tag={whose}", self.file(name));
        let link = self.api.ok("GET", &order, "")["download"]["url"].clone();
        let target = link.as_str().unwrap().strip_prefix("https://files.example.com").unwrap();
        wait_until("the link opens", || self.ask("HEAD", target, "").status == 200);
        target.to_owned()
    }

    fn ask(&self, method: &str, target: &str, lines: &str) -> Answer {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{lines}\r\n");
        request(self.edge.address(), &head)
    }

    /// What one command says of a file that somebody has.
    fn trace(&self, name: &str, bytes: &[u8], original: &[&str]) -> (Said, Value) {
        let folder = self.control.process().path("");
        fs::write(folder.join(name), bytes).unwrap();
        let usual = ["trace", "--config", "countersign.toml", "--json", name];
        let said = countersign(&folder, usual.iter().chain(original).copied());
        let told = serde_json::from_str(&said.out).unwrap_or_default();
        (said, told)
    }

    /// It is known whose copy that is, and nobody else is named.
    fn assert_is_of(&self, whose: &str, leaked: &[u8], original: &str) {
        let (said, told) = self.trace("leaked", leaked, &["--original", original]);
        assert_eq!(said.status, 0, "{said:?}");
        assert_eq!(told["comparison"]["outcome"], "alike", "{told}");
        let [copy] = &**told["comparison"]["copies"].as_array().unwrap() else { panic!("{told}") };
        assert_eq!(copy["issued"]["autograph_tag"], whose, "{told}");
        assert!(copy["z"].as_f64().unwrap() > 6.0, "{told}");
    }
}

fn a_picture_that_was_written_anew_is_known(gallery: &Gallery) {
    for (name, mime, bytes) in pictures() {
        let target = gallery.order(name, "ann");
        let copy = get(gallery.edge.address(), &target);
        assert_eq!((copy.status, copy.header("content-type")), (200, Some(mime)), "{name}");
        let [tag] = *tags(&copy.body) else { panic!("{name}: {:?}", tags(&copy.body)) };
        assert_eq!(tag[0], 2, "{name}");
        let likeness = psnr(&decoded(&bytes), &decoded(&copy.body));
        if name == "small.png" {
            // Too small for a mark: every pixel is the original's.
            assert!(likeness > 90.0, "{name}: {likeness}");
            continue;
        }
        assert!((40.0..70.0).contains(&likeness), "{name}: {likeness}");

        // It is a file as any other: its length, its parts, its version.
        let head = gallery.ask("HEAD", &target, "");
        assert_eq!(head.header("content-length"), Some(&*copy.body.len().to_string()), "{name}");
        assert_eq!(head.header("etag"), copy.header("etag"), "{name}");
        let part = gallery.ask("GET", &target, "Range: bytes=100-9000\r\n");
        assert_eq!((part.status, &part.body[..]), (206, &copy.body[100..=9_000]), "{name}");
        let etag = copy.header("etag").unwrap();
        let known = gallery.ask("GET", &target, &format!("If-None-Match: {etag}\r\n"));
        assert_eq!((known.status, known.body.len()), (304, 0), "{name}");

        // Somebody writes it anew: its tag is gone, and by that alone nothing is known.
        let leaked = as_jpeg(&decoded(&copy.body), 75);
        let (said, told) = gallery.trace("leaked", &leaked, &[]);
        assert_eq!((said.status, &told["comparison"]), (1, &Value::Null), "{said:?}");
        gallery.assert_is_of("ann", &leaked, &gallery.file(name).to_string());
    }
}

/// Somebody else's copy, smaller and cut, by a picture that is brought: every copy there is.
fn a_part_is_known_by_a_picture_that_is_brought(gallery: &Gallery) {
    for whose in ["ann", "bob"] {
        let copy = get(gallery.edge.address(), &gallery.order("scene.png", whose));
        let cut = decoded(&copy.body).crop_imm(20, 10, 360, 280);
        let leaked = as_jpeg(&cut, 85);
        gallery.assert_is_of(whose, &leaked, "media/scene.png");
    }
    let folder = gallery.control.process().path("");
    let arguments = ["trace", "--config", "countersign.toml", "leaked", "--original"];
    let words = countersign(&folder, arguments.into_iter().chain(["media/scene.png"]));
    assert!(words.out.contains("mark of a copy (layer 2): z "), "{words:?}");
    assert!(words.out.contains("autograph_tag  bob"), "{words:?}");
}

/// Nobody's copy, another picture, no picture, no original; and the same by the API.
fn nobody_is_named_without_a_mark(gallery: &Gallery) {
    let scene_png = pictures().remove(1).2;
    let number = gallery.file("scene.png").to_string();
    let compared = |name: &str, bytes: &[u8], outcomes: &[&str]| {
        let (said, told) = gallery.trace(name, bytes, &["--original", &number]);
        let outcome = told["comparison"]["outcome"].as_str().unwrap();
        assert!(said.status == 1 && outcomes.contains(&outcome), "{said:?}");
    };
    compared("nobodys", &as_jpeg(&decoded(&scene_png), 75), &["no_mark"]);
    // Whether it can be laid over the original is a guess where nothing of it is there.
    compared("other", &as_jpeg(&scene(400, 300, 11), 85), &["other_picture", "no_mark"]);
    compared("words", b"no picture at all", &["not_comparable"]);
    let (said, _) = gallery.trace("leaked", &scene_png, &["--original", "4711"]);
    assert!(said.status == 2 && said.err.contains("no file of that number"), "{said:?}");

    let token = gallery.trace_token();
    let asked = |query: &str, body: &[u8]| {
        let headers = format!("Authorization: Bearer {token}\r\n");
        gallery.post(&format!("/api/v1/traces{query}"), &headers, body)
    };
    let copy = get(gallery.edge.address(), &gallery.order("scene.png", "bob"));
    let leaked = as_jpeg(&decoded(&copy.body), 80);
    let told = asked(&format!("?original={number}"), &leaked);
    assert_eq!(told["comparison"]["outcome"], "alike", "{told}");
    assert_eq!(told["comparison"]["copies"][0]["issued"]["autograph_tag"], "bob", "{told}");
    assert_eq!(asked("", &leaked)["comparison"], Value::Null);
    assert_eq!(asked("?original=4711", &leaked)["status"], 400);
    assert_eq!(asked("?original=film", &leaked)["status"], 400);
}

impl Gallery {
    /// A token that may ask whose copies are.
    fn trace_token(&self) -> String {
        let folder = self.control.process().path("");
        let credentials = application(&folder, "trace");
        ApiClient::log_in(self.control.address(), &credentials).token().to_owned()
    }

    fn post(&self, path: &str, headers: &str, body: &[u8]) -> Value {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        let mut connection = Connection::open(self.control.address());
        connection.send([head.as_bytes(), body].concat());
        serde_json::from_slice(&connection.answer().unwrap().body).unwrap()
    }
}

#[test]
fn a_marked_copy_is_known_though_its_tag_is_gone() {
    let gallery = Gallery::start(&Records::Sqlite);
    a_picture_that_was_written_anew_is_known(&gallery);
}

#[test]
fn a_part_of_a_marked_copy_is_known() {
    let gallery = Gallery::start(&Records::on_postgres("image_marks"));
    a_part_is_known_by_a_picture_that_is_brought(&gallery);
}

#[test]
fn what_has_no_mark_is_nobodys() {
    let gallery = Gallery::start(&Records::Sqlite);
    nobody_is_named_without_a_mark(&gallery);
}

/// An edge that was never told what makes marks gives nothing, rather than a copy without one.
#[test]
fn without_the_key_of_marks_no_byte_leaves() {
    let config = with_own_key(&usual_config("", ""));
    let edge = Edge::builder(config).file("media/vod/scene.png", &pictures()[1].2).start();
    let id = TagKey::new(TagKeyNumber(1), &Zeroizing::new([7; 32])).issue(1, Layers::Image).bytes();
    let terms = LinkTerms { copy: Some(CopyId(id)), ..LinkTerms::default() };
    let answer = get(edge.address(), &own_link("/vod/scene.png", "lnk_1", terms));
    assert_eq!((answer.status, answer.code()), (503, Some("overloaded")), "{answer:?}");
    assert!(!answer.body.windows(4).any(|it| it == b"IHDR"));
}
