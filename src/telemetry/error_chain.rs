//! An error with all its causes, on one line.

use std::error::Error;
use std::fmt;

/// Prints an error and its sources, joined by `: `. Our errors never print their own source.
#[derive(Debug)]
pub struct ErrorChain<'e>(pub &'e (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] fmt::Error);

    #[test]
    fn the_whole_chain_is_shown() {
        let inner = fmt::Error;
        assert_eq!(ErrorChain(&Outer(inner)).to_string(), format!("outer: {inner}"));
    }
}
