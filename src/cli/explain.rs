//! `countersign explain`: why is this link opened or refused?

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use http::{HeaderName, HeaderValue, Method, Request};

use super::output::{self, Exit};
use crate::app::{self, ErrorChain, Explanation};
use crate::clock::{Clock, UnixSeconds};
use crate::network::PeerIp;
use crate::policy::{ClientScheme, SiteTable};

/// Tells the decision on one request step by step, without serving anything.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign explain --config countersign.toml '/vod/a.mp4?__token__=exp=…' --client 203.0.113.9

Exit status: 0 allow, 1 deny, 2 usage.")]
pub(super) struct Explain {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A path with its query, or a whole URL.
    target: String,
    /// The method.
    #[arg(long, default_value = "GET")]
    method: String,
    /// The host; without it the first site answers.
    #[arg(long)]
    host: Option<String>,
    /// A header field, `Name: value`; several are allowed.
    #[arg(short = 'H', value_name = "FIELD")]
    headers: Vec<String>,
    /// The address that the connection comes from.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    client: IpAddr,
    /// What counts as now.
    #[arg(long, value_name = "EPOCH")]
    now: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn explain(arguments: &Explain) -> Exit {
    match explained(arguments) {
        Ok(explanation) => {
            print(arguments, &explanation);
            if explanation.decision == "allow" { Exit::Success } else { Exit::Failure }
        }
        Err(exit) => exit,
    }
}

fn explained(arguments: &Explain) -> Result<Explanation, Exit> {
    let now = arguments.now.map_or_else(|| Clock::System.now(), UnixSeconds::new);
    // A configuration that is wrong makes the question senseless: usage, not a refusal.
    let policy = app::load_policy(&arguments.config, now).map_err(output::usage)?;
    let policy = policy.with_control_plane(now).map_err(|it| output::usage(ErrorChain(&it)))?;
    let (host, target) = split_target(arguments, &policy.sites)?;
    let method = Method::from_bytes(arguments.method.as_bytes())
        .map_err(|_| output::usage(format_args!("--method {}: no method", arguments.method)))?;
    let mut request = Request::builder().method(method).uri(&target).header("host", host);
    for field in &arguments.headers {
        let refused = || output::usage(format_args!("-H {field:?}: not `Name: value`"));
        let (name, value) = field.split_once(':').ok_or_else(refused)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| refused())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| refused())?;
        request = request.header(name, value);
    }
    let request = request.body(()).map_err(|error| {
        output::usage(format_args!("{target:?} cannot be sent as a request target: {error}"))
    })?;
    let (parts, ()) = request.into_parts();
    let scheme = match arguments.target.strip_prefix("http://") {
        Some(_) => ClientScheme::Http,
        None => ClientScheme::Https,
    };
    Ok(policy.explain(&parts, PeerIp::new(arguments.client), scheme, now))
}

/// Host and origin form of what was asked about.
fn split_target(arguments: &Explain, sites: &SiteTable) -> Result<(String, String), Exit> {
    let text = &arguments.target;
    let after_scheme = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let (named, target) = match after_scheme {
        Some(rest) => match rest.find('/') {
            Some(at) => {
                let (host, target) = rest.split_at(at);
                (Some(host), target)
            }
            None => (Some(rest), "/"),
        },
        None => (None, text.as_str()),
    };
    let host = match (&arguments.host, named) {
        (Some(host), _) => host.clone(),
        (None, Some(host)) => host.to_owned(),
        (None, None) => {
            let site = sites.sites().first();
            let site = site.ok_or_else(|| output::usage("the configuration has no site"))?;
            // A host that the first site's pattern covers.
            site.name.replace("*.", "any.").replace('*', "localhost")
        }
    };
    Ok((host, target.to_owned()))
}

fn print(arguments: &Explain, explanation: &Explanation) {
    if arguments.json {
        match serde_json::to_string_pretty(explanation) {
            Ok(json) => output::result(json),
            Err(error) => output::message(format_args!("error: {error}")),
        }
        return;
    }
    for step in &explanation.steps {
        output::result(format_args!("{:<10}{}", step.step, step.outcome));
    }
    output::result(format_args!(
        "{:<10}{} {} ({})",
        "=>", explanation.decision, explanation.status, explanation.code
    ));
    for miss in &explanation.near_misses {
        output::result(format_args!("{:<10}{miss}", "near miss"));
    }
}
