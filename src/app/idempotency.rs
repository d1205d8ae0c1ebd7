//! Which requests were made before, under their callers' keys.

use chrono::TimeDelta;
use domain::format_time;
use projections::{Statement, Value};

use super::App;
use crate::database::DatabaseError;

/// How long a key is remembered.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// How long an unanswered request counts as under way: one whose server died is not for ever.
const LONGEST_RUN: TimeDelta = TimeDelta::minutes(2);

/// A request under a key.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who sends it.
    pub principal: String,
    /// Where.
    pub route: String,
    /// The sender's key.
    pub key: String,
    /// SHA-256 of the body.
    pub body_hash: String,
}

/// An answer that was given.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its status.
    pub status: u16,
    /// The rest of it, sealed.
    pub answer: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone)]
pub enum Kept {
    /// Nothing; the caller goes on, and settles or releases the claim.
    New,
    /// The request is under way.
    Running,
    /// The key was used for another request.
    OtherBody,
    /// The request was answered.
    Done(Done),
}

impl App {
    /// Claims a key for a request.
    pub async fn claim(&self, claim: &Claim) -> Result<Kept, DatabaseError> {
        // Twice: the row that stood in the way may be gone or outdated by the second time.
        for _ in 0..2 {
            match self.insert(claim).await {
                Ok(()) => return Ok(Kept::New),
                Err(DatabaseError::Duplicate) => {}
                Err(error) => return Err(error),
            }
            if let Some(kept) = self.kept(claim).await? {
                return Ok(kept);
            }
        }
        Ok(Kept::Running)
    }

    /// Keeps the answer to a claimed request.
    pub async fn settle(&self, claim: &Claim, done: Done) -> Result<(), DatabaseError> {
        let sql = "UPDATE idempotency SET state = 'done', status = $4, response = $5 \
                   WHERE principal = $1 AND route = $2 AND key = $3";
        let mut args = named(claim);
        args.push(u64::from(done.status).into());
        args.push(done.answer.into());
        self.database
            .transact(vec![Statement::new(sql, args).must_change_one()])
            .await?;
        Ok(())
    }

    /// Gives a claim up, so that the request may be made again.
    pub async fn release(&self, claim: &Claim) -> Result<(), DatabaseError> {
        let sql = "DELETE FROM idempotency WHERE principal = $1 AND route = $2 AND key = $3";
        self.database
            .transact(vec![Statement::new(sql, named(claim))])
            .await?;
        Ok(())
    }

    async fn insert(&self, claim: &Claim) -> Result<(), DatabaseError> {
        let now = self.now();
        let outdated = Statement::new(
            "DELETE FROM idempotency WHERE created_at < $1 \
             OR (state = 'running' AND created_at < $2)",
            [
                format_time(now - LIFE).into(),
                format_time(now - LONGEST_RUN).into(),
            ],
        );
        let mut args = named(claim);
        args.push(claim.body_hash.as_str().into());
        args.push(format_time(now).into());
        let insert = Statement::new(
            "INSERT INTO idempotency \
             (principal, route, key, body_hash, state, status, response, created_at) \
             VALUES ($1, $2, $3, $4, 'running', NULL, NULL, $5)",
            args,
        );
        self.database.transact(vec![outdated, insert]).await?;
        Ok(())
    }

    async fn kept(&self, claim: &Claim) -> Result<Option<Kept>, DatabaseError> {
        let sql = "SELECT body_hash, state, status, response FROM idempotency \
                   WHERE principal = $1 AND route = $2 AND key = $3";
        let Some(row) = self.database.get(Statement::new(sql, named(claim))).await? else {
            return Ok(None);
        };
        let kept = if row.text(0)? != claim.body_hash {
            Kept::OtherBody
        } else if row.text(1)? == "running" {
            Kept::Running
        } else {
            Kept::Done(Done {
                status: u16::try_from(row.number(2)?).unwrap_or(500),
                answer: row.bytes(3)?.to_vec(),
            })
        };
        Ok(Some(kept))
    }
}

fn named(claim: &Claim) -> Vec<Value> {
    vec![
        claim.principal.as_str().into(),
        claim.route.as_str().into(),
        claim.key.as_str().into(),
    ]
}
