//! One state of everything, as far as a caller may see it.
//!
//! Each noun's file adds its reading methods to [`View`]. What belongs to a tenant out of the
//! caller's reach is not there for them.

use super::connection::Connection;
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Row, Statement};
use crate::asset::TenantId;
use crate::control_plane::caller::{Caller, Reach};

/// One state of everything, as far as a caller may see it.
#[derive(Debug)]
pub struct View {
    caller: Caller,
    connection: Connection,
}

impl View {
    pub(super) fn new(caller: Caller, connection: Connection) -> Self {
        Self { caller, connection }
    }

    /// Who is looking.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Refuses a tenant out of reach; none is what belongs to nobody, and only whoever reaches
    /// every tenant sees that.
    pub(super) fn reach(&self, tenant: Option<TenantId>) -> Result<(), StoreError> {
        let covered = match (self.caller.reach(), tenant) {
            (Reach::EveryTenant, _) => true,
            (reach @ Reach::Tenant(_), Some(tenant)) => reach.covers(tenant),
            (Reach::Tenant(_), None) => false,
        };
        if covered { Ok(()) } else { Err(StoreErrorKind::NotFound.into()) }
    }

    /// The tenant to which lists are narrowed.
    pub(super) fn only_tenant(&self) -> Option<TenantId> {
        match self.caller.reach() {
            Reach::EveryTenant => None,
            Reach::Tenant(tenant) => Some(tenant),
        }
    }

    /// The row there must be.
    pub(super) async fn found(&mut self, statement: Statement) -> Result<Row, StoreError> {
        self.connection.row(statement).await?.ok_or_else(|| StoreErrorKind::NotFound.into())
    }
}
