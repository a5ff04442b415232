//! What a media type says of the place for an image mark, before anybody reads the file.

/// Types whose files may carry one.
const MARKED: &[&str] = &["image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/webp"];

/// May files of this type carry an image mark? Whether one of them can, its bytes say.
pub fn may_be_marked(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    MARKED.iter().any(|it| it.eq_ignore_ascii_case(essence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_are_marked_are_known_in_every_spelling() {
        for marked in ["image/jpeg", "Image/PNG", " image/webp ; q=1", "image/pjpeg", "image/jpg"] {
            assert!(may_be_marked(marked), "{marked}");
        }
        for other in ["image/gif", "image/svg+xml", "image/apng", "video/mp4", "", "image/jpegs"] {
            assert!(!may_be_marked(other), "{other}");
        }
    }
}
