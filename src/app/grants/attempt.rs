//! What is remembered of a refresh while its answer is out.
//!
//! Most refresh tokens work once. If the answer to their use is lost, the next try with the same
//! token is refused, and that looks like a person who revoked the app. Only who remembers the
//! first try can tell the two apart.

use domain::{Blame, ReasonCode, SecretRef, format_time};
use projections::Statement;

use crate::app::{App, CommandError};
use crate::providers::ProviderFailure;

/// Whether the tokens at hand were sent before, to a provider that may have replaced them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// They were not.
    First,
    /// They were, and no answer came.
    AfterLostAnswer,
}

impl App {
    /// Notes that the tokens of this generation are about to be sent; says whether they were before.
    pub(super) async fn begin_attempt(
        &self,
        grant: SecretRef,
        generation: u64,
    ) -> Result<Attempt, CommandError> {
        let asked = Statement::new(
            "SELECT generation FROM refresh_attempts WHERE secret = $1",
            [grant.to_string().into()],
        );
        let before = self.database.get(asked).await?;
        let before = before.map(|row| row.number(0)).transpose()?;
        let noted = Statement::new(
            "INSERT INTO refresh_attempts (secret, generation, begun_at) VALUES ($1, $2, $3) \
             ON CONFLICT (secret) DO UPDATE SET \
             generation = excluded.generation, begun_at = excluded.begun_at",
            [
                grant.to_string().into(),
                generation.into(),
                format_time(self.now()).into(),
            ],
        );
        self.database.transact(vec![noted]).await?;
        Ok(if before == Some(generation) {
            Attempt::AfterLostAnswer
        } else {
            Attempt::First
        })
    }

    /// Notes that an answer came, or that the tokens are gone. If that fails, what stays behind is of a generation that
    /// has passed, or makes a later refusal read as a lost answer.
    pub(super) async fn end_attempt(&self, grant: SecretRef) {
        let answered = Statement::new(
            "DELETE FROM refresh_attempts WHERE secret = $1",
            [grant.to_string().into()],
        );
        if let Err(error) = self.database.transact(vec![answered]).await {
            tracing::warn!(%error, "an answered refresh is still noted as unanswered");
        }
    }
}

impl Attempt {
    /// Says why a grant is lost, knowing what came before.
    pub(super) fn explain(self, mut failure: ProviderFailure) -> ProviderFailure {
        if self == Self::AfterLostAnswer && failure.failure.blame == Blame::Grant {
            failure.failure.code = ReasonCode::GrantLostRotation;
        }
        failure
    }
}

/// Says whether the provider may have replaced the tokens although it did not say so.
pub(super) fn may_have_replaced(failure: &ProviderFailure) -> bool {
    matches!(
        failure.failure.code,
        ReasonCode::ProviderUnreachable
            | ReasonCode::ProviderTls
            | ReasonCode::ProviderError
            | ReasonCode::ProviderProtocol
    ) && failure.failure.blame == Blame::Provider
}
