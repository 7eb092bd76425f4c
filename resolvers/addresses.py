"""Whose requests and connections are counted together."""

from ipaddress import IPv6Address, ip_address, ip_network

# Whoever has an IPv6 address usually has all those of its first 64 bits.
_SUBSCRIBER_BITS = 64


def client_network(address: str) -> str:
    """Return what an address is counted as: itself, or the network of one IPv6 subscriber."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _SUBSCRIBER_BITS), strict=False))
