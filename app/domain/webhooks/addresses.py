"""Tells public addresses from those of this host, its network or its cloud."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: Networks that IANA or a cloud reserves for private use, in addition to those that ipaddress
#: knows: protocol assignments with Oracle's metadata, 6to4 relays, Azure's metadata and DNS, and
#: documentation (RFC 9637), which Python 3.11's ipaddress does not know.
_MORE_PRIVATE = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20"))
)
#: IPv6 networks whose last 32 bits are an IPv4 address (RFC 6052, 4291).
_NAT64, _MAPPED = ip_network("64:ff9b::/96"), ip_network("::ffff:0:0/96")


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet.

    An IPv6 address that contains an IPv4 address (mapped or translated) counts as that one.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found in _NAT64 or found in _MAPPED:
            found = IPv4Address(int(found) & 0xFFFFFFFF)
        elif found.sixtofour is not None or found.teredo is not None or found.is_site_local:
            return False  # tunnels to any address, or site-local
    if any(found in network for network in _MORE_PRIVATE):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)
