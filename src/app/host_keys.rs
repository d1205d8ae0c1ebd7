//! The host keys of a provider's SSH server, and where its repositories are reached.

use domain::provider::{HostKeySource, Provider, ProviderCommand, ProviderKind, Registration};
use domain::{HostKeyLine, ProviderSlug};

use super::grants::AccessError;
use super::providers::Known;
use super::{App, Caller, CaseError, Rule};
use crate::host_keys::{HostKey, NoHostKey, published, scan};

/// Where a provider's repositories are reached by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshPlace {
    /// As whom one signs in; nobody needs to be named at some products.
    pub user: Option<String>,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The form of a clone URL there.
    pub example: String,
}

/// Works out where a provider's repositories are reached by SSH: by its product, its base URL, and
/// the port under which a host key of it is known.
pub fn ssh_place(registration: &Registration) -> SshPlace {
    let url = registration.base_url.url();
    let base = url.host_str().unwrap_or_default().to_owned();
    let cloud = base.strip_suffix(".ghe.com");
    let azure = base == "dev.azure.com" || base.ends_with(".visualstudio.com");
    let (user, host, usual) = match registration.kind {
        // Enterprise Cloud with data residency: the subdomain is the user.
        ProviderKind::Github => (Some(cloud.unwrap_or("git")), base.clone(), 22),
        ProviderKind::BitbucketServer => (Some("git"), base.clone(), 7999),
        ProviderKind::AzureDevops if azure => (Some("git"), "ssh.dev.azure.com".to_owned(), 22),
        ProviderKind::AzureDevops => (None, base.clone(), 22),
        ProviderKind::Gitlab | ProviderKind::Gitea | ProviderKind::Ssh => {
            (Some("git"), base.clone(), 22)
        }
    };
    let port = known_port(registration, &host).unwrap_or(usual);
    let path = match registration.kind {
        ProviderKind::Github | ProviderKind::Gitea => "OWNER/REPO.git",
        ProviderKind::Gitlab => "GROUP/PROJECT.git",
        ProviderKind::BitbucketServer => "PROJECT/REPO.git",
        ProviderKind::AzureDevops if azure => "v3/ORGANISATION/PROJECT/REPO",
        ProviderKind::AzureDevops => "tfs/COLLECTION/PROJECT/_git/REPO",
        ProviderKind::Ssh => "PATH/REPO.git",
    };
    let at = user.map_or(String::new(), |user| format!("{user}@"));
    let example = match registration.kind {
        // A colon before a path is for port 22 alone.
        ProviderKind::BitbucketServer => format!("ssh://{at}{host}:{port}/{path}"),
        _ if user.is_none() || port != 22 => format!("ssh://{at}{host}:{port}/{path}"),
        _ => format!("{at}{host}:{path}"),
    };
    SshPlace {
        user: user.map(str::to_owned),
        host,
        port,
        example,
    }
}

/// Returns the port that a known host key of a host names.
fn known_port(registration: &Registration, host: &str) -> Option<u16> {
    let named = |line: &HostKeyLine| {
        let hosts = line.as_str().split(' ').next()?.to_owned();
        hosts.split(',').find_map(|name| {
            let (name, port) = name.strip_prefix('[')?.split_once("]:")?;
            (name == host).then(|| port.parse().ok())?
        })
    };
    registration.host_keys.iter().find_map(named)
}

/// Reads the keys of a registration; those of old that can no longer be read are left out.
pub fn known_host_keys(registration: &Registration) -> Vec<HostKey> {
    let lines = registration.host_keys.iter();
    lines
        .filter_map(|line| line.as_str().parse().ok())
        .collect()
}

impl App {
    /// Records by which keys a provider's SSH server is known, in the place of those before.
    pub async fn record_host_keys(
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
        let Some(adapter) = self.providers.get(known.kind) else {
            return Err(Rule::NoOfficialHostKeys.into());
        };
        let oauth = match self.oauth_app_of(&known).await {
            Ok(oauth) => oauth,
            Err(AccessError::Command(error)) => return Err(error.into()),
            Err(error) => return Err(not_had(&error)),
        };
        let keys = adapter.published_host_keys(&oauth).await;
        let keys = keys.map_err(|failure| not_had(&failure.failure.code.remedy()))?;
        if keys.is_empty() {
            return Err(Rule::NoOfficialHostKeys.into());
        }
        let keys = published(&place.host, place.port, keys).map_err(|error| not_had(&error))?;
        let source = HostKeySource::Official;
        self.record_host_keys(provider, source, &keys, seen, caller)
            .await
    }

    /// Looks at the host keys that a server shows, and records nothing: an admin compares.
    pub async fn scan_host_keys(
        &self,
        provider: &ProviderSlug,
        host: Option<String>,
        port: Option<u16>,
    ) -> Result<Vec<HostKey>, CaseError> {
        let place = ssh_place(&self.provider(provider).await?.registration);
        let host = host.unwrap_or(place.host);
        let port = port.unwrap_or(place.port);
        let scanned = scan(self.providers.outbound(), &host, port).await;
        scanned.map_err(|error| not_had(&error))
    }
}

fn not_had(why: &dyn std::fmt::Display) -> CaseError {
    Rule::HostKeysNotHad(why.to_string()).into()
}

#[cfg(test)]
mod tests {
    use domain::provider::{AddProvider, Callback, OnMissing, Protocol};

    use super::*;

    fn registered(kind: ProviderKind, base_url: &str, host_keys: &[&str]) -> Registration {
        let by_hand = kind.is_by_hand();
        let added = AddProvider {
            provider: "git".parse().unwrap(),
            kind,
            name: "Git".parse().unwrap(),
            description: "".parse().unwrap(),
            base_url: base_url.parse().unwrap(),
            client_id: (!by_hand).then(|| "id".parse().unwrap()),
            client_secret: (!by_hand).then(|| domain::SecretRef::new(uuid::Uuid::from_u128(1))),
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
        let mut provider = Provider::Absent;
        for event in provider
            .decide(ProviderCommand::AddProvider(added))
            .unwrap()
        {
            cqrs_es::Aggregate::apply(&mut provider, event);
        }
        let Provider::Present(mut registration) = provider else {
            panic!("it is registered");
        };
        let lines = host_keys.iter().map(|line| line.parse().unwrap());
        registration.host_keys = lines.collect();
        registration
    }

    #[test]
    fn a_clone_url_has_the_form_of_its_product() {
        use ProviderKind as K;
        for (kind, base_url, example) in [
            (
                K::Github,
                "https://github.com",
                "git@github.com:OWNER/REPO.git",
            ),
            (
                K::Github,
                "https://acme.ghe.com",
                "acme@acme.ghe.com:OWNER/REPO.git",
            ),
            (
                K::Github,
                "https://git.example.com",
                "git@git.example.com:OWNER/REPO.git",
            ),
            (
                K::Gitlab,
                "https://example.com/gitlab",
                "git@example.com:GROUP/PROJECT.git",
            ),
            (
                K::BitbucketServer,
                "https://git.example.com/bitbucket",
                "ssh://git@git.example.com:7999/PROJECT/REPO.git",
            ),
            (
                K::Gitea,
                "https://codeberg.org",
                "git@codeberg.org:OWNER/REPO.git",
            ),
            (
                K::AzureDevops,
                "https://dev.azure.com/acme",
                "git@ssh.dev.azure.com:v3/ORGANISATION/PROJECT/REPO",
            ),
            (
                K::AzureDevops,
                "https://tfs.example.com",
                "ssh://tfs.example.com:22/tfs/COLLECTION/PROJECT/_git/REPO",
            ),
            (
                K::Ssh,
                "https://git.example.com",
                "git@git.example.com:PATH/REPO.git",
            ),
        ] {
            let place = ssh_place(&registered(kind, base_url, &[]));
            assert_eq!(place.example, example, "{kind} {base_url}");
        }
    }

    #[test]
    fn a_known_host_key_tells_the_port() {
        let key = "[git.example.com]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5";
        let place = ssh_place(&registered(
            ProviderKind::Gitlab,
            "https://git.example.com",
            &["other.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", key],
        ));
        assert_eq!(place.port, 2222);
        assert_eq!(
            place.example,
            "ssh://git@git.example.com:2222/GROUP/PROJECT.git"
        );
    }
}
