//! What a provider gave is taken: whose it is, whether it is enough, and the link.

use domain::account::{Account, AccountCommand, AccountError, AccountEvent, Grant};
use domain::provider::{ProviderEvent, Registration};
use domain::{AccountId, Event, Refusal, SecretRef, StreamName, UserId};

use super::{Profile, profile_context, refused};
use crate::app::flows::Flow;
use crate::app::grants::StoredTokens;
use crate::app::{App, Caller, CaseError, CommandError, Rule};
use crate::providers::{Identity, Tokens};

/// What a provider gave, and whose it is.
pub(super) struct Given<'a> {
    pub(super) account: AccountId,
    pub(super) scopes: Vec<String>,
    /// Where the tokens were kept right after the exchange.
    pub(super) exchanged: &'a mut SecretRef,
    /// Whether they were put in the place of a link's, and are no longer there.
    pub(super) taken_over: bool,
    pub(super) tokens: &'a Tokens,
}

/// How often the end of a link is tried again that a refresh overtook.
const RACES: usize = 5;

impl App {
    /// Asks whose the tokens are, and links.
    pub(super) async fn take_tokens(
        &self,
        flow: &Flow,
        registration: &Registration,
        (exchanged, tokens): (&mut SecretRef, &Tokens),
        caller: &Caller,
    ) -> Result<AccountId, CaseError> {
        let identity = self.identify(registration, tokens, caller).await?;
        let scopes = identity.scopes.clone().or_else(|| tokens.scopes.clone());
        let missing = self
            .missing_scopes(&flow.provider, scopes.as_deref())
            .await?;
        if !missing.is_empty() {
            return Err(Rule::ScopesMissing(missing).into());
        }
        let account = self
            .account_id(&flow.provider, &identity.external_id)
            .await?;
        if flow.boxed.account.is_some_and(|asked| asked != account) {
            return Err(Rule::OtherIdentity.into());
        }
        self.claim_exchanged(*exchanged, account).await?;
        // Where the provider does not say, the first call tells.
        let mut given = Given {
            account,
            scopes: scopes.unwrap_or_default(),
            exchanged,
            taken_over: false,
            tokens,
        };
        for _ in 0..RACES {
            match self
                .link_once(flow, registration, &identity, &mut given, caller)
                .await
            {
                // A refresh was faster, or died between the vault and the log.
                Err(CaseError::Command(CommandError::Refused(Refusal::Account(
                    AccountError::GrantSuperseded,
                )))) => self.catch_up_grant(account, caller).await?,
                // The link in whose place they were put has ended: they are nobody's once more.
                Err(CaseError::Command(CommandError::Refused(Refusal::Account(
                    AccountError::LinkGivenUp,
                )))) if given.taken_over => {
                    *given.exchanged = self
                        .keep_tokens(&flow.user, registration, tokens, caller)
                        .await?;
                    self.claim_exchanged(*given.exchanged, account).await?;
                    given.taken_over = false;
                }
                done => return done.map(|()| account),
            }
        }
        Err(CommandError::Conflict.into())
    }

    /// Seals tokens that belong to nobody yet, or has them revoked where that cannot be done.
    pub(super) async fn keep_tokens(
        &self,
        user: &UserId,
        registration: &Registration,
        tokens: &Tokens,
        caller: &Caller,
    ) -> Result<SecretRef, CaseError> {
        let kept = self.keep_exchanged(user, &registration.provider, tokens);
        match kept.await {
            Ok(exchanged) => Ok(exchanged),
            Err(error) => {
                self.give_up_tokens(registration, tokens, caller).await;
                Err(error.into())
            }
        }
    }

    /// Revokes tokens that could not even be sealed.
    async fn give_up_tokens(&self, registration: &Registration, tokens: &Tokens, caller: &Caller) {
        let revoked = self.with_app(registration, caller, |adapter, oauth| async move {
            adapter.revoke(&oauth, tokens).await
        });
        if let Err(error) = revoked.await {
            tracing::warn!(provider.slug = %registration.provider, %error, "a token stays");
        }
    }

    /// Says whether a provider was changed since a flow began in a way that concerns the flow.
    /// Alarms, outages, host keys and a second secret do not: a code is the app's, whatever its secret.
    pub(super) async fn is_outdated(&self, flow: &Flow) -> Result<bool, CaseError> {
        use ProviderEvent as E;
        const MOST: usize = 100;
        let stream = StreamName::of("provider", &flow.provider);
        let since = self.log.read_stream(&stream, flow.revision, MOST).await;
        let since = since.map_err(CommandError::from)?;
        for stored in &since {
            let known = Event::decode(stored.index, &stored.line)
                .map_err(|error| CommandError::Unavailable(error.to_string()))?;
            let concerns = !matches!(
                known.event,
                Event::Provider(
                    E::ProviderAppRefused { .. }
                        | E::ProviderAppAccepted { .. }
                        | E::BreakerOpened { .. }
                        | E::BreakerHalfOpened { .. }
                        | E::BreakerClosed { .. }
                        | E::ProviderHostKeysRecorded { .. }
                        | E::HookSecretSet { .. }
                        | E::ProviderRedirectNoted { .. }
                        | E::ProviderGrantLeft { .. }
                        | E::ProviderSecretStaged { .. }
                        | E::ProviderSecretConfirmed { .. }
                        | E::ProviderSecretDropped { .. }
                )
            );
            if concerns {
                return Ok(true);
            }
        }
        Ok(since.len() >= MOST)
    }

    /// Links, unless another person has the same remote account under whichever provider's name,
    /// or the provider went away meanwhile.
    async fn link_once(
        &self,
        flow: &Flow,
        registration: &Registration,
        identity: &Identity,
        given: &mut Given<'_>,
        caller: &Caller,
    ) -> Result<(), CaseError> {
        let claim = self
            .claim_identity(registration, &identity.external_id, &flow.user)
            .await?;
        let linked = self.link(flow, registration, identity, given, caller).await;
        let kept = match linked {
            Ok(true) => self.keep_or_undo(&claim, given.account, caller).await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        self.let_go(&claim).await;
        kept
    }

    /// Seals the tokens first, then links: an event never points at nothing. Says whether the
    /// account was not linked before.
    async fn link(
        &self,
        flow: &Flow,
        registration: &Registration,
        identity: &Identity,
        given: &mut Given<'_>,
        caller: &Caller,
    ) -> Result<bool, CaseError> {
        let (account, tokens) = (given.account, given.tokens);
        // The exchange took its time: an admin may have stopped new links meanwhile.
        self.linkable(&flow.provider).await?;
        self.admits(&flow.user).await?;
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let kept = state.link().map(|link| (&link.user, link.unlinking));
        match kept {
            Some((user, _)) if *user != flow.user => {
                return Err(refused(AccountError::LinkedElsewhere));
            }
            Some((_, true)) => return Err(refused(AccountError::Unlinking)),
            Some((_, false)) | None => {}
        }
        let stored = StoredTokens::new(tokens, self.now()).of_link().to_secret();
        let place = self
            .seal_tokens((given, registration), &state, &stored)
            .await?;
        let profile = Profile {
            id: identity.external_id.clone(),
            login: identity.login.clone(),
            name: identity.name.clone(),
        };
        let profile = serde_json::to_string(&profile)
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let profile = self
            .vault
            .seal_personal(&flow.user, &profile_context(account), &profile)
            .await?;
        let command = AccountCommand::LinkAccount {
            account,
            user: flow.user.clone(),
            provider: flow.provider.clone(),
            profile,
            grant: Some(Grant {
                secret: place.secret,
                generation: place.generation,
                scopes: given.scopes.clone(),
                missing_scopes: Vec::new(),
                expires_at: tokens.expires_at,
                refreshable: tokens.refresh.is_some(),
            }),
        };
        let done = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await;
        let is_new = |event: &AccountEvent| matches!(event, AccountEvent::AccountLinked { .. });
        Ok(done?.events.iter().any(is_new))
    }
}
