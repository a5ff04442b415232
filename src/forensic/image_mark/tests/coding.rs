//! JPEG files of other programs, read as their coefficients and written again.

use image::load_from_memory;

use super::super::jpeg::{coefficients, written};

/// Made by `cjpeg` of libjpeg-turbo 2.1 from 83 × 61 pixels: `-quality 80 -progressive -sample 2x2
/// -restart 2B`.
const PROGRESSIVE: &[u8] = include_bytes!("progressive.jpg");

/// The same picture: `-quality 70 -sample 2x1 -restart 1`.
const RESTARTS: &[u8] = include_bytes!("restarts.jpg");

/// Another program sees the same pixels in what we read and wrote as in what we had read: in every
/// bit.
#[test]
fn what_is_read_and_written_is_the_same_picture() {
    for file in [PROGRESSIVE, RESTARTS] {
        let coded = coefficients(file).unwrap();
        let again = written(&coded.frame, &coded.kept);
        let (before, after) = (load_from_memory(file).unwrap(), load_from_memory(&again).unwrap());
        assert_eq!((before.width(), before.height()), (83, 61));
        assert!(before == after);
        assert_ne!(file, again);
        let third = coefficients(&again).unwrap();
        assert_eq!(written(&third.frame, &third.kept), again);
    }
}

/// Every cut is refused or gives a picture of that size; none is read beyond its end.
#[test]
fn cut_coefficients_are_refused() {
    for file in [PROGRESSIVE, RESTARTS] {
        let refused = (0..file.len()).filter(|&end| coefficients(&file[..end]).is_err()).count();
        assert!(refused > file.len() / 3, "{refused}");
    }
}
