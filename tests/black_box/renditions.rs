//! Renditions and QR codes, as other programs see them: Pillow paints the images and judges what is
//! made of them, `ZXing` reads the codes, Chromium shows the one that is drawn (requirements C23,
//! G26).

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::rendition::QrPicture;
use serde_json::{Value, json};

use crate::support::command::said;
use crate::support::control::{ApiClient, Records, application, folder, start, with_master_key};
use crate::support::process::Process;
use crate::support::tools::tool;

pub(crate) fn judge(arguments: &[&str], input: &str) -> String {
    let python = tool("COUNTERSIGN_TEST_IMAGES_PYTHON", "python-with-pillow");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/judge.py");
    let answer = said(Command::new(python).arg(script).args(arguments), input.as_bytes());
    assert_eq!(answer.status, 0, "{}", answer.err);
    answer.out
}

struct Scene {
    process: Process,
    api: ApiClient,
    pipeline: Value,
}

impl Scene {
    fn new(name: &str) -> Self {
        let records = Records::on_postgres(name);
        let folder = with_master_key(folder(&records, &[]));
        let media = folder.path().join("media");
        std::fs::create_dir_all(&media).unwrap();
        judge(&["paint", media.to_str().unwrap()], "");
        let credentials = application(folder.path(), "catalog.read,catalog.write,shares.write");
        let process = start(folder);
        let api = ApiClient::log_in(process.control(), &credentials);
        let body = json!({"name": "media", "origin": "media"}).to_string();
        let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &body)["number"].clone();
        Self { process, api, pipeline }
    }

    fn source(&self, name: &str) -> PathBuf {
        self.process.path(&format!("media/{name}"))
    }

    /// Where the renditions of this image are.
    fn content(&self, name: &str) -> String {
        let size = std::fs::metadata(self.source(name)).unwrap().len();
        let file = json!({
            "kind": "source", "pipeline": self.pipeline, "key": name, "size": size,
            "mime": "image/jpeg",
        });
        let body = json!({"kind": "IMAGE", "files": [file]}).to_string();
        let made = self.api.ok("POST", "/api/v1/tenants/1/contents", &body);
        format!("/api/v1/tenants/1/contents/{}/rendition", made["id"].as_str().unwrap())
    }

    /// curl for that address, into a file: the status.
    fn curl(&self, address: &str, into: &Path) -> String {
        let mut command = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        command.args(["-sS", "--globoff", "--max-time", "120", "-w", "%{http_code}", "-o"]);
        command.arg(into).arg("-H").arg(format!("Authorization: Bearer {}", self.api.token()));
        let answer = said(command.arg(format!("http://{}{address}", self.api.address())), b"");
        assert_eq!(answer.status, 0, "{}", answer.err);
        answer.out
    }
}

#[test]
fn another_program_finds_renditions_to_be_what_was_asked_for() {
    let scene = Scene::new("renditions");
    let landscape = [
        ("", "JPEG", [1_200, 800], json!(null), false),
        ("width=300", "JPEG", [300, 200], json!(null), false),
        ("width=300&height=300&format=png", "PNG", [300, 200], json!(null), false),
        ("width=200&height=200&fit=cover&format=webp", "WEBP", [200, 200], json!(null), true),
        (
            "crop=100,50,400,600&height=300&quality=95",
            "JPEG",
            [200, 300],
            json!([100, 50, 400, 600]),
            false,
        ),
    ];
    let portrait = [
        ("width=200", "JPEG", [200, 300], json!(null), false),
        ("width=100&height=100&fit=cover&format=png", "PNG", [100, 100], json!(null), true),
        ("crop=30,70,500,300&format=png", "PNG", [500, 300], json!([30, 70, 500, 300]), false),
    ];
    let (mut lines, mut asked) = (String::new(), 0);
    let mut ask = |name: &str, wishes: &[(&str, &str, [u32; 2], Value, bool)], most: u32| {
        let address = scene.content(name);
        for (query, format, size, crop, cover) in wishes {
            asked += 1;
            let made = scene.process.path(&format!("made-{asked}"));
            assert_eq!(scene.curl(&format!("{address}?{query}"), &made), "200", "{name} {query}");
            let line = json!({
                "source": scene.source(name), "made": made, "format": format, "size": size,
                "crop": crop, "cover": cover, "most": most,
            });
            writeln!(lines, "{line}").unwrap();
        }
    };
    for orientation in 1..=4 {
        ask(&format!("turned{orientation}.jpg"), &landscape, 6);
    }
    for orientation in 5..=8 {
        ask(&format!("turned{orientation}.jpg"), &portrait, 6);
    }
    for name in
        ["progressive.jpg", "grey.png", "palette.png", "photo.webp", "moving.gif", "seen.png"]
    {
        ask(name, &landscape, 8);
    }
    // Without their profile, four inks become three colours as roughly there as here.
    ask("inks.jpg", &landscape, 12);
    // Thirty-nine megapixels and more.
    let large = [("width=1000", "JPEG", [1_000, 667], json!(null), false)];
    ask("large.jpg", &large, 6);
    assert_eq!(judge(&["renditions"], &lines), "");

    // The judge finds what is wrong.
    let line = lines.lines().next().unwrap().replace("turned1", "turned3");
    assert!(judge(&["renditions"], &line).contains("off by"));
}

#[test]
fn many_at_once_are_made_or_told_to_come_again() {
    let scene = Scene::new("renditions_at_once");
    let address = scene.content("large.jpg");
    let statuses: Vec<String> = std::thread::scope(|scope| {
        let ask = |at: u32| {
            let (scene, address) = (&scene, &address);
            let into = scene.process.path(&format!("made-{at}"));
            scope.spawn(move || scene.curl(&format!("{address}?width={}", 100 + at), &into))
        };
        let asked: Vec<_> = (0..24).map(ask).collect();
        asked.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let made = statuses.iter().filter(|it| *it == "200").count();
    let refused: Vec<_> = (0_u32..).zip(&statuses).filter(|(_, status)| *status == "503").collect();
    assert_eq!(made + refused.len(), statuses.len(), "{statuses:?}");
    assert!(made > 0 && !refused.is_empty(), "{statuses:?}");
    for (at, _) in refused {
        let said = std::fs::read(scene.process.path(&format!("made-{at}"))).unwrap();
        let said: Value = serde_json::from_slice(&said).unwrap();
        assert_eq!(said["code"], "rendition_busy");
    }
    // Whoever comes again has it.
    let into = scene.process.path("again");
    assert_eq!(scene.curl(&format!("{address}?width=90"), &into), "200");
}

#[test]
fn a_code_is_read_by_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for (at, text) in [
        "https://files.example.com/s/AbCdEfGhIjKlMnOpQrStUv".to_owned(),
        "https://files.example.com/ü?a=1&b=<2>".to_owned(),
        "https://files.example.com/".repeat(20),
    ]
    .iter()
    .enumerate()
    {
        let qr = QrPicture::of(text).unwrap();
        let made = folder.path().join(format!("{at}.png"));
        std::fs::write(&made, qr.png().unwrap()).unwrap();
        writeln!(lines, "{}", json!({"made": made, "text": text})).unwrap();
        let (drawn, shown) = (
            folder.path().join(format!("{at}.svg")),
            folder.path().join(format!("{at}-shown.png")),
        );
        std::fs::write(&drawn, qr.svg()).unwrap();
        let mut chromium = Command::new(tool("COUNTERSIGN_TEST_CHROMIUM", "chromium"));
        chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,1000"]);
        chromium.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
        chromium.arg(format!("--screenshot={}", shown.display()));
        let answer = said(chromium.arg(format!("file://{}", drawn.display())), b"");
        assert_eq!(answer.status, 0, "{}", answer.err);
        writeln!(lines, "{}", json!({"made": shown, "text": text})).unwrap();
    }
    assert_eq!(judge(&["codes"], &lines), "");
}
