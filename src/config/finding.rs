//! One reading of a configuration: what it may touch and what it has found so far.
//!
//! Readers go on after an error, so that all of them are said at once. A file that does not parse
//! is still read as far as it goes; but then what is *absent* is not reported, since the parser
//! may have lost it, and neither is anything where the syntax is broken.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::{ConfigErrors, Diagnostic, Severity, Watched};
use super::source::SourceFile;
use super::surroundings::{ReadRejection, Surroundings};

/// Errors and warnings that are described, each; beyond them they are counted.
pub(super) const MAX_DESCRIBED: usize = 100;

/// Something to say, before it has a place.
#[derive(Debug)]
pub(super) struct Finding {
    severity: Severity,
    /// Is it about something that is not there?
    absence: Absence,
    message: String,
    label: Option<String>,
    help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absence {
    No,
    Yes,
}

impl Finding {
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            absence: Absence::No,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// An error that could be a consequence of one elsewhere.
    pub(super) fn absent(message: impl Into<String>) -> Self {
        Self { absence: Absence::Yes, ..Self::error(message) }
    }

    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Beside the caret.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What would be right.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

#[derive(Debug)]
struct Placed {
    finding: Finding,
    place: Place,
    order: usize,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Span(Rc<SourceFile>, Range<usize>),
}

/// One reading. Interior mutability, because every part of the tree reports into it.
#[derive(Debug)]
pub(super) struct Reading<'s> {
    pub(super) surroundings: &'s Surroundings,
    found: RefCell<Vec<Placed>>,
    described: RefCell<[usize; 2]>,
    omitted: RefCell<usize>,
    watched: RefCell<Watched>,
}

impl<'s> Reading<'s> {
    pub(super) fn new(surroundings: &'s Surroundings) -> Self {
        Self {
            surroundings,
            found: RefCell::default(),
            described: RefCell::default(),
            omitted: RefCell::default(),
            watched: RefCell::default(),
        }
    }

    /// About a place in a file.
    pub(super) fn report(&self, file: &Rc<SourceFile>, span: Range<usize>, finding: Finding) {
        self.add(finding, Place::Span(Rc::clone(file), span));
    }

    /// About a file as a whole.
    pub(super) fn report_file(&self, path: &Path, finding: Finding) {
        self.add(finding, Place::File(path.to_owned()));
    }

    fn add(&self, finding: Finding, place: Place) {
        let mut described = self.described.borrow_mut();
        let [errors, warnings] = &mut *described;
        let count = match finding.severity {
            Severity::Error => errors,
            Severity::Warning => warnings,
        };
        if *count >= MAX_DESCRIBED {
            *self.omitted.borrow_mut() += usize::from(finding.severity == Severity::Error);
            return;
        }
        *count += 1;
        let mut found = self.found.borrow_mut();
        let order = found.len();
        found.push(Placed { finding, place, order });
    }

    /// A whole file, which is watched from now on, readable or not.
    pub(super) fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, ReadRejection> {
        self.watch(path);
        self.surroundings.read(path, limit)
    }

    pub(super) fn watch(&self, path: &Path) {
        let mut watched = self.watched.borrow_mut();
        if watched.files.last().is_none_or(|last| last != path) {
            watched.files.push(path.to_owned());
        }
    }

    pub(super) fn watch_pattern(&self, pattern: PathBuf) {
        self.watched.borrow_mut().patterns.push(pattern);
    }

    /// A point in time, for [`Self::forget_consequences`].
    pub(super) fn mark(&self) -> usize {
        self.found.borrow().len()
    }

    /// Takes back what was found since `mark` and follows from the broken regions: see the module.
    pub(super) fn forget_consequences(
        &self,
        mark: usize,
        file: &Rc<SourceFile>,
        broken: &[Range<usize>],
    ) {
        let follows = |placed: &Placed| match &placed.place {
            Place::Span(of, span) => {
                Rc::ptr_eq(of, file)
                    && (placed.finding.absence == Absence::Yes
                        || broken.iter().any(|region| region.contains(&span.start)))
            }
            Place::File(path) => path == file.path() && placed.finding.absence == Absence::Yes,
        };
        self.found.borrow_mut().retain(|placed| placed.order < mark || !follows(placed));
    }

    /// The value if nothing is wrong, and what was found besides.
    pub(super) fn finish<T>(
        self,
        value: Option<T>,
    ) -> Result<(T, Vec<Diagnostic>, Watched), ConfigErrors> {
        let mut found = self.found.into_inner();
        found.sort_by(|a, b| a.place.key().cmp(&b.place.key()).then(a.order.cmp(&b.order)));
        let (warnings, errors): (Vec<_>, Vec<_>) = found
            .into_iter()
            .map(Placed::into_diagnostic)
            .partition(|it| it.severity == Severity::Warning);
        let omitted = self.omitted.into_inner();
        let mut watched = self.watched.into_inner();
        watched.files.sort();
        watched.files.dedup();
        match value {
            Some(value) if errors.is_empty() && omitted == 0 => Ok((value, warnings, watched)),
            Some(_) | None => Err(ConfigErrors { errors, warnings, omitted, watched }),
        }
    }
}

impl Place {
    /// Findings about whole files first, then by file and position.
    fn key(&self) -> (usize, &Path, usize) {
        match self {
            Self::File(path) => (0, path, 0),
            Self::Span(file, span) => (1, file.path(), span.start),
        }
    }
}

impl Placed {
    fn into_diagnostic(self) -> Diagnostic {
        let Finding { severity, absence: _, message, label, help } = self.finding;
        let (path, excerpt) = match self.place {
            Place::File(path) => (path, None),
            Place::Span(file, span) => (file.path().to_owned(), Some(file.excerpt(&span))),
        };
        Diagnostic { severity, message, label, help, path, excerpt }
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
