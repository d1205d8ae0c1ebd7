//! The host key of Azure DevOps Services. Microsoft has no API for it: the fingerprint stands in its
//! documentation, and on the page where people paste their keys.

use domain::BaseUrl;
use domain::provider::ProviderKind;

use super::SshPlace;

/// The SSH server of every organisation there.
const HOST: &str = "ssh.dev.azure.com";

/// The key whose fingerprint Microsoft names ("Use SSH key authentication", Azure Repos), as it was
/// in November 2026. The host has no other.
const KEY: [&str; 1] = [
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7Hr1oTWqNqOlzGJOfGJ4NakVyIzf1rXYd4d7wo6jBlkLvCA4odBlL\
     0mDUyZ0/QUfTTqeu+tm22gOsv+VrVTMk6vwRU75gY/y9ut5Mb3bR5BV58dKXyq9A9UeB5Cakehn5Zgm6x1mKoVyf+FFn\
     26iYqXJRgzIZZcZ5V6hrE0Qg39kZm4az48o0AUbf6Sp4SLdvnuMa2sVNwHBboS7EJkm57XQPVU3/QpyNLHbWDdzwtrlS\
     +ez30S3AdYhLKEOxAG8weOnyrtLJAUen9mTkol8oII1edf7mWWbWVf0nBmly21+nZcmCTISQBtdcyPaEno7fFQMDD26/\
     s0lfKob4Kw8H",
];

/// Returns what is published of a host at which people paste their keys: something for Azure DevOps
/// Services alone.
pub fn published(kind: ProviderKind, base_url: &BaseUrl) -> &'static [&'static str] {
    let is_azure = kind == ProviderKind::AzureDevops;
    if is_azure && SshPlace::of(kind, base_url).host == HOST {
        &KEY
    } else {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host_keys::published as read;

    #[test]
    fn the_key_is_that_whose_fingerprint_the_page_for_admins_names() {
        let keys = read(HOST, 22, KEY).unwrap();
        assert_eq!(
            keys[0].fingerprint(),
            "SHA256:ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og"
        );
        let page = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/docs/providers/azure-devops.md"
        );
        let page = fs::read_to_string(page).unwrap();
        assert!(page.contains(&format!("`{}`", keys[0].fingerprint())));
    }

    #[test]
    fn a_server_of_ones_own_publishes_nothing() {
        let of = |kind, base_url: &str| published(kind, &base_url.parse().unwrap()).len();
        let azure = ProviderKind::AzureDevops;
        assert_eq!(of(azure, "https://dev.azure.com/contoso"), 1);
        assert_eq!(of(azure, "https://contoso.visualstudio.com"), 1);
        assert_eq!(of(azure, "https://tfs.example.com/tfs/Main"), 0);
        assert_eq!(of(azure, "https://dev.azure.com.example.org/contoso"), 0);
        assert_eq!(of(ProviderKind::Ssh, "https://dev.azure.com/contoso"), 0);
    }
}
