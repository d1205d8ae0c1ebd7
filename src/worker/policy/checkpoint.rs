//! How far the policy is: one row, which several instances move on together.

use projections::Statement;

const CHECKPOINT: &str = "policy";

pub(super) fn read_checkpoint() -> Statement {
    Statement::new(
        "SELECT next_index FROM projections WHERE name = $1",
        [CHECKPOINT.into()],
    )
}

pub(super) fn first_checkpoint() -> Statement {
    Statement::new(
        "INSERT INTO projections (name, version, next_index) VALUES ($1, 1, 0) \
         ON CONFLICT (name) DO NOTHING",
        [CHECKPOINT.into()],
    )
}

pub(super) fn checkpoint(from: u64, next: u64) -> Statement {
    Statement::new(
        "UPDATE projections SET next_index = $1 WHERE name = $2 AND next_index = $3",
        [next.into(), CHECKPOINT.into(), from.into()],
    )
    .must_change_one()
}
