//! What is in force: policy, origins and settings, swapped as one.

use std::sync::Arc;

use crate::delivery::DeliveryDesk;
use crate::policy::EdgeSnapshot;

use super::{Cache, Settings};

/// One version of everything that a request reads.
#[derive(Debug)]
pub struct EdgeState {
    /// What is decided by.
    pub policy: EdgeSnapshot,
    /// Where permits are redeemed.
    pub delivery: Arc<DeliveryDesk>,
    /// What is kept between requests; none where nothing is.
    pub cache: Option<Arc<Cache>>,
    /// What the operator set.
    pub settings: Arc<Settings>,
}
