//! The host keys of gitlab.com, which GitLab publishes in its documentation and nowhere in its API.

use domain::BaseUrl;

/// The lines of <https://docs.gitlab.com/user/gitlab_com/#ssh-known_hosts-entries> without the host,
/// as they stood there in November 2026. Their fingerprints stand on the same page.
const GITLAB_COM: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf",
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFSMqzJeV9rUzU4kWitG\
     jeR4PWSa29SPqJ1fVkhtj3Hw9xjLVXVYrU9QlYWrOLXBpQ6KWjbjTDTdDkoohFzgbEY=",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCsj2bNKTBSpIYDEGk9KxsGh3mySTRgMtXL583qmBpzeQ+jqCMRgBqB\
     98u3z++J1sKlXHWfM9dyhSevkMwSbhoR8XIq/U0tCNyokEi/ueaBMCvbcTHhO7FcwzY92WK4Yt0aGROY5qX2UKSeOvuP\
     4D6TPqKF1onrSzH9bx9XUf2lEdWT/ia1NEKjunUqu1xOB/StKDHMoX4/OKyIzuS0q/T1zOATthvasJFoPrAjkohTyaDU\
     z2LN5JoH839hViyEG82yB+MjcFV5MU3N1l1QL3cVUCh93xSaua1N85qivl+siMkPGbO5xR/En4iEY6K2XPASUEMaieWV\
     NTRCtJ4S8H+9",
];

/// Returns what is published of the SSH server of a GitLab: something for gitlab.com alone.
pub(super) fn published(base_url: &BaseUrl) -> &'static [&'static str] {
    let url = base_url.url();
    let is_com = url.scheme() == "https"
        && url.host_str() == Some("gitlab.com")
        && url.port().is_none()
        && url.path() == "/";
    if is_com { &GITLAB_COM } else { &[] }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host_keys::published as read;

    #[test]
    fn the_keys_are_those_whose_fingerprints_the_page_for_admins_names() {
        let keys = read("gitlab.com", 22, GITLAB_COM).unwrap();
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/providers/gitlab.md");
        let page = fs::read_to_string(page).unwrap();
        let named = page.split('`').filter(|word| word.starts_with("SHA256:"));
        let named: Vec<&str> = named.collect();
        let ours: Vec<String> = keys
            .iter()
            .map(crate::host_keys::HostKey::fingerprint)
            .collect();
        assert_eq!(ours, named);
    }

    #[test]
    fn a_gitlab_of_ones_own_publishes_nothing() {
        let of = |base_url: &str| published(&base_url.parse().unwrap()).len();
        assert_eq!(of("https://gitlab.com"), 3);
        assert_eq!(of("https://gitlab.com/"), 3);
        for own in [
            "https://gitlab.com/gitlab",
            "https://gitlab.com:8443",
            "https://gitlab.com.example.org",
            "https://gitlab.example.com",
        ] {
            assert_eq!(of(own), 0, "{own}");
        }
    }
}
