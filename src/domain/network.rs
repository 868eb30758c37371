//! Which IP addresses belong to one client.

use std::net::{IpAddr, Ipv6Addr};

/// The network that counts as one client: whoever has one IPv6 address has the other 2^64 addresses of its network too.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    masked(address, 64)
}

/// The network that a provider probably assigned to the client: providers assign whole /48s.
#[must_use]
pub fn client_site(address: IpAddr) -> IpAddr {
    masked(address, 48)
}

fn masked(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits))).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_ipv6_is_one_client() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(client_network(at("2001:db8::1")), client_network(at("2001:db8::ffff:2")));
        assert_ne!(client_network(at("2001:db8::1")), client_network(at("2001:db8:0:1::1")));
        assert_eq!(client_site(at("2001:db8::1")), client_site(at("2001:db8:0:1::1")));
        assert_eq!(client_network(at("::ffff:198.51.100.1")), at("198.51.100.1"));
        assert_ne!(client_network(at("198.51.100.1")), client_network(at("198.51.100.2")));
    }
}
