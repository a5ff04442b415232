//! Promise 11: `countersign control` is killed amid writes through its API, on both databases: nothing
//! acknowledged is lost, nothing is there by halves or twice, and it is back soon. Here some kills;
//! `benches/control_killed.rs` does 200 on each.

use std::time::Duration;

use crate::support::control::Records;
use crate::support::control_kills::{Kills, kill_repeatedly};

const KILLS: usize = 8;

/// Of processor time, which a busy machine does not change.
const BACK_WITHIN: Duration = Duration::from_secs(2);

fn kill(records: &Records) {
    let Kills { acknowledged, unheard, back, worked } = kill_repeatedly(records, KILLS, 11);
    let (longest, most) = (back.iter().max().unwrap(), worked.iter().max().unwrap());
    println!(
        "{acknowledged} acknowledged, {unheard} unheard; back after {longest:.2?} at most, \
         {most:.2?} of processor"
    );
    assert!(acknowledged > 4 * KILLS, "hardly anything was written");
    assert!(*most <= BACK_WITHIN, "{worked:?}");
}

#[test]
fn nothing_is_lost_when_a_control_plane_is_killed_on_sqlite() {
    kill(&Records::Sqlite);
}

#[test]
fn nothing_is_lost_when_a_control_plane_is_killed_on_postgresql() {
    kill(&Records::on_postgres("control_killed"));
}
