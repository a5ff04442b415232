//! Delays after failed logins: of a network, never of an account.
//!
//! A network is an IPv4 address or an IPv6 /64. Its first failures cost nothing, each further one
//! doubles the wait, up to [`WINDOW`]; failures that old are forgotten. An attempt is counted when
//! it begins, so that many at once are not all looked at, and taken back when it succeeds. Who
//! comes from elsewhere waits for nothing, whichever account was aimed at.
//!
//! Counts are this process's own. With several control planes behind one address, a stranger has as
//! many tries more.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::UnixSeconds;
use crate::network::ClientIp;

/// For how long failures count, in seconds.
const WINDOW: u64 = 15 * 60;
/// Failures without a wait.
const FREE: u32 = 5;
/// Failures of a network in a window after which nothing more is looked at.
const MOST: u32 = 30;
/// Networks that are remembered. Beyond, those that failed longest ago are forgotten.
const NETWORKS: usize = 65_536;

/// What each network did. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct LoginThrottle(Arc<Mutex<HashMap<IpAddr, Failures>>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: UnixSeconds,
}

impl LoginThrottle {
    /// Counts an attempt that begins now, or says how many seconds to wait.
    pub fn begin(&self, address: Option<ClientIp>, now: UnixSeconds) -> Result<(), u64> {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(address);
        let before = networks.get(&key).copied().filter(|it| now.since(it.last) < WINDOW);
        let count = before.map_or(0, |it| it.count);
        if let Some(Failures { last, .. }) = before {
            let waited = now.since(last);
            let wait = delay(count);
            if waited < wait {
                return Err(wait - waited);
            }
        }
        if networks.len() >= NETWORKS && !networks.contains_key(&key) {
            make_room(&mut networks, now);
        }
        networks.insert(key, Failures { count: count.saturating_add(1), last: now });
        Ok(())
    }

    /// Takes back an attempt that succeeded.
    pub fn succeeded(&self, address: Option<ClientIp>) {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(address);
        if let Some(failures) = networks.get_mut(&key) {
            failures.count = failures.count.saturating_sub(1);
            if failures.count == 0 {
                networks.remove(&key);
            }
        }
    }
}

/// How long to wait after so many failures, in seconds.
const fn delay(count: u32) -> u64 {
    if count < FREE {
        return 0;
    }
    if count >= MOST {
        return WINDOW;
    }
    let doubled = 1_u64 << (count - FREE);
    if doubled < WINDOW { doubled } else { WINDOW }
}

/// A call without an address, which only tests make, is a network of its own.
fn network(address: Option<ClientIp>) -> IpAddr {
    match address.map(ClientIp::get) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Some(address @ IpAddr::V4(_)) => address,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Forgets what is over, or else the quarter that failed longest ago.
fn make_room(networks: &mut HashMap<IpAddr, Failures>, now: UnixSeconds) {
    networks.retain(|_, failures| now.since(failures.last) < WINDOW);
    if networks.len() >= NETWORKS {
        let mut times: Vec<_> = networks.values().map(|failures| failures.last).collect();
        let (_, oldest, _) = times.select_nth_unstable(NETWORKS / 4);
        let oldest = *oldest;
        networks.retain(|_, failures| failures.last > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> ClientIp {
        ClientIp::new(text.parse().unwrap())
    }

    #[test]
    fn waits_grow_and_end() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for _ in 0..FREE {
            throttle.begin(Some(from("192.0.2.1")), now).unwrap();
        }
        assert_eq!(throttle.begin(Some(from("192.0.2.1")), now), Err(1));
        let later = now.plus(1);
        throttle.begin(Some(from("192.0.2.1")), later).unwrap();
        assert_eq!(throttle.begin(Some(from("192.0.2.1")), later), Err(2));
        // Somebody else waits for nothing, and it is all forgotten in the end.
        throttle.begin(Some(from("192.0.2.2")), later).unwrap();
        throttle.begin(Some(from("192.0.2.1")), later.plus(WINDOW)).unwrap();
    }

    #[test]
    fn a_success_costs_nothing() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for _ in 0..100 {
            throttle.begin(Some(from("192.0.2.1")), now).unwrap();
            throttle.succeeded(Some(from("192.0.2.1")));
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_the_delay_is_bounded() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for last in 0..FREE {
            throttle.begin(Some(from(&format!("2001:db8::{last:x}"))), now).unwrap();
        }
        assert!(throttle.begin(Some(from("2001:db8::ffff")), now).is_err());
        throttle.begin(Some(from("2001:db8:0:1::1")), now).unwrap();
        assert_eq!(delay(u32::MAX), WINDOW);
        assert_eq!(delay(FREE + 20), WINDOW);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for number in 0..u32::try_from(NETWORKS).unwrap() + 10 {
            let address = ClientIp::new(IpAddr::V4(number.into()));
            throttle.begin(Some(address), now.plus(u64::from(number) / 1_000)).unwrap();
        }
        assert!(throttle.0.lock().unwrap().len() <= NETWORKS);
    }
}
