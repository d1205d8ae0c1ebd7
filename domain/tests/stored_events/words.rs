//! Every word that can stand in a line: none is ever renamed.

use domain::account::{Presence, PublicationCause, Renewal, Residue, WithdrawalCause};
use domain::keyring::{Algorithm, Holder, RotationCause};
use domain::provider::{Callback, Choice, HostKeySource, Protocol, ProviderKind};
use domain::replay::ReplayInclude;
use domain::{
    AccountId, ActorKind, Blame, CampaignId, KeyId, Means, Outcome, ReasonCode, ReplayId, Role,
    TokenId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

const ID: &str = "00000000-0000-0000-0000-000000000007";

fn id() -> Uuid {
    Uuid::from_u128(7)
}

/// Checks that each value is written so and read back.
fn written<T, const N: usize>(table: [(T, Value); N])
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    for (value, json) in table {
        assert_eq!(serde_json::to_value(&value).unwrap(), json);
        assert_eq!(serde_json::from_value::<T>(json).unwrap(), value);
    }
}

#[test]
fn of_an_account() {
    let replay = ReplayId::new(id());
    written([
        (Presence::Created, json!("created")),
        (Presence::Found, json!("found")),
        (Presence::Adopted, json!("adopted")),
        (Presence::ByHand, json!("by_hand")),
    ]);
    written([
        (PublicationCause::Link, json!("link")),
        (PublicationCause::Rotation, json!("rotation")),
        (PublicationCause::Replay(replay), json!({ "replay": ID })),
        (PublicationCause::Retry, json!("retry")),
    ]);
    written([
        (WithdrawalCause::Rotation, json!("rotation")),
        (WithdrawalCause::Unlink, json!("unlink")),
        (WithdrawalCause::Replay(replay), json!({ "replay": ID })),
        (WithdrawalCause::Retry, json!("retry")),
    ]);
    written([
        (Renewal::Relink, json!("relink")),
        (Renewal::Refresh, json!("refresh")),
    ]);
    let left = |remote_key| Residue::Key {
        key: KeyId::new(id()),
        remote_key,
        fingerprint: None,
    };
    let named = Residue::Key {
        key: KeyId::new(id()),
        remote_key: None,
        fingerprint: Some("SHA256:1".to_owned()),
    };
    written([
        (
            named,
            json!({ "key": { "key": ID, "fingerprint": "SHA256:1" } }),
        ),
        (left(None), json!({ "key": { "key": ID } })),
        (
            left(Some("77".to_owned())),
            json!({ "key": { "key": ID, "remote_key": "77" } }),
        ),
        (Residue::Grant, json!("grant")),
    ]);
}

#[test]
fn of_a_failure() {
    use ReasonCode as R;
    written([
        (Blame::Grant, json!("grant")),
        (Blame::App, json!("app")),
        (Blame::Provider, json!("provider")),
        (Blame::Us, json!("us")),
    ]);
    let reasons = [
        (R::KeyConflictOtherAccount, "key_conflict_other_account"),
        (R::KeyTypeNotAllowed, "key_type_not_allowed"),
        (R::KeyTooShort, "key_too_short"),
        (R::KeyRejected, "key_rejected"),
        (R::KeyMissingAtProvider, "key_missing_at_provider"),
        (R::KeyChangedAtProvider, "key_changed_at_provider"),
        (R::KeyExpired, "key_expired"),
        (R::KeyNotUsable, "key_not_usable"),
        (R::KeyWrongType, "key_wrong_type"),
        (R::KeyNotForSigning, "key_not_for_signing"),
        (R::KeyDuplicate, "key_duplicate"),
        (R::ProviderPaused, "provider_paused"),
        (R::KeyForeign, "key_foreign"),
        (R::RemoveByHand, "remove_by_hand"),
        (R::KeySsoUnauthorized, "key_sso_unauthorized"),
        (R::KeyOrgRestricted, "key_org_restricted"),
        (R::ScopeMissing, "scope_missing"),
        (R::GrantRevoked, "grant_revoked"),
        (R::GrantExpired, "grant_expired"),
        (R::GrantLostRotation, "grant_lost_rotation"),
        (R::IdentityMismatch, "identity_mismatch"),
        (R::AccountSuspended, "account_suspended"),
        (R::AppCredentialsInvalid, "app_credentials_invalid"),
        (R::RedirectUriMismatch, "redirect_uri_mismatch"),
        (R::AppSuspended, "app_suspended"),
        (R::AppScopeMissing, "app_scope_missing"),
        (R::ClockSkew, "clock_skew"),
        (R::ProviderUnreachable, "provider_unreachable"),
        (R::ProviderTls, "provider_tls"),
        (R::ProviderRateLimited, "provider_rate_limited"),
        (R::ProviderError, "provider_error"),
        (R::ProviderProtocol, "provider_protocol"),
        (R::DecryptFailed, "decrypt_failed"),
        (R::Internal, "internal"),
    ];
    for (reason, word) in reasons {
        assert_eq!(reason.as_str(), word);
        assert!(!reason.remedy().is_empty());
    }
    written(reasons.map(|(reason, word)| (reason, json!(word))));
}

#[test]
fn of_a_key() {
    let campaign = |compromised| RotationCause::Campaign {
        campaign: CampaignId::new(id()),
        compromised,
    };
    written([
        (
            Holder::Account(AccountId::new(id())),
            json!({ "account": ID }),
        ),
        (Holder::Personal, json!("personal")),
    ]);
    written([
        (RotationCause::Requested, json!("requested")),
        (RotationCause::Compromised, json!("compromised")),
        (RotationCause::Age, json!("age")),
        (campaign(false), json!({ "campaign": { "campaign": ID } })),
        (
            campaign(true),
            json!({ "campaign": { "campaign": ID, "compromised": true } }),
        ),
    ]);
    written([
        (Algorithm::Ed25519, json!("ed25519")),
        (Algorithm::EcdsaP256, json!("ecdsa-p256")),
        (Algorithm::EcdsaP384, json!("ecdsa-p384")),
        (Algorithm::EcdsaP521, json!("ecdsa-p521")),
        (Algorithm::Rsa3072, json!("rsa-3072")),
        (Algorithm::Rsa4096, json!("rsa-4096")),
    ]);
}

#[test]
fn of_a_provider() {
    written([
        (ProviderKind::Github, json!("github")),
        (ProviderKind::Gitlab, json!("gitlab")),
        (ProviderKind::BitbucketServer, json!("bitbucket_server")),
        (ProviderKind::Gitea, json!("gitea")),
        (ProviderKind::AzureDevops, json!("azure_devops")),
        (ProviderKind::Ssh, json!("ssh")),
    ]);
    written([
        (HostKeySource::Official, json!("official")),
        (HostKeySource::Entered, json!("entered")),
        (HostKeySource::Scanned, json!("scanned")),
    ]);
    written([
        (Protocol::Oauth2, json!("oauth2")),
        (Protocol::Oauth1, json!("oauth1")),
    ]);
    for kind in ProviderKind::ALL {
        assert_eq!(json!(kind), kind.as_str());
    }
    written([
        (Callback::Own, json!("own")),
        (Callback::Shared, json!("shared")),
    ]);
    written([
        (Choice::Default, json!("default")),
        (Choice::Own(true), json!({ "own": true })),
    ]);
}

#[test]
fn of_a_replay() {
    written([
        (ReplayInclude::Unfinished, json!("unfinished")),
        (ReplayInclude::Parked, json!("parked")),
        (ReplayInclude::All, json!("all")),
    ]);
}

#[test]
fn of_the_envelope() {
    written([
        (ActorKind::Person, json!("person")),
        (ActorKind::System, json!("system")),
        (ActorKind::Terminal, json!("terminal")),
    ]);
    written([
        (Means::Token(TokenId::new(id())), json!({ "token": ID })),
        (Means::FirstSecret, json!("first_secret")),
        (Means::Internal, json!("internal")),
    ]);
    written([
        (Outcome::Success, json!("success")),
        (Outcome::Failure, json!("failure")),
    ]);
    written(Role::ALL.map(|role| (role, json!(role.as_str()))));
    let words = Role::ALL.map(Role::as_str);
    assert_eq!(
        words,
        ["admin", "auditor", "operator", "member", "workspace"]
    );
}
