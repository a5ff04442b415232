//! Entry point of the `countersign` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request takes some dozens of small allocations on one thread and gives them back on it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    countersign::cli::run()
}
