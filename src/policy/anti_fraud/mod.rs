//! Step 8 of the contract, as far as it can be decided from the request alone: addresses of
//! anonymising proxies and of known pirates.
//!
//! What is compared with what other requests did (link sharing) is counted by the data plane; the
//! rules for it are here, since they are part of the same swap.
//!
//! Not here: when list files are read (`config`), and whether a link asks for any of this (`token`).

mod address_database;
mod asn_list;
mod finding;
mod lists;
mod rules;

pub use address_database::{
    AddressDatabaseError, AnonymousIpDatabase, AnonymousKind, AnonymousKinds, AsnDatabase,
};
pub use asn_list::{Asn, AsnList, AsnListErrors, AsnRejection, MAX_ASN_FILE_BYTES};
pub use finding::{FraudFinding, FraudRule, ProxyHeader};
pub use lists::{BlocklistKind, FraudList, FraudLists, ListState, PushedFraudLists};
pub use rules::{AntiFraud, AntiFraudUse, FraudMode, ProxyHeaderRule, SharingRules, UserAgentRule};
