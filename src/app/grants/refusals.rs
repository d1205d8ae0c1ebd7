//! Tokens that a provider gives, and then refuses.
//!
//! A 401 is answered with a refresh. Where the new token is refused as well, and not only until all
//! of the provider knows it, another refresh helps as little: without a memory it would go on so
//! for ever, and nobody would be told.

use domain::account::Link;
use domain::{Blame, ReasonCode, SecretRef};
use projections::Statement;

use super::{Access, AccessError, grant_of, lost};
use crate::app::{App, Caller, CommandError};
use crate::providers::ProviderFailure;

/// How many tokens in a row, each got because the one before was refused, may be refused in their turn.
const MOST: u64 = 2;

impl App {
    /// Gets the next tokens after the provider refused `refused`, which it gave long enough ago to
    /// know it everywhere. If that is how it went the times before, the grant is lost.
    pub async fn refresh_refused(
        &self,
        link: &Link,
        refused: &Access,
        caller: &Caller,
    ) -> Result<Access, AccessError> {
        let secret = grant_of(link)?.secret;
        let before = if refused.after_refusal {
            self.refusals(secret, refused.generation).await?
        } else {
            0
        };
        if before >= MOST {
            let failure = lost(ReasonCode::GrantRevoked)
                .detail("the provider gives new tokens and refuses every one of them");
            self.record_grant_lost(link.account, refused.generation, &failure, caller)
                .await?;
            self.forget_refusals(secret).await;
            return Err(failure.into());
        }
        let fresh = self.refresh(link, refused.generation, caller).await?;
        if fresh.after_refusal {
            self.note_refusals(secret, fresh.generation, before + 1)
                .await?;
        }
        Ok(fresh)
    }

    /// Forgets what was refused before, once a token is taken. The answer is there already, so a
    /// fault of ours in doing so is only logged.
    pub async fn note_taken(&self, link: &Link, access: &Access) {
        let Some(grant) = link.grant.as_ref().filter(|_| access.after_refusal) else {
            return;
        };
        match self.refusals(grant.secret, access.generation).await {
            Ok(0) => {}
            Ok(_) => self.forget_refusals(grant.secret).await,
            Err(error) => tracing::warn!(%error, "refused tokens are still counted"),
        }
    }

    /// Counts the tokens that were refused, one after the other, before this generation.
    async fn refusals(&self, grant: SecretRef, generation: u64) -> Result<u64, CommandError> {
        let asked = Statement::new(
            "SELECT refusals FROM refused_grants WHERE secret = $1 AND generation = $2",
            [grant.to_string().into(), generation.into()],
        );
        let row = self.database.get(asked).await?;
        Ok(row.map(|row| row.number(0)).transpose()?.unwrap_or(0))
    }

    async fn note_refusals(
        &self,
        grant: SecretRef,
        generation: u64,
        refusals: u64,
    ) -> Result<(), CommandError> {
        let noted = Statement::new(
            "INSERT INTO refused_grants (secret, generation, refusals) VALUES ($1, $2, $3) \
             ON CONFLICT (secret) DO UPDATE SET \
             generation = excluded.generation, refusals = excluded.refusals",
            [grant.to_string().into(), generation.into(), refusals.into()],
        );
        self.database.transact(vec![noted]).await?;
        Ok(())
    }

    /// Forgets what was refused. If that fails, what stays behind is of a generation that passes.
    pub(super) async fn forget_refusals(&self, grant: SecretRef) {
        let forgotten = Statement::new(
            "DELETE FROM refused_grants WHERE secret = $1",
            [grant.to_string().into()],
        );
        if let Err(error) = self.database.transact(vec![forgotten]).await {
            tracing::warn!(%error, "refused tokens are still counted");
        }
    }
}

/// Judges the refusal of a token that was given a moment ago: nothing is wrong with the grant, not
/// every part of the provider knows it yet.
pub fn unknown_yet(refusal: &ProviderFailure) -> ProviderFailure {
    let mut odd = ProviderFailure::new(Blame::Provider, ReasonCode::ProviderError);
    odd.status = refusal.status;
    odd.detail("a new token is refused")
}
