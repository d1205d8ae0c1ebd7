//! Whose the tokens are, asked right after they were given.
//!
//! The code is spent by then: what a second try would mend must not cost the person another round.

use chrono::TimeDelta;
use domain::provider::Registration;
use domain::{Blame, ReasonCode};

use super::unfit;
use crate::app::grants::AccessError;
use crate::app::{App, Caller, CaseError};
use crate::providers::{GrantVerdict, Identity, ProviderFailure, Tokens};

/// How long the first wait is; each further one is twice as long.
const FIRST: TimeDelta = TimeDelta::milliseconds(250);
/// The longest wait.
const LONGEST: TimeDelta = TimeDelta::seconds(2);
/// For how long a person who looks at their browser is kept waiting.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

impl App {
    /// Asks whose the tokens are, again and again for a moment where the next try may be answered.
    pub(super) async fn identify(
        &self,
        registration: &Registration,
        tokens: &Tokens,
        caller: &Caller,
    ) -> Result<Identity, CaseError> {
        let end = self.now() + PATIENCE;
        let (mut wait, mut refused) = (FIRST, false);
        loop {
            let asked = self.with_app(registration, caller, |adapter, oauth| async move {
                adapter.identify(&oauth, &tokens.access).await
            });
            let failure = match asked.await {
                Err(AccessError::Provider(failure)) => failure,
                asked => return asked.map_err(unfit),
            };
            let next = (self.now() + wait).max(failure.not_before.unwrap_or_default());
            if next > end || !may_pass(&failure, &mut refused) {
                return Err(unfit(failure.into()));
            }
            self.clock.wait(next - self.now()).await;
            wait = (wait * 2).min(LONGEST);
        }
    }
}

/// Says whether the next try may be answered otherwise. A new token that is refused may not be
/// known everywhere yet: once.
fn may_pass(failure: &ProviderFailure, refused: &mut bool) -> bool {
    if failure.grant == GrantVerdict::Expired {
        return !std::mem::replace(refused, true);
    }
    failure.failure.blame == Blame::Provider
        && match failure.failure.code {
            ReasonCode::ProviderUnreachable | ReasonCode::ProviderRateLimited => true,
            ReasonCode::ProviderError => failure.status.is_none_or(|status| status >= 500),
            _ => false,
        }
}
