//! Log lines from many threads to one sink, without ever waiting for it.
//!
//! A slow or full sink costs lines, which are counted, never a request.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Lines that may wait for the sink.
const QUEUE_LINES: usize = 16 * 1024;

/// The end that is written to; cheap to clone.
#[derive(Clone, Debug)]
pub struct LineWriter {
    queue: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// Ends when every writer is gone and all that waited is written.
#[derive(Debug)]
pub struct LineSink(JoinHandle<()>);

impl LineWriter {
    /// Starts the thread that writes to `sink`.
    pub fn start(sink: impl Write + Send + 'static) -> std::io::Result<(Self, LineSink)> {
        let (queue, lines) = sync_channel(QUEUE_LINES);
        let thread = Builder::new().name("log".into()).spawn(move || drain(&lines, sink))?;
        Ok((Self { queue, dropped: Arc::default() }, LineSink(thread)))
    }

    /// Hands over one line, line break included.
    pub fn write(&self, line: Vec<u8>) {
        if self.queue.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were lost because the sink was too slow.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl LineSink {
    /// Waits until everything is written. Every writer must be gone by then.
    pub fn finish(self) {
        // The thread does not panic; were it to, there is nobody left to tell.
        let _ = self.0.join();
    }
}

/// Writes what waits in one go, and flushes when nothing waits.
fn drain(lines: &Receiver<Vec<u8>>, mut sink: impl Write) {
    while let Ok(first) = lines.recv() {
        let mut batch = first;
        while batch.len() < 64 * 1024 {
            let Ok(line) = lines.try_recv() else { break };
            batch.extend_from_slice(&line);
        }
        // A sink that fails is not ours to repair; the next line tries again.
        let _ = sink.write_all(&batch);
        let _ = sink.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_arrives_before_the_end() {
        let memory = Memory::default();
        let (writer, sink) = LineWriter::start(memory.clone()).unwrap();
        for number in 0..1000 {
            writer.write(format!("{number}\n").into_bytes());
        }
        assert_eq!(writer.dropped(), 0);
        drop(writer);
        sink.finish();
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1000);
    }
}
