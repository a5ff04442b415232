//! Netset files: the text a blocklist is built from.
//!
//! An address or a CIDR network a line. `#` and `;` begin a comment, alone or after an entry;
//! blank lines, CRLF and a leading byte order mark are tolerated, as published lists have all of
//! them. Addresses follow the rules of [`parse_network`], so a mapped network folds or is refused.
//!
//! Invariants: one bad line refuses the whole build, for a list that is half in force looks like
//! one that is; the caller keeps its last good [`Blocklist`]. Every bad line of every file is
//! counted and the first twenty are described. A list is data from outside: its size, its lines
//! and its entries are bounded. Bytes arrive in chunks of any size, so no file is held whole.
//!
//! Not here: reading and watching the files.

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use super::reputation::{Blocklist, Range};
use crate::network::{NetworkRejection, parse_network};

/// Entries over all files. Ten times the million we promise speed and memory for; a feed that
/// grew beyond it is broken, and at 32 bytes an entry it would take the machine with it.
pub const MAX_ENTRIES: usize = 10_000_000;

/// Bytes of one file: room for [`MAX_ENTRIES`] IPv4 networks (at most 19 characters each).
pub const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of one line, its comment included. An entry has at most 49; the rest is prose.
pub const MAX_LINE_BYTES: usize = 1024;

/// Bytes of the shortest IPv4 address with its line feed.
const SHORTEST_LINE: u64 = 8;

/// Described errors; beyond these they are only counted, since a wrong file has millions.
const MAX_DESCRIBED: usize = 20;

/// Collects netset files into a [`Blocklist`].
#[derive(Debug, Default)]
pub struct BlocklistBuilder {
    v4: Vec<Range<u32>>,
    v6: Vec<Range<u128>>,
    errors: NetsetErrors,
}

impl BlocklistBuilder {
    /// Nothing collected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many bytes of files. A list that grows is held twice while it is moved,
    /// and room that is not used takes no memory.
    pub fn reserve(&mut self, bytes: u64) {
        let most = usize::try_from(bytes.div_ceil(SHORTEST_LINE)).unwrap_or(usize::MAX);
        self.v4.reserve(most.min(MAX_ENTRIES.saturating_sub(self.v4.len())));
    }

    /// Begins a file, whose bytes follow in chunks. The name is for the operator who reads an
    /// error.
    pub fn file(&mut self, name: &str) -> NetsetFile<'_> {
        NetsetFile {
            builder: self,
            name: Arc::from(name),
            line: 1,
            bytes: 0,
            partial: Vec::new(),
            state: FileState::Reading,
        }
    }

    /// A whole file at once.
    pub fn add_text(&mut self, name: &str, text: &[u8]) {
        let mut file = self.file(name);
        file.push(text);
        file.finish();
    }

    /// The list, or everything that was wrong.
    pub fn build(self) -> Result<Blocklist, NetsetErrors> {
        let Self { v4, v6, errors } = self;
        if errors.total > 0 { Err(errors) } else { Ok(Blocklist::compile(v4, v6)) }
    }

    /// A list of networks that were read by [`parse_network`] and are somebody else's to bound.
    pub fn list_of(networks: impl IntoIterator<Item = IpNet>) -> Blocklist {
        let mut builder = Self::new();
        networks.into_iter().for_each(|network| builder.push(network));
        Blocklist::compile(builder.v4, builder.v6)
    }

    fn push(&mut self, network: IpNet) {
        match network {
            IpNet::V4(net) => self
                .v4
                .push(Range { first: net.network().to_bits(), last: net.broadcast().to_bits() }),
            IpNet::V6(net) => self
                .v6
                .push(Range { first: net.network().to_bits(), last: net.broadcast().to_bits() }),
        }
    }

    fn add_entry(&mut self, entry: &[u8]) -> Result<(), NetsetRejection> {
        if self.v4.len() + self.v6.len() >= MAX_ENTRIES {
            return Err(NetsetRejection::TooManyEntries);
        }
        let text = str::from_utf8(entry).map_err(|_| NetworkRejection::Malformed)?;
        self.push(parse_network(text)?);
        Ok(())
    }
}

/// One file on its way into a [`BlocklistBuilder`].
#[derive(Debug)]
#[must_use = "the last line counts only after `finish`"]
pub struct NetsetFile<'b> {
    builder: &'b mut BlocklistBuilder,
    name: Arc<str>,
    line: u64,
    bytes: u64,
    /// The beginning of a line whose end has not arrived; at most [`MAX_LINE_BYTES`].
    partial: Vec<u8>,
    state: FileState,
}

/// What to make of the bytes that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileState {
    Reading,
    /// The line is refused already; the next line feed ends it.
    SkippingLine,
    /// A limit of the whole is passed: whatever follows could only repeat that error.
    Abandoned,
}

impl NetsetFile<'_> {
    /// The next bytes of the file; a line may be cut anywhere.
    pub fn push(&mut self, chunk: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if self.state != FileState::Abandoned && self.bytes > MAX_FILE_BYTES {
            self.refuse(NetsetRejection::FileTooLarge);
            self.state = FileState::Abandoned;
        }
        let mut rest = chunk;
        while self.state != FileState::Abandoned
            && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
        {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            self.end_line(line);
            self.line += 1;
        }
        self.keep(rest);
    }

    /// The file has ended; its last line needs no line feed.
    pub fn finish(mut self) {
        self.end_line(&[]);
    }

    /// The rest of a line has arrived.
    fn end_line(&mut self, rest: &[u8]) {
        if self.partial.is_empty() && rest.len() <= MAX_LINE_BYTES {
            // The usual case: a line within one chunk, taken without a copy.
            if self.state == FileState::Reading {
                self.read_line(rest);
            }
        } else {
            self.keep(rest);
            let line = std::mem::take(&mut self.partial);
            if self.state == FileState::Reading {
                self.read_line(&line);
            }
            // The buffer goes back, for a caller whose chunks are shorter than a line.
            self.partial = line;
            self.partial.clear();
        }
        if self.state == FileState::SkippingLine {
            self.state = FileState::Reading;
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.state != FileState::Reading {
            return;
        }
        if self.partial.len() + bytes.len() > MAX_LINE_BYTES {
            self.partial.clear();
            self.refuse(NetsetRejection::LineTooLong);
            self.state = FileState::SkippingLine;
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn read_line(&mut self, line: &[u8]) {
        let line = match line.strip_prefix(b"\xEF\xBB\xBF") {
            Some(text) if self.line == 1 => text,
            Some(_) | None => line,
        };
        let entry = line.split(|byte| matches!(byte, b'#' | b';')).next().unwrap_or_default();
        let entry = entry.trim_ascii();
        if entry.is_empty() {
            return;
        }
        if let Err(reason) = self.builder.add_entry(entry) {
            self.refuse(reason);
            if reason == NetsetRejection::TooManyEntries {
                self.state = FileState::Abandoned;
            }
        }
    }

    fn refuse(&mut self, reason: NetsetRejection) {
        let errors = &mut self.builder.errors;
        errors.total += 1;
        if errors.first.len() < MAX_DESCRIBED {
            errors.first.push(NetsetError {
                file: Arc::clone(&self.name),
                line: self.line,
                reason,
            });
        }
    }
}

/// Why a line refuses the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetsetRejection {
    /// The file is longer than [`MAX_FILE_BYTES`].
    #[error("the file is larger than 256 MiB")]
    FileTooLarge,
    /// The line is longer than [`MAX_LINE_BYTES`].
    #[error("the line is longer than 1024 bytes")]
    LineTooLong,
    /// The entry is no address and no network.
    #[error(transparent)]
    Network(#[from] NetworkRejection),
    /// All files together have more than [`MAX_ENTRIES`].
    #[error("more than 10000000 entries")]
    TooManyEntries,
}

/// One bad line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct NetsetError {
    /// As given to [`BlocklistBuilder::file`].
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u64,
    /// What is wrong with it. Part of the message, for the position alone says nothing.
    pub reason: NetsetRejection,
}

/// All bad lines of a build: how many, and the first twenty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetsetErrors {
    first: Vec<NetsetError>,
    total: u64,
}

impl NetsetErrors {
    /// The described ones, in the order of the files and their lines.
    pub fn first(&self) -> &[NetsetError] {
        &self.first
    }

    /// How many there are, described or not.
    pub fn total(&self) -> u64 {
        self.total
    }
}

impl std::error::Error for NetsetErrors {}

impl fmt::Display for NetsetErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bad lines in the blocklists", self.total)?;
        for error in &self.first {
            write!(f, "\n{error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::ClientIp;
    use proptest::prelude::*;

    fn build(text: &[u8]) -> Result<Blocklist, NetsetErrors> {
        let mut builder = BlocklistBuilder::new();
        builder.add_text("a.netset", text);
        builder.build()
    }

    fn ip(text: &str) -> ClientIp {
        ClientIp::new(text.parse().unwrap())
    }

    #[test]
    fn comments_blank_lines_and_line_ends_of_published_lists() {
        let list = build(
            b"\xEF\xBB\xBF192.0.2.1\r\n# a comment \xff in some code page\n\r\n   \n;also\n\
              \t198.51.100.0/24 # who knows\r\n203.0.113.0/24 ; SBL1\n2001:db8::/32#x\n::1",
        )
        .unwrap();
        assert_eq!(list.entries(), 5);
        for address in ["192.0.2.1", "198.51.100.9", "203.0.113.255", "2001:db8::7", "::1"] {
            assert!(list.contains(ip(address)), "{address}");
        }
    }

    #[test]
    fn nothing_in_a_file_is_an_empty_list() {
        for text in ["", "\n", "# only prose", "\u{feff}"] {
            assert_eq!(build(text.as_bytes()).unwrap().entries(), 0);
        }
    }

    #[test]
    fn every_bad_line_is_named_and_refuses_the_whole() {
        let mut builder = BlocklistBuilder::new();
        builder.add_text("a.netset", b"192.0.2.1\nnonsense\n\n010.0.0.1\n");
        builder
            .add_text("b.netset", b"::ffff:10.0.0.0/8\n1.2.3.4 5.6.7.8\n10.0.0.1-10.0.0.9\n\xff");
        let errors = builder.build().unwrap_err();
        insta::assert_snapshot!(errors, @r"
        6 bad lines in the blocklists
        a.netset:2: not an IP address or CIDR network
        a.netset:4: not an IP address or CIDR network
        b.netset:1: an IPv4-mapped network needs a prefix of at least /96
        b.netset:2: not an IP address or CIDR network
        b.netset:3: not an IP address or CIDR network
        b.netset:4: not an IP address or CIDR network
        ");
    }

    #[test]
    fn a_byte_order_mark_is_tolerated_at_the_beginning_only() {
        let errors = build("192.0.2.1\n\u{feff}192.0.2.2\n".as_bytes()).unwrap_err();
        assert_eq!(errors.first()[0].line, 2);
    }

    #[test]
    fn twenty_errors_are_described_and_all_are_counted() {
        let errors = build("x\n".repeat(1_000).as_bytes()).unwrap_err();
        assert_eq!(errors.total(), 1_000);
        assert_eq!(errors.first().len(), MAX_DESCRIBED);
        assert_eq!(errors.first().last().map(|error| error.line), Some(20));
    }

    #[test]
    fn a_line_at_the_limit_passes_and_one_beyond_is_one_error() {
        let comment = "#".repeat(MAX_LINE_BYTES - "192.0.2.1".len());
        assert_eq!(build(format!("192.0.2.1{comment}\n::1").as_bytes()).unwrap().entries(), 2);
        let long = format!("192.0.2.1{comment}#\nx\n::1");
        for chunk in [1, 7, 1_000, long.len()] {
            let mut builder = BlocklistBuilder::new();
            let mut file = builder.file("a.netset");
            long.as_bytes().chunks(chunk).for_each(|bytes| file.push(bytes));
            file.finish();
            let errors = builder.build().unwrap_err();
            let seen: Vec<_> = errors.first().iter().map(|e| (e.line, e.reason)).collect();
            let malformed = NetsetRejection::Network(NetworkRejection::Malformed);
            assert_eq!(seen, [(1, NetsetRejection::LineTooLong), (2, malformed)], "{chunk}");
        }
    }

    #[test]
    fn a_file_at_the_limit_passes_and_one_beyond_is_refused_once() {
        let mut builder = BlocklistBuilder::new();
        let mut file = builder.file("a.netset");
        file.bytes = MAX_FILE_BYTES - 2;
        file.push(b"\n\n");
        assert_eq!(file.builder.errors.total, 0);
        file.push(b"x");
        file.push(b"y\n");
        file.finish();
        let errors = builder.build().unwrap_err();
        assert_eq!((errors.total(), errors.first()[0].reason), (1, NetsetRejection::FileTooLarge));
    }

    #[test]
    fn entries_at_the_limit_pass_and_one_beyond_is_refused_once_a_file() {
        let mut builder = BlocklistBuilder::new();
        builder.v4 = vec![Range { first: 0, last: 0 }; MAX_ENTRIES - 1];
        builder.add_text("a.netset", b"192.0.2.1\n");
        assert_eq!(builder.errors.total, 0);
        builder.add_text("b.netset", b"192.0.2.2\nx\n192.0.2.3\n");
        let errors = builder.build().unwrap_err();
        let reason = errors.first()[0].reason;
        assert_eq!((errors.total(), reason), (1, NetsetRejection::TooManyEntries));
    }

    proptest! {
        #[test]
        fn where_a_file_is_cut_does_not_matter(
            lines in prop::collection::vec("(10\\.0\\.0\\.[0-9]|::[0-9]|[0-9]x|#.{0,9}|)\r?", 0..30),
            cut in 1_usize..40,
        ) {
            let text = lines.join("\n");
            let whole = build(text.as_bytes());
            let mut builder = BlocklistBuilder::new();
            let mut file = builder.file("a.netset");
            text.as_bytes().chunks(cut).for_each(|chunk| file.push(chunk));
            file.finish();
            match (whole, builder.build()) {
                (Ok(whole), Ok(cut)) => {
                    prop_assert_eq!(whole.entries(), cut.entries());
                    prop_assert_eq!(whole.len_v4(), cut.len_v4());
                    prop_assert_eq!(whole.len_v6(), cut.len_v6());
                }
                (Err(whole), Err(cut)) => prop_assert_eq!(whole, cut),
                (whole, cut) => prop_assert!(false, "{:?} / {:?}", whole, cut),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let refused = build(&text).is_err_and(|errors| errors.total() == 0);
            prop_assert!(!refused, "refused without an error");
        }
    }
}
