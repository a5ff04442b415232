//! Files that carry tags, made here.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::support::chance::Chance;

/// A file of the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    /// MP4 of 1 GiB: `ftyp`, `moov` and `mdat`, whose samples are a hole in the file.
    Film,
    /// JPEG of some 200 KiB.
    Picture,
    /// ZIP of 8 MiB, with one file that is not compressed.
    Archive,
}

impl Sample {
    pub(crate) const ALL: [Self; 3] = [Self::Film, Self::Picture, Self::Archive];

    /// Its name, by which its origin has it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Film => "film.mp4",
            Self::Picture => "picture.jpg",
            Self::Archive => "archive.zip",
        }
    }

    /// As the catalog has it: the content's kind, and the media type.
    pub(crate) fn registered_as(self) -> (&'static str, &'static str) {
        match self {
            Self::Film => ("VIDEO", "video/mp4"),
            Self::Picture => ("IMAGE", "image/jpeg"),
            Self::Archive => ("OTHER", "application/zip"),
        }
    }

    /// How it begins, and how long it is; what is not told is zeros.
    pub(crate) fn made(self) -> (Vec<u8>, u64) {
        let bytes = match self {
            Self::Film => return (film_head(FILM), u64::from(FILM)),
            Self::Picture => picture(),
            Self::Archive => archive(),
        };
        let length = bytes.len() as u64;
        (bytes, length)
    }
}

const FILM: u32 = 1 << 30;

/// All boxes of a film of that length (ISO/IEC 14496-12), but for what is in `mdat`.
fn film_head(length: u32) -> Vec<u8> {
    let boxed = |name: &[u8; 4], content: &[u8]| {
        let size = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
        [&size, &name[..], content].concat()
    };
    let of_type = boxed(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41");
    // Version 0: times, a scale of 1,000 and a duration, then a rate, a matrix and a next track.
    let mut header = [0; 100];
    header[14..16].copy_from_slice(&1_000_u16.to_be_bytes());
    header[21] = 1;
    header[96..].copy_from_slice(&2_u32.to_be_bytes());
    let tables = boxed(b"free", &vec![0; 300 << 10]);
    let film = boxed(b"moov", &[boxed(b"mvhd", &header), tables].concat());
    let before = [of_type, film].concat();
    let rest = length - u32::try_from(before.len()).unwrap();
    [&before, &rest.to_be_bytes()[..], b"mdat"].concat()
}

fn picture() -> Vec<u8> {
    const SIDE: u16 = 640;
    let mut chance = Chance(8);
    let pixels: Vec<u8> = (0..usize::from(SIDE) * usize::from(SIDE))
        .map(|at| u8::try_from(at / 3 % 192 + chance.below(64)).unwrap())
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 87);
    encoder.encode(&pixels, SIDE.into(), SIDE.into(), ExtendedColorType::L8).unwrap();
    bytes
}

/// One entry, a directory of it, and the end of that (APPNOTE.TXT, section 4.3).
fn archive() -> Vec<u8> {
    let mut chance = Chance(9);
    let content: Vec<u8> = (0..1 << 20).flat_map(|_| chance.next().to_le_bytes()).collect();
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let name = b"content.bin";
    let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
    // Version 2.0, no flags, stored, 1 January 1980.
    let usual = [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    let crc32 = crc32fast::hash(&content).to_le_bytes();
    let described = [&usual[..], &crc32, &size, &size, &name_length, &[0, 0]].concat();
    let local = [b"PK\x03\x04", &*described, name].concat();
    let entry = [b"PK\x01\x02", &[20, 0][..], &described, &[0; 12], &[0; 2], name].concat();
    let directory = u32::try_from(entry.len()).unwrap().to_le_bytes();
    let at = u32::try_from(local.len() + content.len()).unwrap().to_le_bytes();
    let end = [b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..], &directory, &at, &[0, 0]].concat();
    [local, content, entry, end].concat()
}
