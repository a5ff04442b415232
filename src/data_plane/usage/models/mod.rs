//! The counters against a model of them, in any order of uses, ends and time.

mod downloads;
mod places;
mod redis;
