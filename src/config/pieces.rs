//! A long file in pieces, so that no tree of the whole is ever held: a parsed table of two keys
//! takes fifty times the bytes of its text.
//!
//! A piece is one `[[vm]]` with what belongs to it. The elements of its long lists are left out of
//! the piece's text and parsed one at a time, when a reader asks for them
//! ([`Value::each`](super::document::Value::each)). Whatever is parsed is parsed by the one parser
//! of `toml`; here is only decided where its texts begin and end, by its own lexer, and only where
//! that is certain: any other spelling stays in the piece and is read as part of its tree.
//!
//! Invariants: a file is accepted in pieces if and only if it is accepted as a whole, and then
//! means the same. Every place is one in the file. A short file is not cut: as a whole its broken
//! lines are told apart better (`syntax`).

use std::ops::Range;
use std::rc::Rc;

use toml::de::DeTable;
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::{ParseError, Source};

use super::document::Document;
use super::finding::{Finding, Reading};
use super::source::SourceFile;
use super::syntax::{MAX_RECOVERED_BYTES, complain, with_table};

/// What a piece begins with.
const HEADER: &str = "[[vm]]";

/// Keys whose lists are long.
const LISTS: &[&str] = &["videos", "channels"];

/// Reads a file, if it is long in pieces: `read` is called with the root of each.
pub(super) fn with_pieces(
    reading: &Reading<'_>,
    file: &Rc<SourceFile>,
    most: usize,
    mut read: impl FnMut(Document<'_>, &DeTable<'_>),
) {
    if file.text().len() <= MAX_RECOVERED_BYTES {
        let document = Document { reading, file, place: Place::Whole };
        with_table(document, |table| read(document, table));
    } else {
        in_pieces(reading, file, most, read);
    }
}

fn in_pieces(
    reading: &Reading<'_>,
    file: &Rc<SourceFile>,
    most: usize,
    mut read: impl FnMut(Document<'_>, &DeTable<'_>),
) {
    let text = file.text();
    let starts = starts(text);
    if starts.len() > most {
        let count = starts.len();
        reading.report_file(
            file.path(),
            Finding::error(format!("`vm` has {count} entries; at most {most} are allowed")),
        );
        return;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let piece = Piece::new(text, start..end);
        let document = Document { reading, file, place: Place::Piece(&piece) };
        match DeTable::parse(&piece.text) {
            Ok(table) => read(document, table.get_ref()),
            Err(error) => complain(document, &error),
        }
    }
}

/// Where the pieces of a file begin; the first begins with the file.
///
/// Nothing but comments may stand before the first header, for what does might say something of
/// `vm` itself. A header at the beginning of a line begins a piece even inside a list that is not
/// closed: it has no meaning there.
fn starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut line = Line::Blank;
    for token in Source::new(text).lex() {
        let span = token.span();
        match token.kind() {
            TokenKind::Newline => line = Line::Blank,
            TokenKind::Whitespace | TokenKind::Comment | TokenKind::Eof => {}
            TokenKind::LeftSquareBracket
                if line == Line::Blank
                    && text.get(span.start()..).is_some_and(|rest| rest.starts_with(HEADER)) =>
            {
                line = Line::Begun;
                starts.push(if starts.is_empty() { 0 } else { span.start() });
            }
            TokenKind::Atom
            | TokenKind::BasicString
            | TokenKind::Comma
            | TokenKind::Dot
            | TokenKind::Equals
            | TokenKind::LeftCurlyBracket
            | TokenKind::LeftSquareBracket
            | TokenKind::LiteralString
            | TokenKind::MlBasicString
            | TokenKind::MlLiteralString
            | TokenKind::RightCurlyBracket
            | TokenKind::RightSquareBracket => {
                if starts.is_empty() {
                    break;
                }
                line = Line::Begun;
            }
        }
    }
    if starts.is_empty() {
        starts.push(0);
    }
    starts
}

/// Is anything on the line yet?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Begun,
    Blank,
}

/// Where the text that was parsed stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'d> {
    /// It is the file.
    Whole,
    /// A piece of a long file.
    Piece(&'d Piece),
    /// An element of a long list, which begins there.
    Element(usize),
}

impl Place<'_> {
    /// The place in the file of a place in the text.
    pub(super) fn in_file(self, span: Range<usize>) -> Range<usize> {
        match self {
            Self::Whole => span,
            Self::Piece(piece) => piece.in_file(span),
            Self::Element(start) => span.start + start..span.end + start,
        }
    }
}

/// A part of a file, without the elements of its long lists.
#[derive(Debug)]
pub(super) struct Piece {
    text: String,
    /// In order.
    lists: Vec<List>,
    /// Where the piece begins in the file.
    start: usize,
}

/// A list whose elements were left out.
#[derive(Debug)]
struct List {
    /// The closing bracket in the piece's text, where the opening one is just before it.
    close: usize,
    /// Bytes left out so far, this list's included.
    left_out: usize,
    /// Where they are in the file.
    elements: Vec<Range<usize>>,
}

impl Piece {
    fn new(file: &str, part: Range<usize>) -> Self {
        let mut piece = Self { text: String::new(), lists: Vec::new(), start: part.start };
        let whole = file.get(part.clone()).unwrap_or_default();
        let mut copied = 0;
        let mut depth = 0_usize;
        let mut statement = Statement::Start;
        for token in Source::new(whole).lex() {
            let span = token.span();
            // The inside of a list that was left out.
            if span.start() < copied {
                continue;
            }
            statement = statement.then(token, whole);
            match token.kind() {
                TokenKind::LeftSquareBracket if depth == 0 && statement == Statement::List => {
                    if let Some((elements, close)) = elements(whole, span.end()) {
                        piece.text.push_str(whole.get(copied..span.end()).unwrap_or_default());
                        copied = close;
                        let in_file = |it: Range<usize>| it.start + part.start..it.end + part.start;
                        piece.lists.push(List {
                            close: piece.text.len(),
                            left_out: close - piece.text.len(),
                            elements: elements.into_iter().map(in_file).collect(),
                        });
                    }
                    depth += 1;
                }
                TokenKind::LeftCurlyBracket | TokenKind::LeftSquareBracket => depth += 1,
                TokenKind::RightCurlyBracket | TokenKind::RightSquareBracket => {
                    depth = depth.saturating_sub(1);
                }
                TokenKind::Newline if depth == 0 => statement = Statement::Start,
                TokenKind::Atom
                | TokenKind::BasicString
                | TokenKind::Comma
                | TokenKind::Comment
                | TokenKind::Dot
                | TokenKind::Eof
                | TokenKind::Equals
                | TokenKind::LiteralString
                | TokenKind::MlBasicString
                | TokenKind::MlLiteralString
                | TokenKind::Newline
                | TokenKind::Whitespace => {}
            }
        }
        piece.text.push_str(whole.get(copied..).unwrap_or_default());
        piece
    }

    /// The place in the file of a place in the piece's text.
    fn in_file(&self, span: Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let before = self.lists.partition_point(|list| list.close <= at).checked_sub(1);
            let left_out = before.and_then(|last| self.lists.get(last)).map_or(0, |it| it.left_out);
            self.start + at + left_out
        };
        // The end is after the last byte, wherever that is.
        let end = span.end.checked_sub(1).filter(|last| *last >= span.start);
        place(span.start)..end.map_or_else(|| place(span.start), |last| place(last) + 1)
    }

    /// The elements that were left out of the list that is there in the file.
    pub(super) fn elements(&self, list: &Range<usize>) -> Option<&[Range<usize>]> {
        let close = list.end.checked_sub(1)?;
        let ends = |it: &List| self.start + it.close + it.left_out;
        let index = self.lists.binary_search_by_key(&close, ends).ok()?;
        self.lists.get(index).map(|it| &*it.elements)
    }
}

/// How much of `videos = [` has been read, from the beginning of a line outside of every bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statement {
    Start,
    Key,
    Equals,
    List,
    /// Something else.
    Other,
}

impl Statement {
    fn then(self, token: Token, text: &str) -> Self {
        let span = token.span();
        let word = || text.get(span.start()..span.end()).unwrap_or_default();
        match (self, token.kind()) {
            (_, TokenKind::Whitespace) => self,
            (Self::Start, TokenKind::Atom) if LISTS.contains(&word()) => Self::Key,
            (Self::Start, TokenKind::Newline) => Self::Start,
            (Self::Key, TokenKind::Equals) => Self::Equals,
            (Self::Equals, TokenKind::LeftSquareBracket) => Self::List,
            (Self::Start | Self::Key | Self::Equals | Self::List | Self::Other, _) => Self::Other,
        }
    }
}

/// The elements of a list whose inside begins at `from`, and where its closing bracket is. None if
/// it is anything but tables with commas between: what is wrong with it is the parser's to say.
fn elements(text: &str, from: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let source = Source::new(text.get(from..)?);
    let mut elements = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    let mut awaited = Awaited::Element;
    for token in source.lex() {
        let span = token.span();
        match token.kind() {
            TokenKind::RightSquareBracket if depth == 0 => {
                elements.shrink_to_fit();
                return Some((elements, from + span.start()));
            }
            TokenKind::LeftCurlyBracket if depth == 0 && awaited == Awaited::Element => {
                start = span.start();
                depth = 1;
            }
            TokenKind::LeftCurlyBracket | TokenKind::LeftSquareBracket if depth > 0 => depth += 1,
            TokenKind::RightCurlyBracket | TokenKind::RightSquareBracket if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    elements.push(from + start..from + span.end());
                    awaited = Awaited::Comma;
                }
            }
            TokenKind::Comma if depth == 0 && awaited == Awaited::Comma => {
                awaited = Awaited::Element;
            }
            // They are left out with the elements, so nobody else would look at them.
            TokenKind::Comment if depth == 0 => {
                let mut fault: Option<ParseError> = None;
                source.get(token)?.decode_comment(&mut fault);
                if fault.is_some() {
                    return None;
                }
            }
            TokenKind::Newline if depth == 0 => {
                let mut fault: Option<ParseError> = None;
                source.get(token)?.decode_newline(&mut fault);
                if fault.is_some() {
                    return None;
                }
            }
            TokenKind::Whitespace => {}
            TokenKind::Eof => return None,
            TokenKind::Atom
            | TokenKind::BasicString
            | TokenKind::Comma
            | TokenKind::Comment
            | TokenKind::Dot
            | TokenKind::Equals
            | TokenKind::LeftCurlyBracket
            | TokenKind::LeftSquareBracket
            | TokenKind::LiteralString
            | TokenKind::MlBasicString
            | TokenKind::MlLiteralString
            | TokenKind::Newline
            | TokenKind::RightCurlyBracket
            | TokenKind::RightSquareBracket => {
                if depth == 0 {
                    return None;
                }
            }
        }
    }
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Comma,
    Element,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::overrides::{MAX_OVERRIDES, add_tenants};
    use super::super::surroundings::Surroundings;
    use super::*;
    use crate::policy::OverrideTable;

    fn read(text: &str, how: impl Fn(&Reading<'_>, &Rc<SourceFile>) -> OverrideTable) -> Read {
        let reading = Reading::new(&Surroundings::Machine);
        let file = Rc::new(SourceFile::new(Path::new("o.toml"), text.to_owned()));
        let table = how(&reading, &file);
        reading.finish(Some(table)).map(|(table, ..)| table).map_err(|errors| errors.to_string())
    }

    type Read = Result<OverrideTable, String>;

    fn whole(text: &str) -> Read {
        read(text, |reading, file| {
            let (mut tenants, mut entries) = (HashMap::new(), 0);
            let document = Document { reading, file, place: Place::Whole };
            with_table(document, |table| {
                add_tenants(document, table, &mut tenants, &mut entries);
            });
            OverrideTable::new(tenants)
        })
    }

    fn cut(text: &str) -> Read {
        read(text, |reading, file| {
            let (mut tenants, mut entries) = (HashMap::new(), 0);
            in_pieces(reading, file, MAX_OVERRIDES, |document, table| {
                add_tenants(document, table, &mut tenants, &mut entries);
            });
            OverrideTable::new(tenants)
        })
    }

    fn compare(text: &str) {
        let (whole, cut) = (whole(text), cut(text));
        if DeTable::parse(text).is_ok() {
            assert_eq!(whole, cut, "{text}");
        } else {
            assert!(whole.is_err() && cut.is_err(), "{text}\n{whole:?}\n{cut:?}");
        }
    }

    #[test]
    fn a_file_is_cut_where_it_is_certain() {
        let text = "\u{feff}# of one\n[[vm]]\nid = 1\nvideos = [ # \u{e9}\n  { id = \"[[vm]]\" },\n \
                    { id = \"]\", asset_types = [\"x\", \"y\"] }\n]\n  [[vm]] # of two\n\
                    channels = [{}]\nvideos = []\n[[vm]]\nvideos = [{} {}]\n\"videos\" = [{}]";
        let starts = starts(text);
        assert_eq!(starts.len(), 3, "{starts:?}");
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let pieces: Vec<_> =
            starts.iter().zip(ends).map(|(start, end)| Piece::new(text, *start..end)).collect();
        let texts: Vec<_> = pieces.iter().map(|piece| &*piece.text).collect();
        assert_eq!(
            texts,
            [
                "\u{feff}# of one\n[[vm]]\nid = 1\nvideos = []\n  ",
                "[[vm]] # of two\nchannels = []\nvideos = []\n",
                "[[vm]]\nvideos = [{} {}]\n\"videos\" = [{}]",
            ]
        );
        let left_out: Vec<_> = pieces
            .iter()
            .flat_map(|piece| &piece.lists)
            .map(|list| {
                list.elements.iter().map(|it| text.get(it.clone()).unwrap()).collect::<Vec<_>>()
            })
            .collect();
        let videos = vec!["{ id = \"[[vm]]\" }", "{ id = \"]\", asset_types = [\"x\", \"y\"] }"];
        assert_eq!(left_out, [videos, vec!["{}"], vec![]]);
        // Every byte that is left is where it was.
        for piece in &pieces {
            for (at, byte) in piece.text.bytes().enumerate() {
                let place = piece.in_file(at..at + 1);
                assert_eq!((text.as_bytes()[place.start], place.len()), (byte, 1));
            }
        }
    }

    #[test]
    fn what_stands_before_the_first_header_keeps_the_file_whole() {
        for before in ["vm = []\n", "[vm]\n", "x = 1\n", "vm.id = 1\n", "]\n"] {
            assert_eq!(starts(&format!("{before}[[vm]]\n[[vm]]\n")), [0]);
            compare(&format!("{before}[[vm]]\nid = 1\n[[vm]]\nid = 2\n"));
        }
    }

    /// Lines that change what the lines around them mean, or break them.
    const ODD: &[&str] = &[
        "[[ vm ]]",
        "[vm]",
        "[vm.x]",
        "[[vm.videos]]",
        "[x]",
        "]",
        "{ [ },",
        "\"\"\"",
        "é",
        "id = 3",
        "scope = \"public\"",
        "asset_types = [\"SUBTITLE\", \"VIDEO_FORMAT\"]",
        "vm = []",
        "x = \"\"\"\n[[vm]]\n\"\"\"",
        "[[vm]] # \u{7f}",
        "videos",
        "videos =",
        "videos = {}",
        "videos = [",
        "videos = [,]",
        "videos = [{}] x",
        "videos = [{} {}]",
        "videos = [{},,{}]",
        "videos = [[{}]]",
        "videos = [1, \"a\"]",
        "videos = [{ id = ] }",
        "videos = [ # \u{1}\n]",
        "videos = [\r]",
        "videos.x = [{}]",
        "videos\n= [{}]",
        "\"videos\" = [{ id = \"q\", scope = \"public\" }]",
        "x = [\n[[vm]]\n]",
        "  { id = \"q\", scope = \"public\" },",
    ];

    #[test]
    fn an_odd_line_means_the_same_in_pieces() {
        for odd in ODD {
            for place in ["id = 1\n|\n[[vm]]\nid = 2\n", "|\nid = 1\nvideos = [\n]\n"] {
                compare(&format!("[[vm]]\n{}", place.replace('|', odd)));
            }
            compare(&format!("[[vm]]\nid = 1\nvideos = [\n{odd}\n{{ id = \"a\" }}\n]\n"));
        }
    }

    fn section() -> impl Strategy<Value = String> {
        let videos = "(videos = \\[\n(  \\{ id = \"[a-z]{4}\", scope = \"public\"\n? \\},( # [{}]*)?\n\
                      |\\{ asset_types=\\[\"SUBTITLE\"\\], id = '[\\]}{]{4}'\\},){0,4}\\] *(#x)?\n)?";
        let channels =
            "(channels=\\[\\{ id = [1-9], asset_types = \\[\"ATTACHMENT\"\\] \\} ,?\\]\n)?";
        let section =
            format!(" ?\\[\\[vm\\]\\]( # one)?\nid = [1-9][0-9]{{3}}\n{videos}{channels}\n?");
        prop::string::string_regex(&section).unwrap()
    }

    proptest! {
        #[test]
        fn a_file_means_the_same_in_pieces(
            sections in prop::collection::vec(section(), 0..5),
            odd in prop::option::of((any::<prop::sample::Index>(), prop::sample::select(ODD))),
        ) {
            let text = sections.concat();
            let mut lines: Vec<_> = text.split('\n').collect();
            if let Some((place, odd)) = odd {
                lines.insert(place.index(lines.len()), odd);
            }
            compare(&lines.join("\n"));
        }

        #[test]
        fn no_text_is_cut_wrongly(text in "([\\[\\]{}\"',=# \n]|vm|videos|\\[\\[vm\\]\\]|é){0,40}") {
            compare(&text);
        }
    }
}
