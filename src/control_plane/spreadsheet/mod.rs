//! Tables as spreadsheets take them, written once for the API and the console.
//!
//! | place | owns |
//! |---|---|
//! | `row` | how a row is spelt (RFC 4180), and that no cell of it is a formula |
//! | `connector_table` | the addresses of a connector, read in pieces as they are taken |
//!
//! Not here: which rows there are and who may read them (`service`).

mod connector_table;
mod row;

pub(super) use connector_table::ConnectorTable;
pub(super) use row::write_row;
