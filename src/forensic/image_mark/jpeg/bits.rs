//! Bits of coded data, read and written (T.81, F.1.2.3 and F.2.2.5).

use super::super::unmarkable::Unmarkable;

/// Reads bits up to the next marker.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
    /// Bits that were read and not taken, the next one at the top.
    held: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, held: 0, count: 0 }
    }

    /// The next 16 bits, zeros behind the end.
    pub(super) fn peek(&mut self) -> u16 {
        if self.count < 16 {
            self.fill();
        }
        (self.held >> 48) as u16
    }

    /// Takes bits that were looked at. At most 16.
    pub(super) fn skip(&mut self, bits: u32) -> Result<(), Unmarkable> {
        if bits > self.count {
            return Err(Unmarkable::Broken(None));
        }
        self.held <<= bits;
        self.count -= bits;
        Ok(())
    }

    /// The next bits, at most 16, as a number.
    pub(super) fn take(&mut self, bits: u32) -> Result<u16, Unmarkable> {
        if bits == 0 {
            return Ok(0);
        }
        let found = self.peek() >> (16 - bits.min(16));
        self.skip(bits.min(16))?;
        Ok(found)
    }

    /// The next bits as a number that may be negative (T.81, F.2.2.1).
    pub(super) fn signed(&mut self, bits: u32) -> Result<i32, Unmarkable> {
        if bits == 0 {
            return Ok(0);
        }
        let found = i32::from(self.take(bits)?);
        let is_positive = found >> (bits - 1) & 1 == 1;
        Ok(if is_positive { found } else { found - (1 << bits) + 1 })
    }

    /// Goes on behind a restart marker, which has to come next.
    pub(super) fn restart(&mut self) -> Result<(), Unmarkable> {
        let at = self.end();
        match self.data.get(at..at + 2) {
            Some([0xff, 0xd0..=0xd7]) => {
                *self = Self::new(self.data, at + 2);
                Ok(())
            }
            _ => Err(Unmarkable::Broken(None)),
        }
    }

    /// Where the next marker is, or the end of the file.
    pub(super) fn end(&self) -> usize {
        let mut at = self.at;
        loop {
            match self.data.get(at..) {
                Some([0xff, 0x00, ..]) => at += 2,
                Some([0xff, 0xff, ..]) => at += 1,
                Some([0xff, _, ..] | []) | None => return at.min(self.data.len()),
                Some([_, ..]) => at += 1,
            }
        }
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..) {
                Some([0xff, 0x00, ..]) => {
                    self.at += 2;
                    0xff
                }
                Some([0xff, ..] | []) | None => return,
                Some([byte, ..]) => {
                    self.at += 1;
                    *byte
                }
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }
}

/// Writes bits.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    out: Vec<u8>,
    held: u64,
    count: u32,
}

impl BitWriter {
    /// The lowest `bits` of `value`, at most 32.
    pub(super) fn put(&mut self, value: u32, bits: u32) {
        self.held = self.held << bits | u64::from(value);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count & 0xff) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
        self.held &= (1 << self.count) - 1;
    }

    /// What was written, filled up with ones.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let open = (8 - self.count % 8) % 8;
        self.put((1 << open) - 1, open);
        self.out
    }
}
