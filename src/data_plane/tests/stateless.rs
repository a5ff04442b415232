//! An edge before its first state: everything is refused, and that is said, logged and counted.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use prometheus::Registry;
use tokio::net::TcpStream;

use super::edge::{Client, config, listener};
use crate::clock::{Clock, UnixSeconds};
use crate::data_plane::{Drained, EdgeState, Listeners, Metrics, Pipeline, drain};
use crate::policy::SnapshotPublisher;
use crate::telemetry::LineWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn without_a_state_every_request_is_refused() {
    let publisher = SnapshotPublisher::<EdgeState>::new();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let lines = Lines::default();
    let (log, sink) = LineWriter::start(lines.clone(), metrics.log_lines_dropped.clone()).unwrap();
    let clock = Clock::Fixed(UnixSeconds::new(1_800_000_000));
    let pipeline = Arc::new(Pipeline::new(publisher.reader(), clock, metrics.clone(), log));
    let listeners = Listeners::bind(&config(vec![listener(Vec::new())])).unwrap();
    let address = listeners.addresses().next().unwrap();
    let (trigger, signal) = drain();
    let workers = listeners.run(|_| Arc::clone(&pipeline), &signal).unwrap();
    drop(pipeline);

    let asked = ["/", "/public/videos/v/source", "//not/a/target", "/vod/a?__token__=exp=1~hmac=0"];
    for target in asked {
        let mut client = Client(TcpStream::connect(address).await.unwrap());
        let head = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        client.send(head.as_bytes()).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        for field in ["cache-control: no-store", "retry-after: 1", "x-request-id: "] {
            assert!(answer.contains(&format!("\r\n{field}")), "{field} in {answer}");
        }
        assert!(answer.contains("\r\ncontent-type: application/problem+json\r\n"), "{answer}");
        // Whether reasons are exposed is part of the state.
        assert!(!answer.contains("no_snapshot"), "{answer}");
    }
    let refused = metrics.requests.with_label_values(&["deny", "no_snapshot"]).get();
    assert_eq!(refused, asked.len() as u64);

    trigger.start();
    assert_eq!(workers.drained().await.unwrap(), Drained::Finished);
    sink.finish();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), asked.len());
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["code"], &line["status"]), (&"no_snapshot".into(), &503.into()));
        assert_eq!((&line["snapshot"], &line["path"]), (&serde_json::Value::Null, &().into()));
    }
}
