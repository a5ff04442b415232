//! Entry point of the `countersign` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::cli::run()
}
