//! Fills the index of streams behind the log: finding where each stream's events stand costs as much
//! as storing them, and whoever appends does not wait for it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::{Client, Statement};

use super::{PLAN_ONCE, bigint};
use crate::database::postgres::{Failure, Server};

/// So many events are worth a transaction of the index.
pub(super) const WORTH_INDEXING: u64 = 4_096;
/// Fewer are indexed when they are this old.
const LONGEST_UNINDEXED: Duration = Duration::from_secs(1);
/// The most events of one transaction.
const MOST: u64 = 16_384;

/// Indexes what comes, until nobody is left who could append. Of several instances one does it at a
/// time; the others find it done.
pub(super) async fn keep(
    server: Server,
    mut size: watch::Receiver<u64>,
    mut worth_indexing: watch::Receiver<u64>,
) {
    let mut upto = 0;
    let mut indexer = None;
    loop {
        if size.wait_for(|size| *size > upto).await.is_err() {
            return;
        }
        let is_enough = *size.borrow() >= upto + WORTH_INDEXING;
        tokio::select! {
            grown = worth_indexing.changed(), if !is_enough => {
                if grown.is_err() {
                    return;
                }
            }
            () = sleep(LONGEST_UNINDEXED), if !is_enough => {}
            else => {}
        }
        match index(&server, &mut indexer).await {
            Ok(Some(next)) if next > upto => upto = next,
            // Somebody else is at it.
            Ok(_) => sleep(LONGEST_UNINDEXED).await,
            Err(failure) => {
                // Nothing is lost by it: the segments are looked through instead.
                tracing::error!("the log's index of streams cannot be written: {failure:?}");
                indexer = None;
                sleep(LONGEST_UNINDEXED).await;
            }
        }
    }
}

/// Indexes once; returns how far the index reaches, if it was ours to do.
async fn index(server: &Server, indexer: &mut Option<Indexer>) -> Result<Option<u64>, Failure> {
    let indexer = match indexer {
        Some(indexer) => indexer,
        None => indexer.insert(Indexer::connect(server).await?),
    };
    let row = indexer
        .client
        .query_one(&indexer.statement, &[&bigint(MOST)])
        .await?;
    Ok(row.try_get::<_, Option<i64>>(0)?.map(i64::cast_unsigned))
}

/// The connection that the index is written over.
struct Indexer {
    client: Client,
    statement: Statement,
    _driver: JoinHandle<()>,
}

impl Indexer {
    async fn connect(server: &Server) -> Result<Self, Failure> {
        let (client, driver) = server.connect(|_| ()).await?;
        client.batch_execute(PLAN_ONCE).await?;
        let statement = client.prepare("SELECT log_index($1)").await?;
        Ok(Self {
            client,
            statement,
            _driver: driver,
        })
    }
}
