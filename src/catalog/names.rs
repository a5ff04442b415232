//! Names that many entries share, kept once: origins and media types.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Names by number. One that was ever used stays: there are few.
#[derive(Debug, Default)]
pub(super) struct Names(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u64>,
}

impl Names {
    /// The number of a name, which it keeps.
    pub(super) fn number(&self, name: &str) -> u64 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.numbers.get(name) {
            return *number;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.numbers.get(name) {
            return *number;
        }
        let (name, number) = (Arc::<str>::from(name), known.names.len() as u64);
        known.names.push(Arc::clone(&name));
        known.numbers.insert(name, number);
        number
    }

    /// The name of a number that [`Self::number`] gave.
    pub(super) fn name(&self, number: u64) -> Option<Arc<str>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(number).ok()?;
        known.names.get(index).map(Arc::clone)
    }
}
