//! The decision, against an oracle written from the contract, over every combination of what it
//! depends on; and what must hold whatever the tables say.

mod anti_fraud;
mod catalog;
mod connectors;
mod decision_table;
mod handed;
mod oracle;
mod own_links;
mod properties;
mod scenery;
