"""Which addresses are anybody's, and which are of this host, its network or its cloud."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: What the IANA's registries, or a cloud, keep for a network's own, beside what ipaddress knows:
#: protocol assignments with Oracle's metadata, 6to4's relays, Azure's metadata and DNS, and
#: documentation (RFC 9637), which that of Python 3.11 does not know.
_MORE_PRIVATE = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20"))
)
#: IPv6 addresses that stand for the IPv4 address in their last 32 bits (RFC 6052, 4291).
_NAT64, _MAPPED = ip_network("64:ff9b::/96"), ip_network("::ffff:0:0/96")


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet.

    One that stands for another, mapped into IPv6 or translated, is as public as that one.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found in _NAT64 or found in _MAPPED:
            found = IPv4Address(int(found) & 0xFFFFFFFF)
        elif found.sixtofour is not None or found.teredo is not None or found.is_site_local:
            return False  # tunnels to wherever their sender likes, or this site's
    if any(found in network for network in _MORE_PRIVATE):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)
