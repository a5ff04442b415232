//! Delays after failed logins: of a network, never of an account.
//!
//! A network is an IPv4 address or an IPv6 /64. What counts is what failed of one name from one
//! network, and of a network as a whole. The first failures cost nothing, each further one doubles the
//! wait, up to [`LOGIN_WINDOW`]; failures that old are forgotten. Who comes from elsewhere waits for
//! nothing, whichever account was aimed at.
//!
//! An attempt counts as failed from before it is looked at until it has succeeded: neither breaking
//! off nor many at once are a way out. Counts are in the store, one for all control planes, and outlast
//! them.

use std::net::IpAddr;

use super::authenticate::Accounts;
use super::error::AccountError;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::SecretHash;
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

/// An attempt that counts as failed.
#[derive(Debug)]
pub(super) struct Attempt {
    subject: SecretHash,
    network: Box<str>,
}

impl Accounts {
    /// Begins an attempt, or says how long to wait.
    pub(super) async fn attempt(
        &self,
        username: &str,
        address: Option<ClientIp>,
        now: UnixSeconds,
    ) -> Result<Attempt, AccountError> {
        // Not the name: people type passwords there.
        let subject = SecretHash::of(&username.to_lowercase());
        let attempt = Attempt { subject, network: network(address) };
        let forgotten = UnixSeconds::new(now.get().saturating_sub(LOGIN_WINDOW));
        let mut change = self.store.change(&Caller::system("login"), now).await?;
        let mut wait = 0;
        for (subject, patience) in [(attempt.subject.as_str(), OF_A_NAME), ("", OF_A_NETWORK)] {
            let failures = change.login_failure_count(subject, &attempt.network, forgotten).await?;
            wait = wait.max(patience.wait(failures, now));
        }
        if wait > 0 {
            // Not counted: whoever waits is not to wait for ever.
            return Err(AccountError::Throttled { retry_after: wait });
        }
        change.commit().await?;
        Ok(attempt)
    }

    /// Takes an attempt back that failed on our side.
    pub(super) async fn excuse(
        &self,
        attempt: &Attempt,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut change = self.store.change(&Caller::system("login"), now).await?;
        change.login_failure_take_back(attempt.subject.as_str(), &attempt.network).await?;
        change.login_failure_take_back("", &attempt.network).await?;
        change.commit().await.map(drop)
    }
}

impl Attempt {
    /// It succeeded, if that change lasts. A name's failures are forgotten; a network's are not, or
    /// whoever has an account could go on guessing.
    pub(super) async fn succeed(&self, change: &mut Change) -> Result<(), StoreError> {
        change.login_failure_clear(self.subject.as_str(), &self.network).await?;
        change.login_failure_take_back("", &self.network).await
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
