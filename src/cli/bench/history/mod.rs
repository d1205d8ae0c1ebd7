//! A long history: people who link two accounts each and rotate both keys, as the worker and the
//! front doors would have written it.

mod writing;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::account::{
    Account, AccountEvent, Grant, Presence, PublicationCause, Renewal, WithdrawalCause,
};
use domain::keyring::{Algorithm, Holder, Keyring, KeyringEvent, PublicKey, RotationCause};
use domain::provider::{Callback, OnMissing, Protocol, Provider, ProviderEvent, ProviderKind};
use domain::{
    AccountId, Blame, Failure, KeyId, ProviderSlug, ReasonCode, Sealed, SecretRef, UserId,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use self::writing::{By, Writing};
use crate::clock::{Clock, Ids};
use crate::eventlog::EventLog;

/// How many providers there are.
const PROVIDERS: u64 = 50;
/// How many people write at the same time.
const AT_ONCE: usize = 512;
/// How many events one person's story has at least.
const STORY: u64 = 22;

/// Writes stories until the log has at least so many events.
#[derive(Clone)]
pub(super) struct Historian {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Historian {
    pub(super) fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { log, clock, ids }
    }

    /// Writes at least `events` events; tells how far it is.
    pub(super) async fn write(
        &self,
        events: u64,
        mut report: impl FnMut(u64),
    ) -> anyhow::Result<u64> {
        let admin: UserId = "admin".parse()?;
        for number in 0..PROVIDERS {
            let provider = provider(number)?;
            let added = ProviderEvent::ProviderAdded {
                provider: provider.clone(),
                kind: ProviderKind::Github,
                name: format!("Git server {number}").parse()?,
                description: "A Git server of one of the teams".parse()?,
                base_url: format!("https://git{number}.example.com").parse()?,
                client_id: Some("Iv1.0123456789abcdef".parse()?),
                client_secret: Some(self.secret()),
                callback: Callback::Own,
                algorithm: None,
                pkce: None,
                protocol: Protocol::Oauth2,
                public_key: None,
                signing: false,
                ca_bundle: None,
                proxy: None,
                on_missing: OnMissing::Report,
            };
            let mut stream = Writing::new::<Provider>(self, &provider, &admin);
            stream.append(vec![(By::Admin, added)]).await?;
        }
        // No more than it takes: a page beyond is not a page of a million.
        let people = events.saturating_sub(PROVIDERS).div_ceil(STORY);
        // Each on a task of its own, as commands are: those of one task come one after the other.
        let mut written = stream::iter(0..people)
            .map(|person| {
                let historian = self.clone();
                tokio::spawn(async move { historian.person(person).await })
            })
            .buffer_unordered(AT_ONCE);
        let mut done = PROVIDERS;
        while let Some(events) = written.try_next().await? {
            done += events?;
            report(done);
        }
        Ok(done)
    }

    /// Writes one person's story; returns how many events it has.
    async fn person(&self, number: u64) -> anyhow::Result<u64> {
        let user: UserId = format!("user-{number}").parse()?;
        let mut keyring = Writing::new::<Keyring>(self, &user, &user);
        let mut events = 0;
        for nth in 0..2 {
            let provider = provider((number + nth * 7) % PROVIDERS)?;
            let account = AccountId::from_digest(self.random());
            let mut at = Writing::new::<Account>(self, &account, &user);
            let fails = number.is_multiple_of(10);
            self.link(&user, &provider, account, fails, &mut at, &mut keyring)
                .await?;
            events += at.version;
        }
        Ok(events + keyring.version)
    }

    /// Links an account, puts a key there and rotates it.
    async fn link(
        &self,
        user: &UserId,
        provider: &ProviderSlug,
        account: AccountId,
        fails: bool,
        at: &mut Writing<'_>,
        keyring: &mut Writing<'_>,
    ) -> anyhow::Result<()> {
        let ids = || (account, user.clone(), provider.clone());
        let [first, second] = [self.key(), self.key()];
        let holder = Holder::Account(account);
        at.append(vec![(By::Person, self.linked(ids()))]).await?;
        let generated = KeyringEvent::KeyGenerated {
            user: user.clone(),
            key: first,
            holder,
            algorithm: Algorithm::Ed25519,
            public_key: self.public_key(),
            private_key: self.secret(),
        };
        keyring.append(vec![(By::Policy, generated)]).await?;
        let mut put = vec![(By::Policy, requested(ids(), first, PublicationCause::Link))];
        if fails {
            put.push((By::Publisher, self.failed(ids(), first)));
        }
        put.push((By::Publisher, published(ids(), first, self.number())));
        at.append(put).await?;
        let rotated = KeyringEvent::KeyRotated {
            user: user.clone(),
            key: second,
            replaced: first,
            holder,
            algorithm: Algorithm::Ed25519,
            public_key: self.public_key(),
            private_key: self.secret(),
            cause: RotationCause::Requested,
        };
        keyring.append(vec![(By::Person, rotated)]).await?;
        let (account, user, provider) = ids();
        let withdrawal = AccountEvent::KeyWithdrawalRequested {
            account,
            user,
            provider,
            key: first,
            cause: WithdrawalCause::Rotation,
        };
        let (account, user, provider) = ids();
        let withdrawn = AccountEvent::KeyWithdrawn {
            account,
            user,
            provider,
            key: first,
            was_there: true,
        };
        at.append(vec![
            (By::Publisher, self.renewed(ids())),
            (
                By::Policy,
                requested(ids(), second, PublicationCause::Rotation),
            ),
            (By::Publisher, published(ids(), second, self.number())),
            (By::Policy, withdrawal),
            (By::Publisher, withdrawn),
        ])
        .await?;
        let (_, user, _) = ids();
        let retired = KeyringEvent::KeyRetired {
            user,
            key: first,
            holder,
        };
        keyring.append(vec![(By::Policy, retired)]).await
    }

    fn linked(&self, (account, user, provider): Ids3) -> AccountEvent {
        AccountEvent::AccountLinked {
            account,
            profile: self.sealed(&user, 96),
            user,
            provider,
            grant: Some(self.grant(1)),
        }
    }

    /// Its tokens ran out, and were exchanged for others.
    fn renewed(&self, (account, user, provider): Ids3) -> AccountEvent {
        AccountEvent::GrantRenewed {
            account,
            user,
            provider,
            profile: None,
            grant: self.grant(2),
            how: Renewal::Refresh,
        }
    }

    fn grant(&self, generation: u64) -> Grant {
        Grant {
            secret: self.secret(),
            generation,
            scopes: vec!["admin:public_key".to_owned(), "read:user".to_owned()],
            missing_scopes: vec![],
            expires_at: Some(self.clock.now() + TimeDelta::hours(8)),
            refreshable: true,
        }
    }

    fn failed(&self, (account, user, provider): Ids3, key: KeyId) -> AccountEvent {
        AccountEvent::KeyPublicationFailed {
            account,
            user,
            provider,
            key,
            failure: Failure::new(Blame::Provider, ReasonCode::ProviderUnreachable, None),
            attempts: 1,
            retry_at: self.clock.now() + TimeDelta::seconds(1),
        }
    }

    fn uuid(&self) -> Uuid {
        self.ids.v7(self.clock.now())
    }

    fn key(&self) -> KeyId {
        KeyId::new(self.uuid())
    }

    fn secret(&self) -> SecretRef {
        SecretRef::new(self.uuid())
    }

    fn number(&self) -> u64 {
        let mut bytes = [0; 4];
        self.ids.fill(&mut bytes);
        u32::from_le_bytes(bytes).into()
    }

    fn random<const BYTES: usize>(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        self.ids.fill(&mut bytes);
        bytes
    }

    fn public_key(&self) -> PublicKey {
        let blob = STANDARD_NO_PAD
            .encode([&b"\0\0\0\x0bssh-ed25519\0\0\0 "[..], &self.random::<32>()].concat());
        PublicKey {
            line: format!("ssh-ed25519 {blob}"),
            fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(self.random::<32>())),
        }
    }

    /// Stands for a sealed text of so many bytes; nobody opens it.
    fn sealed(&self, person: &UserId, length: usize) -> Sealed {
        let bytes: Vec<u8> = self.random::<128>().into_iter().take(length).collect();
        Sealed {
            person: person.clone(),
            sealed: URL_SAFE_NO_PAD.encode(bytes),
        }
    }
}

type Ids3 = (AccountId, UserId, ProviderSlug);

fn provider(number: u64) -> anyhow::Result<ProviderSlug> {
    Ok(format!("git-{number}").parse()?)
}

fn requested((account, user, provider): Ids3, key: KeyId, cause: PublicationCause) -> AccountEvent {
    AccountEvent::KeyPublicationRequested {
        account,
        user,
        provider,
        key,
        cause,
    }
}

fn published((account, user, provider): Ids3, key: KeyId, remote: u64) -> AccountEvent {
    AccountEvent::KeyPublished {
        account,
        user,
        provider,
        key,
        remote_key: Some(remote.to_string()),
        presence: Presence::Created,
        expires_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SeededIds, SystemClock};
    use crate::eventlog::memory::MemoryLog;
    use crate::projecting::verify::verify_history;

    #[tokio::test]
    async fn a_history_is_as_long_as_asked_for_and_sound() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(clock.clone()));
        let historian = Historian::new(log.clone(), clock, Arc::new(SeededIds::new(1)));
        let mut told = 0;
        let written = historian.write(2_000, |done| told = done).await.unwrap();
        assert!((2_000..2_000 + 2 * STORY).contains(&written), "{written}");
        assert_eq!(told, written);
        assert_eq!(log.size().await.unwrap(), written);
        let history = verify_history(&*log, &mut |_| ()).await.unwrap();
        assert_eq!(history.fault, None);
    }
}
