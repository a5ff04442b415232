//! Countersign: an edge gateway for private files.

pub mod asset;
pub mod clock;
pub mod config;
pub mod data_plane;
pub mod delivery;
pub mod keyring;
pub mod network;
pub mod origin;
pub mod policy;
pub mod secret;
pub mod target;
pub mod telemetry;
pub mod token;
/// CLI.
pub mod cli {
    /// Run.
    pub fn run() -> std::process::ExitCode {
        std::process::ExitCode::SUCCESS
    }
}
