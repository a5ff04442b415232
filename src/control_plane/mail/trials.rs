//! How much servers are tried: a trial goes where a tenant says, at once, and somebody waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// How long a trial takes at most.
pub(in crate::control_plane) const LONGEST_TRIAL: Duration = Duration::from_mins(1);

/// Trials at once, of all tenants; of one tenant it is one.
const AT_ONCE: usize = 8;

/// Trials of a tenant within an hour.
const AN_HOUR: usize = 20;

const HOUR: u64 = 3_600;

/// Seconds after which another trial may begin where one is under way.
const SOON: u64 = 10;

/// Who tries a server, and who did.
#[derive(Debug)]
pub(super) struct Trials {
    places: Arc<Semaphore>,
    tenants: Arc<Mutex<BTreeMap<TenantId, Tried>>>,
}

#[derive(Debug, Default)]
struct Tried {
    is_under_way: bool,
    /// When those of the last hour were begun.
    begun: VecDeque<UnixSeconds>,
}

/// A trial that is under way, until it is dropped.
#[derive(Debug)]
pub(in crate::control_plane) struct Trial {
    tenant: TenantId,
    tenants: Arc<Mutex<BTreeMap<TenantId, Tried>>>,
    _place: OwnedSemaphorePermit,
}

impl Default for Trials {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), tenants: Arc::default() }
    }
}

impl Trials {
    /// Begins one of a tenant's; or says in how many seconds one may be.
    pub(super) fn begin(&self, tenant: TenantId, now: UnixSeconds) -> Result<Trial, u64> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        for tried in tenants.values_mut() {
            tried.begun.retain(|at| now.since(*at) < HOUR);
        }
        tenants.retain(|_, tried| tried.is_under_way || !tried.begun.is_empty());
        let tried = tenants.entry(tenant).or_default();
        if tried.is_under_way {
            return Err(SOON);
        }
        if let Some(first) = tried.begun.front()
            && tried.begun.len() >= AN_HOUR
        {
            return Err(HOUR - now.since(*first));
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| SOON)?;
        tried.is_under_way = true;
        tried.begun.push_back(now);
        Ok(Trial { tenant, tenants: Arc::clone(&self.tenants), _place: place })
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tried) = tenants.get_mut(&self.tenant) {
            tried.is_under_way = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

    #[test]
    fn a_tenant_tries_one_at_a_time_and_twenty_an_hour() {
        let trials = Trials::default();
        let (one, two) = (TenantId(1), TenantId(2));
        let first = trials.begin(one, NOW).unwrap();
        assert_eq!(trials.begin(one, NOW).err(), Some(SOON));
        drop(trials.begin(two, NOW).unwrap());
        drop(first);
        for seconds in 1..20 {
            drop(trials.begin(one, NOW.plus(seconds)).unwrap());
        }
        assert_eq!(trials.begin(one, NOW.plus(600)).err(), Some(3_000));
        assert!(trials.begin(two, NOW.plus(600)).is_ok());
        drop(trials.begin(one, NOW.plus(3_600)).unwrap());
        assert_eq!(trials.begin(one, NOW.plus(3_600)).err(), Some(1));
    }

    #[test]
    fn all_tenants_together_try_eight_at_once() {
        let trials = Trials::default();
        let begun: Vec<Trial> =
            (1..=8).map(|number| trials.begin(TenantId(number), NOW).unwrap()).collect();
        assert_eq!(trials.begin(TenantId(9), NOW).err(), Some(SOON));
        drop(begun);
        assert!(trials.begin(TenantId(9), NOW).is_ok());
    }
}
