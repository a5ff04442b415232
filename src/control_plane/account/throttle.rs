//! Delays after failed logins: of a network, never of an account.
//!
//! A network is an IPv4 address or an IPv6 /64. Its first failures cost nothing, each further one
//! doubles the wait, up to [`WINDOW`]; failures that old are forgotten. Attempts at the same time
//! are bounded, so that many guesses at once are not all looked at, while a whole office can log in
//! at once. An attempt that was not said to have succeeded has failed: breaking off is no way out.
//! Who comes from elsewhere waits for nothing, whichever account was aimed at.
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
/// Attempts of a network at the same time, while its failures cost nothing; then one.
const AT_ONCE: u32 = 16;
/// Networks that are remembered. Beyond, those that failed longest ago are forgotten.
const NETWORKS: usize = 65_536;

/// What each network did. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct LoginThrottle(Arc<Mutex<HashMap<IpAddr, Failures>>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: UnixSeconds,
    under_way: u32,
}

/// An attempt under way. Dropped, it has failed.
#[derive(Debug)]
pub struct Attempt {
    throttle: LoginThrottle,
    network: IpAddr,
    began: UnixSeconds,
    counts: bool,
}

impl LoginThrottle {
    /// Begins an attempt, or says how many seconds to wait.
    pub fn begin(&self, address: Option<ClientIp>, now: UnixSeconds) -> Result<Attempt, u64> {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        if networks.len() >= NETWORKS && !networks.contains_key(&network) {
            make_room(&mut networks, now);
        }
        let of = networks.entry(network).or_insert(Failures { count: 0, last: now, under_way: 0 });
        if now.since(of.last) >= WINDOW {
            of.count = 0;
        }
        let (waited, wait) = (now.since(of.last), delay(of.count));
        if waited < wait {
            return Err(wait - waited);
        }
        let at_once = if wait == 0 { AT_ONCE } else { 1 };
        if of.under_way >= at_once {
            return Err(1);
        }
        of.under_way += 1;
        Ok(Attempt { throttle: self.clone(), network, began: now, counts: true })
    }
}

impl Attempt {
    /// Ends an attempt that counts for nothing: it succeeded, or failed on our side.
    pub fn forgive(mut self) {
        self.counts = false;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut networks = self.throttle.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of) = networks.get_mut(&self.network) else { return };
        of.under_way = of.under_way.saturating_sub(1);
        if self.counts {
            of.count = of.count.saturating_add(1);
            of.last = of.last.max(self.began);
        }
        if of.count == 0 && of.under_way == 0 {
            networks.remove(&self.network);
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

    /// An attempt that fails.
    fn fail(throttle: &LoginThrottle, address: &str, now: UnixSeconds) {
        drop(throttle.begin(Some(from(address)), now).unwrap());
    }

    #[test]
    fn waits_grow_and_end() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for _ in 0..FREE {
            fail(&throttle, "192.0.2.1", now);
        }
        assert_eq!(throttle.begin(Some(from("192.0.2.1")), now).unwrap_err(), 1);
        let later = now.plus(1);
        fail(&throttle, "192.0.2.1", later);
        assert_eq!(throttle.begin(Some(from("192.0.2.1")), later).unwrap_err(), 2);
        // Somebody else waits for nothing, and it is all forgotten in the end.
        fail(&throttle, "192.0.2.2", later);
        fail(&throttle, "192.0.2.1", later.plus(WINDOW));
        fail(&throttle, "192.0.2.1", later.plus(WINDOW));
    }

    #[test]
    fn a_success_costs_nothing() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for _ in 0..100 {
            throttle.begin(Some(from("192.0.2.1")), now).unwrap().forgive();
        }
        assert!(throttle.0.lock().unwrap().is_empty());
    }

    #[test]
    fn attempts_at_once_are_bounded() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        let begin = |at| throttle.begin(Some(from("192.0.2.1")), at);
        let under_way: Vec<_> = (0..200).filter_map(|_| begin(now).ok()).collect();
        assert_eq!(under_way.len(), 16);
        drop(under_way);
        assert!(begin(now).is_err());
        // Once failures cost something, one at a time.
        let throttle = LoginThrottle::default();
        for _ in 0..FREE {
            fail(&throttle, "192.0.2.1", now);
        }
        let begin = |at| throttle.begin(Some(from("192.0.2.1")), at);
        let one = begin(now.plus(1)).unwrap();
        assert_eq!(begin(now.plus(1)).unwrap_err(), 1);
        one.forgive();
        begin(now.plus(1)).unwrap().forgive();
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_the_delay_is_bounded() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for last in 0..FREE {
            fail(&throttle, &format!("2001:db8::{last:x}"), now);
        }
        assert!(throttle.begin(Some(from("2001:db8::ffff")), now).is_err());
        fail(&throttle, "2001:db8:0:1::1", now);
        assert_eq!(delay(u32::MAX), WINDOW);
        assert_eq!(delay(FREE + 20), WINDOW);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = LoginThrottle::default();
        let now = UnixSeconds::new(1_000_000);
        for number in 0..u32::try_from(NETWORKS).unwrap() + 10 {
            let address = ClientIp::new(IpAddr::V4(number.into()));
            drop(throttle.begin(Some(address), now.plus(u64::from(number) / 1_000)).unwrap());
        }
        assert!(throttle.0.lock().unwrap().len() <= NETWORKS);
    }
}
