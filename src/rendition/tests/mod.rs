//! Images of every kind, and what becomes of them (requirements C23, G26).

mod colours;
mod hostile;
mod samples;
mod shapes;

use samples::{assert_near, file, fixture, gradient, png, shown};
