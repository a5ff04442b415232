//! Objects where they stand in a file, and the bytes of streams.

use miniz_oxide::inflate::TINFLStatus;

use super::syntax::{Dictionary, Object, Reader, Value};
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;

/// How much is read of an object at first, and then, if it does not end there.
const WINDOWS: [u64; 3] = [4 << 10, 32 << 10, 128 << 10];

/// The largest stream that is read.
const MOST_PACKED: u64 = 512 << 10;

/// What `read` makes of the bytes there, with as many of them as it takes.
pub(super) fn read_at<'a, T>(
    file: &'a Excerpts,
    at: u64,
    read: impl Fn(&mut Reader<'a>) -> Option<T>,
) -> Result<T, Pause> {
    for window in WINDOWS {
        let text = file.up_to(at, window)?;
        if let Some(found) = read(&mut Reader::of(text)) {
            return Ok(found);
        }
        if (text.len() as u64) < window {
            break;
        }
    }
    Err(Refusal::Malformed.into())
}

/// The object that begins there with its number.
pub(super) fn indirect(file: &Excerpts, at: u64, number: u32) -> Result<Object<'_>, Pause> {
    read_at(file, at, |reader| {
        let stated = head(reader)?;
        (stated == u64::from(number)).then(|| reader.object()).flatten()
    })
}

/// A stream, before its bytes were read.
pub(super) struct Stream<'a> {
    pub(super) dictionary: Dictionary<'a>,
    /// Where its bytes begin.
    at: u64,
}

impl<'a> Stream<'a> {
    /// The stream that begins there with any number.
    pub(super) fn read(file: &'a Excerpts, at: u64) -> Result<Self, Pause> {
        let (dictionary, before) = read_at(file, at, |reader| {
            head(reader)?;
            let dictionary = reader.dictionary()?;
            reader.word(b"stream")?;
            reader.line_end()?;
            Some((dictionary, reader.at()))
        })?;
        Ok(Self { dictionary, at: past(at, before as u64)? })
    }

    /// Its bytes, unpacked: no more than are left, and so many fewer are left then.
    pub(super) fn bytes(
        &self,
        file: &Excerpts,
        length: u64,
        left: &mut usize,
    ) -> Result<Vec<u8>, Pause> {
        if length > MOST_PACKED {
            return Err(Refusal::Scattered.into());
        }
        let bytes = unpacked(&self.dictionary, file.bytes(self.at, length)?, *left)?;
        *left = left.saturating_sub(bytes.len());
        Ok(bytes)
    }
}

/// `number generation obj`: the number.
fn head(reader: &mut Reader<'_>) -> Option<u64> {
    let number = reader.number()?;
    reader.number()?;
    reader.word(b"obj")?;
    Some(number)
}

fn unpacked(dictionary: &Dictionary<'_>, packed: &[u8], most: usize) -> Result<Vec<u8>, Refusal> {
    let filter = match dictionary.get("Filter").map(|object| &object.value) {
        None => return Ok(packed.to_vec()),
        Some(Value::Array(filters)) => match filters.as_slice() {
            [one] => &one.value,
            _ => return Err(Refusal::UnsupportedForm),
        },
        Some(one) => one,
    };
    if !matches!(filter, Value::Name(b"FlateDecode")) {
        return Err(Refusal::UnsupportedForm);
    }
    let bytes =
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, most).map_err(|error| {
            let is_large = error.status == TINFLStatus::HasMoreOutput;
            if is_large { Refusal::Scattered } else { Refusal::Malformed }
        })?;
    let parameters = match dictionary.get("DecodeParms").map(|object| &object.value) {
        Some(Value::Array(items)) => items.first().map(|item| &item.value),
        other => other,
    };
    match parameters {
        Some(Value::Dictionary(parameters)) => unpredicted(parameters, bytes),
        _ => Ok(bytes),
    }
}

/// Undoes the predictors of PNG, of bytes (section 7.4.4.4).
fn unpredicted(parameters: &Dictionary<'_>, bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    match parameters.integer("Predictor").unwrap_or(1) {
        1 => return Ok(bytes),
        10..=15 => {}
        _ => return Err(Refusal::UnsupportedForm),
    }
    let (bits, colours) = (parameters.integer("BitsPerComponent"), parameters.integer("Colors"));
    if bits.unwrap_or(8) != 8 || colours.unwrap_or(1) != 1 {
        return Err(Refusal::UnsupportedForm);
    }
    let columns = parameters.integer("Columns").unwrap_or(1);
    let columns = usize::try_from(columns).ok().filter(|columns| (1..=64).contains(columns));
    let columns = columns.ok_or(Refusal::UnsupportedForm)?;
    let mut all = Vec::with_capacity(bytes.len());
    let mut above = vec![0_u8; columns];
    for row in bytes.chunks_exact(columns.saturating_add(1)) {
        let Some((filter, row)) = row.split_first() else {
            break;
        };
        let (mut left, mut corner) = (0_u8, 0_u8);
        for (place, byte) in above.iter_mut().zip(row) {
            let up = *place;
            let predicted = match filter {
                0 => 0,
                1 => left,
                2 => up,
                3 => left.midpoint(up),
                4 => paeth(left, up, corner),
                _ => return Err(Refusal::Malformed),
            };
            *place = byte.wrapping_add(predicted);
            (left, corner) = (*place, up);
        }
        all.extend_from_slice(&above);
    }
    Ok(all)
}

/// Section 9.4 of PNG.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |of: u8| (estimate - i16::from(of)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}
