//! Processor time of the edge for the same downloads without a tag and with one.

use std::time::Duration;

use crate::client::{Client, Way, Window};
use crate::files::Sample;
use crate::scene::{Link, Place, Scene};
use crate::{ascending, median, wait};

/// Clients at a time: one for each worker of the edge.
const CLIENTS: usize = 2;

/// The same downloads, of every round.
#[derive(Clone, Copy, Debug)]
struct Row {
    sample: Sample,
    place: Place,
    way: Way,
    part: Part,
    /// By each link, in each round.
    downloads: usize,
    compared: Compared,
}

/// What of a file is asked for.
#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    /// Ranges of so many bytes, one after the other, each by a request of its own.
    Ranges(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// The copy with the file.
    Tagged,
    /// The file with itself: how much two measurements of one thing differ.
    Nothing,
}

/// What one side of a round took.
#[derive(Clone, Copy, Debug)]
struct Taken {
    processor: Duration,
    bytes: u64,
}

pub(crate) fn run() {
    let rounds = std::env::var("COUNTERSIGN_ROUNDS").map_or(7, |it| it.parse().unwrap());
    let scene = Scene::start();
    let before = scene.edge().processor_time();
    wait(Duration::from_secs(10));
    println!(
        "edge without requests: {:?} in 10 s\n",
        scene.edge().processor_time().saturating_sub(before)
    );
    println!(
        "| file | origin | over | a round | untagged, s/GiB | tagged, s/GiB | untagged, µs/request | tagged, µs/request | tagged/untagged: median | all, ascending | ≤ 1.10 |"
    );
    println!("|---|---|---|--:|--:|--:|--:|--:|--:|---|---|");
    for row in rows() {
        row.run(&scene, rounds);
    }
}

fn rows() -> Vec<Row> {
    let row = |sample, place, way, downloads| {
        let (part, compared) = (Part::Whole, Compared::Tagged);
        Row { sample, place, way, part, downloads, compared }
    };
    let film = |place, way, downloads| row(Sample::Film, place, way, downloads);
    let ranges = |row| Row { part: Part::Ranges(1 << 20), ..row };
    let noise = |row| Row { compared: Compared::Nothing, ..row };
    vec![
        noise(film(Place::Disk, Way::Plain, 4)),
        film(Place::Disk, Way::Plain, 4),
        film(Place::Disk, Way::Tls, 2),
        film(Place::Disk, Way::Http2, 2),
        film(Place::Http, Way::Plain, 4),
        film(Place::Http, Way::Http2, 2),
        ranges(film(Place::Disk, Way::Plain, 3_000)),
        ranges(film(Place::Http, Way::Plain, 2_000)),
        row(Sample::Archive, Place::Disk, Way::Plain, 400),
        row(Sample::Archive, Place::Http, Way::Plain, 300),
        noise(row(Sample::Picture, Place::Disk, Way::Plain, 6_000)),
        row(Sample::Picture, Place::Disk, Way::Plain, 6_000),
        row(Sample::Picture, Place::Disk, Way::Http2, 4_000),
        row(Sample::Picture, Place::Http, Way::Plain, 3_000),
    ]
}

impl Row {
    fn run(&self, scene: &Scene, rounds: usize) {
        let links = scene.links(self.sample, self.place);
        let other = match self.compared {
            Compared::Tagged => &links.tagged,
            Compared::Nothing => &links.untagged,
        };
        // What a first request of its kind does is done.
        for link in [&links.untagged, other] {
            self.take(scene, link, self.downloads.div_ceil(8).max(CLIENTS));
        }
        let mut pairs = Vec::new();
        for round in 0..rounds {
            let taken = |link| self.take(scene, link, self.downloads);
            // Whatever drifts is on either side as often.
            pairs.push(if round % 2 == 0 {
                let first = taken(&links.untagged);
                (first, taken(other))
            } else {
                let first = taken(other);
                (taken(&links.untagged), first)
            });
        }
        self.print(&pairs);
    }

    fn take(&self, scene: &Scene, link: &Link, downloads: usize) -> Taken {
        let before = scene.edge().processor_time();
        let bytes = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| scope.spawn(move || self.download(scene, link, downloads, number)))
                .collect();
            clients.into_iter().map(|it| it.join().unwrap()).sum()
        });
        // The end of the last answer, and its line in the log.
        wait(Duration::from_millis(100));
        Taken { processor: scene.edge().processor_time().saturating_sub(before), bytes }
    }

    /// One client's share of them, on one connection.
    fn download(&self, scene: &Scene, link: &Link, downloads: usize, number: usize) -> u64 {
        let mut client = Client::open(scene.address(), self.way, Window::Widest);
        (number..downloads)
            .step_by(CLIENTS)
            .map(|index| {
                let range = match self.part {
                    Part::Whole => None,
                    Part::Ranges(length) => {
                        let first = index as u64 * length % (link.length / length * length);
                        Some((first, first + length - 1))
                    }
                };
                let expected = range.map_or(link.length, |(first, last)| last - first + 1);
                let got = client.get(&link.target, range);
                assert_eq!(got, expected, "{self:?}");
                got
            })
            .sum()
    }

    fn print(&self, pairs: &[(Taken, Taken)]) {
        let each = |of: &dyn Fn(&(Taken, Taken)) -> f64| pairs.iter().map(of).collect::<Vec<_>>();
        let a_gib = |taken: &Taken| {
            taken.processor.as_secs_f64() / (taken.bytes as f64 / f64::from(1 << 30))
        };
        let a_request = |taken: &Taken| 1e6 * taken.processor.as_secs_f64() / self.downloads as f64;
        // By GiB: a copy is some bytes longer.
        let ratios = each(&|(untagged, tagged)| a_gib(tagged) / a_gib(untagged));
        let all: Vec<_> = ascending(&ratios).iter().map(|it| format!("{it:.3}")).collect();
        let ratio = median(&ratios);
        let (bytes, note) = match self.part {
            Part::Whole => (pairs[0].0.bytes / self.downloads as u64, ""),
            Part::Ranges(length) => (length, ", ranges of it"),
        };
        println!(
            "| {}{note} | {} | {} | {} × {} KiB | {:.3} | {:.3} | {:.0} | {:.0} | {ratio:.3} | {} | {} |",
            self.sample.key(),
            self.place.name(),
            self.way.name(),
            self.downloads,
            bytes >> 10,
            median(&each(&|(untagged, _)| a_gib(untagged))),
            median(&each(&|(_, tagged)| a_gib(tagged))),
            median(&each(&|(untagged, _)| a_request(untagged))),
            median(&each(&|(_, tagged)| a_request(tagged))),
            all.join(" "),
            match self.compared {
                Compared::Nothing => "untagged twice: the noise of it",
                Compared::Tagged if ratio <= 1.1 => "holds",
                Compared::Tagged => "SHORT",
            }
        );
    }
}
