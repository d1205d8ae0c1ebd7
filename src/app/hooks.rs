//! What a product tells us by itself: an early sign that somebody's keys should be looked at, and
//! never more than that. What it says is believed only after a look.

use aws_lc_rs::hmac;
use domain::keyring::Holder as KeyHolder;
use domain::provider::{Provider, ProviderCommand, ProviderKind};
use domain::{AccountId, ProviderSlug};
use projections::{key_placements, keys};
use serde::Deserialize;

use super::providers::Known;
use super::{App, Caller, CaseError};
use crate::keygen::fingerprint;
use crate::vault::{Owner, Purpose, Secret, VaultError};

/// A new secret for hooks, shown this once.
#[derive(Debug)]
pub struct NewHookSecret {
    /// The secret.
    pub secret: Secret,
    /// Where the product sends what it has to say.
    pub url: String,
    /// The provider after it.
    pub known: Known,
}

/// What a GitLab system hook says (GitLab, "System hooks"): `key_create`, `key_destroy`.
#[derive(Deserialize)]
struct SystemHook {
    event_name: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    id: Option<u64>,
}

/// What a GitHub App is told (GitHub, "Webhook events and payloads", `github_app_authorization`).
#[derive(Deserialize)]
struct Authorization {
    action: String,
    sender: Sender,
}

#[derive(Deserialize)]
struct Sender {
    id: u64,
}

impl App {
    /// Makes the secret by which a product's hooks are known, in the place of the one before it.
    pub async fn set_hook_secret(
        &self,
        provider: &ProviderSlug,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<NewHookSecret, CaseError> {
        let kind = self.provider(provider).await?.registration.kind;
        let secret = Secret::from(self.new_text());
        let owner = Owner::Provider(provider.clone());
        let sealed = self
            .vault
            .seal(&owner, Purpose::HookSecret, provider.as_str(), &secret)
            .await?;
        let command = ProviderCommand::SetHookSecret { secret: sealed };
        let done = self
            .dispatch
            .execute_at::<Provider>(provider, seen, command, caller)
            .await;
        self.drop_if_unnamed(&done, Some(sealed)).await?;
        let done = done?;
        self.destroy_spent(provider, done.revision).await;
        let base = self.public_url.as_str().trim_end_matches('/');
        Ok(NewHookSecret {
            secret,
            url: format!("{base}/hooks/{kind}/{provider}"),
            known: self.known_after(done).await?,
        })
    }

    /// Takes what a GitLab says, if it knows the secret (`X-Gitlab-Token`); says whether it does.
    pub async fn gitlab_hook(
        &self,
        provider: &ProviderSlug,
        token: Option<&str>,
        body: &[u8],
    ) -> Result<bool, CaseError> {
        let known = self.hook_secret(provider, ProviderKind::Gitlab).await?;
        let (Some(known), Some(token)) = (known, token) else {
            return Ok(false);
        };
        if known != Secret::from(token) {
            return Ok(false);
        }
        let Ok(hook) = serde_json::from_slice::<SystemHook>(body) else {
            return Ok(true);
        };
        let account = match hook.event_name.as_str() {
            "key_destroy" => self.holder_of(provider, hook.id).await?,
            "key_create" => {
                self.maker_of(provider, hook.key.as_deref(), hook.id)
                    .await?
            }
            _ => None,
        };
        self.heed(provider, account).await?;
        Ok(true)
    }

    /// Takes what a GitHub says, if it signed it with the secret (`X-Hub-Signature-256`: the
    /// HMAC-SHA256 of the body as it was sent); says whether it did.
    pub async fn github_hook(
        &self,
        provider: &ProviderSlug,
        signature: Option<&str>,
        event: Option<&str>,
        body: &[u8],
    ) -> Result<bool, CaseError> {
        let known = self.hook_secret(provider, ProviderKind::Github).await?;
        let (Some(known), Some(signature)) = (known, signature) else {
            return Ok(false);
        };
        if !is_signed(&known, signature, body) {
            return Ok(false);
        }
        if event != Some("github_app_authorization") {
            return Ok(true);
        }
        let account = match serde_json::from_slice::<Authorization>(body) {
            Ok(said) if said.action == "revoked" => {
                let person = said.sender.id.to_string();
                Some(self.account_id(provider, &person).await?)
            }
            Ok(_) | Err(_) => None,
        };
        self.heed(provider, account).await?;
        Ok(true)
    }

    async fn heed(
        &self,
        provider: &ProviderSlug,
        account: Option<AccountId>,
    ) -> Result<(), CaseError> {
        if let Some(account) = account
            && self.look_now(provider, account).await?
        {
            tracing::info!(account.id = %account, provider.slug = %provider, "a hook asks for a look");
        }
        Ok(())
    }

    async fn hook_secret(
        &self,
        provider: &ProviderSlug,
        kind: ProviderKind,
    ) -> Result<Option<Secret>, CaseError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        let registration = state.registration().filter(|known| known.kind == kind);
        let Some(at) = registration.and_then(|known| known.hook_secret) else {
            return Ok(None);
        };
        match self.vault.open_secret(at).await {
            Ok((secret, _)) => Ok(Some(secret)),
            Err(VaultError::NotFound | VaultError::Destroyed) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the account at which a key is published, by the provider's own id of it.
    async fn holder_of(
        &self,
        provider: &ProviderSlug,
        remote_key: Option<u64>,
    ) -> Result<Option<AccountId>, CaseError> {
        let Some(remote_key) = remote_key else {
            return Ok(None);
        };
        let asked = key_placements::published_as(provider, &remote_key.to_string());
        let rows = self.database.query(asked).await?;
        let row = rows.first().map(key_placements::from_row).transpose()?;
        Ok(row.map(|row| row.account))
    }

    /// Returns the account for which a key was made that somebody put somewhere. Of what we put
    /// there ourselves nothing is to be learned.
    async fn maker_of(
        &self,
        provider: &ProviderSlug,
        line: Option<&str>,
        remote_key: Option<u64>,
    ) -> Result<Option<AccountId>, CaseError> {
        if self.holder_of(provider, remote_key).await?.is_some() {
            return Ok(None);
        }
        let Some(fingerprint) = line.and_then(fingerprint) else {
            return Ok(None);
        };
        let rows = self
            .database
            .query(keys::by_fingerprint(&fingerprint))
            .await?;
        let row = rows.first().map(keys::from_row).transpose()?;
        Ok(row.and_then(|row| match row.holder {
            KeyHolder::Account(account) => Some(account),
            KeyHolder::Personal => None,
        }))
    }
}

/// Checks a signature: `sha256=` and 64 hexadecimal digits. Takes as long whether right or wrong.
fn is_signed(secret: &Secret, signature: &str, body: &[u8]) -> bool {
    let Some(tag) = signature.strip_prefix("sha256=").and_then(unhex) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    hmac::verify(&key, body, &tag).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_githubs_own_example() {
        // GitHub, "Validating webhook deliveries": "Testing the webhook payload validation".
        let secret = Secret::from("It's a Secret to Everybody");
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(&secret, signature, b"Hello, World!"));
        assert!(!is_signed(&secret, signature, b"Hello, World"));
        assert!(!is_signed(
            &Secret::from("another"),
            signature,
            b"Hello, World!"
        ));
        for odd in [
            "",
            "sha256=",
            "sha1=757107ea0eb2509fc211221cce984b8a37570b6d",
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1",
            "sha256=+57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            "sha256=ä57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1",
        ] {
            assert!(!is_signed(&secret, odd, b"Hello, World!"), "{odd}");
        }
    }
}
