//! Which product a provider runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::keyring::Algorithm;

/// A product that Lanyard can work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// github.com, `*.ghe.com` and GitHub Enterprise Server.
    Github,
    /// gitlab.com and GitLab that somebody runs themselves.
    Gitlab,
    /// Bitbucket Server and Data Center; Bitbucket Cloud lets no app manage people's keys.
    BitbucketServer,
    /// Gitea and Forgejo.
    Gitea,
    /// Azure DevOps: no API for keys, so people paste them.
    AzureDevops,
    /// Any other host that takes SSH keys: people paste them.
    Ssh,
}

impl ProviderKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Github,
        Self::Gitlab,
        Self::BitbucketServer,
        Self::Gitea,
        Self::AzureDevops,
        Self::Ssh,
    ];

    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::BitbucketServer => "bitbucket_server",
            Self::Gitea => "gitea",
            Self::AzureDevops => "azure_devops",
            Self::Ssh => "ssh",
        }
    }

    /// Returns what people call the product.
    pub const fn product(self) -> &'static str {
        match self {
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
            Self::BitbucketServer => "Bitbucket Server",
            Self::Gitea => "Gitea",
            Self::AzureDevops => "Azure DevOps",
            Self::Ssh => "the host",
        }
    }

    /// Says whether the product can tell us of what people do to their keys and grants there.
    pub const fn sends_hooks(self) -> bool {
        match self {
            // GitHub Apps: `github_app_authorization`. GitLab's administrators: system hooks.
            Self::Github | Self::Gitlab => true,
            Self::BitbucketServer | Self::Gitea | Self::AzureDevops | Self::Ssh => false,
        }
    }

    /// Says whether anything can be done there so that keys are good for signing commits too.
    ///
    /// Bitbucket verifies signatures with the SSH keys a person has there anyway (Data Center 8.15,
    /// "Verify commit signatures"). Gitea and Forgejo want each key proven by a signature of it:
    /// Forgejo's API has a way of late (`POST /user/ssh_key_verify`), Gitea's has none, and which
    /// of the two it is only the server tells ([`ProviderError::SigningNotThere`]). Where people
    /// paste their keys, nothing is registered by us.
    ///
    /// [`ProviderError::SigningNotThere`]: super::ProviderError::SigningNotThere
    pub const fn registers_for_signing(self) -> bool {
        match self {
            Self::Github | Self::Gitlab | Self::BitbucketServer | Self::Gitea => true,
            Self::AzureDevops | Self::Ssh => false,
        }
    }

    /// Says whether people carry their keys there themselves: there is no API and no OAuth app.
    pub const fn is_by_hand(self) -> bool {
        match self {
            Self::Github | Self::Gitlab | Self::BitbucketServer | Self::Gitea => false,
            Self::AzureDevops | Self::Ssh => true,
        }
    }

    /// Says whether the product has this kind of OAuth.
    pub const fn speaks(self, protocol: Protocol) -> bool {
        match (self, protocol) {
            (_, Protocol::Oauth2) | (Self::BitbucketServer, Protocol::Oauth1) => true,
            (
                Self::Github | Self::Gitlab | Self::Gitea | Self::AzureDevops | Self::Ssh,
                Protocol::Oauth1,
            ) => false,
        }
    }

    /// Says whether the product takes keys of this algorithm.
    ///
    /// Azure DevOps takes RSA keys only (Microsoft, "Use SSH key authentication").
    pub const fn accepts(self, algorithm: Algorithm) -> bool {
        match (self, algorithm) {
            (
                Self::AzureDevops,
                Algorithm::Ed25519
                | Algorithm::EcdsaP256
                | Algorithm::EcdsaP384
                | Algorithm::EcdsaP521,
            ) => false,
            (
                Self::Github
                | Self::Gitlab
                | Self::BitbucketServer
                | Self::Gitea
                | Self::AzureDevops
                | Self::Ssh,
                _,
            ) => true,
        }
    }

    /// Returns the algorithm of new keys where nobody chose one for the provider: the
    /// deployment's, or the strongest that the product takes.
    #[must_use]
    pub const fn fitting(self, default: Algorithm) -> Algorithm {
        if self.accepts(default) {
            default
        } else {
            Algorithm::Rsa4096
        }
    }

    /// Returns for how many days we ask the product to keep a key; nothing: for ever.
    ///
    /// Bitbucket may refuse to let us delete a key, and then it must end without us (Atlassian,
    /// "SSH user keys for personal use": `expiryDays`).
    pub const fn asked_days(self) -> Option<i64> {
        match self {
            Self::BitbucketServer => Some(365),
            Self::Github | Self::Gitlab | Self::Gitea | Self::AzureDevops | Self::Ssh => None,
        }
    }

    /// Returns how many days after it was put there a key ends by itself, if the product does
    /// that. Azure DevOps ends keys after a year (Microsoft, "Use SSH key authentication").
    pub const fn key_days(self) -> Option<i64> {
        match self {
            Self::AzureDevops => Some(365),
            Self::Github | Self::Gitlab | Self::BitbucketServer | Self::Gitea | Self::Ssh => None,
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which redirect URL the provider's OAuth app is registered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Callback {
    /// `<public url>/oauth/callback/<provider>`: this provider's own.
    Own,
    /// `<public url>/oauth/callback`: shared, with less protection against mix-up
    /// (RFC 9700 section 4.4).
    Shared,
}

/// What becomes of a key that is no longer at the provider, though nobody here took it away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// It is reported, and nothing else: its owner may have meant it.
    #[default]
    Report,
    /// It is reported and put back, once.
    Restore,
}

impl OnMissing {
    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Restore => "restore",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(super) fn is_report(&self) -> bool {
        *self == Self::Report
    }
}

/// Where a provider's host keys are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKeySource {
    /// The vendor publishes them, over TLS.
    Official,
    /// An admin entered them.
    Entered,
    /// The server showed them, and an admin confirmed them.
    Scanned,
}

/// How people grant access.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// OAuth 2.0 (RFC 6749), or nothing where keys are carried by hand.
    #[default]
    Oauth2,
    /// OAuth 1.0a with RSA-SHA1 (RFC 5849): an application link of Bitbucket Server.
    Oauth1,
}

impl Protocol {
    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oauth2 => "oauth2",
            Self::Oauth1 => "oauth1",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(super) fn is_oauth2(&self) -> bool {
        *self == Self::Oauth2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_devops_takes_rsa_keys_only_and_every_other_kind_takes_all() {
        let rsa = [Algorithm::Rsa3072, Algorithm::Rsa4096];
        for kind in ProviderKind::ALL {
            for algorithm in Algorithm::ALL {
                let taken = kind != ProviderKind::AzureDevops || rsa.contains(&algorithm);
                assert_eq!(kind.accepts(algorithm), taken, "{kind} {algorithm}");
                assert!(kind.accepts(kind.fitting(algorithm)));
                assert_eq!(kind.fitting(algorithm) == algorithm, taken);
            }
        }
    }
}
