//! The sum of every rule that can refuse a command.

use std::fmt;

use crate::access::AccessError;
use crate::account::AccountError;
use crate::campaign::CampaignError;
use crate::keyring::KeyringError;
use crate::offboarding::OffboardingError;
use crate::provider::ProviderError;
use crate::replay::ReplayError;
use crate::settings::SettingsError;
use crate::token::TokenError;
use crate::webhook::WebhookError;

/// What sort of refusal it is; a front door picks its status from this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The thing is not there.
    NotFound,
    /// The thing is not in a state that allows it.
    Conflict,
    /// What was asked for makes no sense.
    Invalid,
    /// Not by this person.
    Forbidden,
}

/// What every aggregate's refusals can say.
pub trait RefusedRule: fmt::Display {
    /// The stable code: kebab case, in URLs and tests.
    fn code(&self) -> &'static str;
    /// What sort of refusal it is.
    fn kind(&self) -> RefusalKind;
}

/// A rule that refused a command. Its text is the rule, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Of a provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Of an account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Of a campaign.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// Of a keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Of an off-boarding.
    #[error(transparent)]
    Offboarding(#[from] OffboardingError),
    /// Of a replay.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Of the settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Of an API token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Of a webhook.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// Of the record of accesses.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl Refusal {
    fn rule(&self) -> &dyn RefusedRule {
        match self {
            Self::Provider(rule) => rule,
            Self::Account(rule) => rule,
            Self::Campaign(rule) => rule,
            Self::Keyring(rule) => rule,
            Self::Offboarding(rule) => rule,
            Self::Replay(rule) => rule,
            Self::Settings(rule) => rule,
            Self::Token(rule) => rule,
            Self::Webhook(rule) => rule,
            Self::Access(rule) => rule,
        }
    }

    /// Returns the stable code of the rule.
    pub fn code(&self) -> &'static str {
        self.rule().code()
    }

    /// Returns what sort of refusal it is.
    pub fn kind(&self) -> RefusalKind {
        self.rule().kind()
    }
}
