//! The area that pieces point into.

use bytes::Bytes;

/// The longest piece.
pub(super) const LONGEST: usize = 1024 * 1024;

/// Never read, so never in memory. One byte longer than any piece: of a length that no other
/// constant has, so that no compiler makes them one.
static ZONE: [u8; LONGEST + 1] = [0; LONGEST + 1];

/// A piece of that length, or of the longest there is.
pub(super) fn piece(length: usize) -> Bytes {
    Bytes::from_static(ZONE.get(..length.min(LONGEST)).unwrap_or_default())
}

/// Is it a piece, or the rest of one?
pub(super) fn is_piece(bytes: &[u8]) -> bool {
    let zone = ZONE.as_ptr_range();
    !bytes.is_empty() && (zone.start.addr()..zone.end.addr()).contains(&bytes.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_known_by_its_address_and_not_by_its_bytes() {
        let mut bytes = piece(LONGEST);
        assert_eq!(bytes.len(), LONGEST);
        assert!(is_piece(&bytes));
        let rest = bytes.split_off(LONGEST - 1);
        assert!(is_piece(&rest) && rest.len() == 1);
        assert!(!is_piece(&rest[1..]));
        assert!(!is_piece(&vec![0; LONGEST]));
        assert!(!is_piece(&Bytes::copy_from_slice(&bytes)));
    }
}
