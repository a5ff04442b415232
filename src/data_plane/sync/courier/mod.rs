//! Requests to shares on their way to control planes.

mod bringing;
#[cfg(test)]
mod tests;

pub use bringing::ShareCourier;
