//! A thousand lives of an edge, each from a seed: connections that are cut, lines that come twice,
//! in another order or damaged, programs that are killed between any two writes, histories that are
//! restored. What is in force is always what was so at one version, never an older one than before,
//! and in the end the newest.
//!
//! `truth` is what a control plane knows and, by rules of its own, what an edge that knows it would do;
//! `lives` is what happens to both.

mod chance;
mod lives;
mod truth;
