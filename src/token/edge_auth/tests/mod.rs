//! Signing and verifying against each other, against published vectors, and against forgers.

mod fixture;
mod forgeries;
mod links;
