//! Memory of the edge for each download that stalls, without a tag and with one.

use std::time::Duration;

use crate::client::{Client, Way, Window};
use crate::files::Sample;
use crate::scene::{Link, Place, Scene};
use crate::{ascending, median, wait};

/// Downloads at a time. nginx has 512 connections.
const CROWD: u32 = 500;

const ROUNDS: usize = 5;

pub(crate) fn run() {
    let mut scene = Scene::start();
    println!(
        "| film.mp4 | over | downloads | untagged, KiB each: median (all) | tagged, KiB each: median (all) | added, KiB each |"
    );
    println!("|---|---|--:|--:|--:|--:|");
    for (place, way, crowd) in [
        (Place::Disk, Way::Plain, CROWD),
        (Place::Disk, Way::Tls, CROWD),
        (Place::Disk, Way::Http2, CROWD),
        (Place::Http, Way::Plain, 400),
    ] {
        let [mut untagged, mut tagged] = [vec![], vec![]];
        for _ in 0..ROUNDS {
            for (is_tagged, all) in [(false, &mut untagged), (true, &mut tagged)] {
                scene.restart_edge();
                let links = scene.links(Sample::Film, place);
                let link = if is_tagged { &links.tagged } else { &links.untagged };
                all.push(each(&scene, link, way, crowd));
            }
        }
        let said = |all: &[f64]| {
            let texts: Vec<_> = ascending(all).iter().map(|it| format!("{it:.1}")).collect();
            format!("{:.1} ({})", median(all), texts.join(" "))
        };
        println!(
            "| {} | {} | {crowd} | {} | {} | {:+.1} |",
            place.name(),
            way.name(),
            said(&untagged),
            said(&tagged),
            median(&tagged) - median(&untagged)
        );
    }
}

/// KiB that an edge which just started holds for each of so many.
fn each(scene: &Scene, link: &Link, way: Way, crowd: u32) -> f64 {
    settle(scene);
    let before = scene.edge().resident();
    let clients: Vec<_> = (0..crowd)
        .map(|_| Client::open(scene.address(), way, Window::Usual).stall(&link.target))
        .collect();
    settle(scene);
    let after = scene.edge().resident();
    drop(clients);
    (after as f64 - before as f64) / 1024.0 / f64::from(crowd)
}

/// Waits until the edge has nothing to do.
fn settle(scene: &Scene) {
    loop {
        let before = scene.edge().processor_time();
        wait(Duration::from_secs(2));
        if scene.edge().processor_time().saturating_sub(before) <= Duration::from_millis(20) {
            return;
        }
    }
}
