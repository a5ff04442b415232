//! What is wrong with a configuration, shown as a compiler would: message, file, line, caret, and
//! what would be right.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::source::{Cut, Excerpt};

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) omitted: usize,
    pub(super) watched: Watched,
}

impl ConfigErrors {
    /// The errors, in the order of the files and their lines; at least one.
    pub fn errors(&self) -> &[Diagnostic] {
        &self.errors
    }

    /// What else was noticed.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// How many errors there are, shown or not.
    pub fn total(&self) -> usize {
        self.errors.len() + self.omitted
    }

    /// What to watch until it is right: the file at fault may be another than the configuration.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// All errors as text, ending with a line that counts them.
    pub fn render(&self, colour: Colour) -> String {
        let mut text = String::new();
        for error in &self.errors {
            text.push_str(&error.render(colour));
            text.push_str("\n\n");
        }
        let total = self.total();
        text.push_str(&total.to_string());
        text.push_str(if total == 1 { " error" } else { " errors" });
        if self.omitted > 0 {
            text.push_str(", of which these are the first ");
            text.push_str(&self.errors.len().to_string());
        }
        text
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colour::Plain))
    }
}

/// Is text for a terminal?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// With ANSI escape sequences.
    Ansi,
    /// Without.
    Plain,
}

/// Does it stop the configuration from being used?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// One thing to say about a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) label: Option<String>,
    pub(super) help: Option<String>,
    pub(super) path: PathBuf,
    pub(super) excerpt: Option<Excerpt>,
}

impl Diagnostic {
    /// Error or warning.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file at fault.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where in the file, counted from 1; none when it is about the file as a whole.
    pub fn line(&self) -> Option<usize> {
        self.excerpt.as_ref().map(|excerpt| excerpt.line)
    }

    /// With its place, its source line and what would be right.
    pub fn render(&self, colour: Colour) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let path = self.path.to_string_lossy();
        let title = level.primary_title(&*self.message);
        let mut group = match &self.excerpt {
            None => title.element(Origin::path(&*path)),
            Some(excerpt) => {
                let mark = AnnotationKind::Primary.span(excerpt.mark.clone());
                let snippet = Snippet::source(&*excerpt.text)
                    .line_start(excerpt.line)
                    .annotation(mark.label(self.label.as_deref()));
                match excerpt.cut {
                    Cut::No => title.element(snippet.path(&*path)),
                    Cut::Before => title
                        .element(
                            Origin::path(&*path).line(excerpt.line).char_column(excerpt.column),
                        )
                        .element(snippet),
                }
            }
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(&**help));
        }
        let renderer = match colour {
            Colour::Ansi => Renderer::styled(),
            Colour::Plain => Renderer::plain(),
        };
        renderer.term_width(240).render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colour::Plain))
    }
}

/// What a change of which calls for a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Files that were read, or should have been.
    pub files: Vec<PathBuf>,
    /// Patterns under which files may appear; they begin with the folder they are relative to.
    pub patterns: Vec<PathBuf>,
}
