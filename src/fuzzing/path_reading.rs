//! What a request target means, read a second time from the contract (part 3, step 3) and by other
//! means than `target` does: over bytes, segment by segment, with a decoder of its own. Slow and
//! plain; the two must never disagree.

/// What the contract says a target means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathReading {
    pub(super) wire: Vec<u8>,
    /// Decoded once; never empty, `/` is one empty segment.
    pub(super) segments: Vec<Vec<u8>>,
    pub(super) query: Option<Vec<u8>>,
    pub(super) token: Option<Vec<u8>>,
}

impl PathReading {
    /// The reading of a target; none where the contract refuses it.
    pub(super) fn of(text: &[u8], token_name: Option<&str>) -> Option<Self> {
        if !text.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut halves = text.splitn(2, |byte| *byte == b'?');
        let path = halves.next().unwrap_or_default();
        let query = halves.next().map(<[u8]>::to_vec);
        let mut raw: Vec<&[u8]> = path.strip_prefix(b"/")?.split(|byte| *byte == b'/').collect();
        let mut tokens = Vec::new();
        if let Some(name) = token_name {
            raw.retain(|segment| {
                let token = token_value(segment, name);
                tokens.extend(token);
                token.is_none()
            });
        }
        // A token that lost its signature to a segment behind it was cut by its own slashes.
        let is_signed = |text: &[u8]| text.windows(5).any(|at| at == b"hmac=");
        let cut =
            tokens.iter().any(|token| !is_signed(token)) && raw.iter().any(|it| is_signed(it));
        if tokens.len() > 1 || cut {
            return None;
        }
        if raw.is_empty() {
            raw.push(b"");
        }
        let mut wire = Vec::new();
        let mut segments = Vec::new();
        for (index, segment) in raw.iter().enumerate() {
            wire.push(b'/');
            wire.extend_from_slice(segment);
            let is_last = index + 1 == raw.len();
            if segment.is_empty() && !is_last {
                return None;
            }
            segments.push(name_of(segment)?);
        }
        let token = tokens.first().map(|token| token.to_vec());
        Some(Self { wire, segments, query, token })
    }

    /// The decoded path.
    pub(super) fn decoded(&self) -> Vec<u8> {
        let mut path = Vec::new();
        for segment in &self.segments {
            path.push(b'/');
            path.extend_from_slice(segment);
        }
        path
    }
}

/// A segment decoded once, if that and three further decodings leave it one plain name, and a
/// fourth changes nothing.
fn name_of(raw: &[u8]) -> Option<Vec<u8>> {
    let (name, Escapes::WellFormed) = decode(raw) else { return None };
    let mut rounds = vec![name.clone()];
    for _ in 0..3 {
        let next = decode(rounds.last()?).0;
        rounds.push(next);
    }
    let last = rounds.last()?;
    (rounds.iter().all(|round| is_plain(round)) && decode(last).0 == *last).then_some(name)
}

fn is_plain(segment: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(segment) else { return false };
    let before_parameters = text.split(';').next().unwrap_or(text);
    !matches!(before_parameters, "." | "..")
        && !text.chars().any(|c| c.is_control() || c == '/' || c == '\\')
}

/// What stands behind the name and an equals sign, in whatever spelling these two are written.
fn token_value<'s>(segment: &'s [u8], name: &str) -> Option<&'s [u8]> {
    let wanted = format!("{name}=").into_bytes();
    (0..=segment.len().min(3 * wanted.len())).find_map(|end| {
        let (head, value) = segment.split_at(end);
        (decode(head).0 == wanted).then_some(value)
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    Malformed,
    WellFormed,
}

/// One decoding as lenient decoders do it: a malformed escape stays as it is.
pub(super) fn decode(text: &[u8]) -> (Vec<u8>, Escapes) {
    let mut decoded = Vec::new();
    let mut escapes = Escapes::WellFormed;
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let pair = after.first_chunk::<2>().and_then(|digits| str::from_utf8(digits).ok());
        let pair = pair.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match pair.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            Some(_) | None => {
                if *first == b'%' {
                    escapes = Escapes::Malformed;
                }
                decoded.push(*first);
                rest = after;
            }
        }
    }
    (decoded, escapes)
}
