//! The syntax of PDF's objects, as far as trailers and catalogues need it (section 7.3).

/// Dictionaries and arrays in each other.
const MOST_DEPTH: usize = 32;

const MOST_GENERATION: u64 = 65_535;

/// One object, and its text.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    pub(super) value: Value<'a>,
    pub(super) text: &'a [u8],
}

#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Array(Vec<Object<'a>>),
    Dictionary(Dictionary<'a>),
    Integer(i64),
    Name(&'a [u8]),
    /// The number of an object that is elsewhere.
    Reference(u32),
    /// Strings, other numbers, keywords.
    Other,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Dictionary<'a>(Vec<(&'a [u8], Object<'a>)>);

impl Value<'_> {
    /// A whole number that is not negative.
    pub(super) fn integer(&self) -> Option<u64> {
        let Self::Integer(number) = self else {
            return None;
        };
        u64::try_from(*number).ok()
    }
}

impl<'a> Dictionary<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&Object<'a>> {
        self.0.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, object)| object)
    }

    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.get(name)?.value.integer()
    }

    pub(super) fn is_name(&self, name: &str, value: &str) -> bool {
        let found = self.get(name).map(|object| &object.value);
        matches!(found, Some(Value::Name(name)) if *name == value.as_bytes())
    }

    /// An array of numbers that are not negative.
    pub(super) fn integers(&self, name: &str) -> Option<Vec<u64>> {
        let Value::Array(items) = &self.get(name)?.value else {
            return None;
        };
        items.iter().map(|item| item.value.integer()).collect()
    }
}

/// Reads from a text that may go on elsewhere: what is cut off is read as nothing.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Bytes that were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn pass(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.text.len());
    }

    /// Passes over white space and comments.
    pub(super) fn space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                let line = self.rest().iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                self.pass(line.unwrap_or(usize::MAX));
            } else if is_space(byte) {
                self.pass(1);
            } else {
                return;
            }
        }
    }

    /// Passes over that word, if it is next.
    pub(super) fn word(&mut self, word: &[u8]) -> Option<()> {
        self.space();
        self.rest().starts_with(word).then(|| self.pass(word.len()))
    }

    /// Passes over the end of a line, after which a stream's bytes begin.
    pub(super) fn line_end(&mut self) -> Option<()> {
        match self.rest() {
            [b'\r', b'\n', ..] => self.pass(2),
            [b'\n', ..] => self.pass(1),
            _ => return None,
        }
        Some(())
    }

    /// A number without sign, and something after it.
    pub(super) fn number(&mut self) -> Option<u64> {
        self.space();
        let mut ahead = self.clone();
        let number = ahead.number_or_end()?;
        ahead.peek()?;
        *self = ahead;
        Some(number)
    }

    /// The same, where the end of the text is the end of the number.
    pub(super) fn number_or_end(&mut self) -> Option<u64> {
        self.space();
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(self.rest().get(..digits)?).ok()?.parse().ok()?;
        self.pass(digits);
        Some(number)
    }

    pub(super) fn object(&mut self) -> Option<Object<'a>> {
        self.nested(MOST_DEPTH)
    }

    pub(super) fn dictionary(&mut self) -> Option<Dictionary<'a>> {
        let Value::Dictionary(dictionary) = self.object()?.value else {
            return None;
        };
        Some(dictionary)
    }

    fn nested(&mut self, depth: usize) -> Option<Object<'a>> {
        let depth = depth.checked_sub(1)?;
        self.space();
        let first = self.at;
        let value = match self.peek()? {
            b'/' => Value::Name(self.name()?),
            b'[' => self.array(depth)?,
            b'(' => self.string()?,
            b'<' if self.rest().starts_with(b"<<") => self.entries(depth)?,
            b'<' => {
                let end = self.rest().iter().position(|byte| *byte == b'>')?;
                self.pass(end.checked_add(1)?);
                Value::Other
            }
            b'+' | b'-' | b'.' | b'0'..=b'9' => self.numeric()?,
            b'a'..=b'z' => {
                self.regular()?;
                Value::Other
            }
            _ => return None,
        };
        Some(Object { value, text: self.text.get(first..self.at)? })
    }

    fn entries(&mut self, depth: usize) -> Option<Value<'a>> {
        self.pass(2);
        let mut entries = Vec::new();
        loop {
            self.space();
            if self.rest().starts_with(b">>") {
                self.pass(2);
                return Some(Value::Dictionary(Dictionary(entries)));
            }
            if self.peek()? != b'/' {
                return None;
            }
            let name = self.name()?;
            entries.push((name, self.nested(depth)?));
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value<'a>> {
        self.pass(1);
        let mut items = Vec::new();
        loop {
            self.space();
            if self.peek()? == b']' {
                self.pass(1);
                return Some(Value::Array(items));
            }
            items.push(self.nested(depth)?);
        }
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        self.pass(1);
        self.regular()
    }

    /// Characters up to the next white space or delimiter, which must be there.
    fn regular(&mut self) -> Option<&'a [u8]> {
        let length = self.rest().iter().position(|byte| is_space(*byte) || is_delimiter(*byte))?;
        let text = self.rest().get(..length)?;
        self.pass(length);
        Some(text)
    }

    fn string(&mut self) -> Option<Value<'a>> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'\\' => self.pass(1),
                b'(' => depth = depth.checked_add(1)?,
                b')' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.pass(1);
            if depth == 0 {
                return Some(Value::Other);
            }
        }
    }

    /// A number, or a reference, which begins with one.
    fn numeric(&mut self) -> Option<Value<'a>> {
        let text = std::str::from_utf8(self.regular()?).ok()?;
        let Ok(number) = text.parse::<i64>() else {
            return Some(Value::Other);
        };
        let mut ahead = self.clone();
        if let Ok(number) = u32::try_from(number)
            && let Some(generation) = ahead.number()
            && ahead.word(b"R").is_some()
            && ahead.peek().is_none_or(|byte| is_space(byte) || is_delimiter(byte))
            && generation <= MOST_GENERATION
        {
            *self = ahead;
            return Some(Value::Reference(number));
        }
        Some(Value::Integer(number))
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_is_read() {
        let text = b"<< /Size 22 % comment\n/Root 2 0 R/Info 1 0 R /ID [<81b1> (a\\)(b))] /X -1.5 \
                     /Y true /N/Name /W [1 2 3] /D << /E 5 0 >> >>";
        assert!(Reader::of(text).dictionary().is_none(), "0 is no name");
        let text = text.as_slice().strip_suffix(b" /D << /E 5 0 >> >>").unwrap();
        let text = [text, b">>"].concat();
        let read = Reader::of(&text).dictionary().unwrap();
        assert_eq!(read.integer("Size"), Some(22));
        assert!(matches!(read.get("Root").unwrap().value, Value::Reference(2)));
        assert_eq!(read.get("Info").unwrap().text, b"1 0 R");
        assert_eq!(read.get("ID").unwrap().text, b"[<81b1> (a\\)(b))]");
        assert!(read.is_name("N", "Name") && !read.is_name("N", "Other"));
        assert_eq!(read.integers("W"), Some(vec![1, 2, 3]));
        assert_eq!((read.integer("X"), read.integer("Y")), (None, None));
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let text = b"<< /Size 22 /Root 2 0 R /ID [<81b1> (a\\)(b))] /W [1 2 3] >>";
        for end in 0..text.len() {
            assert!(Reader::of(&text[..end]).dictionary().is_none(), "{end}");
        }
        assert!(Reader::of(text).dictionary().is_some());
        assert!(Reader::of(&[b'['; 1000]).object().is_none());
        assert!(Reader::of(b"7").number().is_none());
    }
}
