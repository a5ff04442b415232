//! `countersign demo`: the tour, on real files, over a real socket.

mod administrator;
mod copies;
mod folder;
mod shelf;
mod tour;
mod visit;
mod walk;

pub(super) use walk::{Demo, demo};
