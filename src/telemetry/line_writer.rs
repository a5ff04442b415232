//! Log lines from many threads to one sink, without ever waiting for it.
//!
//! Lines gather in one buffer, which the sink's thread takes a few times a second: a thread that is
//! woken for each line costs more than the line. A slow or full sink costs lines, which are counted,
//! never a request.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use prometheus::IntGauge;

/// Bytes that may wait for the sink.
const MOST_WAITING: usize = 8 * 1024 * 1024;

/// From here on the sink's thread need not wait for more.
const ENOUGH: usize = 256 * 1024;

/// How long a line may wait for others.
const GATHERING: Duration = Duration::from_millis(20);

/// The end that is written to; cheap to clone.
#[derive(Clone, Debug)]
pub struct LineWriter {
    queue: Arc<Queue>,
    dropped: IntGauge,
}

/// Writes what waits, until it is told to finish.
#[derive(Debug)]
pub struct LineSink {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    Finishing,
}

impl LineWriter {
    /// Starts the thread that writes to `sink`. Lines that are lost are counted in `dropped`.
    pub fn start(
        sink: impl Write + Send + 'static,
        dropped: IntGauge,
    ) -> std::io::Result<(Self, LineSink)> {
        let queue = Arc::new(Queue::default());
        let drained = Arc::clone(&queue);
        let thread = Builder::new().name("log".into()).spawn(move || drained.drain(sink))?;
        Ok((Self { queue: Arc::clone(&queue), dropped }, LineSink { queue, thread }))
    }

    /// Hands over one line, line break included.
    pub fn write(&self, line: &[u8]) {
        let mut waiting = self.queue.waiting();
        let room = MOST_WAITING.saturating_sub(waiting.lines.len());
        if waiting.stage == Stage::Finishing || line.len() > room {
            drop(waiting);
            self.dropped.inc();
            return;
        }
        let before = waiting.lines.len();
        waiting.lines.extend_from_slice(line);
        let after = waiting.lines.len();
        drop(waiting);
        if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.queue.changed.notify_one();
        }
    }
}

impl LineSink {
    /// Waits until everything is written that was handed over before.
    pub fn finish(self) {
        self.queue.waiting().stage = Stage::Finishing;
        self.queue.changed.notify_one();
        // The thread does not panic; were it to, there is nobody left to tell.
        let _ = self.thread.join();
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // The buffer is whole between any two statements.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain(&self, mut sink: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut waiting = self.waiting();
            while waiting.lines.is_empty() {
                if waiting.stage == Stage::Finishing {
                    return;
                }
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            let few = |waiting: &mut Waiting| {
                waiting.lines.len() < ENOUGH && waiting.stage == Stage::Open
            };
            let gathered = self.changed.wait_timeout_while(waiting, GATHERING, few);
            let mut waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
            std::mem::swap(&mut batch, &mut waiting.lines);
            drop(waiting);
            // A sink that fails is not ours to repair; the next lines try again.
            let _ = sink.write_all(&batch);
            let _ = sink.flush();
            batch.clear();
            batch.shrink_to(2 * ENOUGH);
        }
    }
}

#[cfg(test)]
mod tests {
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

    /// A sink that takes nothing until it is let.
    struct Closed(std::sync::mpsc::Receiver<()>);

    impl Write for Closed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // Ends when the sender is gone.
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn counter() -> IntGauge {
        IntGauge::new("dropped", "Lines lost.").unwrap()
    }

    #[test]
    fn every_line_arrives_before_the_end() {
        let (memory, dropped) = (Memory::default(), counter());
        let (writer, sink) = LineWriter::start(memory.clone(), dropped.clone()).unwrap();
        for number in 0..1000 {
            writer.write(format!("{number}\n").as_bytes());
        }
        sink.finish();
        assert_eq!(dropped.get(), 0);
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1000);
        writer.write(b"late\n");
        assert_eq!(dropped.get(), 1);
    }

    #[test]
    fn a_sink_that_takes_nothing_costs_lines_and_no_more_memory_than_stated() {
        let (open, closed) = std::sync::mpsc::channel();
        let dropped = counter();
        let (writer, sink) = LineWriter::start(Closed(closed), dropped.clone()).unwrap();
        let line = vec![b'x'; 1024];
        let most = MOST_WAITING / line.len();
        // The buffer fills twice over at most: once with the thread, once behind it.
        for _ in 0..3 * most {
            writer.write(&line);
        }
        assert!(dropped.get() >= i64::try_from(most).unwrap());
        assert!(writer.queue.waiting().lines.len() <= MOST_WAITING);
        drop(open);
        sink.finish();
    }
}
