//! Where SSH may be spoken: to the hosts that https may be spoken to.

use std::net::{IpAddr, SocketAddr};

use url::Host;

use super::outbound::{NotAllowed, Outbound, Rules, named};

/// Why nobody is called with SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSsh {
    /// The address may not be called.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The name is not known.
    #[error("the host name is not known")]
    Unknown,
    /// What everything goes through speaks HTTP only.
    #[error("this server goes out through a proxy, which does not carry SSH")]
    Proxy,
}

impl Outbound {
    /// Looks up where SSH is spoken, and returns the addresses if all of them may be called.
    pub async fn ssh(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoSsh> {
        Rules::new(self).ssh(host, port).await
    }
}

impl Rules {
    /// Looks up where SSH is spoken, and returns the addresses if all of them may be called.
    async fn ssh(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoSsh> {
        if self.proxied() {
            return Err(NoSsh::Proxy);
        }
        let bracketed = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let host = Host::parse(&bracketed).map_err(|_| NotAllowed::Malformed)?;
        let address = match &host {
            Host::Domain(_) => None,
            Host::Ipv4(v4) => Some(IpAddr::V4(*v4)),
            Host::Ipv6(v6) => Some(IpAddr::V6(*v6)),
        };
        let (name, nearest) = named(&host);
        self.check_reach(&name, nearest, port)?;
        let usual = matches!(port, 22 | 443) || port >= 1024;
        if !usual && !self.lists(&name, port) {
            return Err(NotAllowed::Port.into());
        }
        if let Some(address) = address {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let found = tokio::net::lookup_host((name.as_str(), port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| NoSsh::Unknown)?.collect();
        if found.is_empty() {
            return Err(NoSsh::Unknown);
        }
        self.check_addresses(&name, &found)?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[tokio::test]
    async fn ssh_goes_where_https_would() {
        let none = Outbound::default();
        for (host, port, why) in [
            ("127.0.0.1", 22, NotAllowed::Private),
            ("::1", 22, NotAllowed::Private),
            ("[::1]", 22, NotAllowed::Private),
            ("localhost", 22, NotAllowed::Private),
            ("0x7f.1", 22, NotAllowed::Private),
            ("169.254.169.254", 22, NotAllowed::Never),
            ("metadata.google.internal", 22, NotAllowed::Never),
            ("140.82.121.3", 25, NotAllowed::Port),
            ("a b", 22, NotAllowed::Malformed),
            ("", 22, NotAllowed::Malformed),
        ] {
            assert_eq!(none.ssh(host, port).await, Err(why.into()), "{host}");
        }
        let address: SocketAddr = "140.82.121.3:22".parse().unwrap();
        assert_eq!(none.ssh("140.82.121.3", 22).await, Ok(vec![address]));
        let listed = Outbound::to_practice(["localhost:2222", "127.0.0.1"]);
        assert!(listed.ssh("localhost", 2222).await.is_ok());
        let closed = Err(NotAllowed::Private.into());
        assert_eq!(listed.ssh("localhost", 22).await, closed);
        assert!(listed.ssh("127.0.0.1", 99).await.is_ok());
        let proxied = Outbound {
            proxy: Url::parse("http://proxy.example:3128").ok(),
            ..Outbound::default()
        };
        assert_eq!(proxied.ssh("github.com", 22).await, Err(NoSsh::Proxy));
    }
}
