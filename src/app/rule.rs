//! Rules over more than one stream, which no aggregate can know.

use domain::{ProviderSlug, ReasonCode};

use super::CommandError;
use crate::database::DatabaseError;
use crate::vault::VaultError;
use projections::UnreadableRow;

/// A rule that stopped a use case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Two providers would share one redirect URL.
    SharedCallbackTaken,
    /// Another provider has the same consumer key at the same Bitbucket Server: which.
    ConsumerKeyTaken(ProviderSlug),
    /// The provider takes no new links.
    ProviderDisabled,
    /// There is nothing that a person could confirm of the key.
    ConfirmationNotDue,
    /// The key is to be where the person says it is not, or the other way round.
    ConfirmationOtherWay,
    /// The key is where it should be, or nothing mends it by being put there again.
    NothingToRestore,
    /// Lanyard carries the key itself.
    NotByHand,
    /// The provider is to be removed, and takes no new links.
    ProviderLeaving,
    /// The provider publishes no host keys.
    NoOfficialHostKeys,
    /// The host keys could not be had; says why.
    HostKeysNotHad(String),
    /// The provider itself tells a fingerprint of its SSH server that is that of none of the keys.
    HostKeysDiffer(String),
    /// The flow is used up, outdated, or never was.
    FlowNotFound,
    /// The answer does not belong to the browser or the provider of the flow.
    FlowRefused,
    /// The provider was changed since the flow began.
    FlowOutdated,
    /// The person or the provider said no.
    FlowDenied(String),
    /// The provider did not play its part.
    FlowFailed(String),
    /// The provider granted less than is needed.
    ScopesMissing(Vec<String>),
    /// Somebody else than the linked account came back.
    OtherIdentity,
    /// The event is not there.
    EventNotFound,
    /// The projection is not there.
    ProjectionNotFound,
    /// The projection is being rebuilt.
    RebuildUnderWay,
    /// People carry their keys there themselves: everybody would be asked to confirm again.
    ReplayByHand,
    /// An admin's own token would end with it.
    OffboardingOneself,
}

impl Rule {
    /// Returns the stable code of the rule.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SharedCallbackTaken => "shared-callback-taken",
            Self::ConsumerKeyTaken(_) => "consumer-key-taken",
            Self::ProviderDisabled => "provider-disabled",
            Self::ProviderLeaving => "provider-leaving",
            Self::ConfirmationNotDue => "confirmation-not-due",
            Self::ConfirmationOtherWay => "confirmation-other-way",
            Self::NothingToRestore => "nothing-to-restore",
            Self::NotByHand => "not-by-hand",
            Self::NoOfficialHostKeys => "host-keys-not-published",
            Self::HostKeysNotHad(_) => "host-keys-not-had",
            Self::HostKeysDiffer(_) => "host-keys-differ",
            Self::FlowNotFound => "flow-not-found",
            Self::FlowRefused => "flow-refused",
            Self::FlowOutdated => "flow-outdated",
            Self::FlowDenied(_) => "flow-denied",
            Self::FlowFailed(_) => "flow-failed",
            Self::ScopesMissing(_) => "scopes-missing",
            Self::OtherIdentity => "other-identity",
            Self::EventNotFound => "event-not-found",
            Self::ProjectionNotFound => "projection-not-found",
            Self::RebuildUnderWay => "rebuild-under-way",
            Self::ReplayByHand => "replay-by-hand",
            Self::OffboardingOneself => "offboarding-oneself",
        }
    }

    /// Returns what there is to say besides the rule itself.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::FlowDenied(detail) | Self::FlowFailed(detail) | Self::HostKeysNotHad(detail) => {
                Some(detail.clone())
            }
            Self::HostKeysDiffer(told) => Some(format!("the provider tells {told}")),
            Self::ConsumerKeyTaken(by) => Some(format!("the provider {by} has it")),
            Self::ScopesMissing(scopes) => Some(format!("missing: {}", scopes.join(", "))),
            Self::OtherIdentity => Some(ReasonCode::IdentityMismatch.remedy().to_owned()),
            Self::SharedCallbackTaken
            | Self::ProviderDisabled
            | Self::ProviderLeaving
            | Self::ConfirmationNotDue
            | Self::ConfirmationOtherWay
            | Self::NothingToRestore
            | Self::NotByHand
            | Self::NoOfficialHostKeys
            | Self::FlowNotFound
            | Self::FlowRefused
            | Self::FlowOutdated
            | Self::EventNotFound
            | Self::ProjectionNotFound
            | Self::RebuildUnderWay
            | Self::ReplayByHand
            | Self::OffboardingOneself => None,
        }
    }
}

/// Why a use case came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CaseError {
    /// A rule over more than one stream.
    #[error("{}", .0.code())]
    Rule(Rule),
    /// A command.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<Rule> for CaseError {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl From<DatabaseError> for CaseError {
    fn from(error: DatabaseError) -> Self {
        Self::Command(error.into())
    }
}

impl From<UnreadableRow> for CaseError {
    fn from(row: UnreadableRow) -> Self {
        Self::Command(row.into())
    }
}

impl From<VaultError> for CaseError {
    fn from(error: VaultError) -> Self {
        Self::Command(error.into())
    }
}
