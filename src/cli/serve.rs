//! `countersign serve`, `edge` and `control`: the gateway, or one of its planes.

use std::fmt::Display;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::{self, Exit};
use crate::app::{self, ErrorChain, Finish, LogFormat, Planes, init_log};
use crate::clock::{Clock, UnixSeconds};

/// Serves links until SIGTERM or Ctrl-C.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign serve --config /etc/countersign/countersign.toml

Exit status: 0 drained, 1 not started or requests cut off at the end of drain_timeout, 2 usage.")]
pub(super) struct Serve {
    #[command(flatten)]
    running: Running,
}

/// Serves links and follows control planes elsewhere: the data plane alone.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign edge --config /etc/countersign/edge.toml

Exit status: 0 drained, 1 not started or requests cut off at the end of drain_timeout, 2 usage.")]
pub(super) struct Edge {
    #[command(flatten)]
    running: Running,
}

/// Keeps the records and tells edges what they say: the control plane alone.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign control --config /etc/countersign/control.toml

Exit status: 0 stopped, 1 not started, 2 usage.")]
pub(super) struct Control {
    #[command(flatten)]
    running: Running,
}

#[derive(Args, Debug)]
struct Running {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The shape of the program's own log lines; the access log is JSON always.
    #[arg(long, value_enum, default_value_t = LogShape::Json)]
    log: LogShape,
    /// Fixes "now", for tests and replays; loopback listeners only.
    #[arg(long, value_name = "EPOCH", hide = true)]
    clock: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogShape {
    Json,
    Text,
}

pub(super) fn serve(arguments: &Serve) -> Exit {
    run(Planes::Both, &arguments.running)
}

pub(super) fn edge(arguments: &Edge) -> Exit {
    run(Planes::Data, &arguments.running)
}

pub(super) fn control(arguments: &Control) -> Exit {
    run(Planes::Control, &arguments.running)
}

fn run(planes: Planes, arguments: &Running) -> Exit {
    let format = match arguments.log {
        LogShape::Json => LogFormat::Json,
        LogShape::Text => LogFormat::Text,
    };
    if let Err(error) = init_log(format) {
        return output::failure(ErrorChain(&error));
    }
    let clock = arguments.clock.map_or(Clock::System, |now| Clock::Fixed(UnixSeconds::new(now)));
    let options = app::ServeOptions {
        config: arguments.config.clone(),
        clock,
        access_log: Box::new(std::io::stderr()),
    };
    match app::Service::start_as(planes, options) {
        Ok(service) => match service.run_until_signal() {
            Finish::Drained => Exit::Success,
            Finish::CutOff => failure("requests were cut off at the end of drain_timeout"),
        },
        Err(error) => failure(ErrorChain(&error)),
    }
}

/// From here on standard error is the log's: whoever reads it line by line reads this too.
fn failure(error: impl Display) -> Exit {
    tracing::error!(%error, "failed");
    Exit::Failure
}
