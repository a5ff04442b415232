//! How many HTTP/2 frames a client has sent.
//!
//! Only the lengths of frames are looked at (RFC 9113 section 4.1), wherever the bytes are cut:
//! whether a frame may be there, and what it says, is the library's to find. One that claims more
//! than it has is passed over as far as it claims; the library refuses it long before.

/// The client's first bytes, before any frame (RFC 9113 section 3.4).
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// A frame's head: three bytes of length, and what it is.
const HEAD: usize = 9;
const LENGTH: usize = 3;

/// The frames of one connection, so far.
#[derive(Debug)]
pub(super) struct FrameCount {
    frames: u64,
    /// Bytes to pass over before the next head.
    passing: usize,
    /// Of the next head, bytes that have come, and the length they say.
    head: usize,
    length: usize,
}

impl FrameCount {
    /// Of a connection that begins now.
    pub(super) const fn new() -> Self {
        Self { frames: 0, passing: PREFACE, head: 0, length: 0 }
    }

    /// Frames whose head has come.
    pub(super) const fn frames(&self) -> u64 {
        self.frames
    }

    /// Further bytes of the client's.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let passed = self.passing.min(rest.len());
            self.passing -= passed;
            rest = rest.get(passed..).unwrap_or_default();
            let Some((byte, after)) = rest.split_first() else { return };
            rest = after;
            if self.head < LENGTH {
                self.length = self.length << 8 | usize::from(*byte);
            }
            self.head += 1;
            if self.head == HEAD {
                self.frames = self.frames.saturating_add(1);
                self.passing = std::mem::take(&mut self.length);
                self.head = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::frames::{DATA, PING, PREFACE as PREFACE_BYTES, SETTINGS, frame};
    use super::*;

    fn count(pieces: &[&[u8]]) -> u64 {
        let mut count = FrameCount::new();
        for piece in pieces {
            count.read(piece);
        }
        count.frames()
    }

    /// What there is to count, read all at once.
    fn heads(bytes: &[u8]) -> u64 {
        let mut heads = 0;
        let mut rest = bytes.get(PREFACE..).unwrap_or_default();
        while let [l0, l1, l2, _, _, _, _, _, _, after @ ..] = rest {
            heads += 1;
            let length = usize::try_from(u32::from_be_bytes([0, *l0, *l1, *l2])).unwrap();
            rest = after.get(length..).unwrap_or_default();
        }
        heads
    }

    #[test]
    fn frames_cut_at_any_byte() {
        let bytes = [
            PREFACE_BYTES.to_vec(),
            frame(SETTINGS, 0, 0, b""),
            frame(PING, 0, 0, b"12345678"),
            frame(DATA, 0, 1, &[b'x'; 300]),
            frame(0xbe, 0xff, 0x7fff_ffff, &[0; 17]),
            frame(DATA, 0, 1, b""),
        ]
        .concat();
        assert_eq!(count(&[&bytes]), 5);
        for cut in 0..=bytes.len() {
            let (before, after) = bytes.split_at(cut);
            assert_eq!(count(&[before, after]), 5, "cut after {cut}");
            assert_eq!(count(&[before]), heads(before), "only {cut}");
        }
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(count(&single), 5);
    }

    #[test]
    fn a_head_counts_when_it_is_there_and_its_payload_does_not() {
        let ping = frame(PING, 0, 0, b"12345678");
        let hello = PREFACE_BYTES;
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[hello]), 0);
        assert_eq!(count(&[hello, &ping[..8]]), 0);
        assert_eq!(count(&[hello, &ping[..9]]), 1);
        assert_eq!(count(&[hello, &ping[..16]]), 1);
        assert_eq!(count(&[hello, &ping, &ping[..9]]), 2);
        let longest = [&[0xff; 3][..], &[0; 6]].concat();
        assert_eq!(count(&[hello, &longest, &vec![0; (1 << 24) - 2], &ping[..9]]), 1);
        assert_eq!(count(&[hello, &longest, &vec![0; (1 << 24) - 1], &ping[..9]]), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(
            lengths in prop::collection::vec(0_usize..600, 0..20),
            noise in prop::collection::vec(any::<u8>(), 0..40),
            cuts in prop::collection::vec(1_usize..700, 0..40),
        ) {
            let mut bytes = PREFACE_BYTES.to_vec();
            for length in lengths {
                bytes.extend(frame(DATA, 0, 1, &vec![0xa5; length]));
            }
            bytes.extend(noise);
            let mut pieces = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(count(&pieces), heads(&bytes));
        }
    }
}
