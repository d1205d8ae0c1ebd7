//! The host keys of a provider's SSH server, and where its repositories are reached.

mod place;
mod told;

use domain::provider::{HostKeySource, Provider, ProviderCommand, Registration};
use domain::{HostKeyLine, ProviderSlug, UserId};

use super::providers::Known;
use super::{App, Caller, CaseError, Rule};
use crate::host_keys::{HostKey, Matches, NoHostKey, compare, published, scan};
use crate::providers::azure_host_keys;

pub use place::ssh_place;

/// What a server showed, beside what the product itself tells of it.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// The keys, and whether the product bears each of them out.
    pub keys: Vec<(HostKey, Matches)>,
    /// The fingerprint that the product tells; none where there was nothing to compare with.
    pub told: Option<String>,
}

/// Reads the keys of a registration; those of old that can no longer be read are left out.
pub fn known_host_keys(registration: &Registration) -> Vec<HostKey> {
    let lines = registration.host_keys.iter();
    lines
        .filter_map(|line| line.as_str().parse().ok())
        .collect()
}

impl App {
    /// Records by which keys a provider's SSH server is known, in the place of those before. Those
    /// that an admin brings are compared with what the product tells of its server first.
    pub async fn enter_host_keys(
        &self,
        provider: &ProviderSlug,
        (source, keys): (HostKeySource, &[HostKey]),
        seen: Option<u64>,
        (admin, caller): (&UserId, &Caller),
    ) -> Result<Known, CaseError> {
        let registration = self.provider(provider).await?.registration;
        let told = self.told_of_ssh(&registration, admin, caller).await?;
        if let Some(told) = told.and_then(|server| server.fingerprint)
            && compare(keys, Some(&told)).contains(&Matches::No)
        {
            return Err(Rule::HostKeysDiffer(told).into());
        }
        self.record_host_keys(provider, source, keys, seen, caller)
            .await
    }

    async fn record_host_keys(
        &self,
        provider: &ProviderSlug,
        source: HostKeySource,
        keys: &[HostKey],
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<Known, CaseError> {
        let mut lines: Vec<HostKeyLine> = Vec::new();
        for key in keys {
            let line = key.to_string().parse();
            let line = line.map_err(|_| not_had(&NoHostKey::TooLong))?;
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let command = ProviderCommand::RecordHostKeys {
            source,
            keys: lines,
        };
        let done = self
            .dispatch
            .execute_at::<Provider>(provider, seen, command, caller)
            .await?;
        self.known_after(done).await
    }

    /// Fetches the host keys that a provider publishes, over TLS, and records them.
    pub async fn record_official_host_keys(
        &self,
        provider: &ProviderSlug,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<Known, CaseError> {
        let known = self.provider(provider).await?.registration;
        let place = ssh_place(&known);
        let keys = if let Some(adapter) = self.providers.get(known.kind) {
            let nobody = self.app_without_secret(&known);
            let keys = adapter.published_host_keys(&nobody).await;
            keys.map_err(|failure| not_had(&failure.failure.code.remedy()))?
        } else {
            let keys = azure_host_keys::published(known.kind, &known.base_url).iter();
            keys.map(|key| (*key).to_owned()).collect()
        };
        if keys.is_empty() {
            return Err(Rule::NoOfficialHostKeys.into());
        }
        let keys = published(&place.host, place.port, keys).map_err(|error| not_had(&error))?;
        let source = HostKeySource::Official;
        self.record_host_keys(provider, source, &keys, seen, caller)
            .await
    }

    /// Looks at the host keys that a server shows, and records nothing: an admin compares. Where
    /// the product tells of its server, that says where to look, and what to make of it.
    pub async fn scan_host_keys(
        &self,
        provider: &ProviderSlug,
        (host, port): (Option<String>, Option<u16>),
        (admin, caller): (&UserId, &Caller),
    ) -> Result<Scanned, CaseError> {
        let registration = self.provider(provider).await?.registration;
        let told = self.told_of_ssh(&registration, admin, caller).await?;
        if told.as_ref().is_some_and(|server| !server.enabled) {
            return Err(not_had(
                &"its SSH server is switched off: an administrator there switches it on",
            ));
        }
        let place = ssh_place(&registration);
        let (there, fingerprint) = told
            .map(|server| (server.place, server.fingerprint))
            .unwrap_or_default();
        let (known_host, known_port) = there.unwrap_or((place.host, place.port));
        let host = host.unwrap_or(known_host);
        let port = port.unwrap_or(known_port);
        let scanned = scan(self.providers.outbound(), &host, port).await;
        let keys = scanned.map_err(|error| not_had(&error))?;
        let matches = compare(&keys, fingerprint.as_deref());
        Ok(Scanned {
            keys: keys.into_iter().zip(matches).collect(),
            told: fingerprint,
        })
    }
}

fn not_had(why: &dyn std::fmt::Display) -> CaseError {
    Rule::HostKeysNotHad(why.to_string()).into()
}
