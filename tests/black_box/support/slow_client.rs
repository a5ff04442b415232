//! Clients that take their time, by kind.

/// What a slow client does after it has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlowClient {
    /// Says nothing.
    Silent,
    /// Begins a head.
    HalfHead,
    /// Asks for a large file, `/open/large.bin`, and reads nothing of it.
    Deaf,
}

impl SlowClient {
    /// Of a crowd, half is silent, nine in twenty begin a head, and one in twenty is deaf.
    pub(crate) fn of_crowd(number: usize) -> Self {
        match number % 20 {
            0..10 => Self::Silent,
            10..19 => Self::HalfHead,
            _ => Self::Deaf,
        }
    }

    /// What it sends at once.
    pub(crate) fn begins_with(self) -> &'static [u8] {
        match self {
            Self::Silent => b"",
            Self::HalfHead => b"GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX: ",
            Self::Deaf => b"GET /open/large.bin HTTP/1.1\r\nHost: a\r\n\r\n",
        }
    }

    /// The status it gets to read before the edge closes.
    pub(crate) fn last_word(self) -> Option<u16> {
        match self {
            Self::Silent | Self::Deaf => None,
            Self::HalfHead => Some(408),
        }
    }
}
