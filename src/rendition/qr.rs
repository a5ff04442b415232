//! QR codes (ISO/IEC 18004) as pictures.

use std::fmt::{self, Write};

use bytes::Bytes;
use qrcode::{Color, EcLevel, QrCode};

use super::encode::grey_png;

/// Modules around the code that stay light: the standard asks for as many.
const QUIET: usize = 4;

/// Pixels of a module's side in a PNG: large enough to be printed, and for the camera of a phone.
const MODULE: usize = 8;

/// A QR code of a text.
#[derive(Clone)]
pub struct QrPicture {
    /// Modules of a side, without the quiet zone.
    side: usize,
    /// Row by row: is it dark?
    modules: Vec<bool>,
}

/// There is no QR code of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for a QR code")]
pub struct NoQr;

impl fmt::Debug for QrPicture {
    /// Not the code: it may be of an address that nobody is to read in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QrPicture({0} × {0} modules)", self.side)
    }
}

impl QrPicture {
    /// The code of a text, of which 15 % may be unreadable (level M).
    pub fn of(text: &str) -> Result<Self, NoQr> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| NoQr)?;
        let side = code.width();
        let modules = code.into_colors().into_iter().map(|it| it == Color::Dark).collect();
        Ok(Self { side, modules })
    }

    /// An SVG image: one path, black on white; without a script, a style or a reference.
    pub fn svg(&self) -> String {
        let whole = self.side + 2 * QUIET;
        let mut path = String::new();
        for (y, row) in self.modules.chunks(self.side).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(PartialEq::eq) {
                if run.first() == Some(&true) {
                    let length = run.len();
                    // A string takes everything.
                    let _ = write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET);
                }
                x += run.len();
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" \
             width=\"{0}\" height=\"{0}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{whole}v{whole}H0z\"/><path d=\"{path}\"/></svg>\n",
            whole * MODULE
        )
    }

    /// A PNG image of it.
    pub fn png(&self) -> Result<Bytes, image::ImageError> {
        let whole = (self.side + 2 * QUIET) * MODULE;
        let dark = |x: usize, y: usize| {
            let module = |at: usize| (at / MODULE).checked_sub(QUIET).filter(|it| *it < self.side);
            let (x, y) = (module(x)?, module(y)?);
            self.modules.get(y * self.side + x).copied()
        };
        let pixels = (0..whole * whole)
            .map(|at| if dark(at % whole, at / whole) == Some(true) { 0 } else { 255 })
            .collect();
        // A code has 177 modules at most.
        let side = u32::try_from(whole).unwrap_or(u32::MAX);
        Ok(grey_png(side, pixels)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://files.example.com/s/AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn both_pictures_have_the_same_modules() {
        let qr = QrPicture::of(ADDRESS).unwrap();
        let png = image::load_from_memory(&qr.png().unwrap()).unwrap().to_luma8();
        let svg = qr.svg();
        assert_eq!(png.width() as usize, (qr.side + 2 * QUIET) * MODULE);
        // Each run of the path is dark in the PNG, and nothing else is.
        let path = svg.rsplit("d=\"").next().unwrap().split('"').next().unwrap();
        let mut dark = 0;
        for run in path.split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let length: u32 = rest.split_once('v').unwrap().0.parse().unwrap();
            let (x, y): (u32, u32) = (x.parse().unwrap(), y.parse().unwrap());
            for x in x..x + length {
                assert_eq!(png.get_pixel(x * 8, y * 8).0, [0]);
            }
            dark += length as usize;
        }
        assert_eq!(dark * MODULE * MODULE, png.pixels().filter(|it| it.0 == [0]).count());
        // The three corners, and the quiet zone around them.
        assert_eq!(png.get_pixel(4 * 8, 4 * 8).0, [0]);
        assert_eq!(png.get_pixel(4 * 8 - 1, 4 * 8).0, [255]);
    }

    #[test]
    fn nothing_in_it_runs_or_refers() {
        let svg = QrPicture::of("<script>alert(1)</script>").unwrap().svg();
        for word in ["script", "style", "href", "on", "&", "url"] {
            let found = svg.replace("version", "").contains(word);
            assert!(!found, "{word}: {svg}");
        }
        assert!(!format!("{:?}", QrPicture::of(ADDRESS)).contains("AAAA"));
    }

    #[test]
    fn a_text_that_is_too_long_has_none() {
        assert!(QrPicture::of(&"a".repeat(2_331)).is_ok());
        assert_eq!(QrPicture::of(&"a".repeat(2_332)).err(), Some(NoQr));
    }
}
