//! Several statements in one transaction, sent without waiting for each other's answers.

use std::pin::Pin;

use futures::future::{MaybeDone, maybe_done};
use futures::poll;
use projections::Statement;
use tokio_postgres::types::Type;

use super::failure::Failure;
use super::pool::Connected;
use super::value::Argument;
use crate::database::tables::{self, Generation};

/// Connections of the pool only read unless told otherwise.
const BEGIN: &str = "BEGIN READ WRITE";

/// Runs statements, all or none; returns how many rows each changed.
pub(super) async fn run(
    connected: &mut Connected,
    statements: &[Statement],
) -> Result<Vec<u64>, Failure> {
    // Whoever drops this half-way leaves a connection that nobody else may get.
    connected.unsettled = true;
    let done = if statements.iter().any(is_definition) {
        one_by_one(connected, statements).await
    } else {
        all_at_once(connected, statements).await
    };
    if done.is_err() && connected.client.batch_execute("ROLLBACK").await.is_err() {
        return done;
    }
    connected.unsettled = false;
    done
}

/// Sends all statements at once; and the commit with them, if nothing is left to be checked.
async fn all_at_once(
    connected: &mut Connected,
    statements: &[Statement],
) -> Result<Vec<u64>, Failure> {
    let mut prepared = Vec::with_capacity(statements.len());
    for statement in statements {
        prepared.push(
            connected
                .prepare(statement.sql.clone(), types(statement))
                .await?,
        );
    }
    let client = &connected.client;
    let begun = started(client.batch_execute(BEGIN)).await;
    let mut executed = Vec::with_capacity(statements.len());
    for (statement, prepared) in statements.iter().zip(&prepared) {
        let args = statement.args.iter().map(Argument);
        executed.push(started(client.execute_raw(prepared, args)).await);
    }
    let unchecked = statements.iter().all(|s| s.must_change.is_none());
    let committed = if unchecked {
        Some(started(client.batch_execute("COMMIT")).await)
    } else {
        None
    };
    finished(begun).await?;
    let mut changed = Vec::with_capacity(statements.len());
    for (statement, executed) in statements.iter().zip(executed) {
        changed.push(as_it_must(statement, finished(executed).await?)?);
    }
    match committed {
        Some(committed) => finished(committed).await?,
        None => client.batch_execute("COMMIT").await?,
    }
    Ok(changed)
}

/// Runs statements of which one makes the tables that the next may need.
async fn one_by_one(
    connected: &mut Connected,
    statements: &[Statement],
) -> Result<Vec<u64>, Failure> {
    connected.client.batch_execute(BEGIN).await?;
    let mut changed = Vec::with_capacity(statements.len());
    for statement in statements {
        changed.push(as_it_must(statement, execute(connected, statement).await?)?);
    }
    connected.client.batch_execute("COMMIT").await?;
    Ok(changed)
}

async fn execute(connected: &mut Connected, statement: &Statement) -> Result<u64, Failure> {
    let types = types(statement);
    let prepared = if is_definition(statement) {
        let text = tables::resolve(&statement.sql, Generation::Live);
        connected.client.prepare_typed(&text, &types).await?
    } else {
        connected.prepare(statement.sql.clone(), types).await?
    };
    let args = statement.args.iter().map(Argument);
    Ok(connected.client.execute_raw(&prepared, args).await?)
}

/// Tells whether a statement makes or changes tables: seldom run, so not worth keeping prepared.
fn is_definition(statement: &Statement) -> bool {
    let text = statement.sql.trim_start();
    ["CREATE", "ALTER", "DROP"].iter().any(|word| {
        text.get(..word.len())
            .is_some_and(|first| first.eq_ignore_ascii_case(word))
    })
}

fn types(statement: &Statement) -> Vec<Type> {
    statement.args.iter().map(Argument::declared).collect()
}

fn as_it_must(statement: &Statement, changed: u64) -> Result<u64, Failure> {
    match statement.must_change {
        Some(must) if must != changed => Err(Failure::Stale),
        _ => Ok(changed),
    }
}

/// A future on its way.
type Started<F> = Pin<Box<MaybeDone<F>>>;

/// Lets a future send what it has to send. The driver sends when first asked how far it is.
async fn started<F: Future>(future: F) -> Started<F> {
    let mut started = Box::pin(maybe_done(future));
    let _ = poll!(started.as_mut());
    started
}

async fn finished<F: Future>(mut started: Started<F>) -> F::Output {
    started.as_mut().await;
    let output = started.as_mut().take_output();
    output.expect("it was waited for, and once")
}
