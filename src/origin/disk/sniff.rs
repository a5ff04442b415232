//! The media type of a file whose name tells none, by its first bytes.
//!
//! Names of the asset grammar (`…/source`) have no extension. Only types that a browser shows or
//! plays, or saves, are told; nothing is ever taken for HTML, SVG or script because it looks like
//! it.

use std::io::IoSliceMut;

use infer::MatcherType;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};

/// Bytes that are looked at; every signature that is told lies within.
const LOOKED_AT: usize = 512;

/// The type, if the first bytes tell one. An error where it would have to wait for the disk, or nobody
/// can tell whether it would.
pub(super) fn sniff_cached(file: &OwnedFd) -> Result<Option<&'static str>, Errno> {
    let mut first = [0; LOOKED_AT];
    let read = preadv2(file, &mut [IoSliceMut::new(&mut first)], 0, ReadWriteFlags::NOWAIT)?;
    Ok(first.get(..read).and_then(sniffed_media_type))
}

/// The type, if the first bytes tell one. May wait for the disk.
pub(super) fn sniff(file: &OwnedFd) -> Option<&'static str> {
    let mut first = [0; LOOKED_AT];
    let read = pread(file, &mut first, 0).ok()?;
    sniffed_media_type(first.get(..read)?)
}

/// The type that the first bytes tell, 512 of them or all that there are. Nothing is told to be HTML,
/// SVG or script.
pub fn sniffed_media_type(first: &[u8]) -> Option<&'static str> {
    if first.starts_with(b"WEBVTT") || first.starts_with(b"\xef\xbb\xbfWEBVTT") {
        return Some("text/vtt");
    }
    let found = infer::get(first)?;
    match found.matcher_type() {
        MatcherType::Image | MatcherType::Video | MatcherType::Audio => Some(found.mime_type()),
        MatcherType::Archive if found.mime_type() == "application/pdf" => Some("application/pdf"),
        MatcherType::App
        | MatcherType::Archive
        | MatcherType::Book
        | MatcherType::Custom
        | MatcherType::Doc
        | MatcherType::Font
        | MatcherType::Text => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_are_told_and_documents_that_act_are_not() {
        for (first, expected) in [
            (&b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"[..], Some("video/mp4")),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF", Some("image/jpeg")),
            (b"\x89PNG\x0d\x0a\x1a\x0a", Some("image/png")),
            (b"%PDF-1.4", Some("application/pdf")),
            (b"WEBVTT\n\n", Some("text/vtt")),
            (b"<!DOCTYPE html><script>alert(1)</script>", None),
            (b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
            (b"#!/bin/sh\n", None),
            (b"\x7fELF\x02\x01\x01", None),
            (b"", None),
        ] {
            assert_eq!(sniffed_media_type(first), expected, "{first:?}");
        }
    }
}
