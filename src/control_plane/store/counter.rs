//! Numbers that are given once: to folders, pipelines and files.

use super::change::Change;
use super::error::StoreError;
use super::statement::Statement;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Files,
    Folders,
    Pipelines,
}

impl Change {
    /// The first of `count` numbers that nobody has had.
    pub(super) async fn numbers(
        &mut self,
        counted: Counted,
        count: usize,
    ) -> Result<u64, StoreError> {
        let name = match counted {
            Counted::Files => "file",
            Counted::Folders => "folder",
            Counted::Pipelines => "pipeline",
        };
        let count = count as u64;
        let statement = Statement::new(
            "INSERT INTO counter (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = counter.value + $2 RETURNING value",
        );
        let row = self.view().found(statement.bind(name).bind(count)).await?;
        Ok(row.number::<u64>("value")?.saturating_sub(count).saturating_add(1))
    }
}
