//! Making the folder, starting the gateway, and walking or printing the tour.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::administrator::{Administrator, AdministratorError};
use super::copies::DemoCopy;
use super::folder::{
    DRAFT_VIDEO, DemoFolder, KEY_ID, PRIVATE_VIDEO, PUBLIC_VIDEO, Registered, TENANT, samples,
};
use super::shelf::Shelf;
use super::tour::{Stop, tour};
use super::visit::{Seen, VisitError, visit};
use crate::app::{ErrorChain, Finish, ServeOptions, Service};
use crate::cli::output::{self, Exit};
use crate::clock::Clock;

/// A changed override table must be in force within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves sample files and shows what opens them and what does not.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  countersign demo\n  countersign demo --check --edge 127.0.0.1:0"
)]
pub(in crate::cli) struct Demo {
    /// Keep everything in this folder; its configuration is DIR/countersign.toml.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the edge listens [default: 127.0.0.1:8080, or any free port].
    #[arg(long, value_name = "ADDR")]
    edge: Option<SocketAddr>,
    /// Where the control plane listens [default: 127.0.0.1:8081, or any free port].
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// Run every line of the tour, compare status and SHA-256, and exit 0 or 1.
    #[arg(long)]
    check: bool,
    /// Write what a script needs to this file, once the demo serves.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(in crate::cli) fn demo(arguments: &Demo) -> Exit {
    match run(arguments) {
        Ok(exit) => exit,
        Err(error) => output::failure(ErrorChain(&error)),
    }
}

/// The demo could not be shown.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error(transparent)]
    Administrator(#[from] AdministratorError),
    #[error("the demo's folder cannot be made")]
    Folder(#[source] io::Error),
    #[error("the demo's JSON file cannot be written")]
    Json(#[source] io::Error),
    #[error("the demo's runtime cannot be started")]
    Runtime(#[source] io::Error),
    #[error("the demo's links cannot be signed: is keys/demo.hex a key?")]
    Sign,
    #[error("the gateway cannot be started")]
    Start(#[source] crate::app::StartError),
}

fn run(arguments: &Demo) -> Result<Exit, DemoError> {
    let (root, temporary) = match &arguments.dir {
        Some(dir) => (dir.clone(), false),
        None => (temporary_folder().map_err(DemoError::Folder)?, true),
    };
    let outcome = show(arguments, &root);
    if temporary {
        // Nothing of value is in it; a folder that cannot be removed is the system's to clean.
        let _ = std::fs::remove_dir_all(&root);
    }
    outcome
}

fn show(arguments: &Demo, root: &Path) -> Result<Exit, DemoError> {
    std::fs::create_dir_all(root).map_err(DemoError::Folder)?;
    let edge = settled(address(arguments.edge, 8080));
    let control = address(arguments.control, 8081);
    let folder = DemoFolder::make(root, edge, control).map_err(DemoError::Folder)?;
    let service = Service::start(ServeOptions {
        config: folder.config(),
        clock: Clock::System,
        access_log: Box::new(io::sink()),
    })
    .map_err(DemoError::Start)?;
    let edge = service.edge_addresses().first().copied().unwrap_or(edge);
    let control = service.control_address().unwrap_or(control);
    let administrator = Administrator::make(&folder, control)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(DemoError::Runtime)?;
    let shelf = runtime.block_on(Shelf::fill(&administrator))?;
    let places = Places { edge, control, admin: service.admin_address() };
    if let Some(path) = &arguments.json {
        let text = describe(&folder, places, &administrator, &shelf);
        std::fs::write(path, text).map_err(DemoError::Json)?;
    }
    let stops = tour(&folder, &shelf, Clock::System.now()).ok_or(DemoError::Sign)?;
    if arguments.check {
        let failed = runtime.block_on(walk(&administrator, edge, &stops))?;
        let untraced = shelf
            .copies
            .iter()
            .filter(|copy| !is_traced(copy, &folder, runtime.block_on(copy.fetch(edge))))
            .count();
        let (all, failed) = (stops.len() + shelf.copies.len(), failed + untraced);
        output::result(format_args!("{} passed, {failed} failed", all - failed));
        service.stop();
        return Ok(if failed == 0 { Exit::Success } else { Exit::Failure });
    }
    runtime.block_on(begin(&administrator, edge, &stops))?;
    print(&folder, places, &administrator, &stops, &shelf.copies);
    match service.run_until_signal() {
        Finish::Drained => Ok(Exit::Success),
        Finish::CutOff => Ok(Exit::Failure),
    }
}

/// Where everything listens.
#[derive(Clone, Copy)]
struct Places {
    edge: SocketAddr,
    control: SocketAddr,
    admin: Option<SocketAddr>,
}

/// Runs every stop; returns how many failed.
async fn walk(
    administrator: &Administrator,
    edge: SocketAddr,
    stops: &[Stop],
) -> Result<usize, DemoError> {
    let mut failed = 0;
    for stop in stops {
        if let Some(push) = &stop.push {
            administrator.push(push).await?;
        }
        let seen = visit_stop(edge, stop).await;
        let fits = seen.as_ref().is_ok_and(|seen| seen.fits(&stop.expected));
        failed += usize::from(!fits);
        let verdict = if fits { "ok  " } else { "FAIL" };
        output::result(format_args!("{verdict} {}: {}", stop.title, outcome(&seen)));
        if !fits {
            output::result(format_args!("     expected {}", expectation(stop)));
        }
    }
    Ok(failed)
}

/// Is the copy that was had, under another name, known for whose it is?
fn is_traced(copy: &DemoCopy, folder: &DemoFolder, had: Result<Seen, VisitError>) -> bool {
    let DemoCopy { file, tag, .. } = copy;
    let outcome = match had {
        Ok(seen) if seen.status == 200 => {
            let traced = copy.trace(&folder.config(), &folder.root, &seen.body);
            traced.map_err(|error| ErrorChain(&error).to_string())
        }
        had => Err(outcome(&had)),
    };
    let (verdict, told) = match &outcome {
        Ok(()) => ("ok  ", copy.renamed() + " is of " + tag),
        Err(told) => ("FAIL", told.clone()),
    };
    output::result(format_args!("{verdict} whose copy of {file} a renamed file is: {told}"));
    outcome.is_ok()
}

/// Pushes what the first stop needs: a link that is pasted before anything else works.
async fn begin(
    administrator: &Administrator,
    edge: SocketAddr,
    stops: &[Stop],
) -> Result<(), DemoError> {
    if let Some(stop) = stops.first()
        && let Some(push) = &stop.push
    {
        administrator.push(push).await?;
        // Whatever is seen: in force, or the person sees it.
        let _ = visit_stop(edge, stop).await;
    }
    Ok(())
}

/// A stop that follows a change is asked again until the change is in force.
async fn visit_stop(edge: SocketAddr, stop: &Stop) -> Result<Seen, VisitError> {
    let due = Instant::now() + PATIENCE;
    loop {
        let seen = visit(edge, &stop.request).await;
        let fits = seen.as_ref().is_ok_and(|seen| seen.fits(&stop.expected));
        if fits || stop.push.is_none() || Instant::now() >= due {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn outcome(seen: &Result<Seen, VisitError>) -> String {
    match seen {
        Ok(Seen { status, code: Some(code), .. }) => format!("{status} {code}"),
        Ok(Seen { status, code: None, body, .. }) => format!("{status}, {} bytes", body.len()),
        Err(error) => ErrorChain(error).to_string(),
    }
}

fn expectation(stop: &Stop) -> String {
    let expected = &stop.expected;
    match (expected.code, &expected.sha256) {
        (Some(code), _) => format!("{} {code}", expected.status),
        (None, Some(sha256)) => format!("{} with SHA-256 {sha256}", expected.status),
        (None, None) => expected.status.to_string(),
    }
}

fn print(
    folder: &DemoFolder,
    places: Places,
    administrator: &Administrator,
    stops: &[Stop],
    copies: &[DemoCopy],
) {
    let Places { edge, control, admin } = places;
    output::result(format_args!("Countersign serves {} on http://{edge}", folder.root.display()));
    if let Some(admin) = admin {
        output::result(format_args!("metrics and health are on http://{admin}/metrics"));
    }
    output::result(format_args!("the key is {KEY_ID}: keys/demo.hex"));
    output::result(format_args!("the APIs are on http://{control}/docs\n"));
    output::result(format_args!(
        "# what is pushed below needs a token\n{}\n",
        administrator.curl()
    ));
    for stop in stops {
        if let Some(push) = &stop.push {
            output::result(format_args!("# an administrator pushes\n{}\n", push.curl(control)));
        }
        let expected = &stop.expected;
        let code = expected.code.map_or(String::new(), |code| format!(" {code}"));
        output::result(format_args!("# {}: {}{code}", stop.title, expected.status));
        output::result(format_args!("{}\n", stop.curl(edge)));
    }
    for copy in copies {
        let DemoCopy { file, tag, .. } = copy;
        output::result(format_args!("# the copy of {file} for {tag}, renamed: whose is it?"));
        output::result(format_args!("{}\n", copy.shell(edge, &folder.config())));
    }
    output::result(format_args!(
        "# why was a link refused?\ncountersign explain --config '{}' 'PATH?__token__=…'\n",
        folder.config().display()
    ));
    output::result("Ctrl-C ends it.");
}

/// What a script needs, with everything that exists so far.
fn describe(
    folder: &DemoFolder,
    places: Places,
    administrator: &Administrator,
    shelf: &Shelf,
) -> String {
    let Places { edge, control, admin } = places;
    let samples = samples();
    let content = |video: &str, is_published: bool| {
        let of_video = |it: &Registered| it.video == video;
        let files: Vec<_> = samples
            .iter()
            .filter(|sample| sample.registered.as_ref().is_some_and(of_video))
            .map(|sample| {
                serde_json::json!({
                    "url_path": sample.url_path,
                    "object_key": sample.object_key,
                    "file_id": shelf.files.get(&sample.url_path),
                    "size": sample.bytes.len(),
                    "sha256": sample.sha256(),
                })
            })
            .collect();
        serde_json::json!({ "id": video, "kind": "VIDEO", "published": is_published, "files": files })
    };
    let text = serde_json::json!({
        "edge": format!("http://{edge}"),
        "control": format!("http://{control}"),
        "client": administrator.client(),
        "user": administrator.user(),
        "admin": admin.map(|admin| format!("http://{admin}")),
        "tenant": TENANT,
        "folder": { "id": shelf.folder },
        "contents": [
            content(PRIVATE_VIDEO, true),
            content(PUBLIC_VIDEO, true),
            content(DRAFT_VIDEO, false),
        ],
        "connector": {
            "id": shelf.connector,
            "example_url": format!("http://{edge}/dl/{}/{PRIVATE_VIDEO}", shelf.connector),
        },
        "share": {
            "id": shelf.share.id,
            "url": format!("http://{edge}{}", shelf.share.path),
        },
        "copies": shelf.copies.iter().map(|copy| serde_json::json!({
            "file": copy.file,
            "autograph_tag": copy.tag,
            "url": format!("http://{edge}{}", copy.link),
        })).collect::<Vec<_>>(),
        "key": { "id": KEY_ID, "hex": folder.key_hex },
        "config": folder.config(),
    });
    format!("{text:#}\n")
}

/// As asked, or the usual port.
fn address(asked: Option<SocketAddr>, usual: u16) -> SocketAddr {
    let usual = SocketAddr::from(([127, 0, 0, 1], usual));
    asked.unwrap_or_else(|| {
        // Somebody else's port is no reason to show nothing.
        match TcpListener::bind(usual) {
            Ok(_) => usual,
            Err(_) => SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    })
}

/// With a port that is free, where any would do: links name the edge before it listens.
fn settled(address: SocketAddr) -> SocketAddr {
    if address.port() != 0 {
        return address;
    }
    let free = TcpListener::bind(address).and_then(|listener| listener.local_addr());
    free.unwrap_or(address)
}

fn temporary_folder() -> io::Result<PathBuf> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    let path = std::env::temp_dir().join(format!("countersign-demo-{random:016x}"));
    std::fs::create_dir(&path)?;
    Ok(path)
}
