//! Where a provider's repositories are reached, as far as its base URL and its host keys tell.

use domain::HostKeyLine;
use domain::provider::Registration;

use crate::providers::SshPlace;

/// Says where a provider's repositories are reached: at the host and port under which its host keys
/// are known, or where its product usually has them.
pub fn ssh_place(registration: &Registration) -> SshPlace {
    let usual = SshPlace::of(registration.kind, &registration.base_url);
    let lines = registration.host_keys.iter();
    let known: Vec<(&str, u16)> = lines.flat_map(places).collect();
    // The usual port needs no words: whoever names another one for this host means it.
    let named = |other: bool| {
        let mut found = known.iter();
        found.find(|(host, port)| *host == usual.host && (*port != 22) == other)
    };
    let place = named(true).or_else(|| named(false)).or(known.first());
    match place.copied() {
        Some((host, port)) => SshPlace {
            host: host.to_owned(),
            port,
            ..usual
        },
        None => usual,
    }
}

/// Returns the places that a line of a `known_hosts` file names. Without a port it is 22.
fn places(line: &HostKeyLine) -> impl Iterator<Item = (&str, u16)> {
    let hosts = line.as_str().split(' ').next().unwrap_or_default();
    hosts.split(',').filter_map(|name| {
        let Some(bracketed) = name.strip_prefix('[') else {
            return Some((name, 22));
        };
        let (host, port) = bracketed.split_once("]:")?;
        Some((host, port.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use domain::provider::{
        AddProvider, Callback, OnMissing, Protocol, Provider, ProviderCommand, ProviderKind,
    };

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
    fn a_known_host_key_tells_the_port() {
        let key = "[git.example.com]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5";
        let place = ssh_place(&registered(
            ProviderKind::Gitlab,
            "https://git.example.com",
            &["other.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", key],
        ));
        assert_eq!(place.port, 2222);
        assert_eq!(
            place.example(),
            "ssh://git@git.example.com:2222/GROUP/PROJECT.git"
        );
    }

    #[test]
    fn the_server_stands_where_its_host_keys_are_known() {
        let key = |names: &str| format!("{names} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5");
        let at = |lines: &[String]| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let kind = ProviderKind::BitbucketServer;
            let place = ssh_place(&registered(kind, "https://git.example.com", &lines));
            (place.host, place.port)
        };
        let web = |port| ("git.example.com".to_owned(), port);
        assert_eq!(at(&[]), web(7999), "the usual one");
        assert_eq!(at(&[key("git.example.com")]), web(22));
        let elsewhere = key("[ssh.example.com]:7999");
        let ssh = ("ssh.example.com".to_owned(), 7999);
        assert_eq!(
            at(std::slice::from_ref(&elsewhere)),
            ssh,
            "it has a host of its own"
        );
        assert_eq!(at(&[elsewhere, key("git.example.com")]), web(22));
    }
}
