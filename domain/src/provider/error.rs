//! Why a command to a provider is refused.

use crate::keyring::Algorithm;
use crate::provider::ProviderKind;
use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// There is one of this name.
    #[error("a provider of this name is already there")]
    AlreadyAdded,
    /// There was one of this name; names are never used again.
    #[error("a provider of this name was removed; choose another name")]
    SlugRetired,
    /// There is none of this name.
    #[error("there is no provider of this name")]
    NotFound,
    /// The product does not take keys of this algorithm.
    #[error("{kind} does not take {algorithm} keys")]
    AlgorithmNotAccepted {
        /// The product.
        kind: ProviderKind,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// An OAuth app's id or secret is missing.
    #[error("this kind of provider needs the OAuth app's client id and client secret")]
    AppMissing,
    /// Keys are carried by hand; there is no OAuth app.
    #[error("at {} people paste their keys: there is no OAuth app to be registered", .0.product())]
    AppNotUsed(ProviderKind),
    /// The product has no OAuth of this kind.
    #[error("{} does not speak OAuth 1.0a", .0.product())]
    ProtocolNotSpoken(ProviderKind),
    /// Bitbucket Cloud lets no app manage people's keys (BCLOUD-17762).
    #[error("Bitbucket Cloud lets no app manage people's SSH keys")]
    BitbucketCloud,
    /// There is a second secret already.
    #[error("a second secret is there already: confirm it or drop it first")]
    SecretStaged,
    /// There is no second secret.
    #[error("there is no second secret")]
    NoSecretStaged,
    /// The secret of OAuth 1.0a is a key of ours.
    #[error("for OAuth 1.0a Lanyard makes the key itself: stage a second one instead")]
    KeyIsOurs,
    /// The product tells nobody of keys.
    #[error("{} sends no hooks that Lanyard understands", .0.product())]
    HooksNotSent(ProviderKind),
    /// Nothing is done there for signatures of commits.
    #[error("at {} Lanyard registers no keys for signing commits", .0.product())]
    SigningNotDone(ProviderKind),
    /// The server was asked, and has no way to do it: it is Gitea, or a Forgejo that is too old.
    #[error(
        "this server lets no app prove a key, without which it trusts no signature by it: the newest \
         versions of Forgejo do, Gitea does not"
    )]
    SigningNotThere,
    /// The base URL is fixed once an account is linked.
    #[error("the base URL cannot change while accounts are linked")]
    BaseUrlFixed,
    /// Accounts are still linked.
    #[error("the provider cannot be removed while accounts are linked")]
    AccountsLinked,
}

impl RefusedRule for ProviderError {
    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyAdded => "provider-already-added",
            Self::SlugRetired => "provider-slug-retired",
            Self::NotFound => "provider-not-found",
            Self::AlgorithmNotAccepted { .. } => "provider-algorithm-not-accepted",
            Self::AppMissing => "provider-app-missing",
            Self::AppNotUsed(_) => "provider-app-not-used",
            Self::ProtocolNotSpoken(_) => "provider-protocol-not-spoken",
            Self::BitbucketCloud => "provider-bitbucket-cloud",
            Self::SecretStaged => "provider-secret-staged",
            Self::NoSecretStaged => "provider-no-secret-staged",
            Self::KeyIsOurs => "provider-key-is-ours",
            Self::HooksNotSent(_) => "provider-hooks-not-sent",
            Self::SigningNotDone(_) | Self::SigningNotThere => "provider-signing-not-done",
            Self::BaseUrlFixed => "provider-base-url-fixed",
            Self::AccountsLinked => "provider-accounts-linked",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyAdded
            | Self::SlugRetired
            | Self::SecretStaged
            | Self::NoSecretStaged
            | Self::BaseUrlFixed
            | Self::AccountsLinked => RefusalKind::Conflict,
            Self::AlgorithmNotAccepted { .. }
            | Self::AppMissing
            | Self::AppNotUsed(_)
            | Self::BitbucketCloud
            | Self::HooksNotSent(_)
            | Self::KeyIsOurs
            | Self::SigningNotDone(_)
            | Self::SigningNotThere
            | Self::ProtocolNotSpoken(_) => RefusalKind::Invalid,
        }
    }
}
