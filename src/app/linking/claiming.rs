//! One remote account, one person: also where two providers stand for the same server.
//!
//! An account's stream derives from provider and remote number, so two providers (two apps) at one
//! server have two streams for one remote account, and no append to one can look at the other. Who
//! links therefore first writes their name where all of them meet, then looks, links, and looks once
//! more. Of two persons the later writer sees the link of the earlier one; an earlier one who was
//! overtaken (a minute later at the soonest) finds the other's name, and takes the link back.

use chrono::TimeDelta;
use domain::account::{Account, AccountError};
use domain::provider::{Provider, Registration};
use domain::{AccountId, UserId, format_time};
use projections::Statement;

use super::refused;
use crate::app::digest::hex;
use crate::app::{App, Caller, CaseError, CommandError, Rule, unless_refused};
use crate::database::DatabaseError;

/// How long nobody else begins to link the same remote account: longer than a link takes.
const HELD: TimeDelta = TimeDelta::minutes(1);

/// A remote account at one server, and who is about to link it.
pub(super) struct Claim<'a> {
    registration: &'a Registration,
    external_id: &'a str,
    user: &'a UserId,
    /// A keyed digest of the server and the remote number.
    identity: String,
}

impl App {
    /// Writes down who links a remote account, and refuses where another person has it.
    pub(super) async fn claim_identity<'a>(
        &self,
        registration: &'a Registration,
        external_id: &'a str,
        user: &'a UserId,
    ) -> Result<Claim<'a>, CaseError> {
        let place = registration.base_url.place();
        let parts = ["identity", registration.kind.as_str(), &place, external_id];
        let identity = self.vault.pseudonym(&parts).await?;
        let claim = Claim {
            registration,
            external_id,
            user,
            identity: hex(&identity),
        };
        let now = self.now();
        let written = Statement::new(
            "INSERT INTO identities AS t (identity, user_id, held_until) VALUES ($1, $2, $3) \
             ON CONFLICT (identity) DO UPDATE SET user_id = excluded.user_id, \
             held_until = excluded.held_until \
             WHERE t.user_id = excluded.user_id OR t.held_until <= $4",
            [
                claim.identity.as_str().into(),
                user.as_str().into(),
                format_time(now + HELD).into(),
                format_time(now).into(),
            ],
        );
        match self
            .database
            .transact(vec![written.must_change_one()])
            .await
        {
            Ok(_) => {}
            Err(DatabaseError::Stale) => return Err(refused(AccountError::LinkedElsewhere)),
            Err(error) => return Err(error.into()),
        }
        match self.others_link(&claim).await {
            Ok(false) => Ok(claim),
            Ok(true) => {
                self.let_go(&claim).await;
                Err(refused(AccountError::LinkedElsewhere))
            }
            Err(error) => {
                self.let_go(&claim).await;
                Err(error)
            }
        }
    }

    /// Lets others link it, as far as the log lets them. If that fails, it ends by itself.
    pub(super) async fn let_go(&self, claim: &Claim<'_>) {
        let given = Statement::new(
            "UPDATE identities SET held_until = $3 WHERE identity = $1 AND user_id = $2",
            [
                claim.identity.as_str().into(),
                claim.user.as_str().into(),
                format_time(self.now()).into(),
            ],
        );
        if let Err(error) = self.database.transact(vec![given]).await {
            tracing::warn!(%error, "a claim is left to end by itself");
        }
    }

    /// Looks once more after a new link: it is taken back where another person was faster, and where
    /// the provider is no longer there or stands for another server.
    pub(super) async fn keep_or_undo(
        &self,
        claim: &Claim<'_>,
        account: AccountId,
        caller: &Caller,
    ) -> Result<(), CaseError> {
        let (why, error) = if !self.is_still_there(claim.registration).await? {
            let why = "the provider was removed or moved while the account was linked";
            (why, Rule::FlowOutdated.into())
        } else if !self.still_claims(claim).await? || self.others_link(claim).await? {
            let why = "another person linked the same remote account at the same time";
            (why, refused(AccountError::LinkedElsewhere))
        } else {
            return Ok(());
        };
        self.undo(claim.user, account, why, caller).await?;
        Err(error)
    }

    /// Says whether a provider is there, at the server where it was.
    pub(super) async fn is_still_there(&self, before: &Registration) -> Result<bool, CommandError> {
        let (state, _) = self.dispatch.load::<Provider>(&before.provider).await?;
        let now = state.registration();
        Ok(now.is_some_and(|now| now.base_url == before.base_url))
    }

    /// Ends a link that should not have come about.
    pub(super) async fn undo(
        &self,
        user: &UserId,
        account: AccountId,
        why: &str,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let caller = Caller {
            reason: Some(why.to_owned()),
            ..caller.clone()
        };
        // Whoever removed the provider may have ended it already.
        unless_refused(self.force_unlink(user, account, &caller).await)
    }

    async fn still_claims(&self, claim: &Claim<'_>) -> Result<bool, CaseError> {
        let asked = Statement::new(
            "SELECT user_id FROM identities WHERE identity = $1",
            [claim.identity.as_str().into()],
        );
        let row = self.database.get(asked).await?;
        let user = row
            .map(|row| row.parsed::<UserId>(0, "a user"))
            .transpose()?;
        Ok(user.as_ref() == Some(claim.user))
    }

    /// Says whether another person has the remote account linked under another provider's name.
    async fn others_link(&self, claim: &Claim<'_>) -> Result<bool, CaseError> {
        let Registration { kind, base_url, .. } = claim.registration;
        let mut providers = self.providers_at(*kind, base_url).await?;
        providers.remove(&claim.registration.provider);
        for provider in providers {
            let account = self.account_id(&provider, claim.external_id).await?;
            let (state, _) = self.dispatch.load::<Account>(&account).await?;
            if state.link().is_some_and(|link| link.user != *claim.user) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
