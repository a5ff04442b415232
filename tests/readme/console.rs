//! The README's examples, run.
//!
//! The blocks are played in order, in one empty folder, with a shell for each command:
//!
//! - A block tagged `toml` whose first line is `# file: NAME` is written to that file; so is a program,
//!   tagged `python` or `javascript` (`// file: NAME`).
//! - In a block tagged `console`, a line `$ COMMAND` is run, and what follows up to the next one is
//!   what it prints, on either stream. It must succeed, and print that and nothing else.
//! - `…` in a line stands for any text, and alone on a line for any lines.
//! - `countersign` is the program under test, and `cargo run --release --` is the same.
//! - A command that ends in ` &` is a server. What is shown is what it prints until it serves; then
//!   it is left running, and ends well on SIGTERM at the end.
//! - Lines that begin with `> ` go on with a command, as a shell would show them.
//! - Ports are shown as people would have them, and are all 0 here: in files (but for the `urls` of
//!   servers that run already), and as `--edge` of `demo`. The real ones are taken from what a server prints, put into later commands, and the
//!   shown ones back into what those print.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, PipeReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server must print what is shown within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every shown address begins so; only ports differ.
const LOOPBACK: &str = "127.0.0.1:";

/// Plays every example of a text.
pub(crate) fn play(text: &str) {
    play_with(text, &[]);
}

/// The same, with some names of the text put into files as what they are here.
pub(crate) fn play_with(text: &str, names: &[(&str, &str)]) {
    let mut stage = Stage::new();
    let mut played = 0;
    for block in blocks(text) {
        match block.language {
            "toml" => {
                if let Some(name) = block.lines[0].strip_prefix("# file: ") {
                    let text = block.lines.join("\n");
                    let here = |text: String, (name, here): &(&str, &str)| text.replace(name, here);
                    stage.write(name, &names.iter().fold(text, here));
                }
            }
            "console" => {
                for step in steps(&block.lines) {
                    match step.command.strip_suffix(" &") {
                        Some(command) => stage.start(command, &step.shown),
                        None => stage.run(&step.command, &step.shown),
                    }
                    played += 1;
                }
            }
            language => {
                let comment = match language {
                    "javascript" => "// file: ",
                    _ => "# file: ",
                };
                if let Some(name) = block.lines.first().and_then(|it| it.strip_prefix(comment)) {
                    stage.write_code(name, &block.lines.join("\n"));
                }
            }
        }
    }
    assert!(played > 5, "only {played} commands were found");
    stage.end();
}

struct Block<'t> {
    language: &'t str,
    lines: Vec<&'t str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        // A block in a list is indented, and its lines with it: none of those is played.
        match line.strip_prefix("```") {
            Some(language) if !open => {
                blocks.push(Block { language, lines: Vec::new() });
                open = true;
            }
            Some(_) => open = false,
            None if open => blocks.last_mut().unwrap().lines.push(line),
            None => {}
        }
    }
    blocks
}

struct Step<'t> {
    command: String,
    shown: Vec<&'t str>,
}

/// Commands with what they print. A command goes on after a `\` at the end of its line.
fn steps<'t>(lines: &[&'t str]) -> Vec<Step<'t>> {
    let mut steps: Vec<Step<'t>> = Vec::new();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().unwrap());
            }
            steps.push(Step { command, shown: Vec::new() });
        } else if let Some(more) = line.strip_prefix("> ") {
            let step = steps.last_mut().expect("a block begins with a command");
            step.command.push('\n');
            step.command.push_str(more);
        } else {
            steps.last_mut().expect("a block begins with a command").shown.push(line);
        }
    }
    steps
}

/// The folder in which everything happens, and the servers that run.
struct Stage {
    folder: TempDir,
    /// Shown port to real port.
    ports: BTreeMap<String, String>,
    servers: Vec<Server>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join(".bin");
        fs::create_dir(&programs).unwrap();
        let program = env!("CARGO_BIN_EXE_countersign");
        std::os::unix::fs::symlink(program, programs.join("countersign")).unwrap();
        let cargo = programs.join("cargo");
        let stand_in = "#!/bin/sh\ntest \"$1 $2 $3\" = 'run --release --' || exit 2\nshift 3\n\
                        exec countersign \"$@\"\n";
        fs::write(&cargo, stand_in).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("play")).unwrap();
        Self { folder, ports: BTreeMap::new(), servers: Vec::new() }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join("play").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let ported = text.split_inclusive('\n').map(|line| {
            let port = |port: &str| match self.ports.get(port) {
                Some(real) if line.starts_with("urls = ") => real.clone(),
                Some(_) | None => "0".to_owned(),
            };
            with_ports(line, port)
        });
        fs::write(path, ported.collect::<String>()).unwrap();
    }

    /// A program: it asks the servers that run by now.
    fn write_code(&self, name: &str, text: &str) {
        let real = |port: &str| self.ports.get(port).cloned().unwrap_or_else(|| port.to_owned());
        fs::write(self.folder.path().join("play").join(name), with_ports(text, real)).unwrap();
    }

    fn run(&mut self, command: &str, shown: &[&str]) {
        let (mut child, mut output) = self.spawn(command);
        let mut printed = String::new();
        output.read_to_string(&mut printed).unwrap();
        let status = child.wait().unwrap();
        let printed = self.as_shown(&printed);
        let printed: Vec<&str> = printed.lines().collect();
        let agrees = agree(shown, &printed);
        assert!(
            status.success() && agrees,
            "$ {command}\nended with {status} and printed\n{}\ninstead of\n{}",
            printed.join("\n"),
            shown.join("\n")
        );
    }

    fn start(&mut self, command: &str, shown: &[&str]) {
        let (child, output) = self.spawn(command);
        let server = Server { command: command.to_owned(), child, lines: lines_of(output) };
        let mut printed: Vec<String> = Vec::new();
        let pattern: Vec<String> =
            shown.iter().map(|line| with_ports(line, |_| "…".into())).collect();
        let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
        while !agree(&pattern, &printed.iter().map(String::as_str).collect::<Vec<_>>()) {
            match server.lines.recv_timeout(PATIENCE) {
                Ok(line) => printed.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!(
                    "$ {command} &\nprinted\n{}\ninstead of\n{}",
                    printed.join("\n"),
                    shown.join("\n")
                ),
            }
        }
        for line in shown {
            let Some((before, port)) = address(line) else { continue };
            let real = printed.iter().find_map(|printed| {
                let (same, real) = address(printed)?;
                agree(&[before], &[same]).then(|| real.to_owned())
            });
            self.ports.insert(port.to_owned(), real.expect("the line was printed"));
        }
        self.servers.push(server);
    }

    /// A command in its own shell, both streams in one pipe.
    fn spawn(&self, command: &str) -> (Child, PipeReader) {
        let real = |port: &str| self.ports.get(port).cloned().unwrap_or_else(|| port.to_owned());
        let mut script = with_ports(command, real);
        if script.contains("run --release -- demo") || script.starts_with("countersign demo") {
            script.push_str(" --edge 127.0.0.1:0 --control 127.0.0.1:0");
        }
        let servers = ["countersign serve", "countersign edge", "countersign control", "cargo run"];
        if servers.iter().any(|server| command.starts_with(server)) {
            // So that a signal meets the server and not its shell.
            script.insert_str(0, "exec ");
        }
        let path = format!(
            "{}:{}",
            self.folder.path().join(".bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let (reader, writer) = std::io::pipe().unwrap();
        let child = Command::new("bash")
            .args(["-c", &script])
            .current_dir(self.folder.path().join("play"))
            .env("PATH", path)
            .env_remove("RUST_LOG")
            .stdin(std::process::Stdio::null())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        (child, reader)
    }

    fn as_shown(&self, printed: &str) -> String {
        let shown = |port: &str| {
            let found = self.ports.iter().find(|(_, real)| *real == port);
            found.map_or_else(|| port.to_owned(), |(shown, _)| shown.clone())
        };
        with_ports(printed, shown)
    }

    fn end(self) {
        for mut server in self.servers {
            server.terminate();
            let status = server.child.wait().unwrap();
            assert!(status.success(), "$ {} & ended with {status}", server.command);
        }
    }
}

/// A server and what it prints.
struct Server {
    command: String,
    child: Child,
    lines: Receiver<String>,
}

impl Server {
    fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        // One that has ended already is seen by its status.
        let _ = kill_process(pid, Signal::TERM);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a failure nobody else ends it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe, read to its end whether or not anybody takes them: a full pipe would stop
/// the server.
fn lines_of(output: PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The text with every port after a loopback address replaced.
fn with_ports(text: &str, replace: impl Fn(&str) -> String) -> String {
    let mut pieces = text.split(LOOPBACK);
    let mut replaced = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        replaced.push_str(LOOPBACK);
        if digits > 0 {
            replaced.push_str(&replace(&piece[..digits]));
        }
        replaced.push_str(&piece[digits..]);
    }
    replaced
}

/// The first loopback address of a line: what stands before its port, and the port.
fn address(line: &str) -> Option<(&str, &str)> {
    let at = line.find(LOOPBACK)? + LOOPBACK.len();
    let digits = line[at..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| (&line[..at], &line[at..at + digits]))
}

/// Are these lines the ones shown?
fn agree(shown: &[&str], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((&"…", rest)), _) => (0..=printed.len()).any(|skip| agree(rest, &printed[skip..])),
        (Some((line, shown)), Some((printed_line, printed))) => {
            line_agrees(line, printed_line) && agree(shown, printed)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn line_agrees(shown: &str, printed: &str) -> bool {
    match shown.split_once('…') {
        None => shown == printed,
        Some((before, rest)) => printed.strip_prefix(before).is_some_and(|after| {
            let ends = after.char_indices().map(|(at, _)| at).chain([after.len()]);
            ends.into_iter().any(|at| line_agrees(rest, &after[at..]))
        }),
    }
}

/// A log line and the metrics of a server that opened a file to one token.
pub(crate) struct Pages {
    pub(crate) log_line: String,
    pub(crate) metrics: String,
}

/// Serves one file once, beside a control plane.
pub(crate) fn pages() -> Pages {
    let stage = Stage::new();
    stage.write("media/a.txt", "a\n");
    stage.write("key.hex", "aabbccddeeff00112233445566778899\n");
    stage.write(
        "countersign.toml",
        "[edge]\nlisten = [\"127.0.0.1:80\"]\n[admin]\nlisten = \"127.0.0.1:81\"\n\
         [control]\nlisten = \"127.0.0.1:82\"\n[[origin]]\nname = \"o\"\nkind = \"disk\"\nroot = \"media\"\n\
         [[site]]\n[site.token]\nkeys = [{ id = \"k\", file = \"key.hex\" }]\n\
         [[site.route]]\nprefix = \"/\"\norigin = \"o\"\n",
    );
    let (child, output) = stage.spawn("countersign serve --config countersign.toml");
    let server = Server { command: "serve".to_owned(), child, lines: lines_of(output) };
    let line_with = |text: &str| loop {
        let line = server.lines.recv_timeout(PATIENCE).expect("the server says more");
        if line.contains(text) {
            break line;
        }
    };
    let edge = port(&line_with("\"plane\":\"edge\""));
    let admin = port(&line_with("\"plane\":\"admin\""));
    let curl = "curl -sS --fail";
    let link = "countersign sign --config countersign.toml --url http://127.0.0.1";
    let ask = |command: String| {
        let (mut child, mut output) = stage.spawn(&command);
        let mut printed = String::new();
        output.read_to_string(&mut printed).unwrap();
        assert!(child.wait().unwrap().success(), "{command}: {printed}");
        printed
    };
    assert_eq!(ask(format!("{curl} \"$({link}:{edge}/a.txt)\"")), "a\n");
    let log_line = line_with("\"event\":\"request\"");
    let metrics = ask(format!("{curl} http://127.0.0.1:{admin}/metrics"));
    Pages { log_line, metrics }
}

fn port(line: &str) -> String {
    address(line).expect("a line with an address").1.to_owned()
}

#[test]
fn shown_lines_stand_for_printed_ones() {
    for (shown, printed, expected) in [
        (&["a"][..], &["a"][..], true),
        (&["a"], &["b"], false),
        (&["a"], &[], false),
        (&[], &["a"], false),
        (&["…"], &[], true),
        (&["a", "…", "c"], &["a", "b", "b", "c"], true),
        (&["a", "…", "c"], &["a", "b"], false),
        (&["x…z"], &["xyz"], true),
        (&["x…z…"], &["xz"], true),
        (&["x…z"], &["xyzy"], false),
    ] {
        assert_eq!(agree(shown, printed), expected, "{shown:?} {printed:?}");
    }
    assert_eq!(
        with_ports("a 127.0.0.1:80/ 127.0.0.1:81", |it| format!("<{it}>")),
        "a 127.0.0.1:<80>/ 127.0.0.1:<81>"
    );
    assert_eq!(address("on 127.0.0.1:8080/x"), Some(("on 127.0.0.1:", "8080")));
}
