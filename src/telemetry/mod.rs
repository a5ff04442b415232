//! What operators see: log lines, metrics, and the listener that shows them. Knows no plane.

mod admin;
mod error_chain;
mod line_writer;
mod log;
mod process;

pub use admin::{AdminError, AdminListener, Readiness};
pub use error_chain::ErrorChain;
pub use line_writer::{LineSink, LineWriter};
pub use log::{LogFormat, LogSetupError, init_log};
pub use process::ProcessCollector;
