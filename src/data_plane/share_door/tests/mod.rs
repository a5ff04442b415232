//! The door with a desk of its own behind it, on pipes and with the clock stopped.

mod scenery;
mod turned_back;
mod visitors;
