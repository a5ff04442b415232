//! The process's own figures, under the names that every Prometheus client gives them.

use procfs::process::Process;
use procfs::{CurrentSI, WithCurrentSystemInfo, ticks_per_second};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, IntGauge};

/// Reads `/proc/self` when the metrics page is asked for.
#[derive(Debug)]
pub struct ProcessCollector {
    cpu: Gauge,
    open_files: IntGauge,
    max_files: IntGauge,
    resident: IntGauge,
    virtual_memory: IntGauge,
    threads: IntGauge,
    started: Gauge,
}

impl ProcessCollector {
    /// The collector of this process.
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            cpu: Gauge::new("process_cpu_seconds_total", "CPU time, user and system.")?,
            open_files: IntGauge::new("process_open_fds", "Open descriptors.")?,
            max_files: IntGauge::new("process_max_fds", "Descriptors allowed.")?,
            resident: IntGauge::new("process_resident_memory_bytes", "Resident memory.")?,
            virtual_memory: IntGauge::new("process_virtual_memory_bytes", "Virtual memory.")?,
            threads: IntGauge::new("process_threads", "Threads.")?,
            started: Gauge::new("process_start_time_seconds", "Start, seconds since 1970.")?,
        })
    }

    /// What cannot be read keeps its last figure.
    fn read(&self) -> procfs::ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let number = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
        self.cpu.set(seconds(stat.utime + stat.stime));
        self.resident.set(number(stat.rss_bytes().get()));
        self.virtual_memory.set(number(stat.vsize));
        self.threads.set(stat.num_threads);
        self.open_files.set(i64::try_from(process.fd_count()?).unwrap_or(i64::MAX));
        if let procfs::process::LimitValue::Value(limit) =
            process.limits()?.max_open_files.soft_limit
        {
            self.max_files.set(number(limit));
        }
        let boot = procfs::KernelStats::current()?.btime;
        self.started.set(seconds(stat.starttime) + seconds(boot * ticks_per_second()));
        Ok(())
    }
}

/// Clock ticks in seconds.
#[expect(clippy::cast_precision_loss, reason = "a float holds milliseconds of centuries")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / ticks_per_second() as f64
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.cpu.desc();
        all.extend(self.started.desc());
        for gauge in self.gauges() {
            all.extend(gauge.desc());
        }
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // A system without /proc shows zeros; that is no reason to show no metrics.
        let _ = self.read();
        let mut families = self.cpu.collect();
        families.extend(self.started.collect());
        for gauge in self.gauges() {
            families.extend(gauge.collect());
        }
        families
    }
}

impl ProcessCollector {
    fn gauges(&self) -> [&IntGauge; 5] {
        [&self.open_files, &self.max_files, &self.resident, &self.virtual_memory, &self.threads]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_this_process() {
        let collector = ProcessCollector::new().unwrap();
        assert_eq!(collector.collect().len(), collector.desc().len());
        assert!(collector.resident.get() > 1024 * 1024);
        assert!(collector.open_files.get() >= 3);
        assert!(collector.threads.get() >= 1);
        // After this line was written.
        assert!(collector.started.get() > 1_700_000_000.0);
    }
}
