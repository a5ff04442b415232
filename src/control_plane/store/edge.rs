//! Edges, and the one-time codes by which they are let in.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Row, Statement};
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    Edge, EdgeId, EnrolmentCode, EnrolmentId, FeedVersion, SecretHash,
};

fn read(row: &Row) -> Result<Edge, StoreError> {
    Ok(Edge {
        id: row.text("id")?,
        name: row.text("name")?,
        token: row.text("token")?,
        enrolled_at: row.number("enrolled_at")?,
        applied: row.number("applied")?,
        last_seen_at: row.number_opt("last_seen_at")?,
        revoked_at: row.number_opt("revoked_at")?,
    })
}

fn read_code(row: &Row) -> Result<EnrolmentCode, StoreError> {
    Ok(EnrolmentCode {
        id: row.text("id")?,
        hash: row.text("hash")?,
        edge_name: row.text("edge_name")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
        used_at: row.number_opt("used_at")?,
    })
}

impl View {
    /// Every edge, by name. They are nobody's, and serve every tenant.
    pub async fn edge_list(&mut self) -> Result<Vec<Edge>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, name, token, enrolled_at, applied, last_seen_at, revoked_at \
             FROM edge ORDER BY name, id",
        );
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read).collect()
    }

    /// The edge of that id, as long as it is in.
    pub async fn edge(&mut self, id: &EdgeId) -> Result<Edge, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, name, token, enrolled_at, applied, last_seen_at, revoked_at \
             FROM edge WHERE id = $1 AND revoked_at IS NULL",
        );
        read(&self.found(statement.bind(id.as_str())).await?)
    }

    /// The edge whose token has that hash, a revoked one too.
    pub async fn edge_by_token(&mut self, token: &SecretHash) -> Result<Edge, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, name, token, enrolled_at, applied, last_seen_at, revoked_at \
             FROM edge WHERE token = $1",
        );
        read(&self.found(statement.bind(token.as_str())).await?)
    }

    /// Every enrolment code that was not forgotten, the oldest first.
    pub async fn enrolment_code_list(&mut self) -> Result<Vec<EnrolmentCode>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, hash, edge_name, created_at, expires_at, used_at \
             FROM enrolment_code ORDER BY id",
        );
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read_code).collect()
    }
}

impl Change {
    /// Lets one edge in, once, by a code of which the store sees the hash.
    pub async fn enrolment_code_create(
        &mut self,
        edge_name: &str,
        hash: SecretHash,
        expires_at: UnixSeconds,
    ) -> Result<EnrolmentCode, StoreError> {
        self.view().reach(None)?;
        let created_at = self.now();
        let code = EnrolmentCode {
            id: EnrolmentId::random(created_at)?,
            hash,
            edge_name: edge_name.into(),
            created_at,
            expires_at,
            used_at: None,
        };
        let statement = Statement::new(
            "INSERT INTO enrolment_code (id, hash, edge_name, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(code.id.as_str())
        .bind(code.hash.as_str())
        .bind(edge_name)
        .bind(created_at)
        .bind(expires_at);
        self.view().connection().execute(statement).await?;
        self.note("enrolment_code.create", None, code.id.as_str(), None, Some(&code));
        Ok(code)
    }

    /// Takes an enrolment code back.
    pub async fn enrolment_code_remove(&mut self, id: &EnrolmentId) -> Result<(), StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM enrolment_code WHERE id = $1 \
             RETURNING id, hash, edge_name, created_at, expires_at, used_at",
        );
        let before = read_code(&self.view().found(statement.bind(id.as_str())).await?)?;
        self.note("enrolment_code.remove", None, id.as_str(), Some(&before), None);
        Ok(())
    }

    /// Spends an enrolment code for an edge with a token of that hash. A code that is unknown,
    /// spent or over is [`StoreErrorKind::NotFound`]. An edge of that name that was in before gets
    /// the new token, and its old one is worth nothing.
    pub async fn edge_enrol(
        &mut self,
        code: &SecretHash,
        token: SecretHash,
    ) -> Result<Edge, StoreError> {
        self.view().reach(None)?;
        let now = self.now();
        let statement = Statement::new(
            "UPDATE enrolment_code SET used_at = $2 \
             WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 \
             RETURNING id, hash, edge_name, created_at, expires_at, used_at",
        );
        let code = read_code(&self.view().found(statement.bind(code.as_str()).bind(now)).await?)?;
        let id = EdgeId::random(now)?;
        let statement = Statement::new(
            "INSERT INTO edge (id, name, token, enrolled_at, applied) VALUES ($1, $2, $3, $4, 0) \
             ON CONFLICT (name) DO UPDATE SET token = $3, enrolled_at = $4, applied = 0, \
             revoked_at = NULL \
             RETURNING id, name, token, enrolled_at, applied, last_seen_at, revoked_at",
        )
        .bind(id.as_str())
        .bind(&code.edge_name)
        .bind(token.as_str())
        .bind(now);
        let edge = read(&self.view().found(statement).await?)?;
        self.note("edge.enrol", None, edge.id.as_str(), None, Some(&edge));
        Ok(edge)
    }

    /// Remembers what an edge said of itself. Not audited: it changes nothing for anybody.
    pub async fn edge_seen(&mut self, id: &EdgeId, applied: FeedVersion) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE edge SET applied = $2, last_seen_at = $3 \
             WHERE id = $1 AND revoked_at IS NULL",
        );
        let statement = statement.bind(id.as_str()).bind(applied).bind(self.now());
        match self.view().connection().execute(statement).await? {
            0 => Err(StoreErrorKind::NotFound.into()),
            _ => Ok(()),
        }
    }

    /// Makes an edge's token worth nothing.
    pub async fn edge_revoke(&mut self, id: &EdgeId) -> Result<Edge, StoreError> {
        self.view().reach(None)?;
        let lock = Statement::new(
            "UPDATE edge SET id = id WHERE id = $1 \
             RETURNING id, name, token, enrolled_at, applied, last_seen_at, revoked_at",
        );
        let before = read(&self.view().found(lock.bind(id.as_str())).await?)?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        let statement = Statement::new(
            "UPDATE edge SET revoked_at = $2 WHERE id = $1 \
             RETURNING id, name, token, enrolled_at, applied, last_seen_at, revoked_at",
        );
        let statement = statement.bind(id.as_str()).bind(self.now());
        let after = read(&self.view().found(statement).await?)?;
        self.note("edge.revoke", None, id.as_str(), Some(&before), Some(&after));
        Ok(after)
    }
}
