//! Where a product's repositories are reached by SSH, as far as its base URL tells.

use domain::BaseUrl;
use domain::provider::ProviderKind;
use url::Url;

/// Where repositories are reached by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshPlace {
    /// As whom one signs in; nobody needs to be named at some products.
    pub user: Option<String>,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What stands behind host and port in a clone URL, in the product's own form.
    pub path: String,
    /// Whether a clone URL names the port in any case.
    pub whole: bool,
    /// A clone URL for networks that let nothing but https out.
    pub fallback: Option<String>,
}

/// What a product tells of its own SSH server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshServer {
    /// Whether it is switched on.
    pub enabled: bool,
    /// The host and the port at which people reach it.
    pub place: Option<(String, u16)>,
    /// The fingerprint of its host key, as the product writes it.
    pub fingerprint: Option<String>,
}

impl SshPlace {
    /// Works it out from where the web pages are.
    pub fn of(kind: ProviderKind, base_url: &BaseUrl) -> Self {
        let url = base_url.url();
        let base = url.host_str().unwrap_or_default();
        let usual = |path: &str| Self {
            user: Some("git".to_owned()),
            host: base.to_owned(),
            port: 22,
            path: path.to_owned(),
            whole: false,
            fallback: None,
        };
        match kind {
            ProviderKind::Github => Self {
                // Enterprise Cloud with data residency: the subdomain is the user.
                user: Some(base.strip_suffix(".ghe.com").unwrap_or("git").to_owned()),
                // GitHub, "Using SSH over the HTTPS port"; no other GitHub has it.
                fallback: (base == "github.com")
                    .then(|| "ssh://git@ssh.github.com:443/OWNER/REPO.git".to_owned()),
                ..usual("OWNER/REPO.git")
            },
            ProviderKind::Gitlab => Self {
                // GitLab, "Alternative SSH port" of gitlab.com's settings.
                fallback: (base == "gitlab.com")
                    .then(|| "ssh://git@altssh.gitlab.com:443/GROUP/PROJECT.git".to_owned()),
                ..usual("GROUP/PROJECT.git")
            },
            ProviderKind::BitbucketServer => Self {
                port: 7999,
                whole: true,
                ..usual("PROJECT/REPO.git")
            },
            ProviderKind::Gitea => usual("OWNER/REPO.git"),
            ProviderKind::AzureDevops => match organisation(&url) {
                Some(name) => Self {
                    host: "ssh.dev.azure.com".to_owned(),
                    ..usual(&format!("v3/{name}/PROJECT/REPO"))
                },
                None => Self {
                    user: None,
                    ..usual(&format!("{}/PROJECT/_git/REPO", collection(&url)))
                },
            },
            ProviderKind::Ssh => usual("PATH/REPO.git"),
        }
    }

    /// Returns the form of a clone URL.
    pub fn example(&self) -> String {
        let Self {
            host, port, path, ..
        } = self;
        let at = self
            .user
            .as_ref()
            .map_or(String::new(), |user| format!("{user}@"));
        // A colon before a path is for port 22 alone, and wants a name before the host.
        if self.whole || at.is_empty() || *port != 22 {
            format!("ssh://{at}{host}:{port}/{path}")
        } else {
            format!("{at}{host}:{path}")
        }
    }
}

/// Returns the organisation, where the base URL is one of Azure DevOps Services: of today, or of
/// the time when it was called Visual Studio Team Services.
fn organisation(url: &Url) -> Option<String> {
    let host = url.host_str().unwrap_or_default();
    if host == "dev.azure.com" {
        let first = url.path_segments().and_then(|mut parts| parts.next());
        let named = first.filter(|name| !name.is_empty());
        return Some(named.unwrap_or("ORGANISATION").to_owned());
    }
    host.strip_suffix(".visualstudio.com").map(str::to_owned)
}

/// Returns the path of the collection at an Azure DevOps Server, where the base URL has one.
fn collection(url: &Url) -> &str {
    match url.path().trim_matches('/') {
        "" => "tfs/COLLECTION",
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: ProviderKind, base_url: &str) -> SshPlace {
        SshPlace::of(kind, &base_url.parse().unwrap())
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
                "git@ssh.dev.azure.com:v3/acme/PROJECT/REPO",
            ),
            (
                K::AzureDevops,
                "https://dev.azure.com",
                "git@ssh.dev.azure.com:v3/ORGANISATION/PROJECT/REPO",
            ),
            (
                K::AzureDevops,
                "https://acme.visualstudio.com",
                "git@ssh.dev.azure.com:v3/acme/PROJECT/REPO",
            ),
            (
                K::AzureDevops,
                "https://tfs.example.com",
                "ssh://tfs.example.com:22/tfs/COLLECTION/PROJECT/_git/REPO",
            ),
            (
                K::AzureDevops,
                "https://tfs.example.com/tfs/Main",
                "ssh://tfs.example.com:22/tfs/Main/PROJECT/_git/REPO",
            ),
            (
                K::Ssh,
                "https://git.example.com",
                "git@git.example.com:PATH/REPO.git",
            ),
        ] {
            assert_eq!(at(kind, base_url).example(), example, "{kind} {base_url}");
        }
    }

    #[test]
    fn some_have_another_way_through_the_port_of_https() {
        for (kind, base_url, fallback) in [
            (
                ProviderKind::Github,
                "https://github.com",
                Some("ssh://git@ssh.github.com:443/OWNER/REPO.git"),
            ),
            (
                ProviderKind::Gitlab,
                "https://gitlab.com",
                Some("ssh://git@altssh.gitlab.com:443/GROUP/PROJECT.git"),
            ),
            (ProviderKind::Github, "https://git.example.com", None),
            (ProviderKind::Github, "https://acme.ghe.com", None),
            (ProviderKind::Gitlab, "https://gitlab.example.com", None),
        ] {
            let place = at(kind, base_url);
            assert_eq!(place.fallback.as_deref(), fallback, "{base_url}");
        }
    }
}
