//! Chromium shows and plays tagged copies as it does their originals.

use std::fs;
use std::process::Command;

use super::copies::{key, tagged};
use super::samples::ALL;
use crate::forensic::{FileKind, Layers};

/// Says how large and how long each picture and film is, once all are there: the end of loading
/// waits for pictures, and for the first frame of films.
const SCRIPT: &str = r"<script>
onload = () => {
  const lines = [...document.querySelectorAll('img, video')].map(element => {
    const name = element.getAttribute('src');
    const { naturalWidth, naturalHeight, readyState, duration } = element;
    if (element.tagName == 'IMG') return `${name} ${naturalWidth} × ${naturalHeight}`;
    const { videoWidth, videoHeight } = element;
    const frame = readyState >= 2 ? 'plays' : 'no';
    return `${name} ${frame}, ${duration} s, ${videoWidth} × ${videoHeight}`;
  });
  document.body.textContent = lines.join('\n') + '\nend of list';
};
</script>";

/// What Chromium is asked to show: what it shows at all, and some that it does not.
fn is_shown(kind: FileKind) -> bool {
    match kind {
        FileKind::BaseMedia
        | FileKind::Flac
        | FileKind::Gif
        | FileKind::Jpeg
        | FileKind::Matroska
        | FileKind::Mp3
        | FileKind::Ogg
        | FileKind::Png
        | FileKind::Wav
        | FileKind::WebP => true,
        FileKind::Aiff | FileKind::Markup | FileKind::Pdf | FileKind::Tiff | FileKind::Zip => false,
    }
}

#[test]
fn chromium_shows_copies_as_their_originals() {
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    let shown = |name: &str, kind| is_shown(kind) || name == "drawing.svg";
    for sample in ALL.iter().filter(|sample| shown(sample.name, sample.kind)) {
        let file = sample.bytes();
        for (of, file) in [
            ("was", &file),
            ("is", &tagged(&file, sample.media_type, key().issue(1, Layers::Container))),
        ] {
            let name = format!("{of}-{}", sample.name);
            fs::write(folder.path().join(&name), file).unwrap();
            names.push(name);
        }
    }
    let element = |name: &String| {
        let is_picture = ["gif", "jpg", "png", "avif", "webp", "svg", "heic"]
            .iter()
            .any(|it| name.ends_with(it));
        let element = if is_picture { "img" } else { "video preload=auto" };
        format!("<{element} src={name}></{element}>")
    };
    let elements = names.iter().map(element).collect::<String>();
    let page = format!("<!DOCTYPE html><meta charset=utf-8>{SCRIPT}<body>{elements}");
    fs::write(folder.path().join("page.html"), page).unwrap();
    let page = format!("file://{}/page.html", folder.path().display());
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    chromium.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
    let shown = String::from_utf8(chromium.arg(&page).output().unwrap().stdout).unwrap();
    assert!(shown.contains("end of list"), "{shown}");
    let line = |name: &str| {
        let (_, after) = shown.split_once(&format!("{name} ")).expect("is listed");
        after.lines().next().unwrap_or_default().to_owned()
    };
    let mut plays = 0;
    for pair in names.chunks(2) {
        let [was, is] = [line(&pair[0]), line(&pair[1])];
        println!("| {} | {} |", pair[1], is.trim());
        assert_eq!(was, is, "{}", pair[1]);
        plays += usize::from(!was.contains("no") && !was.starts_with("0 ×"));
    }
    assert!(plays > 40, "{shown}");
}
