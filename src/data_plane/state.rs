//! What is in force: policy, origins and settings, swapped as one.

use std::sync::Arc;

use crate::delivery::DeliveryDesk;
use crate::policy::EdgeSnapshot;

use super::Settings;

/// One version of everything that a request reads.
#[derive(Debug)]
pub struct EdgeState {
    /// What is decided by.
    pub policy: EdgeSnapshot,
    /// Where permits are redeemed.
    pub delivery: Arc<DeliveryDesk>,
    /// What the operator set.
    pub settings: Arc<Settings>,
}
