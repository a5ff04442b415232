//! Delays after failed logins, and after wrong passwords of shares: of a network, never of an account
//! or a share.
//!
//! A network is an IPv4 address or an IPv6 /64. What counts is what failed of one name, or one share, from one
//! network, and of a network as a whole. The first failures cost nothing, each further one doubles the
//! wait, up to [`LOGIN_WINDOW`]; failures that old are forgotten. Who comes from elsewhere waits for
//! nothing, whichever account was aimed at.
//!
//! An attempt counts as failed from before it is looked at until it has succeeded: neither breaking
//! off nor many at once are a way out. Counts are in the store, one for all control planes, and outlast
//! them.

use std::net::IpAddr;
use std::num::NonZeroU64;

use crate::clock::UnixSeconds;
use crate::control_plane::record::{SecretHash, ShareId};
use crate::control_plane::store::{Change, LoginFailures, StoreError};
use crate::network::ClientIp;

/// For how long failures count, in seconds.
pub const LOGIN_WINDOW: u64 = 15 * 60;

/// Failures of one name from one network without a wait.
pub const LOGIN_TRIES: u64 = 5;

/// How many failures cost what.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// So many without a wait.
    free: u64,
    /// After so many in a window nothing more is looked at.
    most: u64,
}

const OF_A_NAME: Patience = Patience { free: LOGIN_TRIES, most: 10 };

/// An office has many people, and few who cannot remember.
const OF_A_NETWORK: Patience = Patience { free: 20, most: 30 };

/// What a network failed at as a whole: to log in, or to open shares.
const LOGINS: &str = "";
const SHARES: &str = "share";

/// An attempt that counts as failed, once it has begun.
#[derive(Debug)]
pub(in crate::control_plane) struct Attempt {
    subject: SecretHash,
    whole: &'static str,
    network: Box<str>,
}

impl Attempt {
    /// To log in under a name.
    pub(super) fn to_log_in(username: &str, address: Option<ClientIp>) -> Self {
        // Not the name: people type passwords there.
        let subject = SecretHash::of(&username.to_lowercase());
        Self { subject, whole: LOGINS, network: network(address) }
    }

    /// To open a share. Nobody logs in under a name that begins so.
    pub(in crate::control_plane) fn to_open(share: &ShareId, address: Option<ClientIp>) -> Self {
        let subject = SecretHash::of(&format!("\0share\0{share}"));
        Self { subject, whole: SHARES, network: network(address) }
    }

    /// Begins it: it counts as failed if that change lasts. Gives how long to wait, in seconds, where
    /// it is not to be looked at; then the change is not to last, for whoever waits is not to wait for
    /// ever.
    pub(in crate::control_plane) async fn begin(
        &self,
        change: &mut Change,
    ) -> Result<Option<NonZeroU64>, StoreError> {
        let now = change.now();
        let forgotten = UnixSeconds::new(now.get().saturating_sub(LOGIN_WINDOW));
        let mut wait = 0;
        for (subject, patience) in [(self.subject.as_str(), OF_A_NAME), (self.whole, OF_A_NETWORK)]
        {
            let failures = change.login_failure_count(subject, &self.network, forgotten).await?;
            wait = wait.max(patience.wait(failures, now));
        }
        Ok(NonZeroU64::new(wait))
    }

    /// Takes it back, if that change lasts: it failed on our side.
    pub(in crate::control_plane) async fn excuse(
        &self,
        change: &mut Change,
    ) -> Result<(), StoreError> {
        change.login_failure_take_back(self.subject.as_str(), &self.network).await?;
        change.login_failure_take_back(self.whole, &self.network).await
    }

    /// It succeeded, if that change lasts. What failed of the same is forgotten; what the network
    /// failed at is not, or whoever has one password could go on guessing others.
    pub(in crate::control_plane) async fn succeed(
        &self,
        change: &mut Change,
    ) -> Result<(), StoreError> {
        change.login_failure_clear(self.subject.as_str(), &self.network).await?;
        change.login_failure_take_back(self.whole, &self.network).await
    }
}

impl Patience {
    /// How long to wait yet, in seconds, after what failed before.
    fn wait(self, failures: LoginFailures, now: UnixSeconds) -> u64 {
        let LoginFailures { count, last_at } = failures;
        if count < self.free {
            return 0;
        }
        let doubled = if count >= self.most {
            LOGIN_WINDOW
        } else {
            1_u64
                .checked_shl(u32::try_from(count - self.free).unwrap_or(u32::MAX))
                .unwrap_or(u64::MAX)
        };
        doubled.min(LOGIN_WINDOW).saturating_sub(now.since(last_at))
    }
}

/// A call without an address, which only tests make, is a network of its own.
fn network(address: Option<ClientIp>) -> Box<str> {
    match address.map(ClientIp::get) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64").into()
        }
        Some(IpAddr::V4(address)) => address.to_string().into(),
        None => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let now = UnixSeconds::new(1_000_000);
        let wait = |patience: Patience, count: u64, ago: u64| {
            let last_at = UnixSeconds::new(now.get() - ago);
            patience.wait(LoginFailures { count, last_at }, now)
        };
        for (count, expected) in [(0, 0), (4, 0), (5, 1), (6, 2), (9, 16), (10, 900), (99, 900)] {
            assert_eq!(wait(OF_A_NAME, count, 0), expected, "{count}");
        }
        for (count, expected) in [(19, 0), (20, 1), (29, 512), (30, 900), (u64::MAX, 900)] {
            assert_eq!(wait(OF_A_NETWORK, count, 0), expected, "{count}");
        }
        assert_eq!(wait(OF_A_NAME, 9, 15), 1);
        assert_eq!(wait(OF_A_NAME, 9, 16), 0);
        assert_eq!(wait(OF_A_NAME, u64::MAX, LOGIN_WINDOW), 0);
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let of = |text: &str| network(Some(ClientIp::new(text.parse().unwrap())));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
