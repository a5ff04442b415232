//! The configuration: from files to what each component takes, or everything that is wrong.
//!
//! One walk over the parsed file, by readers that know their keys (`edge`, `origins`, `sites`,
//! `tokens`, `overrides`), each in the shape in which the contract lists them. A reader reports
//! and goes on, so an operator sees all errors at once, each with file, line, caret and what
//! would be right.
//!
//! Invariants: unknown keys are errors everywhere. A secret is named (`file`, `env`), never
//! written, and no message shows one. Every count and size is bounded, since a configuration is
//! data from outside. Nothing is half loaded: [`load`] gives everything or [`ConfigErrors`].
//! Relative paths begin at the folder of the file that names them.
//!
//! Not here: watching files, opening origins, binding addresses, and the components' own types.

mod cache;
mod control;
mod document;
mod edge;
mod error;
mod finding;
mod fraud;
mod lists;
mod load;
mod object_stores;
mod origins;
mod overrides;
mod pieces;
mod secret_source;
mod sharing;
mod sites;
mod source;
mod surroundings;
mod sync;
mod syntax;
mod tokens;
mod units;
mod usage;

pub use error::{Colour, ConfigErrors, Diagnostic, Severity, Watched};
pub use fraud::{FraudConfig, FraudFiles, FraudListError, load_fraud_lists};
pub use lists::{BlocklistErrors, UnreadableBlocklist, load_blocklist};
pub use load::{Loaded, load, load_again};
pub use overrides::KnownOverrides;
pub use surroundings::{PatternRejection, ReadRejection, Surroundings};
pub use units::{
    DurationRejection, DurationText, SizeRejection, SizeText, parse_duration, parse_size,
};

#[cfg(test)]
mod tests;
