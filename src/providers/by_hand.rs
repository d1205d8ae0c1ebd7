//! Hosts without an API for keys: what a person does there in our place, in words.
//!
//! Azure DevOps: Microsoft, "Use SSH key authentication" (Azure Repos). It takes RSA keys only,
//! ends them after a year, takes the same key again, and looks at the first key only that a client
//! offers.

use domain::BaseUrl;
use domain::provider::ProviderKind;

use super::SshPlace;

/// What a person is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Paste a key there.
    Paste,
    /// Remove a key there.
    Remove,
}

impl Errand {
    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paste => "paste",
            Self::Remove => "remove",
        }
    }
}

/// An errand with everything that is needed to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// What to do.
    pub errand: Errand,
    /// The page to do it on.
    pub page: String,
    /// How, step by step.
    pub steps: Vec<String>,
    /// The line of the public key, without a line feed.
    pub public_key: String,
    /// What a clone URL looks like there; absent where Lanyard does not say.
    pub clone_url: Option<String>,
}

/// Describes an errand at a host.
pub fn describe(kind: ProviderKind, base_url: &BaseUrl, errand: Errand, line: String) -> ByHand {
    let page = page(kind, base_url);
    let steps = match (errand, kind) {
        (Errand::Paste, ProviderKind::AzureDevops) => paste_at_azure(&page, &ssh_host(base_url)),
        (Errand::Paste, _) => paste(&page, &host(base_url)),
        (Errand::Remove, _) => remove(&page),
    };
    ByHand {
        errand,
        page,
        steps,
        public_key: line,
        clone_url: clone_url(kind, base_url),
    }
}

/// Returns where people see their keys. For a host that we know nothing of, the base URL is it.
fn page(kind: ProviderKind, base_url: &BaseUrl) -> String {
    let path = match kind {
        ProviderKind::Github => "/settings/keys",
        ProviderKind::Gitlab => "/-/user_settings/ssh_keys",
        ProviderKind::BitbucketServer => "/plugins/servlet/ssh/account/keys",
        ProviderKind::Gitea => "/user/settings/keys",
        ProviderKind::AzureDevops => "/_usersSettings/keys",
        ProviderKind::Ssh => "",
    };
    // A base URL that is nothing but a host ends with a slash of its own.
    let base_url = base_url.to_string();
    format!("{}{path}", base_url.trim_end_matches('/'))
}

fn paste_at_azure(page: &str, host: &str) -> Vec<String> {
    vec![
        format!(
            "Open {page} (in Azure DevOps: User settings, SSH public keys). If this key is \
             listed there already, delete that entry first: entries cannot be edited."
        ),
        "Choose New Key and paste the public key: one line, and no line feed after it.".to_owned(),
        "Save it there, then confirm here that it is in place.".to_owned(),
        format!(
            "Azure DevOps looks at the first key only that SSH offers: in ~/.ssh/config, put \
             this key's IdentityFile and IdentitiesOnly yes under Host {host}."
        ),
        "The key ends one year after it was pasted. You are reminded before; the same key may \
         then be pasted again."
            .to_owned(),
        "If the page is missing or keys are refused: the organisation's policy \"SSH \
         authentication\" may be off. Its administrators can turn it on."
            .to_owned(),
    ]
}

fn paste(page: &str, host: &str) -> Vec<String> {
    vec![
        format!("Open {page}, or ask whoever runs the host where people add their SSH keys."),
        "Add the public key as it is, on one line; in a file such as ~/.ssh/authorized_keys it \
         is a line of its own."
            .to_owned(),
        "Then confirm here that it is in place.".to_owned(),
        format!(
            "If you have other keys: in ~/.ssh/config, put this key's IdentityFile and \
             IdentitiesOnly yes under Host {host}."
        ),
    ]
}

fn remove(page: &str) -> Vec<String> {
    vec![
        format!("Open {page} and find this public key."),
        "Delete it there. If it is not listed, there is nothing to delete.".to_owned(),
        "Then confirm here that it is gone.".to_owned(),
    ]
}

fn host(base_url: &BaseUrl) -> String {
    base_url.url().host_str().unwrap_or_default().to_owned()
}

/// Returns the host of SSH: at Azure DevOps Services another than that of the web.
fn ssh_host(base_url: &BaseUrl) -> String {
    SshPlace::of(ProviderKind::AzureDevops, base_url).host
}

fn clone_url(kind: ProviderKind, base_url: &BaseUrl) -> Option<String> {
    kind.is_by_hand()
        .then(|| SshPlace::of(kind, base_url).example())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: ProviderKind, base_url: &str, errand: Errand) -> ByHand {
        let line = "ssh-rsa AAAA lanyard-ada-azure".to_owned();
        describe(kind, &base_url.parse().unwrap(), errand, line)
    }

    fn azure(base_url: &str) -> ByHand {
        at(ProviderKind::AzureDevops, base_url, Errand::Paste)
    }

    #[test]
    fn azure_is_told_of_the_page_and_of_what_goes_wrong_there() {
        let told = azure("https://dev.azure.com/contoso");
        assert_eq!(
            told.page,
            "https://dev.azure.com/contoso/_usersSettings/keys"
        );
        assert!(told.steps[0].contains(&told.page));
        let steps = told.steps.join("\n");
        for words in [
            "no line feed after it",
            "IdentitiesOnly yes under Host ssh.dev.azure.com",
            "one year",
            "\"SSH authentication\" may be off",
            "confirm here",
        ] {
            assert!(steps.contains(words), "{words} is missing in\n{steps}");
        }
        assert_eq!(told.public_key, "ssh-rsa AAAA lanyard-ada-azure");
    }

    #[test]
    fn azure_is_told_the_host_of_ssh_and_the_form_of_a_clone_url() {
        for (base_url, clone_url, host) in [
            (
                "https://dev.azure.com/contoso",
                "git@ssh.dev.azure.com:v3/contoso/PROJECT/REPO",
                "ssh.dev.azure.com",
            ),
            (
                "https://tfs.example.com/tfs/Main",
                "ssh://tfs.example.com:22/tfs/Main/PROJECT/_git/REPO",
                "tfs.example.com",
            ),
        ] {
            let told = azure(base_url);
            assert_eq!(told.clone_url.as_deref(), Some(clone_url));
            let only = format!("under Host {host}.");
            assert!(told.steps.iter().any(|step| step.contains(&only)));
        }
    }

    #[test]
    fn at_any_other_host_the_base_url_is_the_page() {
        let told = at(ProviderKind::Ssh, "https://git.example.com/", Errand::Paste);
        assert_eq!(told.page, "https://git.example.com");
        assert_eq!(
            told.clone_url.as_deref(),
            Some("git@git.example.com:PATH/REPO.git")
        );
        assert!(!told.steps.join("\n").contains("year"));
    }

    #[test]
    fn a_key_is_removed_on_the_page_of_each_product() {
        for (kind, page) in [
            (ProviderKind::Github, "/settings/keys"),
            (ProviderKind::Gitlab, "/-/user_settings/ssh_keys"),
            (
                ProviderKind::BitbucketServer,
                "/plugins/servlet/ssh/account/keys",
            ),
            (ProviderKind::Gitea, "/user/settings/keys"),
            (ProviderKind::AzureDevops, "/_usersSettings/keys"),
            (ProviderKind::Ssh, ""),
        ] {
            let told = at(kind, "https://git.example.com/base", Errand::Remove);
            assert_eq!(told.page, format!("https://git.example.com/base{page}"));
            assert!(told.steps[0].contains(&told.page));
            assert!(told.steps[2].contains("confirm here"));
        }
    }
}
