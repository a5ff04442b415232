//! What a command prints and how it ends.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Success,
    /// 1: the answer is no, or something failed.
    Failure,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: something was found that proves nothing.
    Doubtful,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Usage => Self::from(2),
            Exit::Doubtful => Self::from(3),
        }
    }
}

/// Prints a result. A reader that went away (`| head`) is no error of ours.
pub(super) fn result(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a message for the person at the terminal.
pub(super) fn message(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints why the command line makes no sense.
pub(super) fn usage(text: impl Display) -> Exit {
    message(format_args!("error: {text}"));
    Exit::Usage
}

/// Prints why the command failed.
pub(super) fn failure(text: impl Display) -> Exit {
    message(format_args!("error: {text}"));
    Exit::Failure
}
