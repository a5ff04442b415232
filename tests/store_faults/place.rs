//! Where a test keeps its store, and another process that this test is a second time.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use countersign::control_plane::Caller;
use countersign::control_plane::store::{Store, StoreAddress};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

/// The variable by which a test knows that it is the second process, and where it is to write.
const ROLE: &str = "COUNTERSIGN_TEST_STORE_WRITER";

/// Somebody who may do everything.
pub(crate) fn caller() -> Caller {
    Caller::system("store faults")
}

/// A new schema of the server that `tests/run` started.
pub(crate) async fn schema() -> String {
    let server = std::env::var("COUNTERSIGN_TEST_POSTGRES")
        .expect("COUNTERSIGN_TEST_POSTGRES is unset: run tests/run --env-only");
    let mut chance = [0_u8; 8];
    getrandom::fill(&mut chance).unwrap();
    let schema = format!("faults_{}", hex::encode(chance));
    let mut connection = PgConnectOptions::from_str(&server).unwrap().connect().await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    format!("{server}&options=-c%20search_path%3D{schema}")
}

pub(crate) async fn open(address: &str) -> Store {
    Store::open(&StoreAddress::parse(address).unwrap()).await.unwrap()
}

/// The address to write to, in the second process.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// The second process: what it says on standard error, line by line. Killed when dropped.
pub(crate) struct Second {
    child: Child,
    pub(crate) says: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Second {
    /// Runs this test's program again, for one test, with a role; by way of `wrapped`, where it
    /// needs surroundings of its own.
    pub(crate) fn start(wrapped: &[&str], test: &str, role: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = match wrapped {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        let mut child = command
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, says) = channel();
        let stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, says, reader: Some(reader) }
    }

    /// `kill -9`, and everything it had said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.says.try_iter().collect()
    }

    /// Waits for its end; gives whether that was a good one.
    pub(crate) fn succeeds(mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
