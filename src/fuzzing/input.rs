//! How a target takes its bytes apart. Corpora are read by people too, so most inputs are lines.

/// The rest of an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    pub(super) fn new(bytes: &'i [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; zero when none is left, so that a short input is a valid one.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The bytes before the next line feed, which is passed over.
    pub(super) fn line(&mut self) -> &'i [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        line
    }

    /// The same as text; none where it is not UTF-8.
    pub(super) fn text_line(&mut self) -> Option<&'i str> {
        str::from_utf8(self.line()).ok()
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn rest(self) -> &'i [u8] {
        self.0
    }
}

/// The item a byte chooses.
pub(super) fn chosen<T: Copy>(items: &[T], by: u8) -> T {
    let index = usize::from(by).checked_rem(items.len()).and_then(|index| items.get(index));
    let Some(item) = index else { panic!("nothing to choose from") };
    *item
}
