//! From arguments to a command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::output::Exit;
use super::{
    application, audit, backup, catalog, check, demo, explain, keygen, manual, reseal, serve, sign,
    trace,
};

/// An edge gateway for private files: checks the signature on every link, then serves or refuses.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    App(application::Application),
    Audit(audit::Audit),
    Backup(backup::Backup),
    Catalog(catalog::Catalog),
    Check(check::Check),
    Control(serve::Control),
    Demo(demo::Demo),
    Edge(serve::Edge),
    Explain(explain::Explain),
    Keygen(keygen::Keygen),
    Manual(manual::Manual),
    Reseal(reseal::Reseal),
    Restore(backup::Restore),
    Serve(serve::Serve),
    Sign(sign::Sign),
    Trace(trace::Trace),
}

/// Runs the command of the process's arguments.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results (0), everything else is usage (2); clap knows which.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    match &arguments.command {
        Command::App(arguments) => application::application(arguments),
        Command::Audit(arguments) => audit::audit(arguments),
        Command::Backup(arguments) => backup::backup(arguments),
        Command::Catalog(arguments) => catalog::catalog(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::Control(arguments) => serve::control(arguments),
        Command::Demo(arguments) => demo::demo(arguments),
        Command::Edge(arguments) => serve::edge(arguments),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Keygen(arguments) => keygen::keygen(arguments),
        Command::Manual(arguments) => manual::manual(arguments),
        Command::Trace(arguments) => trace::trace(arguments),
        Command::Reseal(arguments) => reseal::reseal(arguments),
        Command::Restore(arguments) => backup::restore(arguments),
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Sign(arguments) => sign::sign(arguments),
    }
    .into()
}
