//! Events of the program itself, on standard error.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogSetupError {
    /// There is one already.
    #[error("the log is already set up")]
    Already(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends events to standard error: from level info, or as `RUST_LOG` says.
pub fn init_log(format: LogFormat) -> Result<(), LogSetupError> {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.with_ansi(false).with_target(false).try_init(),
    }
    .map_err(LogSetupError::Already)
}
