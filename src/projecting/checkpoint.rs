//! How far each projection is: the table `projections`.
//!
//! Every change is conditional on what was read before, so that of several instances one goes on
//! and the others look again.

use std::fmt::Write;

use projections::{Projection, Row, Statement, UnreadableRow, Value};

use super::reading::FollowError;
use crate::database::Database;

/// How far one projection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// The version of its tables.
    pub(super) version: u64,
    /// The index of the first event that is not applied.
    pub(super) next: u64,
    /// The same of the tables that are being filled to take their place.
    pub(super) rebuild_next: Option<u64>,
    /// Which generation of tables was last begun; names indexes, and tells rebuilds apart.
    pub(super) generation: u64,
}

/// Reads how far a projection is, if it has tables at all.
pub(super) async fn read(
    database: &dyn Database,
    projection: &dyn Projection,
) -> Result<Option<Checkpoint>, FollowError> {
    let statement = Statement::new(
        "SELECT version, next_index, rebuild_next, rebuild_generation FROM projections \
         WHERE name = $1",
        [projection.name().into()],
    );
    let row = database.get(statement).await?;
    let read = |row: &Row| -> Result<Checkpoint, UnreadableRow> {
        Ok(Checkpoint {
            version: row.number(0)?,
            next: row.number(1)?,
            rebuild_next: row.maybe_number(2)?,
            generation: row.maybe_number(3)?.unwrap_or(0),
        })
    };
    let checkpoint = row.as_ref().map(read).transpose();
    Ok(checkpoint.map_err(crate::database::DatabaseError::from)?)
}

/// Notes that a projection has tables of its first generation, and nothing in them.
pub(super) fn begin(projection: &dyn Projection) -> Statement {
    Statement::new(
        "INSERT INTO projections (name, version, next_index, rebuild_generation) \
         VALUES ($1, $2, 0, 1)",
        [projection.name().into(), projection.version().into()],
    )
}

/// Moves projections that are equally far on together, if nobody else has.
pub(super) fn advance(projections: &[&dyn Projection], from: u64, to: u64) -> Statement {
    let members = projections
        .iter()
        .map(|known| [Value::from(known.name()), known.version().into()]);
    all_or_none(
        "UPDATE projections SET next_index = $1 WHERE next_index = $2",
        "version",
        [to.into(), from.into()],
        members,
    )
}

/// Begins a rebuild of one projection, if no other has begun since.
pub(super) fn begin_rebuild(projection: &dyn Projection, after: u64, generation: u64) -> Statement {
    Statement::new(
        "UPDATE projections SET rebuild_next = 0, rebuild_generation = $1 \
         WHERE name = $2 AND COALESCE(rebuild_generation, 0) = $3",
        [generation.into(), projection.name().into(), after.into()],
    )
    .must_change_one()
}

/// Moves the rebuilds of projections on together, if no other has begun.
pub(super) fn advance_rebuild(members: &[(&dyn Projection, u64)], from: u64, to: u64) -> Statement {
    all_or_none(
        "UPDATE projections SET rebuild_next = $1 WHERE rebuild_next = $2",
        "rebuild_generation",
        [to.into(), from.into()],
        members
            .iter()
            .map(|(known, generation)| [Value::from(known.name()), (*generation).into()]),
    )
}

/// Lets the rebuilt tables of one projection count, if they are as far as the old ones.
pub(super) fn finish_rebuild(projection: &dyn Projection, next: u64, generation: u64) -> Statement {
    Statement::new(
        "UPDATE projections SET version = $1, next_index = $2, rebuild_next = NULL \
         WHERE name = $3 AND rebuild_generation = $4 AND rebuild_next = $2 AND next_index <= $2",
        [
            projection.version().into(),
            next.into(),
            projection.name().into(),
            generation.into(),
        ],
    )
    .must_change_one()
}

/// Ends a rebuild without effect, if no other has begun.
pub(super) fn abandon_rebuild(projection: &dyn Projection, generation: u64) -> Statement {
    Statement::new(
        "UPDATE projections SET rebuild_next = NULL WHERE name = $1 AND rebuild_generation = $2",
        [projection.name().into(), generation.into()],
    )
    .must_change_one()
}

fn all_or_none(
    update: &'static str,
    column: &'static str,
    to_and_from: [Value; 2],
    members: impl ExactSizeIterator<Item = [Value; 2]>,
) -> Statement {
    let must_change = members.len() as u64;
    let mut sql = update.to_owned();
    let mut args = Vec::from(to_and_from);
    let mut glue = " AND (";
    for [name, number] in members {
        let first = args.len() + 1;
        let _ = write!(sql, "{glue}(name = ${first} AND {column} = ${})", first + 1);
        args.extend([name, number]);
        glue = " OR ";
    }
    sql.push(')');
    let mut statement = Statement::new(sql, args);
    statement.must_change = Some(must_change);
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projections_advance_together_or_not_at_all() {
        let [one, other] = [projections::ALL[0], projections::ALL[1]];
        let statement = advance(&[one, other], 7, 9);
        assert_eq!(
            statement.sql,
            "UPDATE projections SET next_index = $1 WHERE next_index = $2 AND \
             ((name = $3 AND version = $4) OR (name = $5 AND version = $6))"
        );
        assert_eq!(statement.must_change, Some(2));
        assert_eq!(statement.args[..2], [9_u64.into(), 7_u64.into()]);
    }
}
