//! Why something at a provider did not work, and who can mend it.

use serde::{Deserialize, Serialize};

/// Who is to blame, and so who is asked to act and what is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The person's grant: this link only; the person links again.
    Grant,
    /// The registered OAuth app: an admin mends it; no person's grant is touched.
    App,
    /// The provider itself: wait and try again.
    Provider,
    /// Lanyard: a fault of ours, an operator is told.
    Us,
}

/// The stable, machine-readable reason of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The key belongs to another account or is a deploy key.
    KeyConflictOtherAccount,
    /// The provider refuses keys of this type.
    KeyTypeNotAllowed,
    /// The provider refuses keys of this length.
    KeyTooShort,
    /// The provider could not read the key or refuses it for another stated reason.
    KeyRejected,
    /// The key is no longer at the provider.
    KeyMissingAtProvider,
    /// The key is at the provider under another id.
    KeyChangedAtProvider,
    /// The provider has ended the key.
    KeyExpired,
    /// The provider says that nobody can sign in with the key.
    KeyNotUsable,
    /// The provider has the key for signing commits only.
    KeyWrongType,
    /// The key is not good for signing commits at the provider, and is to be.
    KeyNotForSigning,
    /// The provider has the key more than once.
    KeyDuplicate,
    /// A key that bears our name is at the provider, and the log wants none.
    KeyForeign,
    /// The provider lets nobody but the person themselves remove the key.
    RemoveByHand,
    /// An organisation lets nobody use the key who has not authorised it in its single sign-on.
    KeySsoUnauthorized,
    /// An organisation lets no app at its data that it has not approved.
    KeyOrgRestricted,
    /// The grant lacks a scope that the call needs.
    ScopeMissing,
    /// The grant was revoked at the provider.
    GrantRevoked,
    /// The grant ran out and cannot be refreshed.
    GrantExpired,
    /// A refreshed token was lost before it was stored.
    GrantLostRotation,
    /// The provider says that the token belongs to somebody else than the linked account.
    IdentityMismatch,
    /// The account is suspended or blocked at the provider.
    AccountSuspended,
    /// The provider does not accept the app's id or secret.
    AppCredentialsInvalid,
    /// The provider does not accept our redirect URL.
    RedirectUriMismatch,
    /// The app is suspended at the provider.
    AppSuspended,
    /// The app is not registered for a scope that is asked for.
    AppScopeMissing,
    /// The provider's clock and ours are too far apart for what we sign.
    ClockSkew,
    /// No connection: DNS, TCP, time-out.
    ProviderUnreachable,
    /// No trusted TLS connection.
    ProviderTls,
    /// An operator has stopped key sync at the provider.
    ProviderPaused,
    /// The provider asks us to slow down.
    ProviderRateLimited,
    /// The provider answered with a server error.
    ProviderError,
    /// The provider answered with something that is not its API.
    ProviderProtocol,
    /// A secret could not be opened.
    DecryptFailed,
    /// A fault of ours.
    Internal,
}

/// One failed try at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Who can mend it.
    pub blame: Blame,
    /// What it was.
    pub code: ReasonCode,
    /// What the provider said, cut to 400 characters and cleared of secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Failure {
    /// How many characters of a provider's words are kept.
    const LONGEST_DETAIL: usize = 400;

    /// Names a failure. Of the provider's words, which the caller has cleared of secrets, only
    /// the first 400 characters are kept.
    pub fn new(blame: Blame, code: ReasonCode, detail: Option<&str>) -> Self {
        let cut = |words: &str| words.chars().take(Self::LONGEST_DETAIL).collect();
        Self {
            blame,
            code,
            detail: detail.map(cut),
        }
    }
}

impl ReasonCode {
    /// Says whether it is the registered app that an admin has to mend.
    pub const fn is_of_the_app(self) -> bool {
        matches!(
            self,
            Self::AppCredentialsInvalid
                | Self::RedirectUriMismatch
                | Self::AppSuspended
                | Self::AppScopeMissing
                | Self::ClockSkew
        )
    }

    /// Returns the code as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyConflictOtherAccount => "key_conflict_other_account",
            Self::KeyTypeNotAllowed => "key_type_not_allowed",
            Self::KeyTooShort => "key_too_short",
            Self::KeyRejected => "key_rejected",
            Self::KeyMissingAtProvider => "key_missing_at_provider",
            Self::KeyChangedAtProvider => "key_changed_at_provider",
            Self::KeyExpired => "key_expired",
            Self::KeyNotUsable => "key_not_usable",
            Self::KeyWrongType => "key_wrong_type",
            Self::KeyNotForSigning => "key_not_for_signing",
            Self::KeyDuplicate => "key_duplicate",
            Self::KeyForeign => "key_foreign",
            Self::RemoveByHand => "remove_by_hand",
            Self::KeySsoUnauthorized => "key_sso_unauthorized",
            Self::KeyOrgRestricted => "key_org_restricted",
            Self::ScopeMissing => "scope_missing",
            Self::GrantRevoked => "grant_revoked",
            Self::GrantExpired => "grant_expired",
            Self::GrantLostRotation => "grant_lost_rotation",
            Self::IdentityMismatch => "identity_mismatch",
            Self::AccountSuspended => "account_suspended",
            Self::AppCredentialsInvalid => "app_credentials_invalid",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::AppSuspended => "app_suspended",
            Self::AppScopeMissing => "app_scope_missing",
            Self::ClockSkew => "clock_skew",
            Self::ProviderUnreachable => "provider_unreachable",
            Self::ProviderTls => "provider_tls",
            Self::ProviderPaused => "provider_paused",
            Self::ProviderRateLimited => "provider_rate_limited",
            Self::ProviderError => "provider_error",
            Self::ProviderProtocol => "provider_protocol",
            Self::DecryptFailed => "decrypt_failed",
            Self::Internal => "internal",
        }
    }

    /// Returns what to do about it, in words.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::KeyConflictOtherAccount => {
                "rotate this account's key: the provider already knows the key elsewhere"
            }
            Self::KeyTypeNotAllowed | Self::KeyTooShort => {
                "ask an admin to set a key algorithm that this provider accepts, then rotate the key"
            }
            Self::KeyRejected => "rotate the key; if it is refused again, tell an admin",
            Self::KeyMissingAtProvider => {
                "ask the person whether they removed it (GitHub itself removes a key that was not used \
                 for a year); restore the key, or unlink the account"
            }
            Self::KeyChangedAtProvider => {
                "restore the key: what is there is taken as it is, and nothing is added"
            }
            Self::KeyExpired => "rotate the key: the provider accepts a new one",
            Self::KeyNotUsable => {
                "look at the key in the provider's own settings; if it cannot be mended there, rotate it"
            }
            Self::KeyWrongType => {
                "restore the key: where it is ours it is put there anew; otherwise the person removes \
                 it in the provider's own settings first"
            }
            Self::KeyNotForSigning => {
                "restore the key: it is put on the provider's list for signing, or proven to it, once \
                 more; where that is refused, an admin looks at what the test of the provider says, \
                 or switches signing off"
            }
            Self::KeyDuplicate => {
                "restore the key: what of it is ours beside the first is taken away; the rest the \
                 person removes in the provider's own settings"
            }
            Self::KeyForeign => {
                "find out who put it there; if nobody needs it, the person removes it at the provider"
            }
            Self::RemoveByHand => {
                "remove the key in the provider's own settings, then confirm that here"
            }
            Self::KeySsoUnauthorized => {
                "the person signs in to the organisation's single sign-on and authorises the key \
                 for it there; a key whose authorisation was taken back must be rotated first"
            }
            Self::KeyOrgRestricted => {
                "ask an owner of the organisation to approve the app under its third-party access, \
                 then ask for another try"
            }
            Self::ScopeMissing => "link the account again and grant every scope that is asked for",
            Self::GrantRevoked | Self::GrantExpired | Self::GrantLostRotation => {
                "link the account again"
            }
            Self::IdentityMismatch => {
                "sign in at the provider as the linked account, then link again"
            }
            Self::AccountSuspended => "ask the provider's administrators to unblock the account",
            Self::AppCredentialsInvalid => {
                "an admin must enter the app's current client id and client secret"
            }
            Self::RedirectUriMismatch => {
                "an admin must register the provider's redirect URL with the app"
            }
            Self::AppSuspended => "an admin must have the app reinstated at the provider",
            Self::AppScopeMissing => {
                "an admin must register the app at the provider for every scope that is asked for"
            }
            Self::ClockSkew => {
                "an admin must set the clocks of this server and of the provider, by NTP"
            }
            Self::ProviderUnreachable | Self::ProviderError => {
                "nothing: it is tried again; if it lasts, look at the provider's status page"
            }
            Self::ProviderTls => {
                "an admin must mend the provider's certificate or add its CA to the system"
            }
            Self::ProviderPaused => "nothing: it goes on when the provider is resumed or enabled",
            Self::ProviderRateLimited => "nothing: it is tried again when the provider allows",
            Self::ProviderProtocol => {
                "an admin must check the base URL and any proxy in front of the provider"
            }
            Self::DecryptFailed | Self::Internal => {
                "an operator must look at the server's log under the request id"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ReasonCode; 34] = [
        ReasonCode::KeyConflictOtherAccount,
        ReasonCode::KeyTypeNotAllowed,
        ReasonCode::KeyTooShort,
        ReasonCode::KeyRejected,
        ReasonCode::KeyMissingAtProvider,
        ReasonCode::KeyChangedAtProvider,
        ReasonCode::KeyExpired,
        ReasonCode::KeyNotUsable,
        ReasonCode::KeyWrongType,
        ReasonCode::KeyNotForSigning,
        ReasonCode::KeyDuplicate,
        ReasonCode::KeyForeign,
        ReasonCode::RemoveByHand,
        ReasonCode::KeySsoUnauthorized,
        ReasonCode::KeyOrgRestricted,
        ReasonCode::ScopeMissing,
        ReasonCode::GrantRevoked,
        ReasonCode::GrantExpired,
        ReasonCode::GrantLostRotation,
        ReasonCode::IdentityMismatch,
        ReasonCode::AccountSuspended,
        ReasonCode::AppCredentialsInvalid,
        ReasonCode::RedirectUriMismatch,
        ReasonCode::AppSuspended,
        ReasonCode::AppScopeMissing,
        ReasonCode::ClockSkew,
        ReasonCode::ProviderUnreachable,
        ReasonCode::ProviderTls,
        ReasonCode::ProviderPaused,
        ReasonCode::ProviderRateLimited,
        ReasonCode::ProviderError,
        ReasonCode::ProviderProtocol,
        ReasonCode::DecryptFailed,
        ReasonCode::Internal,
    ];

    #[test]
    fn every_reason_is_stored_as_it_is_shown_and_says_what_to_do() {
        for code in ALL {
            let stored = serde_json::to_value(code).unwrap();
            assert_eq!(stored, code.as_str());
            let words = code.remedy().split_whitespace().count();
            assert!(words >= 4, "{}: {}", code.as_str(), code.remedy());
        }
    }

    #[test]
    fn what_is_of_the_app_sends_an_admin_to_it_and_nothing_else_does() {
        let of_the_app: Vec<_> = ALL
            .into_iter()
            .filter(|code| code.is_of_the_app())
            .collect();
        assert_eq!(
            of_the_app,
            [
                ReasonCode::AppCredentialsInvalid,
                ReasonCode::RedirectUriMismatch,
                ReasonCode::AppSuspended,
                ReasonCode::AppScopeMissing,
                ReasonCode::ClockSkew,
            ]
        );
    }
}
