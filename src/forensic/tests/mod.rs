//! Tagged files as programs of others read them, and files that mean harm.

mod browser;
mod copies;
mod detection;
mod hostile;
mod programs;
mod refusals;
mod samples;
mod splices;
