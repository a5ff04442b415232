//! The blocklist at a million entries: building, memory, look-up.
//!
//! `cargo bench --bench blocklist_lookup`. The numbers that are claimed are in `benches/runs/`.
//! 70 % IPv4 and 30 % IPv6, a tenth of each networks. The IPv6 entries crowd into sixteen /32s,
//! as those of published lists do.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use countersign::network::ClientIp;
use countersign::policy::{Blocklist, BlocklistBuilder};
use divan::Bencher;

const V4_ENTRIES: usize = 700_000;
const V6_ENTRIES: usize = 300_000;

static TEXT: LazyLock<String> = LazyLock::new(|| netset(V4_ENTRIES, V6_ENTRIES));
static LIST: LazyLock<Blocklist> = LazyLock::new(|| build(&TEXT));

fn main() {
    report_memory();
    divan::main();
}

/// Text to table, as at start and at each reload.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn load_a_million(bencher: Bencher<'_, '_>) {
    let text: &str = &TEXT;
    bencher.bench_local(|| build(black_box(text)));
}

/// One look-up of an address that was not looked up lately.
#[divan::bench(sample_count = 200, sample_size = 1_000, args = [Probe::Mixed, Probe::V4Hit, Probe::V4Miss, Probe::V6Hit, Probe::V6Miss])]
fn look_up(bencher: Bencher<'_, '_>, probe: Probe) {
    let list: &Blocklist = &LIST;
    let mut probes = probe.addresses(list).into_iter().cycle();
    bencher
        .with_inputs(|| probes.next().unwrap_or(ClientIp::new(Ipv4Addr::UNSPECIFIED.into())))
        .bench_local_values(|client| list.contains(black_box(client)));
}

/// Which addresses are looked up.
#[derive(Clone, Copy, Debug)]
enum Probe {
    /// As many of each of the four.
    Mixed,
    V4Hit,
    V4Miss,
    V6Hit,
    V6Miss,
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl Probe {
    /// Enough of them, in random order, that neither they nor the ranges they meet are all in
    /// the first cache. Which of them hit is asked of the list itself.
    fn addresses(self, list: &Blocklist) -> Vec<ClientIp> {
        let mut random = Random(u64::MAX);
        let every = |wanted: bool, candidates: Vec<ClientIp>| -> Vec<ClientIp> {
            let rightly = candidates.into_iter().filter(|client| list.contains(*client) == wanted);
            rightly.take(100_000).collect()
        };
        let mut probes = match self {
            Self::Mixed => [Self::V4Hit, Self::V4Miss, Self::V6Hit, Self::V6Miss]
                .into_iter()
                .flat_map(|probe| probe.addresses(list).into_iter().take(25_000))
                .collect(),
            Self::V4Hit => every(true, entries_of(&TEXT, IpAddr::is_ipv4)),
            Self::V6Hit => every(true, entries_of(&TEXT, IpAddr::is_ipv6)),
            Self::V4Miss => {
                every(false, (0..200_000).map(|_| ClientIp::new(random.v4().into())).collect())
            }
            Self::V6Miss => {
                every(false, (0..200_000).map(|_| ClientIp::new(random.v6().into())).collect())
            }
        };
        // Fisher-Yates.
        for last in (1..probes.len()).rev() {
            probes.swap(last, random.below(last + 1));
        }
        probes
    }
}

fn entries_of(text: &str, family: fn(&IpAddr) -> bool) -> Vec<ClientIp> {
    text.lines()
        .filter_map(|line| line.split('/').next()?.parse().ok())
        .filter(family)
        .map(ClientIp::new)
        .collect()
}

fn build(text: &str) -> Blocklist {
    let mut builder = BlocklistBuilder::new();
    let mut file = builder.file("bench.netset");
    // As a reader of a file would, so that the text is never held whole.
    text.as_bytes().chunks(64 * 1024).for_each(|chunk| file.push(chunk));
    file.finish();
    #[expect(clippy::expect_used, reason = "the text is generated above")]
    builder.build().expect("a netset without errors")
}

fn netset(v4: usize, v6: usize) -> String {
    let mut random = Random(1);
    let mut text = String::new();
    for index in 0..v4 + v6 {
        // Interleaved, in no order.
        let is_v4 = index * v4 / (v4 + v6) != (index + 1) * v4 / (v4 + v6);
        let (address, network) =
            if is_v4 { (IpAddr::V4(random.v4()), "/24") } else { (IpAddr::V6(random.v6()), "/64") };
        let suffix = if random.below(10) == 0 { network } else { "" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{address}{suffix}");
    }
    text
}

/// What the process peaks at when a list replaces another, and what the tables cost an entry.
#[expect(clippy::print_stdout, reason = "a report is what a bench is for")]
fn report_memory() {
    let text: &str = &TEXT;
    let base = resident_kib("VmRSS:");
    let old = build(text);
    let one = resident_kib("VmRSS:");
    reset_peak();
    let new = build(text);
    let peak = resident_kib("VmHWM:");
    println!(
        "mixed: {} entries, {} + {} ranges, {} bytes",
        old.entries(),
        old.len_v4(),
        old.len_v6(),
        old.memory_bytes()
    );
    println!("resident before {base} KiB, with one list {one} KiB, peak of a swap {peak} KiB");
    drop((old, new));

    // One family at a time: that is what was promised. No networks overlap enough to matter.
    let v4 = build(&netset(V4_ENTRIES, 0));
    let v6 = build(&netset(0, V6_ENTRIES));
    println!("v4: {} bytes for {} entries = {}", v4.memory_bytes(), v4.entries(), per_entry(&v4));
    println!("v6: {} bytes for {} entries = {}", v6.memory_bytes(), v6.entries(), per_entry(&v6));
}

fn per_entry(list: &Blocklist) -> String {
    let tenths = list.memory_bytes() * 10 / list.entries().max(1);
    format!("{}.{} bytes an entry", tenths / 10, tenths % 10)
}

/// A line of `/proc/self/status`; 0 where there is none.
fn resident_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Makes `VmHWM` start again from now (proc(5), `clear_refs`).
fn reset_peak() {
    // Where it is not allowed the peak reported is that of the whole run, which is no lower.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A generator good enough for test data and the same on every machine (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    fn v4(&mut self) -> Ipv4Addr {
        let [a, b, c, d, ..] = self.next().to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    }

    /// In one of sixteen /32s, in one of 65,536 /48s there.
    fn v6(&mut self) -> Ipv6Addr {
        let top = 0x2001_0000_u128 + u128::from(self.next() % 16);
        let site = u128::from(self.next() % 0x1_0000);
        Ipv6Addr::from_bits(top << 96 | site << 80 | u128::from(self.next()))
    }
}
