//! Whole configurations, good and bad, as an operator would write them.

mod examples;
mod limits;
mod object_stores;
mod refusals;
mod resolution;
mod world;
