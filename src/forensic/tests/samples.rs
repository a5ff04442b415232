//! Files of every kind, made by the programs that people make them with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::programs::Check::{self, Clean, Exif, Frames, Same};
use crate::forensic::FileKind::{self, *};

/// A file, and who has to be content with its copy.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) kind: FileKind,
    pub(super) media_type: Option<&'static str>,
    /// What makes it, by a shell, in a folder with what was made before.
    make: &'static str,
    pub(super) checks: &'static [Check],
}

impl Sample {
    pub(super) fn path(&self) -> PathBuf {
        folder().join(self.name)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).expect("the sample is there")
    }
}

/// The folder with all samples. It is kept for the next run, as long as nothing changes in how they
/// are made.
pub(super) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let recipes = || SOURCES.iter().copied().chain(ALL.iter().map(|it| (it.name, it.make)));
        let text = recipes().map(|(name, make)| [name, make].concat()).collect::<Vec<_>>().concat();
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        let kept =
            target.join(format!("forensic-samples-{:08x}", crc32fast::hash(text.as_bytes())));
        if !kept.exists() {
            let making = TempDir::new_in(&target).expect("a folder");
            for (name, make) in recipes() {
                made(making.path(), name, make);
            }
            // Another run may have been quicker.
            let renamed = fs::rename(making.path(), &kept);
            assert!(renamed.is_ok() || kept.exists(), "{renamed:?}");
        }
        kept
    })
}

fn made(folder: &Path, name: &str, make: &str) {
    let made = Command::new("bash").args(["-euc", make]).current_dir(folder).output();
    let made = made.expect("bash runs");
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{name}: {told}");
    assert!(folder.join(name).exists(), "{name}: {told}");
}

const fn of(
    name: &'static str,
    kind: FileKind,
    make: &'static str,
    checks: &'static [Check],
) -> Sample {
    Sample { name, kind, media_type: None, make, checks }
}

const fn markup(
    name: &'static str,
    media_type: &'static str,
    make: &'static str,
    checks: &'static [Check],
) -> Sample {
    Sample { name, kind: Markup, media_type: Some(media_type), make, checks }
}

const PIXELS: Check = Same(
    "pillow",
    "/usr/bin/python3 -c 'import sys, hashlib; from PIL import Image, ImageSequence; print([hashlib.md5(f.convert(\"RGBA\").tobytes()).hexdigest() for f in ImageSequence.Iterator(Image.open(sys.argv[1]))])' {}",
);
const JPEG: &[Check] = &[Frames, Exif, PIXELS];
const PNG: &[Check] = &[Frames, Exif, PIXELS, Clean("pngcheck", "pngcheck -q {}")];
const FILM: &[Check] = &[Frames, Exif];
const PICTURE: &[Check] = &[
    Exif,
    Same(
        "heif-convert",
        "heif-convert {} \"$TMPDIR\"/heif.png > /dev/null && md5sum < \"$TMPDIR\"/heif.png; rm -f \"$TMPDIR\"/heif.png",
    ),
];
const AVIF: &[Check] = &[
    Frames,
    Exif,
    Same(
        "avifdec",
        "avifdec {} \"$TMPDIR\"/avif.png > /dev/null && md5sum < \"$TMPDIR\"/avif.png; rm -f \"$TMPDIR\"/avif.png",
    ),
];
const MATROSKA: &[Check] = &[
    Frames,
    Exif,
    Clean("mkvinfo", "mkvinfo {} && ! mkvinfo -v -v {} | grep -i -E 'unknown|error|dummy'"),
    Clean("mkvmerge", "mkvmerge -q -o \"$TMPDIR/merged\" {}"),
];
const SOUND: &[Check] = &[Frames, Exif];
const FLAC: &[Check] =
    &[Frames, Exif, Clean("flac -t", "flac -t -s -w {}"), Clean("metaflac", "metaflac --list {}")];
const VORBIS: &[Check] = &[Frames, Exif, Clean("ogginfo", "ogginfo -q {}")];
const OPUS: &[Check] = &[
    Frames,
    Exif,
    Clean("opusinfo", "opusinfo -q {}"),
    Same("opusdec", "opusdec --quiet {} - | md5sum"),
];
const WEBP: &[Check] = &[Exif, PIXELS, Clean("webpinfo", "webpinfo -quiet {}")];
const TIFF: &[Check] = &[
    Exif,
    PIXELS,
    Clean("tiffinfo", "tiffinfo -D {}"),
    Same("tiffinfo -d", "tiffinfo -d {} | grep -a -A1000000 -E '^Strip|Tile' | md5sum"),
];
const PDF: &[Check] = &[
    Exif,
    Clean("qpdf", "qpdf --check {}"),
    Same("pdftoppm", "pdftoppm -r 30 {} | md5sum"),
    Same("qpdf pages", "qpdf --show-pages {}"),
    Clean("pdfinfo", "pdfinfo {}"),
];
const ZIP: &[Check] = &[
    Clean("unzip -t", "unzip -t {}"),
    Clean("7z t", "7z t {}"),
    Clean(
        "python",
        "/usr/bin/python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.infolist()[0]' {}",
    ),
    Clean("bsdtar", "bsdtar -tf {}"),
    Exif,
];
const EMPTY_ZIP: &[Check] = &[
    Clean("7z t", "7z t {}"),
    Clean(
        "python",
        "/usr/bin/python3 -c 'import sys, zipfile; assert zipfile.ZipFile(sys.argv[1]).testzip() is None' {}",
    ),
];
const XML: &[Check] = &[
    Clean("xmllint", "xmllint --noout {}"),
    Same("xmllint --xpath", "xmllint --xpath '/*' {} | md5sum"),
];
const SVG: &[Check] = &[Clean("xmllint", "xmllint --noout {}"), Exif];
const HTML: &[Check] = &[Clean("xmllint html", "xmllint --html --noout {}"), Exif];

/// What samples are made of.
const SOURCES: &[(&str, &str)] = &[
    (
        "film.mkv",
        "ffmpeg -v error -f lavfi -i testsrc2=s=128x96:d=2:r=10 -f lavfi -i sine=440:d=2 -c:v libx264 -g 5 -pix_fmt yuv420p -c:a aac -shortest film.mkv",
    ),
    ("picture.png", "ffmpeg -v error -f lavfi -i testsrc2=s=160x120 -frames:v 1 picture.png"),
    ("tone.wav", "ffmpeg -v error -f lavfi -i sine=440:d=1:r=48000 tone.wav"),
    (
        "pages.pdf",
        "/usr/bin/python3 -c 'from PIL import Image; p = Image.open(\"picture.png\").convert(\"RGB\"); p.save(\"pages.pdf\", save_all=True, append_images=[p.rotate(9), p])'",
    ),
];

pub(super) const ALL: &[Sample] = &[
    of("plain.jpg", Jpeg, "ffmpeg -v error -i picture.png -q:v 3 plain.jpg", JPEG),
    of(
        "pillow.jpg",
        Jpeg,
        "/usr/bin/python3 -c 'from PIL import Image, ImageCms; Image.open(\"picture.png\").convert(\"RGB\").save(\"pillow.jpg\", progressive=True, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile(\"sRGB\")).tobytes())'",
        JPEG,
    ),
    of(
        "exif.jpg",
        Jpeg,
        "exiftool -q -Artist=Somebody -GPSLatitude=1 -o exif.jpg pillow.jpg",
        JPEG,
    ),
    of(
        "xmp.jpg",
        Jpeg,
        "exiftool -q -Artist=Somebody -XMP:Title=Title -Comment=Before -o xmp.jpg pillow.jpg",
        JPEG,
    ),
    of("plain.png", Png, "cp picture.png plain.png", PNG),
    of("deep.png", Png, "ffmpeg -v error -i picture.png -pix_fmt rgba64be deep.png", PNG),
    of(
        "moving.png",
        Png,
        "ffmpeg -v error -i film.mkv -an -frames:v 3 -f apng moving.png",
        &[Frames, Exif, Clean("pngcheck", "pngcheck -q {}")],
    ),
    of(
        "first.mp4",
        BaseMedia,
        "ffmpeg -v error -i film.mkv -c copy -movflags +faststart first.mp4",
        FILM,
    ),
    of("last.mp4", BaseMedia, "ffmpeg -v error -i film.mkv -c copy last.mp4", FILM),
    of(
        "open.mp4",
        BaseMedia,
        "/usr/bin/python3 -c 'b = bytearray(open(\"first.mp4\", \"rb\").read()); at = b.rindex(b\"mdat\") - 4; b[at:at+4] = bytes(4); open(\"open.mp4\", \"wb\").write(b)'",
        FILM,
    ),
    of(
        "fragments.mp4",
        BaseMedia,
        "ffmpeg -v error -i film.mkv -c copy -movflags frag_keyframe+empty_moov fragments.mp4",
        FILM,
    ),
    of(
        "dash.mp4",
        BaseMedia,
        "ffmpeg -v error -i film.mkv -c copy -movflags dash+global_sidx+frag_keyframe+skip_trailer dash.mp4",
        FILM,
    ),
    of(
        "many.mp4",
        BaseMedia,
        "ffmpeg -v error -f lavfi -i testsrc2=s=640x480:d=6:r=10 -c:v libx264 -g 1 -qp 10 -movflags frag_keyframe+empty_moov+default_base_moof+skip_trailer many.mp4",
        FILM,
    ),
    of("film.mov", BaseMedia, "ffmpeg -v error -i film.mkv -c copy film.mov", FILM),
    of("tone.m4a", BaseMedia, "ffmpeg -v error -i tone.wav -c:a aac tone.m4a", SOUND),
    of(
        "picture.heic",
        BaseMedia,
        "heif-enc -q 80 -o picture.heic picture.png > /dev/null",
        PICTURE,
    ),
    of("picture.avif", BaseMedia, "avifenc -s 10 picture.png picture.avif > /dev/null", AVIF),
    of("plain.mkv", Matroska, "cp film.mkv plain.mkv", MATROSKA),
    of("merged.mkv", Matroska, "mkvmerge -q -o merged.mkv film.mkv", MATROSKA),
    of(
        "film.webm",
        Matroska,
        "ffmpeg -v error -i film.mkv -c:v libvpx -deadline realtime -c:a libopus film.webm",
        MATROSKA,
    ),
    of(
        "live.mkv",
        Matroska,
        "ffmpeg -v error -i film.mkv -c copy -f matroska -live 1 - | cat > live.mkv",
        &[Frames, Exif],
    ),
    of(
        "short.mkv",
        Matroska,
        "/usr/bin/python3 -c 'b = open(\"film.mkv\", \"rb\").read(); at = b.index(bytes.fromhex(\"18538067\")) + 4; n = int.from_bytes(b[at+1:at+8], \"big\"); w = 3 if n < 2**21 - 2 else 4; open(\"short.mkv\", \"wb\").write(b[:at] + (n | 1 << 7 * w).to_bytes(w, \"big\") + b[at+8:])'",
        MATROSKA,
    ),
    of("classic.pdf", Pdf, "cp pages.pdf classic.pdf", PDF),
    of("streams.pdf", Pdf, "qpdf --object-streams=generate pages.pdf streams.pdf", PDF),
    of("linear.pdf", Pdf, "qpdf --linearize --object-streams=disable pages.pdf linear.pdf", PDF),
    of(
        "linear-streams.pdf",
        Pdf,
        "qpdf --linearize --object-streams=generate pages.pdf linear-streams.pdf",
        PDF,
    ),
    of(
        "locked.pdf",
        Pdf,
        "qpdf --encrypt '' owner 256 -- --object-streams=disable pages.pdf locked.pdf",
        PDF,
    ),
    of(
        "form.pdf",
        Pdf,
        "/usr/bin/python3 -c 'b = open(\"pages.pdf\", \"rb\").read(); open(\"form.in.pdf\", \"wb\").write(b.replace(b\"/Type /Catalog\", b\"/Type /Catalog /AcroForm << /Fields [] /SigFlags 0 >>\"))'; qpdf --object-streams=generate form.in.pdf form.pdf || [ $? = 3 ]",
        PDF,
    ),
    of("updated.pdf", Pdf, "exiftool -q -Title=Title -o updated.pdf pages.pdf", PDF),
    of("plain.zip", Zip, "zip -q plain.zip picture.png tone.wav", ZIP),
    of(
        "comment.zip",
        Zip,
        "zip -q comment.zip tone.wav; echo 'what it is' | zip -q -z comment.zip",
        ZIP,
    ),
    of("wide.zip", Zip, "cat tone.wav | zip -q -fz wide.zip -", ZIP),
    of(
        "wide-end.zip",
        Zip,
        "/usr/bin/python3 -c 'import zipfile\nz = zipfile.ZipFile(\"wide-end.zip\", \"w\")\nfor n in range(65540): z.writestr(str(n), b\"\")\nz.close()'",
        &[
            Clean("unzip -t", "unzip -tq {}"),
            Clean(
                "python",
                "/usr/bin/python3 -c 'import sys, zipfile; assert len(zipfile.ZipFile(sys.argv[1]).namelist()) == 65540' {}",
            ),
        ],
    ),
    of(
        "empty.zip",
        Zip,
        "/usr/bin/python3 -c 'import zipfile; zipfile.ZipFile(\"empty.zip\", \"w\").close()'",
        EMPTY_ZIP,
    ),
    of(
        "book.epub",
        Zip,
        "mkdir -p META-INF; printf application/epub+zip > mimetype; echo '<container version=\"1.0\" xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles><rootfile full-path=\"b.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>' > META-INF/container.xml; zip -q -X0 book.epub mimetype; zip -q -r book.epub META-INF",
        ZIP,
    ),
    of(
        "letter.docx",
        Zip,
        "mkdir -p word _rels; echo '<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>' > '[Content_Types].xml'; echo '<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"word/document.xml\"/></Relationships>' > _rels/.rels; echo '<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body/></w:document>' > word/document.xml; zip -q -r letter.docx '[Content_Types].xml' _rels word",
        ZIP,
    ),
    of(
        "tag4.mp3",
        Mp3,
        "ffmpeg -v error -i tone.wav -metadata title=Title -id3v2_version 4 tag4.mp3",
        SOUND,
    ),
    of(
        "tag3.mp3",
        Mp3,
        "ffmpeg -v error -i tone.wav -metadata title=Title -id3v2_version 3 -write_id3v1 1 tag3.mp3",
        SOUND,
    ),
    of(
        "bare.mp3",
        Mp3,
        "ffmpeg -v error -i tone.wav -id3v2_version 0 -write_xing 1 bare.mp3",
        SOUND,
    ),
    of(
        "tag2.mp3",
        Mp3,
        "{ printf 'ID3\\002\\000\\000\\000\\000\\000\\014TT2\\000\\000\\006\\000Title'; cat bare.mp3; } > tag2.mp3",
        SOUND,
    ),
    of(
        "extended3.mp3",
        Mp3,
        "{ printf 'ID3\\003\\000\\100\\000\\000\\000\\032\\000\\000\\000\\006\\000\\000\\000\\000\\000\\000TIT2\\000\\000\\000\\006\\000\\000\\000Title'; cat bare.mp3; } > extended3.mp3",
        &[Frames],
    ),
    of(
        "tool.mp3",
        Mp3,
        "cp bare.mp3 tool.mp3; id3v2 -a Artist -t Title tool.mp3 > /dev/null",
        &[Frames, Exif, Clean("id3v2", "id3v2 -l {}")],
    ),
    of(
        "low.mp3",
        Mp3,
        "ffmpeg -v error -i tone.wav -ar 22050 -ac 1 -b:a 32k -id3v2_version 0 low.mp3",
        SOUND,
    ),
    of("layer2.mp2", Mp3, "ffmpeg -v error -i tone.wav -c:a mp2 layer2.mp2", &[Frames]),
    of("tone.flac", Flac, "flac -s -o tone.flac tone.wav", FLAC),
    of(
        "bare.flac",
        Flac,
        "cp tone.flac bare.flac; metaflac --remove-all --dont-use-padding bare.flac",
        FLAC,
    ),
    of("plain.wav", Wav, "cp tone.wav plain.wav", SOUND),
    of(
        "odd.wav",
        Wav,
        "ffmpeg -v error -i tone.wav -c:a pcm_u8 -t 0.10002 -ar 44100 odd.wav",
        SOUND,
    ),
    of(
        "piped.wav",
        Wav,
        "ffmpeg -v error -i tone.wav -f wav - | cat > piped.wav",
        &[Same("ffmpeg", "ffmpeg -v quiet -i {} -map 0 -f framemd5 -"), Exif],
    ),
    of("large.wav", Wav, "ffmpeg -v error -i tone.wav -rf64 always large.wav", SOUND),
    of("tone.aiff", Aiff, "ffmpeg -v error -i tone.wav tone.aiff", SOUND),
    of("tone.aifc", Aiff, "ffmpeg -v error -i tone.wav -c:a pcm_s16le -f aiff tone.aifc", SOUND),
    of(
        "vorbis.ogg",
        Ogg,
        "ffmpeg -v error -i tone.wav -c:a libvorbis -metadata title=Title vorbis.ogg",
        VORBIS,
    ),
    of("tool.ogg", Ogg, "oggenc -Q -t Title -o tool.ogg tone.wav", VORBIS),
    of(
        "flac.ogg",
        Ogg,
        "flac -s --ogg -o flac.ogg tone.wav",
        &[Frames, Exif, Clean("flac -t", "flac -t -s -w --ogg {}")],
    ),
    of(
        "theora.ogv",
        Ogg,
        "ffmpeg -v error -i film.mkv -c:v libtheora -c:a libvorbis theora.ogv",
        VORBIS,
    ),
    of("ffmpeg.opus", Ogg, "ffmpeg -v error -i tone.wav -c:a libopus ffmpeg.opus", OPUS),
    of("tool.opus", Ogg, "opusenc --quiet tone.wav tool.opus", OPUS),
    of(
        "cover.opus",
        Ogg,
        "head -c 150000 film.mkv > noise; /usr/bin/python3 -c 'import os; from PIL import Image; Image.frombytes(\"RGB\", (200, 200), os.urandom(120000)).save(\"noise.png\")'; opusenc --quiet --picture noise.png tone.wav cover.opus",
        OPUS,
    ),
    of("speex.ogg", Ogg, "ffmpeg -v error -i tone.wav -c:a libspeex -ar 16000 speex.ogg", SOUND),
    of(
        "still.gif",
        Gif,
        "/usr/bin/python3 -c 'from PIL import Image; Image.open(\"picture.png\").convert(\"P\").save(\"still.gif\")'",
        JPEG,
    ),
    of("moving.gif", Gif, "ffmpeg -v error -i film.mkv -an moving.gif", JPEG),
    of(
        "first-version.gif",
        Gif,
        "/usr/bin/python3 -c 'b = bytearray(open(\"still.gif\", \"rb\").read()); b[4] = 0x37; open(\"first-version.gif\", \"wb\").write(b)'",
        &[Frames, PIXELS],
    ),
    of("lossy.webp", WebP, "cwebp -quiet picture.png -o lossy.webp", WEBP),
    of("lossless.webp", WebP, "cwebp -quiet -lossless picture.png -o lossless.webp", WEBP),
    of(
        "clear.webp",
        WebP,
        "/usr/bin/python3 -c 'from PIL import Image; Image.new(\"RGBA\", (50, 50), (1, 2, 3, 99)).save(\"clear.webp\")'",
        WEBP,
    ),
    of(
        "named.webp",
        WebP,
        "exiftool -q -XMP:Title=Title -o title.xmp picture.png; webpmux -set xmp title.xmp lossy.webp -o named.webp 2> /dev/null",
        WEBP,
    ),
    of(
        "moving.webp",
        WebP,
        "img2webp -o moving.webp -d 100 picture.png picture.png > /dev/null 2>&1",
        WEBP,
    ),
    of(
        "plain.tiff",
        Tiff,
        "/usr/bin/python3 -c 'from PIL import Image; Image.open(\"picture.png\").convert(\"RGB\").save(\"plain.tiff\", compression=\"tiff_lzw\")'",
        TIFF,
    ),
    of("big-endian.tiff", Tiff, "tiffcp -B plain.tiff big-endian.tiff", TIFF),
    of("big.tiff", Tiff, "tiffcp -8 plain.tiff big.tiff", TIFF),
    of(
        "big-big-endian.tiff",
        Tiff,
        "tiffcp -8 -B plain.tiff big-big-endian.tiff",
        &[Exif, Clean("tiffinfo", "tiffinfo -D {}")],
    ),
    of("pages.tiff", Tiff, "tiffcp plain.tiff plain.tiff plain.tiff pages.tiff", TIFF),
    of(
        "named.tiff",
        Tiff,
        "exiftool -q -XMP:Title=Title -Artist=Somebody -o named.tiff plain.tiff",
        TIFF,
    ),
    markup(
        "drawing.svg",
        "image/svg+xml",
        "echo '<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><rect width=\"9\" height=\"9\"/></svg>' > drawing.svg",
        SVG,
    ),
    markup(
        "list.xml",
        "application/xml; charset=utf-8",
        "printf '\\357\\273\\277<a><b>\\303\\244</b></a>' > list.xml",
        XML,
    ),
    markup(
        "page.html",
        "text/html",
        "echo '<!DOCTYPE html><html><head><title>Page</title></head><body><p>Text</p></body></html>' > page.html",
        HTML,
    ),
];
