//! The commands. Results go to standard output, everything else to standard error.

mod application;
mod audit;
mod backup;
mod catalog;
mod check;
mod demo;
mod explain;
mod keygen;
mod manual;
mod output;
mod reseal;
mod run;
mod serve;
mod sign;
mod trace;

pub use run::run;
