//! Where calls may go: https to the Internet, and what the operator lists besides.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::{Reach, reach};

/// What the operator allows beyond https to the Internet. Only the server's own configuration
/// says it: an admin through the API must not widen it.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    /// Where plain http will do: `host`, or `host:port`.
    pub allow_http: Vec<String>,
    /// What may stand on this machine or in a private network: `host`, or `host:port`.
    pub allow_private: Vec<String>,
    /// The proxy that everything goes through. It looks names up itself then, and so has to
    /// keep private networks closed itself.
    pub proxy: Option<Url>,
}

impl Outbound {
    /// Allows plain http to practice servers on this machine: `127.0.0.1:8080`.
    pub fn to_practice<T: Into<String>>(servers: impl IntoIterator<Item = T>) -> Self {
        let servers: Vec<String> = servers.into_iter().map(Into::into).collect();
        Self {
            allow_http: servers.clone(),
            allow_private: servers,
            proxy: None,
        }
    }
}

/// Why a URL is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Not https, and not listed.
    #[error(
        "the address must start with https://, unless the server's configuration allows http for this host"
    )]
    PlainHttp,
    /// No host, or a user name, or a fragment.
    #[error("the address must be a plain URL with a host, without a user name")]
    Malformed,
    /// A port of another service.
    #[error("the port belongs to another service than a web server")]
    Port,
    /// An address of this machine or a private network, not listed.
    #[error(
        "the host is on this machine or in a private network; the server's configuration must allow it first"
    )]
    Private,
    /// An address that no Git server has.
    #[error("the host has an address that is never called, such as that of a metadata service")]
    Never,
}

/// [`Outbound`], made ready to be asked.
#[derive(Debug)]
pub(super) struct Rules {
    http: Listed,
    private: Listed,
    proxy: Option<String>,
}

/// Hosts, each at every port or at one.
#[derive(Debug)]
struct Listed(BTreeSet<(String, Option<u16>)>);

impl Listed {
    fn new(entries: &[String]) -> Self {
        let parse = |entry: &String| match entry.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => match port.parse() {
                Ok(port) => (plain(host), Some(port)),
                Err(_) => (plain(entry), None),
            },
            _ => (plain(entry), None),
        };
        Self(entries.iter().map(parse).collect())
    }

    fn holds(&self, host: &str, port: u16) -> bool {
        self.0.contains(&(host.to_owned(), None)) || self.0.contains(&(host.to_owned(), Some(port)))
    }

    fn names(&self, host: &str) -> bool {
        self.0.iter().any(|(listed, _)| listed == host)
    }
}

/// Writes a host the one way it is compared.
fn plain(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Names of metadata services, which resolvers of clouds know.
const METADATA_NAMES: [&str; 4] = [
    "metadata",
    "metadata.goog",
    "metadata.google.internal",
    "instance-data",
];

impl Rules {
    pub(super) fn new(outbound: &Outbound) -> Self {
        Self {
            http: Listed::new(&outbound.allow_http),
            private: Listed::new(&outbound.allow_private),
            proxy: outbound
                .proxy
                .as_ref()
                .and_then(|proxy| proxy.host_str().map(plain)),
        }
    }

    /// Judges everything about a URL that can be judged without looking its host up.
    pub(super) fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(NotAllowed::Malformed);
        };
        let personal = !url.username().is_empty() || url.password().is_some();
        if personal || url.fragment().is_some() {
            return Err(NotAllowed::Malformed);
        }
        let (name, nearest) = named(&host);
        match url.scheme() {
            "https" => {}
            "http" if self.http.holds(&name, port) => {}
            _ => return Err(NotAllowed::PlainHttp),
        }
        self.check_reach(&name, nearest, port)?;
        let listed = self.private.holds(&name, port);
        let web = matches!(port, 80 | 443) || port >= 1024;
        if web || listed || self.http.holds(&name, port) {
            Ok(())
        } else {
            Err(NotAllowed::Port)
        }
    }

    /// Judges the proxy of one provider, which an admin typed: http will do on the way to it, for
    /// what goes through is TLS to the provider; whatever else holds for a provider holds for it.
    pub(super) fn check_proxy(&self, proxy: &Url) -> Result<(), NotAllowed> {
        let (Some(host), Some(port)) = (proxy.host(), proxy.port_or_known_default()) else {
            return Err(NotAllowed::Malformed);
        };
        let (name, nearest) = named(&host);
        self.check_reach(&name, nearest, port)?;
        if matches!(port, 80 | 443) || port >= 1024 || self.lists(&name, port) {
            Ok(())
        } else {
            Err(NotAllowed::Port)
        }
    }

    /// Judges what a target's name stands for where an admin's proxy would look it up: the proxy
    /// must not reach what would be closed without it. What has no address here is left to it.
    pub(super) async fn check_behind_proxy(&self, url: &Url) -> Result<(), NotAllowed> {
        let Some(Host::Domain(name)) = url.host() else {
            // An address as it stands was judged with the URL.
            return Ok(());
        };
        match tokio::net::lookup_host((name, 0)).await {
            Ok(found) => self.check_addresses(name, &found.collect::<Vec<_>>()),
            Err(_) => Ok(()),
        }
    }

    /// Says whether everything goes through a proxy.
    pub(super) fn proxied(&self) -> bool {
        self.proxy.is_some()
    }

    /// Says whether the operator opened a private host at this port.
    pub(super) fn lists(&self, name: &str, port: u16) -> bool {
        self.private.holds(name, port)
    }

    /// Judges how far away a host is, whatever is spoken with it.
    pub(super) fn check_reach(
        &self,
        name: &str,
        nearest: Reach,
        port: u16,
    ) -> Result<(), NotAllowed> {
        let listed = self.private.holds(name, port);
        match nearest {
            Reach::Never => return Err(NotAllowed::Never),
            Reach::Private if !listed => return Err(NotAllowed::Private),
            Reach::Private | Reach::Public => {}
        }
        // The resolver sees no port: a host that is listed at one port is closed at the others.
        if self.private.names(name) && !listed {
            return Err(NotAllowed::Private);
        }
        Ok(())
    }

    /// Judges what a name stands for: every address, before any is called.
    pub(super) fn check_addresses(
        &self,
        host: &str,
        found: &[SocketAddr],
    ) -> Result<(), NotAllowed> {
        let host = plain(host);
        let farthest = found.iter().map(|address| reach(address.ip())).max();
        let listed = self.private.names(&host) || self.proxy.as_ref() == Some(&host);
        match farthest {
            Some(Reach::Never) => Err(NotAllowed::Never),
            Some(Reach::Private) if !listed => Err(NotAllowed::Private),
            _ => Ok(()),
        }
    }
}

/// Writes a host the one way it is compared, and says how far away it is as it stands.
pub(super) fn named<S: AsRef<str>>(host: &Host<S>) -> (String, Reach) {
    match host {
        Host::Domain(domain) => {
            let name = plain(domain.as_ref());
            let nearest = reach_of_name(&name);
            (name, nearest)
        }
        Host::Ipv4(v4) => (v4.to_string(), reach(IpAddr::V4(*v4))),
        Host::Ipv6(v6) => (v6.to_string(), reach(IpAddr::V6(*v6))),
    }
}

fn reach_of_name(host: &str) -> Reach {
    if METADATA_NAMES.contains(&host) {
        Reach::Never
    } else if host == "localhost" || host.ends_with(".localhost") {
        Reach::Private
    } else {
        Reach::Public
    }
}

/// Looks names up for the client, which calls exactly the addresses that were judged here: a
/// second look-up cannot give it another one.
#[derive(Debug, Clone)]
pub(super) struct Resolver(pub(super) Arc<Rules>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            // Port 0: the client puts in the one of the URL.
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            rules.check_addresses(name.as_str(), &found)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
