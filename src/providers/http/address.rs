//! Which addresses there are in the world, and which are nobody's business of ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far away an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Anywhere in the Internet.
    Public,
    /// This machine, or a network of the operator's own.
    Private,
    /// Where no Git server is: metadata services, link-local, multicast, unspecified, reserved.
    Never,
}

/// Says how far away an address is (IANA's special-purpose registries, RFC 6890).
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

/// Azure's metadata service stands at a public address, Oracle's among the reserved ones.
const METADATA_V4: [Ipv4Addr; 2] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
];
/// Amazon's metadata service stands at a private address.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn reach_v4(v4: Ipv4Addr) -> Reach {
    let [a, b, c, _] = v4.octets();
    let never = METADATA_V4.contains(&v4)
        || a == 0
        || v4.is_link_local()
        || (a, b, c) == (192, 0, 0)
        || a >= 224;
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (18..20).contains(&b);
    if never {
        Reach::Never
    } else if v4.is_loopback() || v4.is_private() || v4.is_documentation() || shared || benchmark {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn reach_v6(v6: Ipv6Addr) -> Reach {
    let segments = v6.segments();
    // Other ways to write an IPv4 address are as far away as that address.
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => return Reach::Never,
        [0, 0, 0, 0, 0, 0, 0, 1] => return Reach::Private,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return reach_v4(joined(high, low));
        }
        [0, 0, 0, 0, 0xffff, 0, high, low] => return reach_v4(joined(high, low)),
        [0x2002, high, low, ..] => return reach_v4(joined(high, low)),
        _ => {}
    }
    let first = segments[0];
    let never = v6 == METADATA_V6
        || v6.is_multicast()
        // Link-local, and what was site-local once.
        || first & 0xff80 == 0xfe80
        // Teredo, and NAT64 by local rules: the address behind cannot be told.
        || segments[..2] == [0x2001, 0]
        || segments[..2] == [0x64, 0xff9b]
        || first == 0x100;
    if never {
        Reach::Never
    } else if v6.is_unique_local() || segments[..2] == [0x2001, 0xdb8] {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn git_servers_stand_at_public_addresses() {
        for public in ["140.82.121.3", "100.63.0.1", "172.32.0.1", "2606:50c0::1"] {
            assert_eq!(of(public), Reach::Public, "{public}");
        }
    }

    #[test]
    fn this_machine_and_its_networks_are_private_however_they_are_written() {
        for private in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fd12:3456::1",
        ] {
            assert_eq!(of(private), Reach::Private, "{private}");
        }
    }

    #[test]
    fn metadata_services_and_the_like_are_never_called() {
        for never in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:a9fe:a9fe::1",
            "2001:0:1::1",
            "100::1",
        ] {
            assert_eq!(of(never), Reach::Never, "{never}");
        }
    }
}
