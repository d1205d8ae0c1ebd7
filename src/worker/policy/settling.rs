//! What is due for one account, done.

use domain::AccountId;
use domain::account::{Account, AccountCommand};
use domain::key_sync::{LinkState, Revoking, Step};

use super::{Cause, PATIENCE, Policy, PolicyError};
use crate::app::{Caller, CommandError};
use crate::worker::errands::ErrandError;

impl Policy {
    /// Does what is due for one account; says whether anything was.
    pub(super) async fn settle(
        &mut self,
        account: AccountId,
        cause: Cause,
    ) -> Result<bool, PolicyError> {
        let Some(memory) = self.app.account_memory(account).await? else {
            return Ok(false);
        };
        let caller = Self::caller(cause);
        let mut acted = false;
        if let (LinkState::Unlinking, Revoking::NotBefore(at)) = (memory.link, memory.revoking)
            && at > self.app.now()
        {
            self.later.insert(account, at);
        }
        for step in memory.due(self.app.now(), self.graces.grace()) {
            let step = match step {
                Step::FinishUnlink { account, residue } => {
                    let (app, provider) = (&self.app, &memory.provider);
                    self.unlinking
                        .begin(app, provider, account, residue, &caller);
                    continue;
                }
                step => step,
            };
            match self.perform(step, memory.number, &caller).await {
                Ok(happened) => acted |= happened,
                // The account moved on since it was remembered; its newer events come next.
                Err(ErrandError::Command(CommandError::Refused(refusal))) => {
                    tracing::debug!(account.id = %account, refusal = %refusal, "a step no longer fits");
                }
                Err(ErrandError::Command(error)) => return Err(error.into()),
                // Who asks no provider waits for none.
                Err(
                    error @ (ErrandError::Provider(_)
                    | ErrandError::Stopped
                    | ErrandError::Waits(_)),
                ) => {
                    tracing::info!(account.id = %account, %error, "a step waits");
                    self.later.insert(account, self.app.now() + PATIENCE);
                }
            }
        }
        Ok(acted)
    }

    /// Does one thing for an account, in the link that is remembered.
    async fn perform(&self, step: Step, link: u64, caller: &Caller) -> Result<bool, ErrandError> {
        let dispatch = &self.app.dispatch;
        let executed = match step {
            Step::GenerateKey { account } => return self.app.generate_key(account, caller).await,
            // It takes as long as the provider does.
            Step::FinishUnlink { .. } => return Ok(false),
            Step::RetireKey { user, key } => return self.app.retire_key(&user, key, caller).await,
            Step::RequestPublication {
                account,
                key,
                cause,
            } => {
                let link = Some(link);
                let command = AccountCommand::RequestKeyPublication { key, cause, link };
                dispatch
                    .execute::<Account>(&account, command, caller)
                    .await?
            }
            Step::RequestWithdrawal {
                account,
                key,
                cause,
            } => {
                let command = AccountCommand::RequestKeyWithdrawal { key, cause };
                dispatch
                    .execute::<Account>(&account, command, caller)
                    .await?
            }
        };
        Ok(!executed.events.is_empty())
    }
}
